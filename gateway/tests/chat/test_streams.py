# pyright: basic
"""Conversations and their event streams over HTTP: bytes, resume, stop, tickets, broken connections."""

import asyncio
import json

import pytest
from penstock.chat.v1 import chat_pb2 as pb

from penstock_kit.errors import NotFound, PenstockError, Unavailable
from penstock_testkit.services import Fail, Hang, Wait
from penstock_testkit.services.chat import turn
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def new_conversation(gateway, key=""):
    answer = await gateway.client.post("/api/v1/conversations", headers=gateway.auth(key), json={"title": "t"})
    assert answer.status_code == 201
    return answer.json()["id"]


async def ask(gateway, **body):
    conversation = await new_conversation(gateway)
    return await gateway.client.post(
        f"/api/v1/conversations/{conversation}/stream",
        headers=gateway.auth(),
        json={"content": "Hi there!", "role": "user", **body},
    )


def parsed(text):
    """Parse frames the strict way: every block is comment lines, fields, and one JSON data line."""
    events = []
    for block in filter(None, text.split("\n\n")):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        events.append((fields, json.loads(fields["data"])))
    return events


async def test_a_stream_has_the_framing_that_every_client_survives(gateway):
    answer = await ask(gateway)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["x-stream-id"] == "str_1"
    assert "content-encoding" not in answer.headers
    assert "content-length" not in answer.headers
    assert answer.content.startswith(b'id: 1\nretry: 3000\nevent: tool_call\ndata: {"type":"tool_call",')
    assert answer.content.count(b"retry:") == 1
    assert answer.content.endswith(b"}\n\n")


async def test_events_carry_what_their_kind_promises(gateway):
    events = [event for _, event in parsed((await ask(gateway)).text)]
    assert [event["type"] for event in events] == [
        "tool_call", "tool_result", "message_chunk", "message_chunk", "complete_state",
    ]  # fmt: skip
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5]
    assert {event["stream_id"] for event in events} == {"str_1"}
    assert {event["create_time"] for event in events} == {"2026-09-21T14:13:20.123Z"}
    assert events[0]["arguments"] == {"limit": 5}
    assert events[1]["is_error"] is False
    assert events[2]["content"] == "Hel"
    assert {"status": "completed", "content": "Hello", "finish_reason": "stop"}.items() <= events[4].items()


async def test_ids_and_event_names_repeat_the_json(gateway):
    for fields, event in parsed((await ask(gateway)).text):
        assert fields["id"] == str(event["sequence"])
        assert fields["event"] == event["type"]


async def test_the_question_reaches_the_service_as_it_was_asked(gateway):
    await ask(gateway, model="openai/gpt-5", use_tools=False, on_disconnect="cancel")
    request, caller = gateway.fakes.chat.asked[0], gateway.fakes.chat.callers[0]
    assert (request.content, request.role, request.model) == ("Hi there!", "user", "openai/gpt-5")
    assert (request.use_tools, request.on_disconnect, request.debug) == (False, "cancel", False)
    assert caller.tenant_id == "default"


async def test_a_heartbeat_is_a_comment_with_one_newline(start_gateway, fakes):
    gateway = await start_gateway(hold_seconds=0.05, heartbeat_seconds=0.05)
    go = asyncio.Event()
    script = turn("late")
    fakes.chat.script = [script[0], Wait(go), *script[1:]]
    conversation = await new_conversation(gateway)
    seen = b""
    async with gateway.client.stream(
        "POST", f"/api/v1/conversations/{conversation}/stream", headers=gateway.auth(), json={"content": "x"}
    ) as answer:
        async for piece in answer.aiter_raw():
            seen += piece
            # On a busy machine one comes before the first event already.
            if seen.partition(b"}\n\n")[2].count(b": ka") >= 2:
                go.set()
    assert b": ka\n\n" not in seen
    assert b"}\n\n: ka\n: ka\n" in seen
    assert [event["sequence"] for _, event in parsed(seen.decode())] == [1, 2, 3, 4]


