"""A caller's URL of a picture or file leads no model's server into the operator's network, whatever the dialect."""

from typing import Any

import httpx
import pytest

INNER = "http://169.254.169.254/latest/meta-data"
PUBLIC = "https://example.com/a.png"


def chat(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part]}]}


def item(part: dict[str, Any]) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [part]}]}


def block(kind: str, url: str) -> dict[str, Any]:
    return {"type": kind, "source": {"type": "url", "url": url}}


def result(url: str) -> list[dict[str, Any]]:
    use = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    seen = {"type": "tool_result", "tool_use_id": "t1", "content": [block("image", url)]}
    return [{"role": "assistant", "content": [use]}, {"role": "user", "content": [seen]}]


def bodies(url: str) -> list[tuple[str, dict[str, Any]]]:
    messages = {"max_tokens": 9}
    return [
        ("/v1/chat/completions", chat({"type": "image_url", "image_url": {"url": url}})),
        ("/v1/chat/completions", chat({"type": "image_url", "image_url": url})),
        ("/v1/chat/completions", chat({"type": "video_url", "video_url": {"url": url}})),
        ("/v1/chat/completions", {**chat({"type": "image_url", "image_url": {"url": url}}), "stream": True}),
        ("/v1/responses", item({"type": "input_image", "image_url": url})),
        ("/v1/responses", item({"type": "input_file", "file_url": url})),
        ("/v1/responses", {"input": [{"type": "function_call_output", "call_id": "c", "output": [
            {"type": "input_image", "image_url": url}]}]}),
        ("/v1/messages", {**messages, **chat(block("image", url))}),
        ("/v1/messages", {**messages, **chat(block("document", url))}),
        ("/v1/messages", {**messages, "messages": result(url)}),
        ("/v1/messages/count_tokens", chat(block("image", url))),
    ]  # fmt: skip


@pytest.mark.parametrize(("path", "body"), bodies(INNER))
async def test_a_url_into_a_private_network_is_refused_in_every_dialect(
    http: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    answer = await http.post(path, json={"model": "fallback/rules", **body})
    assert answer.status_code == 400, answer.text
    assert "'169.254.169.254', which is not on the public internet" in answer.text


@pytest.mark.parametrize(("path", "body"), bodies(PUBLIC))
async def test_a_url_of_a_public_host_is_taken_in_every_dialect(
    http: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    answer = await http.post(path, json={"model": "fallback/rules", **body})
    assert answer.status_code == 200, answer.text


async def test_a_file_of_the_server_is_refused(http: httpx.AsyncClient) -> None:
    body = {"model": "fallback/rules", **item({"type": "input_file", "file_url": "file:///etc/passwd"})}
    answer = await http.post("/v1/responses", json=body)
    assert (answer.status_code, "http or https URL" in answer.text) == (400, True)
