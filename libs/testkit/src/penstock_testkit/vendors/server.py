"""What every fake vendor does alike: a local server with scripted replies, counted callers and faults on the way."""

import asyncio
import ssl
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

import orjson
from aiohttp import web

from penstock_testkit.vendors.reply import FakeUsage, Received, Reply
from penstock_testkit.waiting import HANG_SECONDS

# Connections that may wait to be taken.
_BACKLOG: Final = 4096


class Cut(Exception):  # noqa: N818 - a way out of the handler, no error
    """The connection was torn down because the script said so."""


class VendorServer(ABC):
    """A fake vendor. Replies are taken from `script()` in order, then `default` for ever.

    `received` holds every request, `sold` the usage of every answer that was sent to its end.
    With `tls` it speaks https.
    """

    def __init__(
        self, *, default: Reply | None = None, key: str = "", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        self.default = default or Reply()
        self.received: list[Received] = []
        self.sold: list[FakeUsage] = []
        self.streaming = 0
        self.abandoned = 0
        self._key = key
        self._port = port
        self._replies: deque[Reply] = deque()
        self._runner: web.AppRunner | None = None
        self._changed = asyncio.Condition()
        self._stop = asyncio.Event()

    def script(self, *replies: Reply) -> None:
        """Answer the next requests with `replies`."""
        self._replies.extend(replies)

    @property
    def origin(self) -> str:
        """Where the server is."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @abstractmethod
    def _routes(self, router: web.UrlDispatcher) -> None:
        """Add the vendor's paths."""

    @abstractmethod
    def _error_event(self, reply: Reply) -> bytes:
        """The vendor's error in the middle of a stream."""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        self._routes(app.router)
        # The handler is cancelled when the client leaves, which is how `abandoned` is counted.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        # A thousand may come while this process is busy with something else: who finds no place waits for a second.
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls, backlog=_BACKLOG)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def wait_abandoned(self, count: int = 1) -> None:
        """Return when clients have left `count` answers unfinished; TimeoutError when that never comes."""
        async with asyncio.timeout(HANG_SECONDS), self._changed:
            await self._changed.wait_for(lambda: self.abandoned >= count)

    async def wait_streaming(self, count: int = 1) -> None:
        """Return when `count` answers are under way; TimeoutError when that never comes."""
        async with asyncio.timeout(HANG_SECONDS), self._changed:
            await self._changed.wait_for(lambda: self.streaming >= count)

    async def _receive(self, request: web.Request) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads(await request.read())
        at = time.monotonic()
        self.received.append(Received(path=request.path_qs, headers=dict(request.headers), body=body, at=at))
        return body

    async def _scripted(self, answer: Callable[[Reply], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        """Answer with the next reply, counting who leaves."""
        reply = self._replies.popleft() if self._replies else self.default
        await self._count(streaming=1)
        try:
            await asyncio.sleep(reply.delay)
            return await answer(reply)
        except Cut:
            return web.Response()
        except (asyncio.CancelledError, ConnectionError):
            await self._count(abandoned=1)
            raise
        finally:
            await self._count(streaming=-1)

    async def _whole(self, request: web.Request, reply: Reply, answer: Callable[[], object]) -> web.StreamResponse:
        """Send `answer` at once, or the reply's fault instead."""
        if reply.raw is not None:
            return web.Response(body=reply.raw * reply.raw_times, content_type=reply.content_type or "application/json")
        if reply.hang_after is not None:
            await self._stop.wait()
        if reply.cut_after is not None:
            cut(request)
        if reply.usage:
            self.sold.append(reply.usage)
        return web.Response(body=orjson.dumps(answer()), content_type="application/json", headers=reply.headers)

    @asynccontextmanager
    async def _opened(self, request: web.Request, reply: Reply) -> AsyncGenerator[web.StreamResponse]:
        """An event stream that was begun."""
        response = web.StreamResponse(headers=reply.headers)
        response.content_type = reply.content_type or "text/event-stream"
        await response.prepare(request)
        yield response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, reply: Reply, pieces: Iterable[bytes]
    ) -> None:
        """Send the pieces of the content, with the reply's faults between them."""
        sent = 0
        for piece in pieces:
            await self._fault(request, response, reply, sent)
            await response.write(piece)
            await asyncio.sleep(reply.chunk_delay)
            sent += 1
        await self._fault(request, response, reply, sent)

    async def _fault(self, request: web.Request, response: web.StreamResponse, reply: Reply, at: int) -> None:
        if reply.hang_after is not None and at >= reply.hang_after:
            await self._stop.wait()
        if reply.cut_after is not None and at >= reply.cut_after:
            cut(request)
        if reply.error_after is not None and at == reply.error_after:
            await response.write(self._error_event(reply))

    async def _count(self, *, streaming: int = 0, abandoned: int = 0) -> None:
        self.streaming += streaming
        self.abandoned += abandoned
        async with self._changed:
            self._changed.notify_all()


def cut(request: web.Request) -> None:
    """Tear the connection down without a word."""
    if request.transport is not None:
        request.transport.abort()
    raise Cut
