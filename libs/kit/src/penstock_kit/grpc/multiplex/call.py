"""The client's side of one call: the same to its user as a call of its own."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import grpc.aio
from penstock.common.v1 import multiplex_pb2 as pb

from penstock_kit.context import current_context
from penstock_kit.errors.status import DETAILS_KEY
from penstock_kit.grpc.call import EOF, Metadata, Peer, ResponseStream, call_metadata, call_timeout
from penstock_kit.grpc.multiplex.connection import Connection, ConnectionPool
from penstock_kit.grpc.multiplex.window import WINDOW_BYTES
from penstock_kit.logging import get_logger

log = get_logger(__name__)

# A larger request goes as a call of its own: it would hold up the others on the stream.
_LARGE_BYTES: Final = 64 * 1024
# How often a call is begun anew when one server after the other says that it shuts down.
_ATTEMPTS: Final = 3
_CODES: Final[dict[int, grpc.StatusCode]] = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method that is called over the streams `connections`, or by `plain` where that can't be.

    An `idempotent` one is asked again by `plain` when the stream breaks under it.
    """

    path: str
    connections: ConnectionPool
    peer: Peer
    plain: Callable[..., Any]
    serialize: Callable[[Any], bytes] | None
    deserialize: Callable[[bytes], Any] | None
    idempotent: bool = False

    def request_bytes(self, request: Any) -> bytes:
        """Return a request as it travels."""
        return request if self.serialize is None else self.serialize(request)

    def response_of(self, message: bytes) -> Any:
        """Return a response that came."""
        return message if self.deserialize is None else self.deserialize(message)

    def is_multiplexed(self, data: bytes, wait_for_ready: bool | None) -> bool:
        """Return whether a request goes over a stream."""
        return self.connections.supported and not wait_for_ready and len(data) <= _LARGE_BYTES

    def headers(self, data: bytes, metadata: Metadata, seconds: float | None) -> pb.Headers:
        """Return what begins a call now, with the metadata of the current context."""
        return pb.Headers(
            method=self.path,
            request=data,
            metadata=dict(call_metadata(current_context(), metadata)),
            timeout_us=0 if seconds is None else max(1, int(seconds * 1e6)),
        )

    def error(self, trailers: pb.Trailers) -> Exception:
        """Return the error that a call ended with."""
        metadata = grpc.aio.Metadata((DETAILS_KEY, trailers.details)) if trailers.details else grpc.aio.Metadata()
        code = _CODES.get(trailers.code, grpc.StatusCode.UNKNOWN)
        return self.peer.error(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, trailers.message, None))

    def deadline_error(self) -> Exception:
        """Return the error of a call whose time is over."""
        return self.error(pb.Trailers(code=grpc.StatusCode.DEADLINE_EXCEEDED.value[0]))


class MultiplexedSingleCall:
    """Callable of a method that answers once; see :class:`penstock_kit.grpc.call.SingleCall`."""

    __slots__ = ("_method",)

    def __init__(self, method: Method) -> None:
        self._method = method

    async def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Metadata = (), wait_for_ready: bool | None = None
    ) -> Any:
        """Return the response; raise what SingleCall raises."""
        method = self._method
        data = method.request_bytes(request)
        if method.is_multiplexed(data, wait_for_ready):
            limit = method.peer.timeout if timeout is None else timeout
            seconds = call_timeout(current_context(), limit, method.peer)
            headers = method.headers(data, metadata, seconds)
            for _ in range(_ATTEMPTS):
                try:
                    frame = await _SingleResponse(method).receive(method.connections.next(), headers, seconds)
                except _CallAlone:
                    break
                if not frame.trailers.refused:
                    return self._response(frame)
        return await method.plain(request, timeout=timeout, metadata=metadata, wait_for_ready=wait_for_ready)

    def _response(self, frame: pb.ServerFrame) -> Any:
        if frame.trailers.code:
            raise self._method.error(frame.trailers)
        return self._method.response_of(frame.message)


class _CallAlone(Exception):  # noqa: N818 - no error: the call is made otherwise
    """The call is to be made by itself: the server does not know the protocol, or the stream broke under a read."""


class _SingleResponse:
    """Waits for the one frame of a call that answers once."""

    __slots__ = ("_frame", "_method")

    def __init__(self, method: Method) -> None:
        self._method = method
        self._frame: asyncio.Future[pb.ServerFrame] = asyncio.get_running_loop().create_future()

    async def receive(self, connection: Connection, headers: pb.Headers, seconds: float | None) -> pb.ServerFrame:
        call_id = connection.open(headers, self)
        timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._expire)
        try:
            return await self._frame
        finally:
            connection.cancel(call_id)
            if timer is not None:
                timer.cancel()

    def on_message(self, message: bytes) -> None:
        """Wait on: the one answer comes with its trailers."""

    def on_frame(self, frame: pb.ServerFrame) -> None:
        if not self._frame.done():
            self._frame.set_result(frame)

    def on_failure(self, error: grpc.aio.AioRpcError) -> None:
        if not self._frame.done():
            is_repeated = self._method.idempotent and error.code() is grpc.StatusCode.UNAVAILABLE
            self._frame.set_exception(_CallAlone() if is_repeated else _failure(self._method, error))

    def _expire(self) -> None:
        if not self._frame.done():
            self._frame.set_exception(self._method.deadline_error())


