"""A provider that records the traffic with a real vendor, and plays it back with scripted faults.

The vendor's own adapter talks to a deck on the loopback interface, which hands the vendor's bytes on and
writes them down, or plays them. So what is played goes through everything that real traffic goes through.
"""

import asyncio
import importlib
import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

import aiohttp
import orjson
from aiohttp import web

from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import Cassette, ProviderProfile
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings, EventBatch, ModelCard, Provider
from llm_service.domain.model.request import CompletionRequest
from llm_service.providers.registry import DIALECTS, DialectModule, ProviderServices
from llm_service.providers.tape import Fault, Take, Tape, digest

_HOP_BY_HOP: Final = frozenset({"host", "content-length", "connection", "transfer-encoding", "accept-encoding"})
_SETTLING: Final = 1.0
_MAX_BODY: Final = 64 * 1024 * 1024


def build(profile: ProviderProfile, services: ProviderServices) -> Provider:
    """Return the provider of the tape's vendor, with the deck between the two. Raises KeyError without a cassette."""
    if profile.cassette is None:
        raise KeyError("cassette")
    url = urlsplit(profile.base_url)
    deck = Deck(
        Tape(Path(profile.cassette.file), profile.keys),
        cassette=profile.cassette,
        origin=f"{url.scheme}://{url.netloc}",
        connect_timeout=services.connect_timeout,
        proxy=profile.proxy,
    )
    module = cast(DialectModule, importlib.import_module(DIALECTS[profile.cassette.dialect]))
    path = url.path or ("/v1" if profile.cassette.dialect == "openai" else "")
    inner = replace(profile, base_url=f"{deck.origin}{path}", dialect=profile.cassette.dialect, cassette=None, proxy="")
    return CassetteProvider(profile.name, module.build(inner, services), deck)


class CassetteProvider:
    """The vendor's adapter, asked once the deck runs."""

    def __init__(self, name: str, inner: Provider, deck: "Deck") -> None:
        self._name = name
        self._inner = inner
        self._deck = deck

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the vendor's answer, or the recorded one."""
        await self._started()
        async with aclosing(self._inner.stream(request)) as batches:
            async for batch in batches:
                yield batch
        await self._deck.settle()

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return the vendor's vectors, or the recorded ones."""
        await self._started()
        vectors = await self._inner.embed(request)
        await self._deck.settle()
        return vectors

    async def list_models(self) -> Sequence[ModelCard]:
        """Return the vendor's models, or the recorded ones."""
        await self._started()
        return await self._inner.list_models()

    async def _started(self) -> None:
        try:
            await self._deck.start()
        except (OSError, ValueError) as error:
            message = f"{self._name} can't play its cassette: {error}"
            raise ProviderError(message, provider=self._name, failure=FailureKind.UNSUPPORTED) from error

    async def close(self) -> None:
        """Close the adapter and the deck."""
        await self._inner.close()
        await self._deck.close()


class Deck:
    """A server on the loopback interface that plays `tape`, or records what the vendor at `origin` says."""

    def __init__(self, tape: Tape, *, cassette: Cassette, origin: str, connect_timeout: float, proxy: str = "") -> None:
        self._tape = tape
        self._cassette = cassette
        self._vendor = origin
        self._connect_timeout = connect_timeout
        self._proxy = proxy
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._starting = asyncio.Lock()
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._stop = asyncio.Event()
        self._changed = asyncio.Condition()
        self._recording = 0

    @property
    def origin(self) -> str:
        """Where the vendor's adapter is to go."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def start(self) -> None:
        """Serve, once. Raises OSError or ValueError when the tape can't be played."""
        async with self._starting:
            if self._runner is not None:
                return
            if not self._cassette.record:
                await asyncio.to_thread(self._tape.load)
            app = web.Application(client_max_size=_MAX_BODY)
            app.router.add_route("*", "/{path:.*}", self._record if self._cassette.record else self._play)
            # An adapter that has its answer leaves before the recording is done, so leaving cancels nothing there.
            leaving = not self._cassette.record
            runner = web.AppRunner(app, access_log=None, handler_cancellation=leaving, shutdown_timeout=0.1)
            await runner.setup()
            await web.SockSite(runner, self._socket).start()
            self._runner = runner

    async def settle(self) -> None:
        """Return when everything recorded so far is on the tape; it is not waited for longer than a second."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLING), self._changed:
                await self._changed.wait_for(lambda: not self._recording)

    async def close(self) -> None:
        """Stop serving."""
        self._stop.set()
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._socket.close()

    async def _record(self, request: web.Request) -> web.StreamResponse:
        self._recording += 1
        try:
            return await self._recorded(request, await request.read())
        finally:
            self._recording -= 1
            async with self._changed:
                self._changed.notify_all()

    async def _recorded(self, request: web.Request, body: bytes) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        chunks: list[bytes] = []
        async with self._http().request(
            request.method, f"{self._vendor}{request.path_qs}", data=body, headers=headers, allow_redirects=False
        ) as answer:
            kept = {name.lower(): value for name, value in answer.headers.items()}
            response = web.StreamResponse(status=answer.status, headers=_passed_on(kept))
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                chunks.append(chunk)
                await response.write(chunk)
        take = Take(
            path=request.path,
            match=digest(body),
            model=_model(body),
            status=response.status,
            headers=kept,
            chunks=tuple(chunks),
        )
        await asyncio.to_thread(self._tape.record, take)
        return response

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout)
            self._session = aiohttp.ClientSession(
                timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), proxy=self._proxy or None
            )
        return self._session

    async def _play(self, request: web.Request) -> web.StreamResponse:
        take = self._tape.next(request.path, await request.read())
        if take is None:
            message = f"the cassette {self._cassette.file} has no take of this request to {request.path}"
            return web.json_response({"error": {"message": message, "type": "not_found_error"}}, status=404)
        await asyncio.sleep(take.fault.delay)
        if whole := _instead(take.fault):
            return whole
        response = web.StreamResponse(status=take.status, headers=_passed_on(take.headers))
        await response.prepare(request)
        for at, chunk in enumerate(take.chunks):
            await self._break(request, take.fault, at)
            await response.write(chunk)
        await self._break(request, take.fault, len(take.chunks))
        return response

    async def _break(self, request: web.Request, fault: Fault, at: int) -> None:
        if fault.hang_after is not None and at >= fault.hang_after:
            await self._stop.wait()
        if fault.cut_after is not None and at >= fault.cut_after and request.transport is not None:
            request.transport.abort()
            raise asyncio.CancelledError


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """The answer's headers but those of the connection; the body was decoded on the way."""
    return {name: value for name, value in headers.items() if name not in _HOP_BY_HOP | {"content-encoding"}}


def _instead(fault: Fault) -> web.Response | None:
    if fault.status:
        headers = {"retry-after": fault.retry_after} if fault.retry_after else {}
        return web.json_response({"error": {"message": "scripted"}}, status=fault.status, headers=headers)
    if fault.html:
        return web.Response(text="<html><body>502 Bad Gateway</body></html>", content_type="text/html")
    if fault.garbage:
        return web.Response(body=b"data: {\xff\xfe oops\n\n", content_type="text/event-stream")
    return None


def _model(body: bytes) -> str:
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(cast(dict[str, object], decoded).get("model", "")) if isinstance(decoded, dict) else ""
