"""How an MCP server is connected to: over checked HTTP, or as a process of our own."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from chat_stream_service.adapters.operator_tools.address import Destinations, resolve
from chat_stream_service.adapters.operator_tools.entry import McpEntry

if TYPE_CHECKING:
    import httpx2

_CONNECT_SECONDS: Final = 5.0
# A server may hold its event stream open and say nothing; single calls have their own, shorter time.
_READ_SECONDS: Final = 300.0
_PORTS: Final = {"http": 80, "https": 443}


@asynccontextmanager
async def open_transport(entry: McpEntry, destinations: Destinations) -> AsyncGenerator[Any]:
    """Give the two streams of a connection to the entry's server."""
    opened = _over_http(entry, destinations) if entry.url else _as_process(entry)
    async with opened as streams:
        yield streams


@asynccontextmanager
async def _as_process(entry: McpEntry) -> AsyncGenerator[Any]:
    """Start the command; it gets the variables of the entry and a few harmless ones, not our whole environment."""
    from mcp.client.stdio import StdioServerParameters, stdio_client

    command, *arguments = entry.command
    parameters = StdioServerParameters(command=command, args=arguments, env=dict(entry.environment))
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: ASYNC230, PTH123 - opening it waits for nothing
        async with stdio_client(parameters, errlog=nowhere) as streams:
            yield streams


@asynccontextmanager
async def _over_http(entry: McpEntry, destinations: Destinations) -> AsyncGenerator[Any]:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    client = httpx2.AsyncClient(
        transport=checked_transport(destinations, max_bytes=entry.max_response_bytes),
        headers=dict(entry.headers),
        timeout=httpx2.Timeout(_CONNECT_SECONDS, read=_READ_SECONDS),
        follow_redirects=False,
        trust_env=False,
    )
    async with (
        client,
        streamable_http_client(entry.url, http_client=client, max_sse_event_size=entry.max_response_bytes) as streams,
    ):
        yield streams


def checked_transport(destinations: Destinations, *, max_bytes: int) -> "httpx2.AsyncBaseTransport":
    """Return an HTTP transport that connects to the address it has checked and reads at most `max_bytes` a body.

    Event streams have no end and are not bounded here; their single events are.
    """
    import httpx2

    class CheckedTransport(httpx2.AsyncBaseTransport):
        def __init__(self) -> None:
            self._inner = httpx2.AsyncHTTPTransport(trust_env=False)

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            host = request.url.host
            destinations.check_host(host)
            port = request.url.port or _PORTS[request.url.scheme]
            address = destinations.checked(host, await resolve(host, port))[0]
            response = await self._inner.handle_async_request(_redirected(request, address))
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                response.stream = _Bounded(response.stream, max_bytes)
            return response

        async def aclose(self) -> None:
            await self._inner.aclose()

    class _Bounded(httpx2.AsyncByteStream):
        def __init__(self, stream: Any, left: int) -> None:
            self._stream = stream
            self._left = left

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for part in self._stream:
                self._left -= len(part)
                if self._left < 0:
                    # The one failure of reading that the SDK answers the one call with.
                    raise httpx2.StreamError(f"the server answered more than {max_bytes:,} bytes; ask for less")
                yield part

        async def aclose(self) -> None:
            await self._stream.aclose()

    return CheckedTransport()


def _redirected(request: "httpx2.Request", address: str) -> "httpx2.Request":
    """Return the request sent to an address in place of its host, whose name TLS and the server are still told."""
    import httpx2

    extensions: Mapping[str, Any] = {**request.extensions, "sni_hostname": request.url.host}
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions=dict(extensions),
    )
