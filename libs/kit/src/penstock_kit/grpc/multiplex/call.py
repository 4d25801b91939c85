"""The client's side of one call: the same to its user as a call of its own."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import grpc.aio
from penstock.common.v1 import multiplex_pb2 as pb

from penstock_kit.context import current_context
from penstock_kit.errors.status import DETAILS_KEY
from penstock_kit.grpc.call import EOF, Metadata, Peer, ResponseStream, call_metadata, call_timeout
from penstock_kit.grpc.multiplex.link import Link, Links
from penstock_kit.grpc.multiplex.window import WINDOW_BYTES

# A larger request goes as a call of its own: it would hold up the others on the stream.
_LARGE_BYTES: Final = 64 * 1024
# How often a call is begun anew when one server after the other says that it shuts down.
_ATTEMPTS: Final = 3
_CODES: Final[dict[int, grpc.StatusCode]] = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method that is called over the streams `links`, or by `plain` where that can't be."""

    path: str
    links: Links
    peer: Peer
    plain: Callable[..., Any]
    serialize: Callable[[Any], bytes] | None
    deserialize: Callable[[bytes], Any] | None

    def request_bytes(self, request: Any) -> bytes:
        """Return a request as it travels."""
        return request if self.serialize is None else self.serialize(request)

    def response_of(self, message: bytes) -> Any:
        """Return a response that came."""
        return message if self.deserialize is None else self.deserialize(message)

    def carries(self, data: bytes, wait_for_ready: bool | None) -> bool:
        """Return whether a request goes over a stream."""
        return self.links.supported and not wait_for_ready and len(data) <= _LARGE_BYTES

    def opening(self, data: bytes, metadata: Metadata, seconds: float | None) -> pb.Opening:
        """Return what begins a call now, with the metadata of the current context."""
        return pb.Opening(
            method=self.path,
            request=data,
            metadata=dict(call_metadata(current_context(), metadata)),
            timeout_us=0 if seconds is None else max(1, int(seconds * 1e6)),
        )

    def error(self, ending: pb.Ending) -> Exception:
        """Return the error that a call ended with."""
        trailers = grpc.aio.Metadata((DETAILS_KEY, ending.details)) if ending.details else grpc.aio.Metadata()
        code = _CODES.get(ending.code, grpc.StatusCode.UNKNOWN)
        return self.peer.error(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, ending.message, None))

    def expired(self) -> Exception:
        """Return the error of a call whose time is over."""
        return self.error(pb.Ending(code=grpc.StatusCode.DEADLINE_EXCEEDED.value[0]))


class CarriedSingleCall:
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
        if method.carries(data, wait_for_ready):
            limit = method.peer.timeout if timeout is None else timeout
            seconds = call_timeout(current_context(), limit, method.peer)
            opening = method.opening(data, metadata, seconds)
            for _ in range(_ATTEMPTS):
                try:
                    frame = await _Answer(method).of(method.links.next(), opening, seconds)
                except _Unsupported:
                    break
                if not frame.ending.refused:
                    return self._response(frame)
        return await method.plain(request, timeout=timeout, metadata=metadata, wait_for_ready=wait_for_ready)

    def _response(self, frame: pb.ServerFrame) -> Any:
        if frame.ending.code:
            raise self._method.error(frame.ending)
        return self._method.response_of(frame.message)


class _Unsupported(Exception):  # noqa: N818 - no error: the call is made otherwise
    """The server does not know the protocol."""


class _Answer:
    """Waits for the one frame of a call that answers once."""

    __slots__ = ("_frame", "_method")

    def __init__(self, method: Method) -> None:
        self._method = method
        self._frame: asyncio.Future[pb.ServerFrame] = asyncio.get_running_loop().create_future()

    async def of(self, link: Link, opening: pb.Opening, seconds: float | None) -> pb.ServerFrame:
        call_id = link.open(opening, self)
        timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._expire)
        try:
            return await self._frame
        finally:
            link.cancel(call_id)
            if timer is not None:
                timer.cancel()

    def take(self, frame: pb.ServerFrame) -> None:
        if not self._frame.done():
            self._frame.set_result(frame)

    def fail(self, error: grpc.aio.AioRpcError) -> None:
        if not self._frame.done():
            self._frame.set_exception(_failure(self._method, error))

    def _expire(self) -> None:
        if not self._frame.done():
            self._frame.set_exception(self._method.expired())


