"""How an MCP server is connected to: over checked HTTP, or as a process of our own."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from chat_stream_service.adapters.operator_tools.entry import McpEntry
from chat_stream_service.adapters.operator_tools.inflate import Inflater
from chat_stream_service.adapters.operator_tools.mcp_pace import MessagePace
from chat_stream_service.adapters.operator_tools.mcp_reply import (
    LIST_BYTES,
    LIST_METHOD,
    error_message,
    forgotten,
    too_long,
)
from chat_stream_service.adapters.operator_tools.mcp_stdio import open_process
from chat_stream_service.adapters.operator_tools.mcp_vetting import OnUnfit, VettedStream
from penstock_kit.outbound.destinations import Destinations, resolve

if TYPE_CHECKING:
    import httpx2

_CONNECT_SECONDS: Final = 5.0
# A server may hold its event stream open and say nothing; single calls have their own, shorter time.
_READ_SECONDS: Final = 300.0
_PORTS: Final = {"http": 80, "https": 443}
_SESSION: Final = "mcp-session-id"
_NOT_FOUND: Final = 404
_EVENT_ENDS: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
# Headers that tell of a body as it was sent.
_REPLACED: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})


@asynccontextmanager
async def open_transport(
    entry: McpEntry, destinations: Destinations, on_unfit: OnUnfit, pace: MessagePace
) -> AsyncGenerator[Any]:
    """Give the two streams of a connection to the entry's server; `on_unfit` is told of tools that can't be read.

    Once the server exceeds `pace` nothing more is read of it.
    """
    opened = _over_http(entry, destinations, pace) if entry.url else open_process(entry, pace)
    async with opened as (reading, writing):
        yield VettedStream(reading, on_unfit), writing


@asynccontextmanager
async def _over_http(entry: McpEntry, destinations: Destinations, pace: MessagePace) -> AsyncGenerator[Any]:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    client = httpx2.AsyncClient(
        transport=checked_transport(destinations, max_bytes=entry.max_response_bytes, pace=pace),
        headers={"accept-encoding": "identity", **entry.headers},
        timeout=httpx2.Timeout(_CONNECT_SECONDS, read=_READ_SECONDS),
        follow_redirects=False,
        trust_env=False,
    )
    # Events are bounded by our transport, which answers for the server then; a failed stream would end the session.
    async with client, streamable_http_client(entry.url, http_client=client, max_sse_event_size=None) as streams:
        yield streams


def checked_transport(destinations: Destinations, *, max_bytes: int, pace: MessagePace) -> "httpx2.AsyncBaseTransport":
    """Return an HTTP transport that connects to the address it has checked and reads at most `max_bytes` an answer.

    An answer is a body, or one event of a stream, which may have no end. In place of one that is longer, or of a 404
    about the session, the caller gets a JSON-RPC error of ours. Streams end when their events exceed `pace`.
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
            asked = _rpc_request(request)
            if response.status_code == _NOT_FOUND and asked.request_id is not None and _SESSION in request.headers:
                await response.aclose()
                return _json_response(_NOT_FOUND, error_message(asked.request_id, forgotten()))
            limit = max(max_bytes, LIST_BYTES) if asked.method == LIST_METHOD else max_bytes
            return await _bounded(response, asked.request_id, limit, pace)

        async def aclose(self) -> None:
            await self._inner.aclose()

    return CheckedTransport()


@dataclass(frozen=True, slots=True, kw_only=True)
class _RpcRequest:
    """What a request asks; `request_id` is None for one that gets no answer."""

    method: str = ""
    request_id: Any = None


def _rpc_request(request: "httpx2.Request") -> _RpcRequest:
    if request.method != "POST":
        return _RpcRequest()
    body = json.loads(request.content)
    return _RpcRequest(method=body.get("method", ""), request_id=body.get("id"))


def _json_response(status: int, body: bytes) -> "httpx2.Response":
    import httpx2

    return httpx2.Response(status, headers={"content-type": "application/json"}, content=body)


async def _bounded(response: "httpx2.Response", request_id: Any, limit: int, pace: MessagePace) -> "httpx2.Response":
    """Return the response unpacked and bounded; a body is read here, an event stream as it comes."""
    import httpx2

    parts = _unpacked(response, limit)
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in _REPLACED]
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        stream = _event_stream(_events(parts, request_id, limit, pace), response)
        return httpx2.Response(response.status_code, headers=headers, stream=stream, extensions=response.extensions)
    body = bytearray()
    async with aclosing(parts):
        async for part in parts:
            body += part
            if len(body) > limit:
                break
    await response.aclose()
    if len(body) > limit:
        if request_id is None:
            return httpx2.Response(response.status_code, headers=headers)
        return _json_response(response.status_code, error_message(request_id, too_long(limit)))
    return httpx2.Response(response.status_code, headers=headers, content=bytes(body), extensions=response.extensions)


async def _unpacked(response: "httpx2.Response", limit: int) -> AsyncGenerator[bytes]:
    """Yield the body without its encoding; one piece is at most about `limit` long."""
    inflater = Inflater(response.headers.get("content-encoding", ""))
    stream: Any = response.stream
    async for part in stream:
        yield inflater.feed(part, limit)


async def _events(
    parts: AsyncGenerator[bytes], request_id: Any, limit: int, pace: MessagePace
) -> AsyncGenerator[bytes]:
    """Yield whole events; in place of one over `limit`, and of all that follow, comes our error. Ends when there are
    too many."""
    rest = b""
    async with aclosing(parts):
        async for part in parts:
            whole, rest = _split_events(rest, part)
            if not pace.admits(sum(whole.count(mark) for mark in _EVENT_ENDS), len(part)):
                return
            if whole:
                yield whole
            if len(rest) > limit:
                if request_id is not None:
                    yield b"event: message\ndata: " + error_message(request_id, too_long(limit)) + b"\n\n"
                return


def _split_events(rest: bytes, part: bytes) -> tuple[bytes, bytes]:
    """Return what ends with an event's end, and what is left of the next event."""
    seen = max(0, len(rest) - 3)
    text = rest + part
    end = max((at + len(mark) for mark in _EVENT_ENDS if (at := text.rfind(mark, seen)) >= 0), default=0)
    return text[:end], text[end:]


def _event_stream(events: AsyncGenerator[bytes], response: "httpx2.Response") -> "httpx2.AsyncByteStream":
    import httpx2

    class EventStream(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for event in events:
                yield event

        async def aclose(self) -> None:
            await events.aclose()
            await response.aclose()

    return EventStream()


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
