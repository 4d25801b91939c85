"""A vendor's HTTP side, the same for every dialect: connections, bounded bodies, events, and what went wrong as ours.

The vendor SDKs cost more CPU a request than everything else in this service together when they build
and parse each one, and some read lines of any length. So completions are sent and read here, with the headers
the SDK makes; everything rarer goes through the SDK.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self, cast

import aiohttp
import orjson

from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.providers.connection_room import AllInUse, ConnectionRoom
from llm_service.providers.http_client import (
    ConnectFailed,
    ConnectionCut,
    HttpError,
    HttpResponse,
)
from llm_service.providers.sse import MAX_EVENT, ErrorData, EventTooLongError, SseReader, error_json
from llm_service.providers.surrogate import decode_split
from llm_service.providers.transport import open_transport
from penstock_kit.aside import run_aside
from penstock_kit.half_character import json_without_halves

Json = Mapping[str, Any]
EVENT_STREAM: Final = "text/event-stream"
JSON_ANSWER: Final = "application/json"
_MAX_ANSWER: Final = 32 * 1024 * 1024
# Of an event with a picture, which has to go on as a message between services.
PICTURE_EVENT: Final = 24 * 1024 * 1024
# At once through an SDK: those of OpenAI and Anthropic have as many of their own.
_CONNECTIONS: Final = 1000
# Events of an answer's first read that go on before the others of it are looked at: a role, and the first words.
_FIRST_EVENTS: Final = 4


class Upstream:
    """One vendor's server. `headers` go with every request, secrets among them; `connect_timeout` is in seconds.

    `proxy` is the URL of the proxy that calls take, empty for none.
    """

    def __init__(self, name: str, *, headers: Mapping[str, object], connect_timeout: float, proxy: str = "") -> None:
        self.name = name
        fields = {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
        self._client = open_transport(headers=fields, connect_timeout=connect_timeout, proxy=proxy)
        self._proxy = proxy
        self._connect_timeout = connect_timeout
        self.sdk_room = ConnectionRoom(_CONNECTIONS)
        self._session: aiohttp.ClientSession | None = None

    def post(
        self, url: str, body: object, model: str, *, headers: Mapping[str, str] | None = None, size: int = 0
    ) -> "UpstreamRequest":
        """Send `body` as JSON: ``async with upstream.post(…) as response``. What goes wrong is a ProviderError.

        The connection is closed unless the answer was read to its end. `headers` go beside those of every request. A
        body of many bytes, about `size`, is written beside the event loop.
        """
        return UpstreamRequest(self, lambda: self._client.post(url, orjson.dumps(body), headers), model, size)

    def connection_error(self, error: HttpError, model: str) -> ProviderError:
        """Return the failure that an error of the connection is."""
        match error:
            case AllInUse():
                message = f"{self.name} was not asked: {error}"
                return ProviderError(
                    message, provider=self.name, failure=FailureKind.CROWDED, model=model, retry_after=1, asked=False
                )
            case ConnectFailed():
                return self.failure(f"{self.name} can't be reached: {error}", FailureKind.CONNECT, model)
            case ConnectionCut():
                return self.failure(f"{self.name} cut the connection", FailureKind.CUT, model)
            case _:
                return self.protocol(f"sent no valid HTTP: {error}", model)

    @asynccontextmanager
    async def sdk_connection(self, model: str) -> AsyncGenerator[None]:
        """Have one of the connections of the vendor's SDK within the block: no tenant has all of them.

        Raises ProviderError CROWDED when none is free in time.
        """
        try:
            tenant_id = await self.sdk_room.enter()
        except AllInUse as error:
            raise self.connection_error(error, model) from error
        try:
            yield
        finally:
            self.sdk_room.leave(tenant_id)

    @property
    def session(self) -> aiohttp.ClientSession:
        """A session for an SDK that can use one, opened on first use because it belongs to the event loop.

        There is no limit in time but on connecting: how long to wait for an answer is the wrappers' business.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                proxy=self._proxy or None,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def events(self, response: HttpResponse, model: str, *, longest: int = MAX_EVENT) -> "EventReads":
        """Return the data of the events that each read completes, until the connection ends.

        An event of more than `longest` bytes is the vendor's failure.
        """
        return EventReads(self, response, model, longest)

    async def body(self, response: HttpResponse, model: str) -> bytes:
        """Return the whole body, of 32 MB at most."""
        pieces: list[bytes] = []
        size = 0
        while piece := await response.read_some():
            pieces.append(piece)
            size += len(piece)
            if size > _MAX_ANSWER:
                raise self.protocol(f"sent more than {_MAX_ANSWER} bytes", model)
        return b"".join(pieces)

    async def error_body(self, response: HttpResponse, model: str) -> object:
        """Return the decoded body of a refusal, "" when it is no JSON (a proxy's HTML page)."""
        body = await self.body(response, model)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            return json_without_halves(decode_split(body)) or ""

    def decoded(self, data: bytes, model: str) -> Json:
        """Return `data` as a JSON object, a SplitJson when characters in it are cut in two.

        The data of an error is always an object with `error`, whatever the vendor wrote.
        """
        try:
            decoded = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            if isinstance(data, ErrorData):
                return error_json(data)
            if (split := decode_split(data)) is not None:
                return split
            raise self.protocol("sent something that is not JSON", model) from error
        if not isinstance(decoded, dict):
            raise self.protocol("sent JSON that is not an object", model)
        return cast(Json, decoded)

    def protocol(self, what: str, model: str) -> ProviderError:
        """Return the failure of a vendor that `what`, such as "sent …"."""
        return self.failure(f"{self.name} {what}", FailureKind.PROTOCOL, model)

    def failure(self, message: str, failure: FailureKind, model: str) -> ProviderError:
        """Return a failure of this vendor."""
        return ProviderError(message, provider=self.name, failure=failure, model=model)

    def unfinished(self, model: str) -> ProviderError:
        """Return the failure of an answer that ended, however politely, without saying why."""
        return self.failure(f"{self.name} ended its answer without a finish reason", FailureKind.CUT, model)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()
        if self._session is not None:
            await self._session.close()


