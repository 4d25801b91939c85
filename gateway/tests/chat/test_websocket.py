# pyright: basic, reportOptionalMemberAccess=false
"""A conversation over a WebSocket: the same events, resume, stop, tickets."""

import asyncio
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from penstock_kit.errors import Aborted, NotFound, Unavailable
from penstock_testkit.services import Fail, Hang
from penstock_testkit.services.chat import turn
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def new_conversation(gateway):
    answer = await gateway.client.post("/api/v1/conversations", headers=gateway.auth(), json={})
    return answer.json()["id"]


def address(gateway, conversation, query=""):
    return f"{gateway.url.replace('http', 'ws')}/api/v1/ws/conversations/{conversation}{query}"


def socket(gateway, conversation, query=""):
    return connect(address(gateway, conversation, query), additional_headers=gateway.auth())


async def receive(websocket):
    return json.loads(await asyncio.wait_for(websocket.recv(), HANG_SECONDS))


async def answer_of(websocket):
    events = []
    while not events or (events[-1]["type"] != "error" and events[-1].get("status") != "completed"):
        events.append(await receive(websocket))
    return events


async def test_a_question_is_answered_with_the_events_of_the_http_stream(gateway):
    conversation = await new_conversation(gateway)
    async with socket(gateway, conversation) as websocket:
        await websocket.send(json.dumps({"type": "ask", "content": "Hi", "use_tools": False, "request_id": "r1"}))
        events = await answer_of(websocket)
    path = f"/api/v1/conversations/{conversation}/stream"
    over_http = await gateway.client.post(path, headers=gateway.auth(), json={"content": "Hi"})
    sent = [json.loads(line[6:]) for line in over_http.text.split("\n") if line.startswith("data: ")]
    assert events == sent
    asked = gateway.fakes.chat.asked[0]
    assert (asked.content, asked.use_tools, asked.request_id) == ("Hi", False, "r1")
    assert asked.conversation_id == conversation


async def test_an_unknown_parameter_of_the_socket_is_refused_by_its_name(gateway):
    conversation = await new_conversation(gateway)
    with pytest.raises(InvalidStatus) as caught:
        async with socket(gateway, conversation, "?streamid=str_1"):
            pass
    assert caught.value.response.status_code == 422
    assert "did you mean stream_id?" in json.loads(caught.value.response.body)["detail"]


async def test_a_stream_is_resumed_by_query_or_by_wish(gateway):
    conversation = await new_conversation(gateway)
    async with socket(gateway, conversation, "?stream_id=str_1&after=3") as websocket:
        assert [event["sequence"] for event in await answer_of(websocket)] == [4, 5]
        await websocket.send('{"type": "resume", "stream_id": "str_1", "after": 4}')
        assert [event["sequence"] for event in await answer_of(websocket)] == [5]


async def test_stop_and_ping_are_answered(gateway):
    async with socket(gateway, await new_conversation(gateway)) as websocket:
        await websocket.send('{"type": "stop", "stream_id": "str_1"}')
        assert await receive(websocket) == {"type": "stopped", "stream_id": "str_1", "stopped": True}
        await websocket.send('{"type": "ping", "request_id": "p"}')
        assert await receive(websocket) == {"type": "pong", "request_id": "p"}


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 5000,
        '{"type": "dance"}',
        '{"type": "ask"}',
        '{"type": "ask", "content": "\\ud800"}',
        '{"type": "ask", "content": "x", "on_busy": "queue"}',
        '{"type": "resume", "stream_id": "s", "after": -1}',
        '{"type": "resume", "stream_id": "s", "after": 1e400}',
        '{"type": "stop", "stream_id": "\\ud800"}',
        b"\x00\xff",
        b'{"type": "ping"}',
        b"",
    ],
)
async def test_a_frame_that_makes_no_sense_is_an_error_and_the_socket_lives(gateway, frame):
    async with socket(gateway, await new_conversation(gateway)) as websocket:
        await websocket.send(frame)
        error = await receive(websocket)
        assert (error["type"], error["reason"], error["code"]) == ("error", "VALIDATION_FAILED", 400)
        await websocket.send('{"type": "ping"}')
        assert (await receive(websocket))["type"] == "pong"