async def test_headers_go_out_when_nothing_comes_within_the_hold(start_gateway, fakes):
    gateway = await start_gateway(hold_seconds=0.05, heartbeat_seconds=5)
    hang = Hang()
    fakes.chat.script = [hang]
    conversation = await new_conversation(gateway)
    async with gateway.client.stream(
        "POST", f"/api/v1/conversations/{conversation}/stream", headers=gateway.auth(), json={"content": "x"}
    ) as answer:
        first = await asyncio.wait_for(anext(answer.aiter_raw()), HANG_SECONDS)
    assert (answer.status_code, first) == (200, b": ka\n")
    await asyncio.wait_for(hang.left.wait(), HANG_SECONDS)


async def test_an_early_failure_keeps_its_status(gateway):
    answer = await gateway.client.post(
        "/api/v1/conversations/conv_none/stream", headers=gateway.auth(), json={"content": "x"}
    )
    assert answer.status_code == 404
    assert answer.json()["reason"] == "CONVERSATION_NOT_FOUND"


async def test_a_reader_that_leaves_cancels_the_call_to_the_service(gateway):
    hang = Hang()
    gateway.fakes.chat.script = [*turn("a")[:2], hang]
    conversation = await new_conversation(gateway)
    async with gateway.client.stream(
        "POST", f"/api/v1/conversations/{conversation}/stream", headers=gateway.auth(), json={"content": "x"}
    ) as answer:
        await anext(answer.aiter_raw())
        await asyncio.wait_for(hang.reached.wait(), HANG_SECONDS)
    await asyncio.wait_for(hang.left.wait(), HANG_SECONDS)


@pytest.mark.parametrize(
    ("headers", "query"), [({"last-event-id": "3"}, ""), ({}, "?after=3"), ({"last-event-id": "3"}, "?after=1")]
)
async def test_a_resumed_stream_goes_on_after_what_the_reader_has(gateway, headers, query):
    answer = await gateway.client.get(f"/api/v1/streams/str_1/events{query}", headers={**gateway.auth(), **headers})
    assert [event["sequence"] for _, event in parsed(answer.text)] == [4, 5]


async def test_nothing_to_resume_is_204(gateway):
    answer = await gateway.client.get("/api/v1/streams/str_1/events?after=5", headers=gateway.auth())
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "٣"])
async def test_a_last_event_id_that_is_no_sequence_is_refused(gateway, value):
    answer = await gateway.client.get(
        "/api/v1/streams/str_1/events", headers={**gateway.auth(), "last-event-id": value.encode()}
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Last-Event-ID"


async def test_a_connection_that_breaks_is_mended_without_a_gap(gateway):
    gateway.fakes.chat.script = [*turn("Hel", "lo")[:3], Fail(Unavailable("gone"))]
    gateway.fakes.chat.resumed = turn("Hel", "lo")
    events = parsed((await ask(gateway)).text)
    assert [event["sequence"] for _, event in events] == [1, 2, 3, 4, 5]
    assert gateway.fakes.chat.read[0].after_sequence == 3


async def test_a_question_that_breaks_before_its_first_event_is_asked_once_more_under_the_same_id(gateway):
    gateway.fakes.chat.script = [Fail(Unavailable("gone"))]
    answer = await ask(gateway)
    assert answer.status_code == 503
    first, second = gateway.fakes.chat.asked
    assert first.request_id == second.request_id != ""


@pytest.mark.parametrize("error", [NotFound("no such stream", reason="STREAM_NOT_FOUND"), None], ids=["lost", "empty"])
async def test_a_stream_that_cannot_be_mended_ends_in_one_error_event(start_gateway, error: PenstockError | None):
    gateway = await start_gateway(resume_seconds=0.1)
    gateway.fakes.chat.script = [*turn("Hel", "lo")[:3], Fail(Unavailable("gone"))]
    gateway.fakes.chat.resumed = [Fail(error)] if error is not None else []
    events = [event for _, event in parsed((await ask(gateway)).text)]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4]
    assert [event["type"] for event in events[3:]] == ["error"]
    assert {"code", "reason", "message", "retryable", "create_time"} <= events[3].keys()


