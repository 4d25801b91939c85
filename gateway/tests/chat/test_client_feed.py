# pyright: basic, reportOptionalMemberAccess=false, reportGeneralTypeIssues=false
"""A user's clients over HTTP, and what each of them is sent over its WebSocket."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from penstock.chat.v1 import chat_pb2 as pb
from penstock.chat.v1 import chat_pb2_grpc
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from penstock_kit.context import current_context
from penstock_kit.errors import FailedPrecondition, NotFound, Unavailable
from penstock_testkit.services import Fail, Hang, Wait, serve
from penstock_testkit.services.chat import turn
from penstock_testkit.services.script import play
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")


class FakeClients(chat_pb2_grpc.ClientServiceServicer):
    """Clients by tenant and user; every call to watch plays the next of `scripts` after a cursor alone."""

    def __init__(self):
        self.known = {}
        self.scripts = []
        self.watched = []

    async def RegisterClient(self, request, context):  # noqa: N802 - the RPC's name
        """Keep it."""
        name = request.client_id or f"cli_{len(self.known) + 1}"
        made = pb.Client(id=name, name=request.name, kind=request.kind)
        self.known[owner(), name] = made
        return pb.RegisterClientResponse(client=made)

    async def ListClients(self, request, context):  # noqa: N802
        """List the caller's."""
        return pb.ListClientsResponse(clients=[each for (whose, _), each in self.known.items() if whose == owner()])

    async def UnregisterClient(self, request, context):  # noqa: N802
        """Forget it."""
        self.own(request.id)
        del self.known[owner(), request.id]
        return pb.UnregisterClientResponse()

    async def WatchClient(self, request, context):  # noqa: N802
        """Play the next script; the cursor is how many events were sent."""
        self.own(request.client_id)
        if request.cursor == "old":
            raise FailedPrecondition("too old; begin with an empty cursor", reason="CURSOR_EXPIRED")
        self.watched.append(request.cursor)
        place = int(request.cursor or "0")
        yield pb.WatchClientResponse(cursor=str(place))
        async for events in play(self.scripts.pop(0)):
            place += len(events)
            yield pb.WatchClientResponse(events=events, cursor=str(place))

    def own(self, name):
        """Raise NotFound unless it is the caller's."""
        if (owner(), name) not in self.known:
            raise NotFound(f"there is no client {name!r}", reason="CLIENT_NOT_FOUND")


def owner():
    caller = current_context().caller
    return f"{caller.tenant_id}/{caller.user_id}"


@pytest_asyncio.fixture(loop_scope="session")
async def clients():
    yield FakeClients()


@pytest_asyncio.fixture(loop_scope="session")
async def start(start_gateway, clients):
    async with AsyncExitStack() as stack:

        async def started(**settings):
            serving = serve((chat_pb2_grpc.add_ClientServiceServicer_to_server, clients))
            address = await stack.enter_async_context(serving)
            return await start_gateway(chat_address=address, **settings)

        yield started


async def register(gateway, key="", **body):
    made = await gateway.client.post("/api/v1/clients", headers=gateway.auth(key), json=body)
    assert made.status_code == 201
    return made.json()["id"]


def address(gateway, client_id, query=""):
    return f"{gateway.url.replace('http', 'ws')}/api/v1/ws/clients/{client_id}{query}"


def socket(gateway, client_id, query="", key=""):
    return connect(address(gateway, client_id, query), additional_headers=gateway.auth(key))


async def receive(websocket, kind=""):
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            message = json.loads(await websocket.recv())
            if not kind or message["type"] == kind:
                return message


async def stranger(gateway):
    await gateway.client.post(
        "/api/v1/users",
        headers=gateway.auth(),
        json={"username": "eve", "password": "long enough 1", "tenant_id": "acme"},
    )
    login = await gateway.client.post("/api/v2/auth/login", json={"username": "eve", "password": "long enough 1"})
    return login.json()["data"]["access_token"]


async def test_clients_are_registered_listed_renamed_and_forgotten(start):
    gateway = await start()
    one = await register(gateway, name="phone", kind="mobile")
    assert await register(gateway, name="tablet", kind="mobile", client_id=one) == one
    listed = (await gateway.client.get("/api/v1/clients", headers=gateway.auth())).json()["clients"]
    assert [(each["id"], each["name"], each["connected"], each["replica"]) for each in listed] == [
        (one, "tablet", False, None)
    ]
    assert (await gateway.client.delete(f"/api/v1/clients/{one}", headers=gateway.auth())).status_code == 204
    gone = await gateway.client.delete(f"/api/v1/clients/{one}", headers=gateway.auth())
    assert (gone.status_code, gone.json()["reason"]) == (404, "CLIENT_NOT_FOUND")
    assert (await gateway.client.get("/api/v1/clients")).status_code == 401


async def test_a_socket_gets_the_events_of_http_and_a_cursor_behind_each_batch(start, clients):
    gateway = await start()
    one = await register(gateway)
    (first,), (second,), *_ = turn("a")
    clients.scripts = [[[first, second], Hang()]]
    async with socket(gateway, one) as websocket:
        assert await receive(websocket) == {"type": "ready", "client_id": one, "cursor": "0"}
        events = [await receive(websocket) for _ in range(2)]
        await websocket.send('{"type": "ping"}')
        assert await receive(websocket) == {"type": "pong"}
    assert [(each["type"], each["sequence"], each.get("cursor")) for each in events] == [
        ("tool_call", 1, None),
        ("tool_result", 2, "2"),
    ]