class EventReads:
    """Iterates the data of the events that each read of an answer completes. Raises ProviderError.

    Of the first read the first few come alone: what they say need not wait until a long rest is understood.
    """

    __slots__ = ("_begun", "_ended", "_model", "_reader", "_response", "_rest", "_upstream")

    def __init__(self, upstream: Upstream, response: HttpResponse, model: str, longest: int) -> None:
        self._upstream = upstream
        self._response = response
        self._model = model
        self._reader = SseReader(longest)
        self._begun = False
        self._rest: list[bytes] = []
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[bytes]:
        if self._rest:
            datas, self._rest = self._rest, []
            return datas
        try:
            while received := await self._response.read_some():
                if datas := list(self._reader.feed(received)):
                    return datas if self._begun else self._first_of(datas)
            if not self._ended:
                self._ended = True
                if datas := list(self._reader.end()):
                    return datas
        except EventTooLongError as error:
            raise self._upstream.protocol(str(error), self._model) from error
        raise StopAsyncIteration

    def _first_of(self, datas: list[bytes]) -> list[bytes]:
        self._begun = True
        self._rest = datas[_FIRST_EVENTS:]
        return datas[:_FIRST_EVENTS]


class UpstreamRequest:
    """One question on its way; the block sees the head of the answer."""

    __slots__ = ("_make", "_model", "_request", "_size", "_upstream")

    def __init__(
        self, upstream: Upstream, make: Callable[[], AbstractAsyncContextManager[HttpResponse]], model: str, size: int
    ) -> None:
        self._upstream = upstream
        self._make = make
        self._model = model
        self._size = size

    async def __aenter__(self) -> HttpResponse:
        try:
            self._request = await run_aside(self._size, self._make)
        except ValueError as error:
            message = f"{self._upstream.name} can't be asked: {error}"
            raise self._upstream.failure(message, FailureKind.CONNECT, self._model) from error
        try:
            return await self._request.__aenter__()
        except HttpError as error:
            raise self._upstream.connection_error(error, self._model) from error

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._request.__aexit__(kind, error, trace)
        if isinstance(error, HttpError):
            raise self._upstream.connection_error(error, self._model) from error
