"""The route that starts a turn: the route past FastAPI says of bad input what FastAPI's routes say."""

import pytest

from penstock_kit.errors import Aborted
from penstock_testkit.services import Fail

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


async def test_an_unknown_parameter_is_named_as_on_the_route_beside_it(gateway):
    answers = [await post(gateway, f"{path}?debug=1&x", json={"content": "x"}) for path in (ONE, f"{ONE}-debug")]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].json()["errors"] == answers[1].json()["errors"]
    description = "is no parameter of this route; it takes none"
    assert answers[0].json()["errors"] == [{"field": name, "description": description} for name in ("debug", "x")]
    assert gateway.fakes.chat.asked == []


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
        assert (answer.status_code, answer.json()["reason"]) == (403, "SCOPE_REQUIRED")
    assert gateway.fakes.chat.asked == []


async def test_a_question_passes_on_what_to_do_while_busy_and_how_to_use_the_caches(gateway):
    conversation = (await post(gateway, "/api/v1/conversations", json={})).json()["id"]
    path = f"/api/v1/conversations/{conversation}/stream"
    cache = {"exact": True, "semantic": True, "threshold": 0.5}
    await post(gateway, path, json={"content": "x", "on_busy": "wait", "cache": cache})
    asked = gateway.fakes.chat.asked[-1]
    assert (asked.on_busy, asked.cache.exact, asked.cache.semantic, asked.cache.threshold) == ("wait", True, True, 0.5)
    await post(gateway, path, json={"content": "x"})
    asked = gateway.fakes.chat.asked[-1]
    assert (asked.on_busy, asked.HasField("cache")) == ("refuse", False)


async def test_a_question_of_a_busy_conversation_is_refused_with_the_running_streams_id(gateway):
    conversation = (await post(gateway, "/api/v1/conversations", json={})).json()["id"]
    busy = Aborted("it is being answered", reason="RUNNING_STREAM_EXISTS", metadata={"stream_id": "strm_9"})
    gateway.fakes.chat.script = [Fail(busy)]
    answer = await post(gateway, f"/api/v1/conversations/{conversation}/stream", json={"content": "x"})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["reason"], answer.json()["running_stream_id"]) == ("RUNNING_STREAM_EXISTS", "strm_9")


@pytest.mark.parametrize("path", ["/api/v1/conversations//stream", "/api/v1/conversations/a/b/stream"])
async def test_a_path_that_only_looks_like_it_is_not_there(gateway, path):
    assert (await post(gateway, path, json={"content": "x"})).status_code == 404


async def test_the_metrics_have_the_template_and_not_the_conversation(gateway):
    await post(gateway, ONE, json={"content": ""})
    metrics = (await gateway.client.get("/metrics", headers=gateway.auth())).text
    assert 'endpoint="/api/v1/conversations/{conversation_id}/stream"' in metrics
    assert "conv_1" not in metrics
