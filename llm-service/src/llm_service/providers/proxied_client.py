"""The client for vendors behind an HTTP proxy: aiohttp's, read as our own client's answers are."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from llm_service.providers.connection_room import ConnectionRoom
from llm_service.providers.http_client import ConnectFailed, check_field, tls_context
from llm_service.providers.http_connection import ConnectionCut, HttpError, HttpResponse

_MAX_HEAD: Final = 64 * 1024
_OWN_FIELDS: Final = ("User-Agent", "Accept", "Content-Type")


class ProxiedClient:
    """Posts to one vendor through `proxy`, a URL that may hold a name and a password."""

    def __init__(self, *, headers: Mapping[str, str], connect_timeout: float, proxy: str) -> None:
        self._headers = {**headers, "accept-encoding": "identity"}
        self._connect_timeout = connect_timeout
        self._proxy = proxy
        self.room = ConnectionRoom()
        self._session: aiohttp.ClientSession | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> "ProxiedHttpRequest":
        """Return the request, to be entered: ``async with client.post(…) as response``."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is no http or https URL")
        fields = {**self._headers, **(headers or {})}
        for name, value in fields.items():
            check_field(name, value)
        return ProxiedHttpRequest(self, url, body, fields)

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Return the answer once its head has come. Raises ConnectFailed, ConnectionCut or HttpError."""
        try:
            session = await self._open_session()
            return await session.post(url, data=body, headers=headers, allow_redirects=False, proxy=self._proxy)
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.ServerTimeoutError) as error:
            raise ConnectFailed(_told(error)) from error
        except aiohttp.ClientError as error:
            raise _broken(error) from error

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            roots = await asyncio.to_thread(tls_context)
            self._session = self._session or aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=roots),
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=self._connect_timeout, sock_connect=self._connect_timeout
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_OWN_FIELDS,
                auto_decompress=False,
                max_line_size=_MAX_HEAD,
                max_field_size=_MAX_HEAD,
            )
        return self._session


class ProxiedHttpRequest:
    """One request and its answer. Leaving the block before the answer is complete closes the connection."""

    def __init__(self, client: ProxiedClient, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        self._client = client
        self._url = url
        self._body = body
        self._headers = headers
        self._answer: aiohttp.ClientResponse | None = None
        self._tenant_id = ""

    async def __aenter__(self) -> HttpResponse:
        self._tenant_id = await self._client.room.enter()
        try:
            self._answer = await self._client.send(self._url, self._body, self._headers)
        except BaseException:
            self._client.room.leave(self._tenant_id)
            raise
        return _ProxiedResponse(self._answer)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A connection whose answer was read to its end has gone back already.
        if self._answer is not None:
            self._answer.close()
            self._answer = None
            self._client.room.leave(self._tenant_id)


class _ProxiedResponse(HttpResponse):
    """An answer read by aiohttp, which holds no more of it than two of its buffers."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        super().__init__(answer.status, list(answer.raw_headers))
        self._content = answer.content

    async def read_some(self) -> bytes:
        try:
            data = await self._content.readany()
        except aiohttp.ClientError as error:
            raise _broken(error) from error
        self.complete = not data
        return data


def _broken(error: aiohttp.ClientError) -> HttpError:
    cut = isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError)
    return ConnectionCut(_told(error)) if cut else HttpError(_told(error))


def _told(error: aiohttp.ClientError) -> str:
    """What went wrong, without the proxy's password, which aiohttp's own texts may hold."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status} {error.message}"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the proxy can't be reached: {error.os_error.strerror or type(error.os_error).__name__}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.os_error}"
    return type(error).__name__