async def test_a_question_that_fails_at_once_names_its_request(gateway):
    gateway.fakes.chat.script = [Fail(NotFound("no such personality", reason="PERSONALITY_NOT_FOUND"))]
    async with socket(gateway, await new_conversation(gateway)) as websocket:
        await websocket.send('{"type": "ask", "content": "Hi", "request_id": "r9"}')
        error = await receive(websocket)
    assert (error["reason"], error["request_id"], error["stream_id"]) == ("PERSONALITY_NOT_FOUND", "r9", "")


async def test_a_broken_stream_is_mended_under_the_socket(gateway):
    gateway.fakes.chat.script = [*turn("Hel", "lo")[:2], Fail(Unavailable("gone"))]
    async with socket(gateway, await new_conversation(gateway)) as websocket:
        await websocket.send('{"type": "ask", "content": "Hi"}')
        assert [event["sequence"] for event in await answer_of(websocket)] == [1, 2, 3, 4, 5]


async def test_closing_the_socket_ends_the_call_to_the_service(gateway):
    hang = Hang()
    gateway.fakes.chat.script = [*turn("a")[:1], hang]
    async with socket(gateway, await new_conversation(gateway)) as websocket:
        await websocket.send('{"type": "ask", "content": "Hi"}')
        await receive(websocket)
        await asyncio.wait_for(hang.reached.wait(), HANG_SECONDS)
    await asyncio.wait_for(hang.left.wait(), HANG_SECONDS)


async def test_a_stream_over_a_socket_ends_at_its_time_limit_and_the_socket_goes_on(start_gateway):
    gateway = await start_gateway(stream_seconds=2, resume_seconds=0.1)
    hang = Hang()
    gateway.fakes.chat.script = [*turn("Hel", "lo")[:3], hang]
    async with socket(gateway, await new_conversation(gateway)) as websocket, asyncio.timeout(HANG_SECONDS):
        await websocket.send('{"type": "ask", "content": "Hi"}')
        events = await answer_of(websocket)
        await hang.left.wait()
        await websocket.send('{"type": "ping"}')
        assert (await receive(websocket))["type"] == "pong"
    assert [event["sequence"] for event in events] == [1, 2, 3, 4]
    assert (events[-1]["type"], events[-1]["code"], events[-1]["retryable"]) == ("error", 504, True)


async def test_a_socket_follows_a_bounded_number_of_streams(gateway):
    gateway.fakes.chat.script = [Hang()]
    async with socket(gateway, await new_conversation(gateway)) as websocket:
        for _ in range(9):
            await websocket.send('{"type": "ask", "content": "Hi"}')
        assert (await receive(websocket))["reason"] == "STREAMS_LIMIT_EXCEEDED"


async def test_a_stream_that_ended_makes_room_for_another_and_a_question_without_an_id_gets_its_own(gateway):
    conversation = await new_conversation(gateway)
    async with socket(gateway, conversation) as websocket:
        for _ in range(10):
            await websocket.send('{"type": "ask", "content": "Hi"}')
            assert (await answer_of(websocket))[-1]["type"] == "complete_state"
    ids = [asked.request_id for asked in gateway.fakes.chat.asked if asked.conversation_id == conversation]
    assert len(set(ids)) == 10
    assert all(ids)


async def test_a_text_with_a_nul_is_refused_and_no_question_of_it_is_asked(gateway):
    async with socket(gateway, await new_conversation(gateway)) as websocket:
        await websocket.send('{"type": "ask", "content": "a\\u0000b"}')
        error = await receive(websocket)
    assert (error["type"], error["code"]) == ("error", 400)
    assert "NUL" in error["message"] or "u0000" in error["message"]
    assert not gateway.fakes.chat.asked


async def test_a_ticket_opens_the_socket_once(gateway):
    conversation = await new_conversation(gateway)
    made = await gateway.client.post(f"/api/v1/conversations/{conversation}/ticket", headers=gateway.auth())
    url = address(gateway, conversation, f"?ticket={made.json()['ticket']}")
    async with connect(url) as websocket:
        await websocket.send('{"type": "ping"}')
        assert (await receive(websocket))["type"] == "pong"
    with pytest.raises(InvalidStatus) as caught:
        await connect(url).__aenter__()
    assert caught.value.response.status_code == 401


