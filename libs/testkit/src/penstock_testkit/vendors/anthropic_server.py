"""A local server that speaks Anthropic's wire format: messages, token counts, models, and its failures.

In a test: ``async with AnthropicServer() as server: … server.base_url …``; in a process of its own:
``python -m penstock_testkit.vendors.anthropic_server PORT``.
"""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
from aiohttp import web

from penstock_testkit.vendors.reply import FakeToolCall, FakeUsage, Reply
from penstock_testkit.vendors.server import VendorServer

_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_GONE: Final = frozenset({"temperature", "top_p", "top_k"})
_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class AnthropicServer(VendorServer):
    """The fake vendor. It sends pings and an event of an unknown kind in every stream, as the real one may."""

    @property
    def base_url(self) -> str:
        """What to set as the base URL of a client."""
        return self.origin

    def _routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/messages", self._messages)
        router.add_post("/v1/messages/count_tokens", self._count_tokens)
        router.add_get("/v1/models", self._models)

    def _error_event(self, reply: Reply) -> bytes:
        return _event(_error_body(reply.code or "overloaded_error", reply.error))

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = await self._receive(request)
        if denied := self._denied(request, body):
            return denied
        return await self._scripted(lambda reply: self._answered(request, body, reply))

    async def _answered(self, request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
        if reply.status >= 300:
            return _error(reply.status, reply.error, reply.code, reply.headers)
        if body.get("stream"):
            return await self._stream(request, body, reply)
        return await self._whole(request, reply, lambda: _message(body, reply))

    def _denied(self, request: web.Request, body: Mapping[str, Any]) -> web.Response | None:
        """What the real server refuses before anything else."""
        given = request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._key and given != self._key:
            return _error(401, "invalid x-api-key", "", {})
        if not request.headers.get("anthropic-version"):
            return _error(400, "anthropic-version: header is required", "", {})
        if request.path == "/v1/messages" and "max_tokens" not in body:
            return _error(400, "max_tokens: Field required", "", {})
        if request.headers["anthropic-version"] >= "2026-10-21" and (gone := _GONE & body.keys()):
            return _error(400, f"{min(gone)}: Extra inputs are not permitted", "", {})
        return None

    async def _stream(self, request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
        async with self._opened(request, reply) as response:
            if reply.raw is not None:
                await response.write(reply.raw * reply.raw_times)
                return response
            start: dict[str, Any] = {
                **_head(body, reply),
                "content": [],
                "stop_reason": None,
                "usage": _usage(reply.usage, 1),
            }
            await response.write(_event({"type": "message_start", "message": start}) + _event({"type": "ping"}))
            await response.write(_event({"type": "weather_report", "sky": "blue"}))
            await self._send(request, response, reply, _pieces(reply))
            if reply.usage:
                self.sold.append(reply.usage)
            if reply.finish_reason is not None:
                usage = _usage(reply.usage, reply.usage.completion) if reply.usage else {"output_tokens": 0}
                await response.write(_event({"type": "message_delta", "delta": _stop(reply), "usage": usage}))
                await response.write(_event({"type": "message_stop"}))
            return response

    async def _count_tokens(self, request: web.Request) -> web.Response:
        body = await self._receive(request)
        return self._denied(request, body) or web.json_response({"input_tokens": len(orjson.dumps(body)) // 4})

    async def _models(self, request: web.Request) -> web.Response:
        model = {
            "id": "claude-fake",
            "type": "model",
            "display_name": "Claude Fake",
            "created_at": "2026-01-01T00:00:00Z",
            "max_input_tokens": 200_000,
        }
        page = {"data": [model], "has_more": False, "first_id": "claude-fake", "last_id": "claude-fake"}
        return self._denied(request, {}) or web.json_response(page)


def _blocks(reply: Reply) -> Iterator[dict[str, Any]]:
    if reply.blocks:
        yield from map(dict, reply.blocks)
        return
    if reply.thinking or reply.signature:
        yield {"type": "thinking", "thinking": "".join(reply.thinking), "signature": reply.signature}
    if reply.redacted:
        yield {"type": "redacted_thinking", "data": reply.redacted}
    if reply.chunks:
        yield {"type": "text", "text": reply.text}
    for call in reply.tool_calls:
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": orjson.loads(call.arguments)}


def _pieces(reply: Reply) -> Iterator[bytes]:
    if reply.blocks:
        for index, block in enumerate(reply.blocks):
            yield from _block_pieces(index, block)
        return
    for index, block in enumerate(_blocks(reply)):
        match block["type"]:
            case "thinking":
                yield _start(index, {"type": "thinking", "thinking": "", "signature": ""})
                yield from (_delta(index, "thinking_delta", "thinking", text) for text in reply.thinking)
                yield _delta(index, "signature_delta", "signature", reply.signature)
            case "text":
                # An empty delta, as happens.
                yield _start(index, {"type": "text", "text": ""}) + _delta(index, "text_delta", "text", "")
                yield from (_delta(index, "text_delta", "text", text) for text in reply.chunks)
            case "tool_use":
                yield _start(index, {**block, "input": {}})
                yield from _arguments(index, next(call for call in reply.tool_calls if call.id == block["id"]))
            case _:
                yield _start(index, block)
        yield _event({"type": "content_block_stop", "index": index})


def _block_pieces(index: int, block: Mapping[str, Any]) -> Iterator[bytes]:
    """A block given as it is: what grows comes as deltas, anything else with its start."""
    match block["type"]:
        case "thinking":
            yield _start(index, {"type": "thinking", "thinking": "", "signature": ""})
            yield _delta(index, "thinking_delta", "thinking", block["thinking"])
            yield _delta(index, "signature_delta", "signature", block["signature"])
        case "text":
            yield _start(index, {"type": "text", "text": ""})
            yield _delta(index, "text_delta", "text", block["text"])
        case "tool_use":
            yield _start(index, {**block, "input": {}})
            yield _delta(index, "input_json_delta", "partial_json", orjson.dumps(block["input"]).decode())
        case _:
            yield _start(index, block)
    yield _event({"type": "content_block_stop", "index": index})


def _arguments(index: int, call: FakeToolCall) -> Iterator[bytes]:
    """The first piece is empty, and no arguments are no pieces."""
    yield _delta(index, "input_json_delta", "partial_json", "")
    text = "" if call.arguments == "{}" else call.arguments
    for at in range(0, len(text), call.piece):
        yield _delta(index, "input_json_delta", "partial_json", text[at : at + call.piece])


def _start(index: int, block: Mapping[str, Any]) -> bytes:
    return _event({"type": "content_block_start", "index": index, "content_block": block})


def _delta(index: int, kind: str, name: str, text: str) -> bytes:
    return _event({"type": "content_block_delta", "index": index, "delta": {"type": kind, name: text}})


def _event(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: ".encode() + orjson.dumps(event) + b"\n\n"


def _message(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    made = reply.usage.completion if reply.usage else 0
    return {**_head(body, reply), "content": [*_blocks(reply)], **_stop(reply), "usage": _usage(reply.usage, made)}


def _head(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    model = reply.model or str(body.get("model", ""))
    return {"id": "msg_fake", "type": "message", "role": "assistant", "model": model, "stop_sequence": None}


def _stop(reply: Reply) -> dict[str, Any]:
    reason = _REASONS.get(reply.finish_reason or "", reply.finish_reason)
    details = {"type": "refusal", "category": "bio", "explanation": reply.refusal} if reply.refusal else None
    sequence = "END" if reason == "stop_sequence" else None
    return {"stop_reason": reason, "stop_sequence": sequence, "stop_details": details}


def _usage(usage: FakeUsage | None, made: int) -> dict[str, Any]:
    counted = usage or FakeUsage(prompt=0, completion=0)
    return {
        "input_tokens": counted.prompt - counted.cached - counted.written,
        "cache_read_input_tokens": counted.cached,
        "cache_creation_input_tokens": counted.written,
        "output_tokens": made,
        "output_tokens_details": {"thinking_tokens": min(made, counted.reasoning)},
    }


def _error(status: int, message: str, code: str, headers: Mapping[str, str]) -> web.Response:
    body = orjson.dumps(_error_body(code or _TYPES.get(status, "api_error"), message))
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def _error_body(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fake"}


async def _serve(port: int) -> None:
    async with AnthropicServer(port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
