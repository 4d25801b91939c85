"""Texts that are kept have a length: of labels, end users and the ids that a caller chooses."""

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")
QUESTION = [{"role": "user", "content": "hi"}]
CHAT = {"model": "fallback/rules", "messages": QUESTION}
MESSAGES = {**CHAT, "max_tokens": 10}
ANSWER = {"model": "fallback/rules", "input": "hi"}


def labelled(labels: dict[str, str]) -> dict[str, Any]:
    return {**CHAT, "x_penstock": {"labels": labels}}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/chat/completions", lambda length: {**CHAT, "user": "u" * (256 + length)}, "user"),
        ("/v1/embeddings", lambda length: {**ANSWER, "user": "u" * (256 + length)}, "user"),
        ("/v1/responses", lambda length: {**ANSWER, "user": "u" * (256 + length)}, "user"),
        ("/v1/responses", lambda length: {**ANSWER, "safety_identifier": "u" * (256 + length)}, "safety_identifier"),
        ("/v1/messages", lambda length: {**MESSAGES, "metadata": {"user_id": "u" * (256 + length)}}, "user_id"),
        ("/v1/chat/completions", lambda length: labelled({"n" * (128 + length): "v"}), "x_penstock.labels"),
        ("/v1/chat/completions", lambda length: labelled({"n": "v" * (1_000 + length)}), "x_penstock.labels.n"),
        (
            "/v1/chat/completions",
            lambda length: labelled({f"n{place}": "v" for place in range(1_000 + length)}),
            "x_penstock.labels",
        ),
        ("/api/v1/conversations", lambda length: {"labels": {"n": "v" * (1_000 + length)}}, "labels.n"),
        ("/api/v1/conversations", lambda length: {"labels": {"n" * (128 + length): "v"}}, "labels"),
        (
            "/api/v1/conversations",
            lambda length: {"labels": {f"n{place}": "v" for place in range(32 + length)}},
            "labels",
        ),
        (
            "/api/v2/metadata/devices",
            lambda length: {"device_code": "d", "labels": {"n": "v" * (1_000 + length)}},
            "labels.n",
        ),
    ],
)
async def test_a_text_as_long_as_it_may_be_is_taken_and_a_longer_one_refused_by_its_field(
    gateway: Any, path: str, body: Any, field: str
) -> None:
    refused = await gateway.client.post(path, json=body(1), headers=gateway.auth())
    assert refused.status_code in {400, 422}, refused.text
    assert field in refused.text
    assert "at most" in refused.text
    taken = await gateway.client.post(path, json=body(0), headers=gateway.auth())
    assert "at most" not in taken.text


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_budgets_id_in_the_path_has_64_characters_at_most(gateway: Any, method: str) -> None:
    body = {"scope": "total", "period": "day", "limit": "1"} if method == "PUT" else None
    answer = await gateway.client.request(method, f"/api/v1/budgets/{'b' * 65}", json=body, headers=gateway.auth())
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "budget_id")
    assert "64" in answer.json()["errors"][0]["description"]
