"""Streams a request body into a client-streaming RPC, without ever holding it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar

from penstock.feature.v1 import feature_pb2 as pb
from starlette.types import Receive

from gateway.http.disconnect import ClientDisconnected
from penstock_kit.errors import PenstockError

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