async def test_a_watch_that_breaks_goes_on_from_the_last_cursor_under_the_socket(start, clients):
    gateway = await start()
    one = await register(gateway)
    script = turn("a", "b")
    gone, draining = Unavailable("gone"), Unavailable("go elsewhere", reason="REPLICA_UNAVAILABLE")
    clients.scripts = [[*script[:2], Fail(gone)], [Fail(draining)], [script[2]], [*script[3:], Hang()]]
    async with socket(gateway, one) as websocket:
        await receive(websocket, "ready")
        events = [await receive(websocket) for _ in range(5)]
    assert [each["sequence"] for each in events] == [1, 2, 3, 4, 5]
    assert clients.watched == ["", "2", "2", "3"]


async def test_a_watch_that_is_not_mended_in_time_ends_with_a_retryable_error_and_the_cursor(start, clients):
    gateway = await start(resume_seconds=0.1)
    one = await register(gateway)
    clients.scripts = [[*turn("a")[:2], Fail(Unavailable("gone"))], *([[Fail(Unavailable("gone"))]] * 9)]
    async with socket(gateway, one, "?cursor=7") as websocket:
        error = await receive(websocket, "error")
        with pytest.raises(ConnectionClosed) as closed:
            await websocket.recv()
    assert (error["code"], error["retryable"], error["cursor"]) == (503, True, "9")
    assert closed.value.rcvd.code == 1013


async def test_silence_is_broken_by_heartbeats_with_the_cursor(start, clients):
    gateway = await start(heartbeat_seconds=0.05)
    one = await register(gateway)
    clients.scripts = [[Hang()]]
    async with socket(gateway, one, "?cursor=3") as websocket:
        for _ in range(2):
            assert await receive(websocket, "heartbeat") == {"type": "heartbeat", "cursor": "3"}


@pytest.mark.parametrize("message", ["{", "[]", '{"type": "dance"}', b"bytes", "[" * 50_000])
async def test_a_message_that_makes_no_sense_is_an_error_and_the_socket_lives(start, clients, message):
    gateway = await start()
    clients.scripts = [[Hang()]]
    async with socket(gateway, await register(gateway)) as websocket:
        await websocket.send(message)
        error = await receive(websocket, "error")
        assert (error["reason"], error["code"], error["retryable"]) == ("VALIDATION_FAILED", 400, False)
        await websocket.send('{"type": "ping"}')
        assert await receive(websocket) == {"type": "pong"}


async def test_closing_the_socket_ends_the_watch(start, clients):
    gateway = await start()
    one = await register(gateway)
    hang = Hang()
    clients.scripts = [[hang]]
    async with socket(gateway, one) as websocket:
        await receive(websocket, "ready")
        await asyncio.wait_for(hang.reached.wait(), HANG_SECONDS)
    await asyncio.wait_for(hang.left.wait(), HANG_SECONDS)


async def test_the_socket_is_denied_to_strangers_and_to_cursors_that_are_expired(start):
    gateway = await start()
    one = await register(gateway)
    eve = await stranger(gateway)
    for opened, status in (
        (connect(address(gateway, one)), 401),
        (socket(gateway, "cli_none"), 404),
        (socket(gateway, one, key=eve), 404),
        (socket(gateway, one, "?cursor=old"), 412),
    ):
        with pytest.raises(InvalidStatus) as caught:
            await opened.__aenter__()
        assert caught.value.response.status_code == status
    assert (await gateway.client.get("/api/v1/clients", headers=gateway.auth(eve))).json() == {"clients": []}
    for method, path in (("DELETE", ""), ("POST", "/ticket")):
        answer = await gateway.client.request(method, f"/api/v1/clients/{one}{path}", headers=gateway.auth(eve))
        assert answer.status_code == 404


async def test_a_ticket_opens_a_clients_socket_once(start, clients):
    gateway = await start()
    one = await register(gateway)
    made = await gateway.client.post(f"/api/v1/clients/{one}/ticket", headers=gateway.auth())
    url = address(gateway, one, f"?ticket={made.json()['ticket']}")
    clients.scripts = [[Hang()]]
    async with connect(url) as websocket:
        await receive(websocket, "ready")
    with pytest.raises(InvalidStatus) as caught:
        await connect(url).__aenter__()
    assert caught.value.response.status_code == 401


async def test_a_stream_that_was_silent_for_long_is_mended_too(start_gateway, fakes):
    gateway = await start_gateway(resume_seconds=2)
    silence = asyncio.Event()
    fakes.chat.script = [*turn("Hel", "lo")[:3], Wait(silence), Fail(Unavailable("gone"))]
    made = await gateway.client.post("/api/v1/conversations", headers=gateway.auth(), json={})
    path = f"/api/v1/conversations/{made.json()['id']}/stream"
    asyncio.get_running_loop().call_later(2.2, silence.set)
    answer = await gateway.client.post(path, headers=gateway.auth(), json={"content": "x"})
    assert answer.text.count("event: ") == 5
    assert "event: error" not in answer.text
