"""The reading half of the HTTP protocol: what comes is parsed no further than it is answered soon."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from gateway.connection.head import WATCHED, RequestHead, origin_form, set_host, without_upgrade
from gateway.connection.limits import HttpLimits
from gateway.connection.pace import BodyPace
from gateway.connection.refusal import Refusal, head_too_large, malformed
from penstock_kit.logging import get_logger

log = get_logger(__name__)

_HEAD_END: Final = b"\r\n\r\n"
# Parsed without a look at how many requests are in it: as many as one connection may have waiting for a moment.
_SMALL: Final = 2048
# What is parsed at once where it isn't known where the message ends; about 600 of the smallest requests.
_SLICE: Final = 16 * 1024
# What may have come of a client that was told to wait.
_MOST_HELD: Final = 1024 * 1024
# Bytes of a chunked body without one of content between them: chunk extensions and trailers.
_MOST_FRAMING: Final = 32 * 1024

# Returns the whole answer to a request that is refused by its method, target and fields, None when it is not.
RefuseEarly = Callable[[bytes, bytes, Sequence[tuple[bytes, bytes]]], bytes | None]


class RequestReader(HttpToolsProtocol):
    """Reads requests within limits; what breaks them is left in `refusal` and told to `refuse`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: HttpLimits,
        refuse_early: RefuseEarly | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits = limits
        self.running: RequestResponseCycle | None = None
        self.refusal: Refusal | None = None
        self.deaf = False  # nothing that comes is looked at any more
        self.held: list[bytes] = []
        self.url = b""
        self.head = RequestHead()
        self.head_fed = 0
        self.reading_body = False
        self.received = 0
        self.pace = BodyPace(limits)
        # Since when, by the loop's time; 0: not now.
        self.head_since = 0.0
        self.idle_since = 0.0
        self._body_left = 0
        self._framing = 0
        self._refuse_early = refuse_early
        self._is_answered = False  # by its head alone: its body goes nowhere

    def refuse(self, refusal: Refusal) -> None:
        """End the connection with `refusal`."""
        raise NotImplementedError

    def head_read(self) -> None:
        """Note that a request is about to be served."""
        raise NotImplementedError

    def refused_read(self) -> None:
        """Note that all of a request is there that was refused by its head."""
        raise NotImplementedError

    def body_read(self) -> None:
        """Note that all of a request is there."""
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        """Parse what came, as far as it is answered soon."""
        if self.deaf:
            return
        self.received += len(data)
        if self.held or len(self.pipeline) >= self.limits.pipelined_requests:
            self._hold(data)
        elif len(data) <= _SMALL or self._ends_at_most_one(data):
            self._feed(data)
        else:
            self._feed_pieces(data)

    def _ends_at_most_one(self, data: bytes) -> bool:
        if self.reading_body:
            return len(data) <= self._body_left
        end = data.find(_HEAD_END)
        return (end < 0 and len(data) <= _SLICE) or end + len(_HEAD_END) == len(data)

    def _feed_pieces(self, data: bytes) -> None:
        position, end = 0, len(data)
        while position < end and not self.deaf:
            if len(self.pipeline) >= self.limits.pipelined_requests:
                self._hold(data[position:])
                return
            stop = self._next_stop(data, position)
            self._feed(data[position:stop])
            position = stop

    def _next_stop(self, data: bytes, position: int) -> int:
        if self.reading_body:
            return position + (self._body_left or _SLICE)
        end = data.find(_HEAD_END, position, position + _SLICE)
        return end + len(_HEAD_END) if end >= 0 else position + _SLICE

    def _hold(self, data: bytes) -> None:
        """Keep what came while enough requests wait, and read no more."""
        self.held.append(data)
        self.flow.pause_reading()
        if sum(map(len, self.held)) > _MOST_HELD:
            log.info("a client that sent on though it was told to wait was let go")
            self.transport.abort()

    def feed_held(self) -> None:
        """Go on with what was held back."""
        if self.deaf or not self.held:
            return
        data = b"".join(self.held)
        self.held.clear()
        self._feed_pieces(data)
        if not self.held and not self.pipeline:
            self.flow.resume_reading()

    def _feed(self, data: bytes) -> None:
        if self.reading_body:
            self._framing += len(data)
        else:
            self.head_fed += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError:
            self._object(malformed("the target of the request is no path"))
        except httptools.HttpParserError as error:
            self._object(malformed(f"this is not HTTP/1.1: {error}"))
        if self.head_fed > self.limits.head_bytes:
            self._object(head_too_large(self.limits.head_bytes, self.limits.head_fields))
        if self._framing > _MOST_FRAMING:
            self._object(malformed("the body has too much around its chunks"))
        if self.refusal is not None and not self.deaf:
            self.refuse(self.refusal)

    def _object(self, refusal: Refusal) -> None:
        self.refusal = self.refusal or refusal

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        super().on_message_begin()
        self.idle_since = 0.0
        self.head_since = self.loop.time()
        self.head = RequestHead()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head. What comes after the body is no part of it: a trailer is dropped."""
        if self.reading_body:
            return
        name = name.lower()
        if name in WATCHED:
            self.head.note(name, value)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Start the application, unless the head is one to refuse."""
        if self.refusal is not None or self._is_refused() or self._comes_again():
            return
        if target := origin_form(self.url):
            self.url = target[0]
            set_host(self.headers, target[1])
        self.expect_100_continue = self.head.continues
        self.head_since, self.head_fed, self._framing = 0.0, 0, 0
        self.reading_body, self._body_left = True, self.head.length
        self.pace.begin(self.loop.time(), self.received)
        if self._is_refused_early():
            return
        self.head_read()
        super().on_headers_complete()

    def _is_refused_early(self) -> bool:
        """Answer a request with a small body by its head alone, if it is one too many and comes after all others."""
        if self._refuse_early is None or self.running is not None or self.pipeline or self.flow.write_paused:
            return False
        head = self.head
        if head.length > _SMALL or head.codings or head.continues or head.offers_upgrade:
            return False
        if self.parser.get_http_version() != "1.1" or not self.parser.should_keep_alive():
            return False
        answer = self._refuse_early(self.parser.get_method(), self.url, self.headers)
        if answer is None:
            return False
        self._is_answered = True
        self.transport.write(answer)
        return True

    def _is_refused(self) -> bool:
        if self.head_fed > self.limits.head_bytes or len(self.headers) > self.limits.head_fields:
            self.refusal = head_too_large(self.limits.head_bytes, self.limits.head_fields)
            return True
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self.refusal = self.head.objection(version=version, method=method, url=self.url)
        if self.refusal is None and self.running is not None and self.takes_upgrade():
            self.refusal = malformed("another protocol can be taken only when no answer is under way")
        return self.refusal is not None

    def _comes_again(self) -> bool:
        """Whether the parser stops here, for an upgrade that is not taken; the request is then read without it."""
        return self.head.offers_upgrade and self.parser.should_upgrade() and not self.takes_upgrade()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self.refusal is not None or not self.reading_body:
            return
        self._framing = 0
        self._body_left = max(0, self._body_left - len(body))
        if not self._is_answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request; the next may come."""
        if self.refusal is not None or not self.reading_body:
            return
        self.reading_body = False
        if self._is_answered:
            self._is_answered = False
            self.refused_read()
            return
        super().on_message_complete()
        self.body_read()

    def takes_upgrade(self) -> bool:
        """Return whether the request opens a WebSocket."""
        return self.head.offers_upgrade and self.parser.get_method() == b"GET" and self._should_upgrade()

    def _upgrade(self, rest: bytes) -> None:
        """Hand over to the WebSocket protocol, or read the request again as if no other protocol were offered."""
        if self.refusal is not None:
            return
        if self.takes_upgrade():
            self.handle_websocket_upgrade()
            return
        headers = [name + b": " + value for name, value in without_upgrade(self.headers)]
        line = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.head_fed = 0
        self._feed(b"\r\n".join([line, *headers]) + _HEAD_END)
        self._feed_pieces(rest)
