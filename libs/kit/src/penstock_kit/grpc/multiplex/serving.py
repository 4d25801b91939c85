"""The server's side: calls that came over one stream run as they would have alone."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import grpc.aio
from penstock.common.v1 import multiplex_pb2 as pb
from penstock.common.v1 import multiplex_pb2_grpc

from penstock_kit.errors.status import DETAILS_KEY
from penstock_kit.grpc.call import EOF
from penstock_kit.grpc.multiplex.outbox import Outbox
from penstock_kit.grpc.multiplex.pace import MOST_GATHERING
from penstock_kit.grpc.multiplex.window import Window
from penstock_kit.grpc.options import MAX_MESSAGE_BYTES
from penstock_kit.logging import get_logger

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]

# Room for what a frame says beside its message.
_MOST_MESSAGE_BYTES: Final = MAX_MESSAGE_BYTES - 64 * 1024
_DEFECT: Final = "internal error; the service log has it"

log = get_logger(__name__)


class MultiplexServicer(multiplex_pb2_grpc.MultiplexServiceServicer):
    """Answers `penstock.common.v1.MultiplexService`; `handler_of` finds the handler of a method, None for none.

    Pieces of answers gather for `most_gathering` seconds at most.
    """

    def __init__(
        self, handler_of: "Callable[[str], Handler | None]", *, most_gathering: float = MOST_GATHERING
    ) -> None:
        self._handler_of = handler_of
        self._most_gathering = most_gathering
        self._connections: set[_ServerConnection] = set()
        self._draining = False

    async def Carry(  # noqa: N802  # pyright: ignore[reportIncompatibleMethodOverride]
        self, request_iterator: Any, context: Any
    ) -> None:
        """Serve the calls of one client until it is done or gone."""
        connection = _ServerConnection(context, self._handler_of, self._most_gathering)
        self._connections.add(connection)
        if self._draining:
            connection.go_away()
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)

    def drain(self) -> None:
        """Take no new calls; tell the clients so. Their streams end with the calls that they have now."""
        self._draining = True
        for connection in self._connections:
            connection.go_away()


class _ServerConnection:
    """One stream and the calls on it."""

    def __init__(self, context: Any, handler_of: "Callable[[str], Handler | None]", most_gathering: float) -> None:
        self._context = context
        self._handler_of = handler_of
        self._outbox: Outbox[pb.ServerFrame] = Outbox(
            self._write, lambda: len(self._calls), most_gathering=most_gathering
        )
        self._calls: dict[int, _ServerCall] = {}
        self._going_away = False
        # Set when the server goes away and there is no call left.
        self._finished = asyncio.Event()

    async def serve(self) -> None:
        tasks = [asyncio.create_task(each) for each in (self._outbox.run(), self._read(), self._finished.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._finished.is_set():
                await self._outbox.wait_until_empty()
        finally:
            for task in tasks:
                task.cancel()
            for call in self._calls.values():
                call.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def go_away(self) -> None:
        self._going_away = True
        self._outbox.put(pb.ServerFrame(going_away=True))
        self._finish_if_done()

    def _finish_if_done(self) -> None:
        if self._going_away and not self._calls:
            self._finished.set()

    async def _read(self) -> None:
        while (request := await self._context.read()) is not EOF:
            for frame in request.frames:
                self._on_frame(frame)

    async def _write(self, frames: Sequence[pb.ServerFrame]) -> None:
        await self._context.write(pb.CarryResponse(frames=frames))

    def _on_frame(self, frame: pb.ClientFrame) -> None:
        call_id = frame.call_id
        if frame.HasField("headers"):
            self._open(call_id, frame.headers)
        elif (call := self._calls.get(call_id)) is not None:  # a call that has ended is no error of anybody's
            if frame.HasField("window_update"):
                call.window.extend(frame.window_update)
            else:
                call.cancel()

    def _open(self, call_id: int, headers: pb.Headers) -> None:
        handler = None if self._going_away else self._handler_of(headers.method)
        if handler is None:
            self._refuse(call_id, headers.method)
            return
        call = self._calls[call_id] = _ServerCall(call_id, headers, handler, self._outbox)
        call.start(lambda: self._on_call_end(call_id))

    def _on_call_end(self, call_id: int) -> None:
        self._calls.pop(call_id, None)
        self._finish_if_done()

    def _refuse(self, call_id: int, method: str) -> None:
        if self._going_away:
            code, message = grpc.StatusCode.UNAVAILABLE, "the server is shutting down"
        else:
            code, message = grpc.StatusCode.UNIMPLEMENTED, f"{method} is not served here"
        trailers = pb.Trailers(code=code.value[0], message=message, refused=self._going_away)
        self._outbox.put(pb.ServerFrame(call_id=call_id, trailers=trailers))


class _ServerCall:
    """One call, running in a task of its own."""

    def __init__(self, call_id: int, headers: pb.Headers, handler: "Handler", outbox: Outbox[pb.ServerFrame]) -> None:
        self._call_id = call_id
        self._metadata = dict(headers.metadata)
        self._timeout = headers.timeout_us / 1e6 or None
        # Until the call runs; not its headers, which keep all in memory that came with them.
        self._request: bytes = headers.request
        self._handler: Any = handler
        self._outbox = outbox
        self._task: asyncio.Task[None] | None = None
        self._begun = False
        self.window = Window()

    def start(self, on_end: Callable[[], object]) -> None:
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda _: on_end())

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        context = _MultiplexedContext(self._metadata, self._timeout, self._send, self._send_now)
        try:
            if self._handler.response_streaming:
                await self._handler.unary_stream(self._take_request(), context)
                frame, size = pb.ServerFrame(call_id=self._call_id, trailers=pb.Trailers()), 0
            else:
                message = self._serialize(await self._handler.unary_unary(self._take_request(), context))
                frame, size = (
                    pb.ServerFrame(call_id=self._call_id, message=message, trailers=pb.Trailers()),
                    len(message),
                )
        except grpc.aio.AbortError:
            frame, size = pb.ServerFrame(call_id=self._call_id, trailers=context.trailers()), 0
        except _TooLargeError as error:
            code, _ = grpc.StatusCode.RESOURCE_EXHAUSTED.value
            frame = pb.ServerFrame(call_id=self._call_id, trailers=pb.Trailers(code=code, message=str(error)))
            size = 0
        except Exception as error:
            log.error("a call ended without a status", exc_info=error)
            code, _ = grpc.StatusCode.INTERNAL.value
            frame, size = pb.ServerFrame(call_id=self._call_id, trailers=pb.Trailers(code=code, message=_DEFECT)), 0
        self._outbox.put(frame, size)

    def _take_request(self) -> Any:
        """Return the request, which only its handler holds from now on."""
        data, self._request = self._request, b""
        deserialize = self._handler.request_deserializer
        return data if deserialize is None else deserialize(data)

    async def _send(self, response: Any) -> None:
        message = self._serialize(response)
        if not self.window.take(len(message)):
            await self.window.consume(len(message))
        frame = pb.ServerFrame(call_id=self._call_id, message=message)
        self._outbox.put(frame, len(message), urgent=not self._begun)
        if not self._begun:
            # The first response leaves now, whatever the handler has ready after it.
            self._begun = True
            await asyncio.sleep(0)

    def _send_now(self, response: Any) -> bool:
        """Send one more response if nothing is to be waited for, and return whether it was sent."""
        if not self._begun or not self.window.is_open:
            return False
        try:
            message = self._serialize(response)
        except _TooLargeError:
            return False
        self.window.take(len(message))
        self._outbox.put(pb.ServerFrame(call_id=self._call_id, message=message), len(message), urgent=False)
        return True

    def _serialize(self, response: Any) -> bytes:
        serialize = self._handler.response_serializer
        message = response if serialize is None else serialize(response)
        if len(message) > _MOST_MESSAGE_BYTES:
            raise _TooLargeError(f"Sent message larger than max ({len(message)} vs. {_MOST_MESSAGE_BYTES})")
        return message


class _TooLargeError(Exception):
    """A response that gRPC would not carry either; its text is gRPC's."""