class MultiplexedStreamingCall:
    """Callable of a method that answers many times; see :class:`penstock_kit.grpc.call.StreamingCall`."""

    __slots__ = ("_method",)

    def __init__(self, method: Method) -> None:
        self._method = method

    def __call__(
        self,
        request: Any = None,
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
        wait_for_ready: bool | None = None,
    ) -> "MultiplexedStream | ResponseStream":
        """Start the call and return its responses."""
        method = self._method

        def plain() -> ResponseStream:
            return method.plain(request, timeout=timeout, metadata=metadata, wait_for_ready=wait_for_ready)

        data = method.request_bytes(request)
        if not method.is_multiplexed(data, wait_for_ready):
            return plain()
        seconds = call_timeout(current_context(), timeout, method.peer)
        return MultiplexedStream(method, method.headers(data, metadata, seconds), seconds, plain)


@dataclass(frozen=True, slots=True)
class _Beginning:
    """How a call is begun: over a stream, or by itself."""

    headers: pb.Headers
    plain: Callable[[], ResponseStream]


class MultiplexedStream:
    """The responses of one call, to be iterated once; as a context manager it cancels what is left."""

    def __init__(
        self, method: Method, headers: pb.Headers, seconds: float | None, plain: Callable[[], ResponseStream]
    ) -> None:
        self._method = method
        # What begins the call, anew or by itself, until its first message is there: it holds the whole request.
        self._beginning: _Beginning | None = _Beginning(headers, plain)
        # Set when the call had to be made without the streams after all.
        self._replaced: ResponseStream | None = None
        # Messages, and the trailers. Never frames: each keeps the whole batch in memory that it came in.
        # A list: a deque takes 0.7 KB while it is empty, as it nearly always is in each of a thousand streams.
        self._received: list[bytes | pb.Trailers] = []
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._take: Callable[[Any], bool] | None = None
        self._failure: Exception | None = None
        self._ended = False
        self._taken = 0
        self._attempts = 0
        self._begin(self._beginning)
        self._timer = None if seconds is None else self._loop.call_later(seconds, self._expire)

    async def read(self) -> Any:
        """Return the next response, or ``grpc.aio.EOF`` at the end. Not to be mixed with iteration."""
        while True:
            if self._replaced is not None:
                return await self._replaced.read()
            if self._received:
                match self._received.pop(0):
                    case bytes() as message:
                        return self._method.response_of(self._count_received(message))
                    case trailers:
                        return self._end(trailers)
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return EOF
            self._waiter = self._loop.create_future()
            await self._waiter

    async def __aiter__(self) -> AsyncGenerator[Any]:
        try:
            while (response := await self.read()) is not EOF:
                yield response
        finally:
            self.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def cancel(self) -> bool:
        """Cancel the call; returns False when it is over already."""
        if self._replaced is not None:
            return self._replaced.cancel()
        running = not self._ended and self._failure is None
        self._connection.cancel(self._call_id)
        self._finish()
        return running

    def offer_to(self, take: Callable[[Any], bool]) -> None:
        """Give each response that comes while :meth:`read` waits to `take`; what it does not take is read.

        It saves waking a task for every piece of an answer, so it must neither wait nor be long about it.
        """
        self._take = take

    def on_message(self, message: bytes) -> None:
        """Take a message of this call."""
        self._beginning = None
        if self._take is None or not self._is_awaited() or not self._is_taken(self._take, message):
            self._received.append(message)
            self._wake()

    def _is_awaited(self) -> bool:
        """Whether `read` waits for a message, which it does only when it has all that came before."""
        return self._waiter is not None and not self._waiter.done()

    def _is_taken(self, take: Callable[[Any], bool], message: bytes) -> bool:
        try:
            taken = take(self._method.response_of(message))
        except Exception:
            # Whatever is wrong with it, its reader learns it, and no other call on this stream.
            log.exception("a response could not be taken at once")
            return False
        if taken:
            self._count_received(message)
        return taken

    def on_frame(self, frame: pb.ServerFrame) -> None:
        """Take the last frame of this call."""
        if frame.trailers.refused and self._beginning is not None and self._attempts < _ATTEMPTS:
            self._begin(self._beginning)
            return
        self._received.append(_copy(frame.trailers))
        self._wake()

    def on_failure(self, error: grpc.aio.AioRpcError) -> None:
        """Take the failure of the stream it runs on."""
        failure = _failure(self._method, error)
        if not isinstance(failure, _CallAlone):
            self._failure = failure
        elif self._beginning is not None:
            self._replaced = self._beginning.plain()
        else:  # what was read already must not come again
            self._failure = self._method.peer.error(error)
        self._wake()

    def _begin(self, beginning: "_Beginning") -> None:
        self._attempts += 1
        self._connection = self._method.connections.next()
        self._call_id = self._connection.open(beginning.headers, self)

    def _end(self, trailers: pb.Trailers) -> Any:
        self._finish()
        if trailers.code:
            raise self._method.error(trailers)
        return EOF

    def _finish(self) -> None:
        self._ended = True
        self._wake()
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        self._connection.cancel(self._call_id)
        self._failure = self._method.deadline_error()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _count_received(self, message: bytes) -> bytes:
        """Give back, from time to time, what was taken of the window."""
        self._taken += len(message)
        if self._taken >= WINDOW_BYTES // 2:
            self._connection.update_window(self._call_id, self._taken)
            self._taken = 0
        return message


def _copy(trailers: pb.Trailers) -> pb.Trailers:
    copy = pb.Trailers()
    copy.CopyFrom(trailers)
    return copy


def _failure(method: Method, error: grpc.aio.AioRpcError) -> Exception:
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        method.connections.supported = False
        return _CallAlone()
    return method.peer.error(error)
