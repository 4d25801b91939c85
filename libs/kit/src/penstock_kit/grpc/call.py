"""One outgoing call: metadata and deadline from the current context, errors turned into ours."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar, cast, runtime_checkable

import grpc.aio

from penstock_kit.context import TRACEPARENT_KEY, CallContext, context_to_metadata, current_context
from penstock_kit.errors import DeadlineExceeded, PenstockError, Unavailable, error_from_rpc
from penstock_kit.grpc.admission import REASON as SECRET_INVALID
from penstock_kit.telemetry.tracing import current_span_traceparent

T = TypeVar("T")
# What reading a stream of messages returns at its end; the library's stubs do not know it.
EOF: Any = cast(Any, grpc.aio).EOF
Metadata = Sequence[tuple[str, str]]
# A call that a server which stops never took is made that often in all, then it fails.
_MOST_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The server of a channel: its service name and address for error messages, and the default timeout in seconds.

    `metadata` goes with every call: what shows that this process belongs to the installation.
    """

    service: str
    target: str
    timeout: float
    metadata: Metadata = ()

    def error(self, error: grpc.aio.AioRpcError) -> PenstockError:
        """Return the PenstockError that a failed call to this peer raises."""
        found = error_from_rpc(error, service=self.service, target=self.target)
        if found.reason == SECRET_INVALID:  # a fault of the installation's, no caller's
            message = (
                f"{self.service} at {self.target} does not take calls of this process: give both the same "
                "PENSTOCK_SERVICE_SECRET (or PENSTOCK_SERVICE_SECRET_FILE)"
            )
            return Unavailable(message, reason=SECRET_INVALID)
        return found


class SingleCall:
    """Callable of a method that answers once: ``await stub.Method(request)``."""

    __slots__ = ("_call", "_peer")

    def __init__(self, call: Any, peer: Peer) -> None:
        self._call = call
        self._peer = peer

    async def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Metadata = (), wait_for_ready: bool | None = None
    ) -> Any:
        """Return the response; raise the PenstockError of the peer, or Unavailable when there is none.

        `timeout` in seconds replaces the channel's; the context's deadline holds all the same.
        """
        context = current_context()
        for attempt in range(_MOST_ATTEMPTS):
            try:
                return await self._call(
                    request,
                    timeout=call_timeout(context, self._peer.timeout if timeout is None else timeout, self._peer),
                    metadata=call_metadata(context, (*self._peer.metadata, *metadata)),
                    wait_for_ready=wait_for_ready,
                )
            except grpc.aio.AioRpcError as error:
                if attempt + 1 == _MOST_ATTEMPTS or not _may_be_made_anew(request, error):
                    raise self._peer.error(error) from None
        raise AssertionError("the last attempt returns or raises")


class StreamingCall:
    """Callable of a method that answers many times; the call starts at once."""

    __slots__ = ("_call", "_peer")

    def __init__(self, call: Any, peer: Peer) -> None:
        self._call = call
        self._peer = peer

    def __call__(
        self,
        request: Any = None,
        *,
        timeout: float | None = None,
        metadata: Metadata = (),
        wait_for_ready: bool | None = None,
    ) -> "ResponseStream":
        """Start the call and return its responses; where there are many requests, `request` is their async iterator."""
        context = current_context()

        def start() -> Any:
            return self._call(
                request,
                timeout=call_timeout(context, timeout, self._peer),
                metadata=call_metadata(context, (*self._peer.metadata, *metadata)),
                wait_for_ready=wait_for_ready,
            )

        return ResponseStream(start, self._peer, request)