async def test_a_ticket_opens_a_stream_once_and_no_other(gateway):
    ticket = (await gateway.client.post("/api/v1/streams/str_1/ticket", headers=gateway.auth())).json()
    assert ticket["expires_in"] == 30
    path = f"/api/v1/streams/%s/events?ticket={ticket['ticket']}"
    assert (await gateway.client.get(path % "str_2")).status_code == 401
    second = (await gateway.client.post("/api/v1/streams/str_1/ticket", headers=gateway.auth())).json()["ticket"]
    answer = await gateway.client.get(f"/api/v1/streams/str_1/events?ticket={second}")
    assert len(parsed(answer.text)) == 5
    assert gateway.fakes.chat.callers[-1].tenant_id == "default"
    assert (await gateway.client.get(f"/api/v1/streams/str_1/events?ticket={second}")).status_code == 401


async def test_no_ticket_is_given_for_a_stream_that_is_not_there(gateway):
    answer = await gateway.client.post("/api/v1/streams/other/ticket", headers=gateway.auth())
    assert answer.status_code == 404


async def test_a_stream_is_stopped_and_its_health_told(gateway):
    stopped = await gateway.client.post("/api/v1/streams/str_1/stop", headers=gateway.auth())
    assert stopped.json() == {"stream_id": "str_1", "stopped": True}
    health = (await gateway.client.get("/api/v1/health/stream", headers=gateway.auth())).json()
    assert (health["active_connections"], health["outcomes"]) == (2, {"completed": 3})


async def test_conversations_are_listed_read_renamed_and_deleted(gateway):
    identity = await new_conversation(gateway)
    path = f"/api/v1/conversations/{identity}"
    renamed = await gateway.client.patch(path, headers=gateway.auth(), json={"title": "Neu"})
    assert renamed.json()["title"] == "Neu"
    found = (await gateway.client.get(path, headers=gateway.auth())).json()
    assert (found["title"], found["messages"][0]["content"]) == ("Neu", "hi")
    assert found["create_time"] == "2026-09-21T14:13:20.123000Z"
    listed = (await gateway.client.get("/api/v1/conversations", headers=gateway.auth())).json()
    assert [entry["id"] for entry in listed["conversations"]] == [identity]
    assert (await gateway.client.delete(path, headers=gateway.auth())).status_code == 204
    assert (await gateway.client.get(path, headers=gateway.auth())).status_code == 404


async def test_another_tenants_conversations_look_like_none(gateway):
    identity = await new_conversation(gateway)
    made = await gateway.client.post(
        "/api/v1/users",
        headers=gateway.auth(),
        json={"username": "eve", "password": "long enough 1", "tenant_id": "acme"},
    )
    assert (made.status_code, made.json()["tenant_id"]) == (201, "acme")
    login = await gateway.client.post("/api/v2/auth/login", json={"username": "eve", "password": "long enough 1"})
    token = login.json()["data"]["access_token"]
    path = f"/api/v1/conversations/{identity}"
    for method, suffix, body in (
        ("GET", "", None), ("PATCH", "", {"title": "x"}), ("DELETE", "", None), ("GET", "/messages", None),
        ("POST", "/stream", {"content": "x"}), ("POST", "/stream-debug", {"content": "x"}),
    ):  # fmt: skip
        answer = await gateway.client.request(method, path + suffix, headers=gateway.auth(token), json=body)
        assert answer.status_code == 404, (method, suffix)
    assert gateway.fakes.chat.callers[-1].tenant_id == "acme"
    assert await new_conversation(gateway, token) != identity


async def test_engines_are_listed_and_switched(gateway):
    switched = await gateway.client.put("/api/v1/engines/current", headers=gateway.auth(), json={"name": "mem0_proxy"})
    assert switched.json() == {"current": "mem0_proxy", "previous": "chat_engine"}
    listed = (await gateway.client.get("/api/v1/engines", headers=gateway.auth())).json()
    assert listed["current"] == "mem0_proxy"


async def test_a_relayed_stream_ends_at_its_time_limit(start_gateway):
    gateway = await start_gateway(stream_seconds=2, resume_seconds=0.1)
    hang = Hang()
    gateway.fakes.chat.script = [*turn("Hel", "lo")[:3], hang]
    async with asyncio.timeout(HANG_SECONDS):
        events = [event for _, event in parsed((await ask(gateway)).text)]
        await hang.left.wait()
    assert events[-1]["type"] == "error"
    assert (events[-1]["code"], events[-1]["retryable"]) == (504, True)


