"""Streams a request body into a client-streaming RPC, without ever holding it."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

from penstock.feature.v1 import feature_pb2 as pb
from starlette.types import Receive

from gateway.http.disconnect import ClientDisconnected
from penstock_kit.errors import PenstockError
from penstock_kit.grpc.call import EOF

Answer = TypeVar("Answer")
_CHUNK: Final = 1024 * 1024


class Upload:
    """The messages of one ingest: the options, then the body in chunks of at most 1 MiB, as it comes.

    gRPC takes the next message only when the peer has room, and only then is more of the body read.
    """

    def __init__(self, options: pb.IngestOptions, receive: Receive) -> None:
        self._options = options
        self._receive = receive
        self._failure: Exception | None = None

    async def send(self, call: Callable[..., Awaitable[Answer]], *, timeout: float) -> Answer:
        """Make `call` with the messages; what breaks the body (too large, client gone) is raised as it is."""
        try:
            return await call(self._messages(), timeout=timeout)
        except PenstockError:
            if self._failure is not None:
                raise self._failure from None
            raise

    async def watch(self, call: Callable[..., Any], *, timeout: float) -> AsyncGenerator[pb.WatchIngestResponse]:
        """Make `call` with the messages, and yield how far it is and the result; raises as :meth:`send` does."""
        parts = (_watched(message) async for message in self._messages())
        try:
            async with call(parts, timeout=timeout) as answers:
                while (message := await answers.read()) is not EOF:
                    yield message
        except PenstockError:
            if self._failure is not None:
                raise self._failure from None
            raise

    async def _messages(self) -> AsyncIterator[pb.IngestRequest]:
        yield pb.IngestRequest(options=self._options)
        try:
            async for chunk in self._chunks():
                yield pb.IngestRequest(chunk=chunk)
        except (ClientDisconnected, PenstockError) as error:
            self._failure = error
            # A cancelled call can look like the end of the body, and half a body must not be stored.
            # A message that is no chunk is refused, together with all that came before it.
            yield pb.IngestRequest()

    async def _chunks(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message: Any = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            body: bytes = message.get("body", b"")
            for start in range(0, len(body), _CHUNK):
                yield body[start : start + _CHUNK]
            more = message.get("more_body", False)


def _watched(message: pb.IngestRequest) -> pb.WatchIngestRequest:
    match message.WhichOneof("content"):
        case "options":
            return pb.WatchIngestRequest(options=message.options)
        case "chunk":
            return pb.WatchIngestRequest(chunk=message.chunk)
        case _:
            return pb.WatchIngestRequest()
