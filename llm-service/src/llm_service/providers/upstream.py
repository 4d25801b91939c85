"""A vendor's HTTP side, the same for every dialect: connections, bounded bodies, events, and what went wrong as ours.

The vendor SDKs cost more CPU a request than everything else in this service together when they build
and parse each one, and some read lines of any length. So completions are sent and read here, on
aiohttp, with the headers the SDK makes; everything rarer goes through the SDK.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import aiohttp
import orjson

from llm_service.domain.failure import FailureKind, ProviderError
from llm_service.providers.sse import EventTooLongError, SseReader

Json = Mapping[str, Any]
EVENT_STREAM: Final = "text/event-stream"
JSON_ANSWER: Final = "application/json"
_MAX_ANSWER: Final = 32 * 1024 * 1024
_CONNECTIONS: Final = 1000
_NO_HEADERS: Final[Mapping[str, str]] = {}
_NOT_OURS: Final = frozenset({"content-length", "host", "transfer-encoding", "accept-encoding"})


class Upstream:
    """One vendor's server. `headers` go with every request, secrets among them; `connect_timeout` is in seconds."""

    def __init__(self, name: str, *, headers: Mapping[str, object], connect_timeout: float) -> None:
        self.name = name
        self._headers = {
            header.lower(): value
            for header, value in headers.items()
            if isinstance(value, str) and header.lower() not in _NOT_OURS
        }
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def post(
        self, url: str, body: object, model: str, *, headers: Mapping[str, str] = _NO_HEADERS
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Send `body` as JSON; the connection is closed unless the answer was read to its end.

        `headers` win over those that go with every request.
        """
        sent = {**self._headers, **headers} if headers else self._headers
        try:
            async with self.session.post(url, data=orjson.dumps(body), headers=sent, allow_redirects=False) as response:
                try:
                    yield response
                finally:
                    if not response.content.at_eof():
                        response.close()
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError, aiohttp.InvalidURL) as error:
            message = f"{self.name} can't be reached: {type(error).__name__}"
            raise self.failure(message, FailureKind.CONNECT, model) from error
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, ConnectionError) as error:
            raise self.failure(f"{self.name} cut the connection", FailureKind.CUT, model) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise self.protocol(f"sent no valid HTTP: {type(error).__name__}", model) from error

    @property
    def session(self) -> aiohttp.ClientSession:
        """The connections, opened on first use because they belong to the event loop.

        There is no limit in time but on connecting: how long to wait for an answer is the wrappers' business.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def events(self, response: aiohttp.ClientResponse, model: str) -> AsyncGenerator[list[bytes]]:
        """Yield the data of the events that each read completed, until the connection ends."""
        reader = SseReader()
        try:
            while received := await response.content.readany():
                if datas := list(reader.feed(received)):
                    yield datas
            if datas := list(reader.end()):
                yield datas
        except EventTooLongError as error:
            raise self.protocol(str(error), model) from error

    async def body(self, response: aiohttp.ClientResponse, model: str) -> bytes:
        """Return the whole body, of 32 MB at most."""
        pieces: list[bytes] = []
        size = 0
        async for piece in response.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > _MAX_ANSWER:
                raise self.protocol(f"sent more than {_MAX_ANSWER} bytes", model)
        return b"".join(pieces)

    async def error_body(self, response: aiohttp.ClientResponse, model: str) -> object:
        """Return the decoded body of a refusal, "" when it is no JSON (a proxy's HTML page)."""
        try:
            return orjson.loads(await self.body(response, model))
        except orjson.JSONDecodeError:
            return ""

    def decoded(self, data: bytes, model: str) -> Json:
        """Return `data` as a JSON object."""
        try:
            decoded = orjson.loads(data)
        except orjson.JSONDecodeError as error:
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
        if self._session is not None:
            await self._session.close()
