"""One WebSocket of a user's client: the events of all the user's conversations, with a cursor to go on from."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Final

from penstock.chat.v1 import chat_pb2 as pb
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.chat.reconnect import ReconnectPolicy
from gateway.convert.event import event_from_proto
from gateway.http.heartbeats import Heartbeats
from gateway.http.json import encode
from penstock_kit.errors import InvalidArgument, PenstockError, Unavailable, http_status
from penstock_kit.grpc.call import EOF

if TYPE_CHECKING:
    from penstock.chat.v1.chat_pb2_grpc import ClientServiceAsyncStub

# RFC 6455's registry: the server can't go on now, and the client asked for what there is not.
_TRY_AGAIN: Final = 1013
_REFUSED: Final = 1008


class ClientFeed:
    """Yields what a client watches, from `cursor` on; an empty one: from now on.

    A broken call is made again at whatever replica answers, from the last cursor, for `window` seconds from the
    break on.
    """

    def __init__(self, registrations: "ClientServiceAsyncStub", client_id: str, *, cursor: str, window: float) -> None:
        self._registrations = registrations
        self._client_id = client_id
        self.cursor = cursor
        self._window = window

    async def responses(self) -> AsyncGenerator[pb.WatchClientResponse]:
        """Yield batches of events, the first time and after every break a cursor alone; raise what can't be mended."""
        reconnects = ReconnectPolicy(self._window)
        while True:
            broken: PenstockError = Unavailable("the replica went away", reason="STREAM_INTERRUPTED")
            request = pb.WatchClientRequest(client_id=self._client_id, cursor=self.cursor)
            try:
                call: Any = self._registrations.WatchClient(request)
                async with call:
                    while (response := await call.read()) is not EOF:
                        self.cursor = response.cursor
                        if response.events:
                            reconnects.record_progress()
                        yield response
            except PenstockError as error:
                broken = error
            await reconnects.pause(broken)


class ClientWebSocket:
    """Serves the WebSocket of a client until it leaves.

    First comes ``ready`` with a cursor, then every event as over HTTP, one JSON text each; the last of a batch has the
    `cursor` to go on from. After `heartbeat` seconds of silence comes a ``heartbeat``, with the cursor too. The
    client may send ``{"type": "ping"}``; anything else is answered by an ``error`` and nothing more. What can't be
    mended is told in an ``error`` before the socket is closed, with 1013 when another attempt may succeed.
    """

    def __init__(
        self,
        websocket: WebSocket,
        client_id: str,
        feed: ClientFeed,
        *,
        heartbeats: Heartbeats,
        heartbeat: float,
    ) -> None:
        self._websocket = websocket
        self._client_id = client_id
        self._feed = feed
        self._heartbeats = heartbeats
        self._heartbeat = heartbeat
        self._beating: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._sent = self._loop.time()

    async def serve(self) -> None:
        """Accept once the client is known to be the caller's; raises the PenstockError of one that is not let in."""
        async with aclosing(self._feed.responses()) as responses:
            await anext(responses)
            await self._websocket.accept()
            tasks = [asyncio.create_task(self._pump(responses)), asyncio.create_task(self._listen())]
            self._heartbeats.join(self._look)
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._heartbeats.leave(self._look)
                if self._beating is not None:
                    tasks.append(self._beating)
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            for task in done:
                task.result()

    async def _pump(self, responses: AsyncGenerator[pb.WatchClientResponse]) -> None:
        try:
            await self._send({"type": "ready", "client_id": self._client_id, "cursor": self._feed.cursor})
            async for response in responses:
                for event in response.events[:-1]:
                    await self._send(event_from_proto(event))
                if response.events:
                    await self._send(event_from_proto(response.events[-1]) | {"cursor": response.cursor})
        except PenstockError as error:
            await self._send(_error(error, self._feed.cursor))
            await self._websocket.close(_TRY_AGAIN if error.retryable else _REFUSED, error.reason)
        except WebSocketDisconnect:
            return

    async def _listen(self) -> None:
        try:
            while True:
                if await self._is_ping():
                    await self._send({"type": "pong"})
                else:
                    await self._send(_error(_not_understood(), self._feed.cursor))
        except WebSocketDisconnect:
            return

    async def _is_ping(self) -> bool:
        """Wait for a message; False when it is anything else, bytes or no JSON included."""
        try:
            match await self._websocket.receive_json():
                case {"type": "ping"}:
                    return True
                case _:
                    return False
        except (ValueError, KeyError, RecursionError):
            return False

    def _look(self, now: float) -> None:
        if now - self._sent >= self._heartbeat and (self._beating is None or self._beating.done()):
            self._beating = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        with suppress(WebSocketDisconnect):  # the listener learns it too, and ends the socket
            await self._send({"type": "heartbeat", "cursor": self._feed.cursor})

    async def _send(self, json: dict[str, Any]) -> None:
        self._sent = self._loop.time()
        await self._websocket.send_text(encode(json).decode())


def _not_understood() -> PenstockError:
    text = 'a client may send {"type": "ping"}; questions go to a conversation'
    return InvalidArgument(text, reason="VALIDATION_FAILED")


def _error(error: PenstockError, cursor: str) -> dict[str, Any]:
    return {
        "type": "error",
        "stream_id": "",
        "sequence": 0,
        "cursor": cursor,
        "code": http_status(error.kind),
        "reason": error.reason,
        "message": error.message,
        "retryable": error.retryable,
    }