async def test_a_stream_says_what_its_asker_should_know(gateway):
    state = pb.CompleteState(status=pb.CompleteState.STATUS_COMPLETED, content="Hi", notices=["no personality"])
    gateway.fakes.chat.script = [[pb.ChatEvent(stream_id="str_1", sequence=1, complete_state=state)]]
    events = [event for _, event in parsed((await ask(gateway)).text)]
    assert events[-1]["notices"] == ["no personality"]


async def member(gateway, name):
    """Make a user with the scope chat; return its id and the headers of a session."""
    user = {"username": name, "password": "four unlikely words here", "scopes": ["chat"]}
    made = await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=user)
    login = await gateway.client.post("/api/v2/auth/login", json={k: user[k] for k in ("username", "password")})
    return made.json()["id"], gateway.auth(login.json()["data"]["access_token"])


async def asked_as(gateway, headers, *, end):
    """Ask with `headers`, call `end` once the answer has begun, and return what came in all."""
    conversation = (await gateway.client.post("/api/v1/conversations", headers=headers, json={})).json()["id"]
    hang = Hang()
    gateway.fakes.chat.script = [*turn("a")[:1], hang]
    url, came = f"/api/v1/conversations/{conversation}/stream", ""
    async with (
        asyncio.timeout(HANG_SECONDS),
        gateway.client.stream("POST", url, headers=headers, json={"content": "Hi", "role": "user"}) as answer,
    ):
        async for text in answer.aiter_text():
            came += text
            if end is not None:
                await end()
                end = None
        await hang.left.wait()
    return parsed(came)


async def test_an_answer_under_way_ends_soon_after_its_user_was_deleted(gateway):
    user_id, session = await member(gateway, "leaving-midway")

    async def delete():
        await gateway.client.delete(f"/api/v1/users/{user_id}", headers=gateway.auth())

    events = await asked_as(gateway, session, end=delete)
    assert (events[-1][1]["type"], events[-1][1]["reason"]) == ("error", "CREDENTIALS_INVALID")


async def test_an_answer_under_way_ends_soon_after_its_password_was_changed(gateway):
    _, session = await member(gateway, "changing-midway")
    change = {"current_password": "four unlikely words here", "new_password": "other words were likelier"}

    async def change_password():
        assert (await gateway.client.post("/api/v2/auth/password", headers=session, json=change)).status_code == 200

    events = await asked_as(gateway, session, end=change_password)
    assert (events[-1][1]["type"], events[-1][1]["reason"]) == ("error", "CREDENTIALS_INVALID")


async def test_an_answer_under_way_ends_soon_after_its_key_was_deleted(gateway):
    made = (await gateway.client.post("/api/v1/keys", headers=gateway.auth(), json={"name": "short-lived"})).json()

    async def delete():
        answer = await gateway.client.delete(f"/api/v1/keys/{made['id']}", headers=gateway.auth())
        assert answer.status_code == 204

    events = await asked_as(gateway, gateway.auth(made["key"]), end=delete)
    assert (events[-1][1]["type"], events[-1][1]["reason"]) == ("error", "CREDENTIALS_INVALID")


async def test_a_completion_under_way_ends_soon_after_its_key_was_deleted(gateway):
    made = (await gateway.client.post("/api/v1/keys", headers=gateway.auth(), json={"name": "brief"})).json()
    hang = Hang()
    gateway.fakes.llm.script = [*gateway.fakes.llm.script[:2], hang]
    question = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    came, ended = "", False
    async with (
        asyncio.timeout(HANG_SECONDS),
        gateway.client.stream(
            "POST", "/v1/chat/completions", headers=gateway.auth(made["key"]), json=question
        ) as answer,
    ):
        async for text in answer.aiter_text():
            came += text
            if not ended:
                ended = True
                await gateway.client.delete(f"/api/v1/keys/{made['id']}", headers=gateway.auth())
        await hang.left.wait()
    assert '"code":"invalid_api_key"' in came
