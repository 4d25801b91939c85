"""One HTTP/1.1 connection to a vendor: a request out, its answer in, piece by piece and bounded."""

import asyncio
from functools import cached_property
from typing import Final, cast

import httptools
from multidict import CIMultiDict

_MAX_HEAD: Final = 64 * 1024
# The vendor is read from again only when so much of what it sent has been taken.
_MAX_HELD: Final = 256 * 1024
_SWITCHING: Final = 101
_FIRST_FINAL: Final = 200
_NO_CONTENT: Final = frozenset({204, 304})


class HttpError(Exception):
    """The server does not speak HTTP as it should."""


class ConnectionCut(HttpError):  # noqa: N818 - what happened, not what went wrong here
    """The connection ended before the answer was complete."""


class HttpResponse:
    """An answer whose head is there; its body is read with :meth:`read_some`."""

    def __init__(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self._fields = fields
        self._pieces: list[bytes] = []
        self._held = 0
        self._waiter: asyncio.Future[None] | None = None
        self._failure: HttpError | None = None
        self._transport: asyncio.Transport | None = None
        self.complete = False

    @cached_property
    def headers(self) -> CIMultiDict[str]:
        """The headers, by their names in any case."""
        return CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in self._fields)

    @cached_property
    def content_type(self) -> str:
        """The media type without its parameters, lower case; "application/octet-stream" when none is said."""
        return self.field(b"content-type").partition(b";")[0].strip().lower().decode("latin-1") or (
            "application/octet-stream"
        )

    def field(self, wanted: bytes) -> bytes:
        """Return the first value of a header given in lower case, empty when it is not there."""
        return next((value for name, value in self._fields if name.lower() == wanted), b"")

    async def read_some(self) -> bytes:
        """Return what has come of the body, at least a byte; nothing at its end. Raises HttpError."""
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self.complete:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        if self._transport is not None:
            # Also after the end of the answer: the connection may carry another one.
            if not self._transport.is_closing():
                self._transport.resume_reading()
            self._transport = None
        self._held = 0
        return data

    def feed(self, data: bytes, transport: asyncio.Transport) -> None:
        """Take a piece of the body."""
        self._pieces.append(data)
        if self._held <= _MAX_HELD < self._held + len(data):
            self._transport = transport
            transport.pause_reading()
        self._held += len(data)
        self._wake()

    def end(self) -> None:
        """The body is complete."""
        self.complete = True
        self._wake()

    def fail(self, failure: HttpError) -> None:
        """Nothing more comes, though something should."""
        self._failure = failure
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class HttpConnection(asyncio.Protocol):
    """A connection that carries one request after the other."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: asyncio.Future[HttpResponse] | None = None
        self._response: HttpResponse | None = None
        self._fields: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        # What the parser's callbacks found wrong: it would wrap what they raise.
        self._fault: HttpError | None = None
        self._keep = False
        self.idle_since = 0.0

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        transport = self._transport
        return self._keep and self._answer is None and transport is not None and not transport.is_closing()

    async def send(self, request: bytes) -> HttpResponse:
        """Send a request and return the answer once its head has come. Raises HttpError."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionCut("the connection was closed")
        self._parser = httptools.HttpResponseParser(self)
        self._fields, self._head_size, self._response, self._keep = [], 0, None, False
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def finish(self) -> bool:
        """End the request; return whether the connection can be used again. Otherwise it is closed at once."""
        complete = self._response is not None and self._response.complete
        self._answer = self._response = self._parser = None
        if complete and self.reusable:
            return True
        self.close()
        return False

    def close(self) -> None:
        """Close the connection now."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came; bytes that nobody asked for make the connection useless."""
        if self._parser is None:
            self.close()
            return
        if self._response is None:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
            if self._response is None and self._head_size > _MAX_HEAD:
                raise HttpError(f"the head of the answer is longer than {_MAX_HEAD} bytes")
        except httptools.HttpParserError as error:
            self._fail(self._fault or HttpError(f"{type(error).__name__}: {error}"))
        except httptools.HttpParserUpgrade:
            self._fail(HttpError("it switches to another protocol"))
        except HttpError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """A body without a length ends with the connection; everything else is cut off."""
        self._keep = False
        response = self._response
        if response is not None and not response.complete and exc is None and self._ends_with_connection(response):
            response.end()
            return
        self._fail(ConnectionCut(f"{exc}" if exc else "the connection was closed"))

    # the parser's side

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; those of a trailer come too late to matter."""
        if self._response is None:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there: give it to whom it was asked for."""
        parser, answer = self._parser, self._answer
        if parser is None or answer is None:
            return
        status = parser.get_status_code()
        if status == _SWITCHING or self._response is not None:
            self._fault = HttpError("it answers what was not asked")
            raise self._fault
        if status < _FIRST_FINAL:  # "100 Continue" and its like: the answer is still to come
            self._fields = []
            return
        self._response = HttpResponse(status, self._fields)
        if not answer.done():
            answer.set_result(self._response)

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        if self._response is not None and self._transport is not None:
            self._response.feed(body, self._transport)

    def on_message_complete(self) -> None:
        """The answer is whole; what comes after an early "100 Continue" is not the end."""
        if self._response is not None and self._parser is not None:
            self._keep = self._parser.should_keep_alive()
            self._response.end()

    def _ends_with_connection(self, response: HttpResponse) -> bool:
        framed = response.field(b"content-length") or response.field(b"transfer-encoding")
        return not framed and response.status not in _NO_CONTENT

    def _fail(self, failure: HttpError) -> None:
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(failure)
        elif self._response is not None and not self._response.complete:
            self._response.fail(failure)
