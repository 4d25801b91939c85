"""A local server that speaks OpenAI's wire format: chat completions, embeddings, models, and its failures.

In a test: ``async with OpenAiServer() as server: … server.base_url …``; in a process of its own:
``python -m penstock_testkit.vendors.openai_server PORT``.
"""

import asyncio
import base64
import struct
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
from aiohttp import web

from penstock_testkit.vendors.reply import FakeToolCall, FakeUsage, Reply
from penstock_testkit.vendors.server import VendorServer

_DIMENSIONS: Final = 4


class OpenAiServer(VendorServer):
    """The fake vendor. `odd_embeddings`, when set, is what it answers to embeddings instead of vectors."""

    odd_embeddings: Any = None

    @property
    def base_url(self) -> str:
        """What to set as the base URL of a client."""
        return f"{self.origin}/v1"

    def _routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/chat/completions", self._chat)
        router.add_post("/v1/embeddings", self._embeddings)
        router.add_get("/v1/models", self._models)

    def _error_event(self, reply: Reply) -> bytes:
        return b"data: " + orjson.dumps(_error_body(reply.error, reply.code)) + b"\n\n"

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await self._receive(request)
        if denied := self._denied(request):
            return denied
        return await self._scripted(lambda reply: self._answered(request, body, reply))

    async def _answered(self, request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
        if reply.status >= 300:
            return _error(reply.status, reply.error, reply.code, reply.headers)
        if body.get("stream"):
            return await self._stream(request, body, reply)
        return await self._whole(request, reply, lambda: _answer(body, reply))

    def _denied(self, request: web.Request) -> web.Response | None:
        if self._key and request.headers.get("authorization") != f"Bearer {self._key}":
            return _error(401, "Incorrect API key provided: sk-wr***ng.", "invalid_api_key", {})
        return None

    async def _stream(self, request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
        async with self._opened(request, reply) as response:
            if reply.raw is not None:
                await response.write(reply.raw * reply.raw_times)
                return response
            model = reply.model or str(body.get("model", ""))
            choices = ([{"index": 0, "delta": delta, "logprobs": reply.logprobs}] for delta in _deltas(reply))
            await self._send(request, response, reply, (_event(model, choice) for choice in choices))
            await self._end(response, body, reply, model)
            return response

    async def _end(self, response: web.StreamResponse, body: Mapping[str, Any], reply: Reply, model: str) -> None:
        if reply.tail:
            await response.write(reply.tail)
            return
        if reply.finish_reason is not None:
            await response.write(_event(model, [{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}]))
        options: Mapping[str, Any] = body.get("stream_options") or {}
        if reply.usage:
            self.sold.append(reply.usage)
        if reply.usage and options.get("include_usage"):
            await response.write(_event(model, [], usage=_usage(reply.usage)))
        await response.write(b"data: [DONE]\n\n")

    async def _embeddings(self, request: web.Request) -> web.Response:
        body = await self._receive(request)
        if denied := self._denied(request):
            return denied
        if self.odd_embeddings is not None:
            return web.json_response(self.odd_embeddings)
        inputs = _inputs(body["input"])
        usage = {"prompt_tokens": len(inputs), "total_tokens": len(inputs)}
        size = int(body.get("dimensions") or _DIMENSIONS)
        data = [_embedding(at, size, str(body.get("encoding_format", "float"))) for at in range(len(inputs))]
        return web.json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})

    async def _models(self, request: web.Request) -> web.Response:
        if denied := self._denied(request):
            return denied
        models = [{"id": "fake-model", "object": "model", "created": 1, "owned_by": "fake"}]
        return web.json_response({"object": "list", "data": models})


def _answer(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    model = reply.model or str(body.get("model", ""))
    usage = {"usage": _usage(reply.usage)} if reply.usage else {}
    return {**_head("chat.completion", model), "choices": [_choice(reply)], **usage}


def _deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    role: dict[str, Any] = {"role": "assistant"}
    for piece in reply.thinking:
        yield role | {"reasoning_content": piece}
        role = {}
    for piece in reply.chunks if not reply.tool_calls else ():
        yield role | {"content": piece}
        role = {}
    if reply.refusal:
        yield role | {"refusal": reply.refusal}
    for index, call in enumerate(reply.tool_calls):
        yield from _call_deltas(index, call)


def _call_deltas(index: int, call: FakeToolCall) -> Iterator[dict[str, Any]]:
    head = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    yield {"tool_calls": [head]}
    for at in range(0, len(call.arguments), call.piece):
        yield {"tool_calls": [{"index": index, "function": {"arguments": call.arguments[at : at + call.piece]}}]}


def _choice(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None if reply.tool_calls else reply.text}
    if reply.thinking:
        message["reasoning_content"] = "".join(reply.thinking)
    if reply.refusal:
        message["refusal"] = reply.refusal
    if reply.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in reply.tool_calls
        ]
    return {"index": 0, "message": message, "finish_reason": reply.finish_reason, "logprobs": reply.logprobs}


def _head(kind: str, model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-fake", "object": kind, "created": 1_700_000_000, "model": model}


def _event(model: str, choices: list[dict[str, Any]], **more: Any) -> bytes:
    chunk = {**_head("chat.completion.chunk", model), "choices": choices, **more}
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _usage(usage: FakeUsage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _inputs(given: Any) -> list[Any]:
    """A text, a list of texts, token ids, or lists of token ids, as the list of inputs."""
    listed: list[Any] = [given] if isinstance(given, str) else given
    return [listed] if listed and isinstance(listed[0], int) else listed


def _embedding(at: int, size: int, encoding: str) -> dict[str, Any]:
    values = [float(at)] + [0.5] * (size - 1)
    encoded = base64.b64encode(struct.pack(f"<{size}f", *values)).decode() if encoding == "base64" else values
    return {"object": "embedding", "index": at, "embedding": encoded}


def _error(status: int, message: str, code: str, headers: Mapping[str, str]) -> web.Response:
    body = orjson.dumps(_error_body(message, code))
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def _error_body(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code or None}}


async def _serve(port: int) -> None:
    async with OpenAiServer(port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