class CarriedStreamingCall:
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
    ) -> "CarriedStream | ResponseStream":
        """Start the call and return its responses."""
        method = self._method

        def plain() -> ResponseStream:
            return method.plain(request, timeout=timeout, metadata=metadata, wait_for_ready=wait_for_ready)

        data = method.request_bytes(request)
        if not method.carries(data, wait_for_ready):
            return plain()
        seconds = call_timeout(current_context(), timeout, method.peer)
        return CarriedStream(method, method.opening(data, metadata, seconds), seconds, plain)


class CarriedStream:
    """The responses of one call, to be iterated once; as a context manager it cancels what is left."""

    def __init__(
        self, method: Method, opening: pb.Opening, seconds: float | None, plain: Callable[[], ResponseStream]
    ) -> None:
        self._method = method
        self._opening = opening
        self._plain = plain
        # Set when the call had to be made without the streams after all.
        self._replaced: ResponseStream | None = None
        # Messages, and the ending. Never frames: each keeps the whole batch in memory that it came in.
        self._came: deque[bytes | pb.Ending] = deque()
        self._changed = asyncio.Event()
        self._failure: Exception | None = None
        self._ended = False
        self._taken = 0
        self._attempts = 0
        self._begin()
        loop = asyncio.get_running_loop()
        self._timer = None if seconds is None else loop.call_later(seconds, self._expire)

    async def read(self) -> Any:
        """Return the next response, or ``grpc.aio.EOF`` at the end. Not to be mixed with iteration."""
        while True:
            if self._replaced is not None:
                return await self._replaced.read()
            if self._came:
                match self._came.popleft():
                    case bytes() as message:
                        return self._method.response_of(self._counted(message))
                    case ending:
                        return self._end(ending)
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return EOF
            self._changed.clear()
            await self._changed.wait()

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
        self._link.cancel(self._call_id)
        self._finish()
        return running

    def take(self, frame: pb.ServerFrame) -> None:
        """Take a frame of this call."""
        if frame.ending.refused and self._attempts < _ATTEMPTS:
            self._begin()
            return
        self._came.append(_copied(frame.ending) if frame.HasField("ending") else frame.message)
        self._changed.set()

    def fail(self, error: grpc.aio.AioRpcError) -> None:
        """Take the failure of the stream it runs on."""
        failure = _failure(self._method, error)
        if isinstance(failure, _Unsupported):
            self._replaced = self._plain()
        else:
            self._failure = failure
        self._changed.set()

    def _begin(self) -> None:
        self._attempts += 1
        self._link = self._method.links.next()
        self._call_id = self._link.open(self._opening, self)

    def _end(self, ending: pb.Ending) -> Any:
        self._finish()
        if ending.code:
            raise self._method.error(ending)
        return EOF

    def _finish(self) -> None:
        self._ended = True
        self._changed.set()
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        self._link.cancel(self._call_id)
        self._failure = self._method.expired()
        self._changed.set()

    def _counted(self, message: bytes) -> bytes:
        """Give back, from time to time, what was taken of the window."""
        self._taken += len(message)
        if self._taken >= WINDOW_BYTES // 2:
            self._link.credit(self._call_id, self._taken)
            self._taken = 0
        return message


def _copied(ending: pb.Ending) -> pb.Ending:
    copy = pb.Ending()
    copy.CopyFrom(ending)
    return copy


def _failure(method: Method, error: grpc.aio.AioRpcError) -> Exception:
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        method.links.supported = False
        return _Unsupported()
    return method.peer.error(error)
