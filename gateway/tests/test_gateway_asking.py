"""Asking in a conversation: the route past FastAPI says of bad input what FastAPI's routes say."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

ONE = "/api/v1/conversations/conv_1/stream"


async def post(gateway, path, **more):
    return await gateway.client.post(path, headers={**gateway.auth(), **more.pop("headers", {})}, **more)


@pytest.mark.parametrize(
    "body",
    [{"content": ""}, {"role": "user"}, {"content": "x", "role": "wizard"}, ["x"], "x", {"content": 7}],
    ids=["empty", "missing", "role", "list", "text", "number"],
)
async def test_bad_input_is_named_as_on_the_route_beside_it(gateway, body):
    here, beside = await post(gateway, ONE, json=body), await post(gateway, f"{ONE}-debug", json=body)
    assert here.status_code == beside.status_code == 422
    told, expected = here.json(), beside.json()
    assert told["reason"] == "VALIDATION_FAILED"
    for changing in ("instance", "request_id"):
        told.pop(changing, None), expected.pop(changing, None)
    assert told == expected


async def test_what_is_no_json_is_said_to_be_none(gateway):
    answer = await post(gateway, ONE, content=b"{")
    assert (answer.status_code, answer.json()["reason"]) == (400, "JSON_INVALID")


async def test_an_idempotency_key_has_its_length(gateway):
    answer = await post(gateway, ONE, json={"content": "x"}, headers={"idempotency-key": "k" * 201})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "idempotency-key"


async def test_nobody_unknown_and_no_key_without_the_scope_may_ask(gateway):
    wish = {"name": "k", "scopes": ["models", "telemetry:read", "telemetry:write", "costs"]}
    key = (await post(gateway, "/api/v1/keys", json=wish)).json()["key"]
    for path in (ONE, f"{ONE}-debug"):
        assert (await gateway.client.post(path, json={"content": "x"})).status_code == 401
        answer = await gateway.client.post(path, json={"content": "x"}, headers=gateway.auth(key))
        assert (answer.status_code, answer.json()["reason"]) == (403, "SCOPE_MISSING")
    assert gateway.fakes.chat.asked == []


@pytest.mark.parametrize("path", ["/api/v1/conversations//stream", "/api/v1/conversations/a/b/stream"])
async def test_a_path_that_only_looks_like_it_is_not_there(gateway, path):
    assert (await post(gateway, path, json={"content": "x"})).status_code == 404


async def test_the_metrics_have_the_template_and_not_the_conversation(gateway):
    await post(gateway, ONE, json={"content": ""})
    metrics = (await gateway.client.get("/metrics", headers=gateway.auth())).text
    assert 'endpoint="/api/v1/conversations/{conversation_id}/stream"' in metrics
    assert "conv_1" not in metrics