class ResponseStream:
    """The responses of one streaming call, to be iterated once; as a context manager it cancels what is left."""

    __slots__ = ("_attempts", "_call", "_peer", "_request", "_start")

    def __init__(self, start: Callable[[], Any], peer: Peer, request: Any) -> None:
        self._start = start
        self._peer = peer
        self._request = request
        self._attempts = 1
        self._call = start()

    async def __aiter__(self) -> AsyncGenerator[Any]:
        try:
            response = await self.read()
            while response is not EOF:
                yield response
                response = await self.read()
        finally:
            self._call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call.cancel()

    def cancel(self) -> bool:
        """Cancel the call; returns False when it is over already."""
        return self._call.cancel()

    def offer_to(self, take: Callable[[Any], bool]) -> None:
        """Do nothing: the responses of a call of its own are read, each of them."""

    async def read(self) -> Any:
        """Return the next response, or ``grpc.aio.EOF`` at the end. Not to be mixed with iteration."""
        while True:
            try:
                response = await self._call.read()
            except grpc.aio.AioRpcError as error:
                if self._attempts >= _MOST_ATTEMPTS or not _may_be_made_anew(self._request, error):
                    raise self._peer.error(error) from None
                self._attempts += 1
                self._call = self._start()
            else:
                # It has begun: it is not made anew, and its request, which may be large, need not be kept.
                self._request, self._start = None, _begun
                return response

    async def write(self, request: Any) -> None:
        """Send one more request (methods with many requests, started without an iterator)."""
        await self._translated(self._call.write(request))

    async def done_writing(self) -> None:
        """Tell the peer that no request follows."""
        await self._translated(self._call.done_writing())

    async def initial_metadata(self) -> Any:
        """Return the metadata the peer sent before its first response."""
        return await self._translated(self._call.initial_metadata())

    async def trailing_metadata(self) -> Any:
        """Return the metadata the peer ended the call with."""
        return await self._translated(self._call.trailing_metadata())

    async def _translated(self, operation: Any) -> Any:
        try:
            return await operation
        except grpc.aio.AioRpcError as error:
            raise self._peer.error(error) from None


def _begun() -> Any:
    raise AssertionError("a call that has begun is not made anew")


def was_never_taken(error: grpc.aio.AioRpcError) -> bool:
    """Return whether the call reached no handler, so that making it anew is no repetition.

    A server that stops resets what has arrived and waits for a handler: gRPC's core has no second GOAWAY, before which
    such calls would be served. What a handler ended has other words or metadata, and what was running when a server
    stopped is UNAVAILABLE.

    So are, about once in a thousand restarts of a busy server, calls that no handler took and of which only the core of
    the server could tell: one that came between its look at whether it stops and its queue stays there until the grace
    is over ("Cancelling all calls"), and a connection may end before the reset has left ("Stream removed"). They could
    have begun for all that a caller knows: only `idempotent` methods are repeated.
    """
    return (
        error.code() is grpc.StatusCode.CANCELLED
        and error.details() == error.code().name
        and not error.initial_metadata()
        and not error.trailing_metadata()
    )


def _may_be_made_anew(request: Any, error: grpc.aio.AioRpcError) -> bool:
    """Return whether to make a call anew; the requests of an iterator are gone."""
    return was_never_taken(error) and request is not None and not isinstance(request, AsyncIterable)


@runtime_checkable
class Cancellable(Protocol):
    """A call that may still run."""

    def cancel(self) -> bool:
        """Cancel it; returns False when it is over already."""
        ...


@asynccontextmanager
async def responses(call: AsyncIterable[T]) -> AsyncGenerator[AsyncIterator[T]]:
    """Iterate a streaming call and cancel what is left of it when the block ends, however it ends.

    ``async with responses(stub.Stream(request)) as events: async for event in events: …``
    """
    iterator = aiter(call)
    try:
        yield iterator
    finally:
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()
        if isinstance(call, Cancellable):
            call.cancel()


def call_timeout(context: CallContext, seconds: float | None, peer: Peer) -> float | None:
    """Return the seconds a call gets: `seconds`, or what the context's deadline leaves; DeadlineExceeded for none."""
    remaining = context.remaining()
    if remaining is None:
        return seconds
    if remaining == 0:  # gRPC would still send the request, and on a fast link answer it
        raise DeadlineExceeded(f"the deadline of the call passed before {peer.service} was asked")
    return remaining if seconds is None else min(remaining, seconds)


def call_metadata(context: CallContext, extra: Metadata) -> Metadata:
    """Return what a call carries: the context, the trace it belongs to, and `extra`."""
    pairs = context_to_metadata(context)
    span = current_span_traceparent()
    if span:
        pairs = (*(pair for pair in pairs if pair[0] != TRACEPARENT_KEY), (TRACEPARENT_KEY, span))
    return (*pairs, *extra) if extra else pairs