async def member(gateway, name):
    """Make a user with the scope chat; return its id and the headers of a session."""
    user = {"username": name, "password": "four unlikely words here", "scopes": ["chat"]}
    made = await gateway.client.post("/api/v1/users", headers=gateway.auth(), json=user)
    login = await gateway.client.post("/api/v2/auth/login", json={k: user[k] for k in ("username", "password")})
    return made.json()["id"], gateway.auth(login.json()["data"]["access_token"])


async def end_of(websocket):
    """Return the reason and code with which a socket is ended, soon."""
    told = await receive(websocket)
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(websocket.recv(), HANG_SECONDS)
    return told["type"], told["reason"], closed.value.rcvd.code


async def test_an_open_socket_ends_soon_after_its_user_was_deleted_and_the_ticket_opens_nothing(gateway):
    user_id, session = await member(gateway, "leaving")
    made = await gateway.client.post("/api/v1/conversations", headers=session, json={})
    conversation = made.json()["id"]
    ticket = await gateway.client.post(f"/api/v1/conversations/{conversation}/ticket", headers=session)
    hang = Hang()
    gateway.fakes.chat.script = [*turn("a")[:1], hang]
    async with connect(address(gateway, conversation), additional_headers=session) as websocket:
        await websocket.send('{"type": "ask", "content": "Hi"}')
        await receive(websocket)
        await gateway.client.delete(f"/api/v1/users/{user_id}", headers=gateway.auth())
        assert await end_of(websocket) == ("error", "CREDENTIALS_INVALID", 1008)
    await asyncio.wait_for(hang.left.wait(), HANG_SECONDS)
    with pytest.raises(InvalidStatus) as refused:
        await connect(address(gateway, conversation, f"?ticket={ticket.json()['ticket']}")).__aenter__()
    assert refused.value.response.status_code == 401


async def test_an_open_socket_ends_soon_after_the_password_was_changed_and_a_keys_goes_on(gateway):
    _, session = await member(gateway, "changing")
    conversation = (await gateway.client.post("/api/v1/conversations", headers=session, json={})).json()["id"]
    key = await gateway.client.post("/api/v1/keys", headers=session, json={"name": "k"})
    change = {"current_password": "four unlikely words here", "new_password": "other words were likelier"}
    by_session = connect(address(gateway, conversation), additional_headers=session)
    by_key = connect(address(gateway, conversation), additional_headers=gateway.auth(key.json()["key"]))
    async with by_session as ending, by_key as going_on:
        answer = await gateway.client.post("/api/v2/auth/password", headers=session, json=change)
        assert answer.status_code == 200
        assert await end_of(ending) == ("error", "CREDENTIALS_INVALID", 1008)
        await going_on.send('{"type": "ping"}')
        assert (await receive(going_on))["type"] == "pong"
    assert (await gateway.client.get("/api/v2/auth/me", headers=session)).status_code == 401


async def test_without_credentials_or_conversation_the_socket_is_denied(gateway):
    conversation = await new_conversation(gateway)
    for connection, status in ((connect(address(gateway, conversation)), 401), (socket(gateway, "conv_none"), 404)):
        with pytest.raises(InvalidStatus) as caught:
            await connection.__aenter__()
        assert caught.value.response.status_code == status
        assert json.loads(caught.value.response.body)["success"] is False


async def test_the_largest_sequence_is_passed_on(gateway):
    async with socket(gateway, await new_conversation(gateway)) as websocket:
        await websocket.send('{"type": "resume", "stream_id": "str_1", "after": 9223372036854775807}')
        async with asyncio.timeout(HANG_SECONDS):
            while not gateway.fakes.chat.read:  # noqa: ASYNC110 - the fake tells nobody
                await asyncio.sleep(0.01)
        assert gateway.fakes.chat.read[-1].after_sequence == 2**63 - 1


async def test_a_question_of_a_busy_conversation_is_told_the_running_stream(gateway):
    busy = Aborted("it is being answered", reason="RUNNING_STREAM_EXISTS", metadata={"stream_id": "strm_9"})
    gateway.fakes.chat.script = [Fail(busy)]
    async with socket(gateway, await new_conversation(gateway)) as websocket:
        await websocket.send('{"type": "ask", "content": "Hi", "request_id": "r9", "on_busy": "refuse"}')
        error = await receive(websocket)
    assert (error["code"], error["reason"], error["running_stream_id"]) == (409, "RUNNING_STREAM_EXISTS", "strm_9")
