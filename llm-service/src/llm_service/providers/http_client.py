"""A small HTTP/1.1 client: what calls of models need, at a third of a general client's cost a call.

It posts JSON, follows no redirect, keeps no cookie, asks no proxy and reads answers as they are sent. Calls through a
proxy have another client (`transport.py`), and so has everything rarer (the vendors' SDKs).
"""

import asyncio
import functools
import ssl
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from llm_service.providers.connection_room import CONNECTIONS, POOL_SECONDS, ConnectionRoom
from llm_service.providers.http_connection import ConnectionCut, HttpConnection, HttpError, HttpResponse

__all__ = ["ConnectFailed", "ConnectionCut", "HttpClient", "HttpError", "HttpResponse"]

# Servers close what is idle; a little earlier is early enough.
_IDLE_SECONDS: Final = 15.0
_OWN_FIELDS: Final = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})


class ConnectFailed(HttpError):  # noqa: N818 - what happened, not what went wrong here
    """No connection was made, or not in time."""


class _Origin(NamedTuple):
    """Where connections go."""

    host: str
    port: int
    tls: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """A URL, taken apart."""

    origin: _Origin
    host_field: str
    target: str


class HttpClient:
    """Posts to one vendor over kept connections, `connections` of them at most.

    `headers` go with every request; `connect_timeout` is in seconds, and so is `pool_timeout`, for which a request
    waits for a connection when all are in use.
    """

    def __init__(
        self,
        *,
        headers: Mapping[str, str],
        connect_timeout: float,
        connections: int = CONNECTIONS,
        pool_timeout: float = POOL_SECONDS,
    ) -> None:
        self._fields = _field_lines(headers.items())
        self._connect_timeout = connect_timeout
        self._idle: defaultdict[_Origin, list[HttpConnection]] = defaultdict(list)
        self.room = ConnectionRoom(connections, pool_timeout)
        self._tls: ssl.SSLContext | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> "HttpRequest":
        """Return the request, to be entered: ``async with client.post(…) as response``.

        `headers` are sent beside those of the client. Entering raises ConnectFailed, AllInUse, ConnectionCut or
        HttpError, and ValueError for a URL or header that can't be sent.
        """
        place = _place(url)
        head = (
            f"POST {place.target} HTTP/1.1\r\nhost: {place.host_field}\r\naccept-encoding: identity\r\n"
            f"{self._fields}{_field_lines(headers.items()) if headers else ''}content-length: {len(body)}\r\n\r\n"
        )
        return HttpRequest(self, place.origin, head.encode("latin-1") + body)

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def acquire(self, origin: _Origin) -> tuple[HttpConnection, str]:
        """Return a connection, a kept one if there is one, and for whom. Raises ConnectFailed, or AllInUse."""
        tenant_id = await self.room.enter()
        idle, oldest = self._idle[origin], asyncio.get_running_loop().time() - _IDLE_SECONDS
        while idle:
            connection = idle.pop()
            if connection.reusable and connection.idle_since > oldest:
                return connection, tenant_id
            connection.close()
        try:
            return await self._connect(origin), tenant_id
        except BaseException:
            self.room.leave(tenant_id)
            raise

    def release(self, origin: _Origin, connection: HttpConnection, tenant_id: str) -> None:
        """Keep a connection whose request has ended, if it can be used again."""
        self.room.leave(tenant_id)
        if connection.finish():
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle[origin].append(connection)

    async def _connect(self, origin: _Origin) -> HttpConnection:
        loop = asyncio.get_running_loop()
        if origin.tls and self._tls is None:
            self._tls = await asyncio.to_thread(tls_context)
        try:
            async with asyncio.timeout(self._connect_timeout):
                _, connection = await loop.create_connection(
                    HttpConnection, origin.host, origin.port, ssl=self._tls if origin.tls else None
                )
        except TimeoutError:
            raise ConnectFailed(f"no connection within {self._connect_timeout:g} s") from None
        except OSError as error:  # TLS errors are of this kind too
            raise ConnectFailed(f"{error}") from error
        return connection


class HttpRequest:
    """One request and its answer. Leaving the block before the answer is complete closes the connection."""

    __slots__ = ("_client", "_connection", "_origin", "_request", "_tenant_id")

    def __init__(self, client: HttpClient, origin: _Origin, request: bytes) -> None:
        self._client = client
        self._origin = origin
        self._request = request
        self._connection: HttpConnection | None = None
        self._tenant_id = ""

    async def __aenter__(self) -> HttpResponse:
        self._connection, self._tenant_id = await self._client.acquire(self._origin)
        try:
            return await self._connection.send(self._request)
        except BaseException:
            self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._connection is not None:
            self._client.release(self._origin, self._connection, self._tenant_id)
            self._connection = None


def _field_lines(fields: Iterable[tuple[str, str]]) -> str:
    lines: list[str] = []
    for name, value in fields:
        if name.lower() in _OWN_FIELDS:
            continue
        check_field(name, value)
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines)


def check_field(name: str, value: str) -> None:
    """Raise ValueError for a header that would become two."""
    if any(mark in f"{name}{value}" for mark in "\r\n\0"):
        raise ValueError(f"the header {name!r} has a line break in it")


@functools.lru_cache(256)
def _place(url: str) -> _Place:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url!r} is no http or https URL")
    tls = parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or any(mark.isspace() for mark in target):
        raise ValueError(f"{url!r} holds characters that a request can't carry")
    return _Place(_Origin(parts.hostname, port, tls), f"{host}:{parts.port}" if parts.port else host, target)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the system's roots, or those of SSL_CERT_FILE.

    Reading them takes a while, so it is done once and not on the event loop."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
