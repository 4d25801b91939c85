"""A local server that speaks OpenAI's wire format: chat completions, embeddings, models, and its failures.

In a test: ``async with OpenAiServer() as server: … server.base_url …``; in a process of its own:
``python -m penstock_testkit.vendors.openai_server PORT``.
"""

import asyncio
import base64
import struct
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

import orjson
from aiohttp import web

from penstock_testkit.vendors.reply import FakeToolCall, FakeUsage, Received, Reply

_WAIT: Final = 5.0
_DIMENSIONS: Final = 4


class _Cut(Exception):  # noqa: N818 - a way out of the handler, no error
    """The connection was torn down because the script said so."""


class OpenAiServer:
    """The fake vendor. Replies are taken from `script()` in order, then `default` for ever.

    `received` holds every request, `sold` the usage of every answer that was sent to its end.
    """

    def __init__(self, *, default: Reply | None = None, key: str = "", port: int = 0) -> None:
        self.default = default or Reply()
        self.received: list[Received] = []
        self.sold: list[FakeUsage] = []
        self._key = key
        self._port = port
        self._replies: deque[Reply] = deque()
        self._runner: web.AppRunner | None = None
        self._changed = asyncio.Condition()
        self._stop = asyncio.Event()
        self.streaming = 0
        self.abandoned = 0

    def script(self, *replies: Reply) -> None:
        """Answer the next requests with `replies`."""
        self._replies.extend(replies)

    @property
    def base_url(self) -> str:
        """What to set as the base URL of a client."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/embeddings", self._embeddings)
        app.router.add_get("/v1/models", self._models)
        # The handler is cancelled when the client leaves, which is how `abandoned` is counted.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
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
        """Return when clients have left `count` answers unfinished; TimeoutError after 5 s."""
        async with asyncio.timeout(_WAIT), self._changed:
            await self._changed.wait_for(lambda: self.abandoned >= count)

    async def wait_streaming(self, count: int = 1) -> None:
        """Return when `count` answers are under way; TimeoutError after 5 s."""
        async with asyncio.timeout(_WAIT), self._changed:
            await self._changed.wait_for(lambda: self.streaming >= count)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await self._receive(request)
        if denied := self._denied(request):
            return denied
        reply = self._replies.popleft() if self._replies else self.default
        await self._count(streaming=1)
        try:
            await asyncio.sleep(reply.delay)
            return await self._answered(request, body, reply)
        except _Cut:
            return web.Response()
        except (asyncio.CancelledError, ConnectionError):
            await self._count(abandoned=1)
            raise
        finally:
            await self._count(streaming=-1)

    async def _answered(self, request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
        if reply.status >= 300:
            return _error(reply.status, reply.error, reply.code, reply.headers)
        if body.get("stream"):
            return await self._stream(request, body, reply)
        return await self._whole(request, body, reply)

    async def _receive(self, request: web.Request) -> Mapping[str, Any]:
        body: dict[str, Any] = orjson.loads(await request.read())
        self.received.append(Received(path=request.path, headers=dict(request.headers), body=body))
        return body

    def _denied(self, request: web.Request) -> web.Response | None:
        if self._key and request.headers.get("authorization") != f"Bearer {self._key}":
            return _error(401, "Incorrect API key provided: sk-wr***ng.", "invalid_api_key", {})
        return None

    async def _whole(self, request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
        if reply.raw is not None:
            return web.Response(body=reply.raw, content_type=reply.content_type or "application/json")
        if reply.hang_after is not None:
            await self._stop.wait()
        if reply.cut_after is not None:
            _cut(request)
        model = reply.model or str(body.get("model", ""))
        answer = {**_head("chat.completion", model), "choices": [_choice(reply)]}
        if reply.usage:
            answer["usage"] = _usage(reply.usage)
            self.sold.append(reply.usage)
        return web.Response(body=orjson.dumps(answer), content_type="application/json", headers=reply.headers)

    async def _stream(self, request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(headers=reply.headers)
        response.content_type = reply.content_type or "text/event-stream"
        await response.prepare(request)
        if reply.raw is not None:
            await response.write(reply.raw)
            return response
        model = reply.model or str(body.get("model", ""))
        for at, delta in enumerate(_deltas(reply)):
            await self._fault(request, response, reply, at)
            await response.write(_event(model, [{"index": 0, "delta": delta, "logprobs": reply.logprobs}]))
            await asyncio.sleep(reply.chunk_delay)
        await self._fault(request, response, reply, len(reply.chunks))
        await self._end(response, body, reply, model)
        return response

    async def _fault(self, request: web.Request, response: web.StreamResponse, reply: Reply, at: int) -> None:
        if reply.hang_after is not None and at >= reply.hang_after:
            await self._stop.wait()
        if reply.cut_after is not None and at >= reply.cut_after:
            _cut(request)
        if reply.error_after is not None and at == reply.error_after:
            await response.write(b"data: " + orjson.dumps(_error_body(reply.error, reply.code)) + b"\n\n")

    async def _end(self, response: web.StreamResponse, body: Mapping[str, Any], reply: Reply, model: str) -> None:
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

    async def _count(self, *, streaming: int = 0, abandoned: int = 0) -> None:
        self.streaming += streaming
        self.abandoned += abandoned
        async with self._changed:
            self._changed.notify_all()


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


def _cut(request: web.Request) -> None:
    """Tear the connection down without a word."""
    if request.transport is not None:
        request.transport.abort()
    raise _Cut


async def _serve(port: int) -> None:
    async with OpenAiServer(port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