class _MultiplexedContext:
    """What a handler may ask of its ServicerContext."""

    def __init__(
        self, metadata: Any, timeout: float | None, write: Callable[[Any], Any], write_now: Callable[[Any], bool]
    ) -> None:
        self._metadata = tuple(metadata.items())
        self._deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        self._code: grpc.StatusCode | None = None
        self._message = ""
        self._trailers: Sequence[tuple[str, str | bytes]] = ()
        self.write = write
        # What gRPC's own has not: writes one more response if nothing is to be waited for, and says whether it did.
        self.write_now = write_now

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return self._metadata

    def time_remaining(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - asyncio.get_running_loop().time())

    def code(self) -> grpc.StatusCode | None:
        return self._code

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self._message = details

    def trailing_metadata(self) -> Sequence[tuple[str, str | bytes]]:
        return self._trailers

    def set_trailing_metadata(self, trailers: Sequence[tuple[str, str | bytes]]) -> None:
        self._trailers = trailers

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Sequence[tuple[str, str | bytes]] = ()
    ) -> None:
        self._code, self._message = code, details
        self._trailers = trailing_metadata or self._trailers
        raise grpc.aio.AbortError

    def trailers(self) -> pb.Trailers:
        code = self._code or grpc.StatusCode.UNKNOWN
        details = next((value for key, value in self._trailers if key == DETAILS_KEY), b"")
        return pb.Trailers(code=code.value[0], message=self._message, details=bytes(details))  # pyright: ignore
