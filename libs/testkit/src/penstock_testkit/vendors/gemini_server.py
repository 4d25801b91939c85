"""A local server that speaks Gemini's wire format: contents, token counts, embeddings, models, and its failures.

In a test: ``async with GeminiServer() as server: … server.base_url …``; in a process of its own:
``python -m penstock_testkit.vendors.gemini_server PORT``.
"""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
from aiohttp import web

from penstock_testkit.vendors.reply import FakeUsage, Reply
from penstock_testkit.vendors.server import VendorServer

_DIMENSIONS: Final = 4
_REASONS: Final = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class GeminiServer(VendorServer):
    """The fake vendor. A `refusal` blocks the prompt, with the text as the reason; an error's `code` is its reason."""

    @property
    def base_url(self) -> str:
        """What to set as the base URL of a client."""
        return self.origin

    def _routes(self, router: web.UrlDispatcher) -> None:
        for version in ("v1", "v1beta"):
            router.add_post(f"/{version}/models/{{model}}:{{method}}", self._call)
            router.add_get(f"/{version}/models", self._models)

    def _error_event(self, reply: Reply) -> bytes:
        return _event(_error_body(503, reply.error, reply.code))

    async def _call(self, request: web.Request) -> web.StreamResponse:
        body = await self._receive(request)
        if denied := self._denied(request):
            return denied
        match request.match_info["method"]:
            case "countTokens":
                return web.json_response({"totalTokens": len(orjson.dumps(body)) // 4})
            case "batchEmbedContents":
                return web.json_response(_embeddings(body))
            case "generateContent" | "streamGenerateContent":
                return await self._scripted(lambda reply: self._answered(request, reply))
            case method:
                return _error(404, f"no method {method}", "", {})

    async def _answered(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        if reply.status >= 300:
            return _error(reply.status, reply.error, reply.code, reply.headers)
        if request.query.get("alt") == "sse":
            return await self._stream(request, reply)
        return await self._whole(request, reply, lambda: _answer(request, reply))

    def _denied(self, request: web.Request) -> web.Response | None:
        if self._key and request.headers.get("x-goog-api-key") != self._key:
            return _error(400, "API key not valid. Please pass a valid API key.", "API_KEY_INVALID", {})
        return None

    async def _stream(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        async with self._opened(request, reply) as response:
            if reply.raw is not None:
                await response.write(reply.raw * reply.raw_times)
                return response
            if reply.refusal:
                await response.write(_event(_blocked(request, reply)))
                return response
            parts = _parts(reply)
            await self._send(request, response, reply, (_event(_response(request, reply, [part])) for part in parts))
            if reply.usage:
                self.sold.append(reply.usage)
            if reply.finish_reason is not None:
                await response.write(_event(_last(request, reply, [{"text": ""}])))
            return response

    async def _models(self, request: web.Request) -> web.Response:
        chat = {
            "name": "models/gemini-fake",
            "inputTokenLimit": 1_000_000,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }
        embedding = {"name": "models/embedding-fake", "supportedGenerationMethods": ["embedContent"]}
        return self._denied(request) or web.json_response({"models": [chat, embedding]})


def _parts(reply: Reply) -> Iterator[dict[str, Any]]:
    signature = {"thoughtSignature": reply.signature} if reply.signature else {}
    for text in reply.thinking:
        yield {"text": text, "thought": True}
    for text in reply.chunks:
        yield {"text": text}
    for at, call in enumerate(reply.tool_calls):
        made: dict[str, Any] = {"name": call.name, "args": orjson.loads(call.arguments)}
        yield {"functionCall": made | ({"id": call.id} if call.id else {}), **(signature if at == 0 else {})}
    if signature and not reply.tool_calls:
        yield {"text": "", **signature}


def _response(request: web.Request, reply: Reply, parts: list[dict[str, Any]]) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if reply.logprobs:
        candidate["logprobsResult"] = reply.logprobs
    return {"candidates": [candidate], **_head(request, reply)}


def _last(request: web.Request, reply: Reply, parts: list[dict[str, Any]]) -> dict[str, Any]:
    made = _response(request, reply, parts)
    made["candidates"][0]["finishReason"] = _REASONS.get(reply.finish_reason or "", reply.finish_reason)
    return made | ({"usageMetadata": _usage(reply.usage)} if reply.usage else {})


def _answer(request: web.Request, reply: Reply) -> dict[str, Any]:
    return _blocked(request, reply) if reply.refusal else _last(request, reply, [*_parts(reply)])


def _blocked(request: web.Request, reply: Reply) -> dict[str, Any]:
    usage = {"usageMetadata": _usage(reply.usage)} if reply.usage else {}
    return {"promptFeedback": {"blockReason": reply.refusal}, **_head(request, reply), **usage}


def _head(request: web.Request, reply: Reply) -> dict[str, Any]:
    return {"responseId": "resp-fake", "modelVersion": reply.model or request.match_info["model"]}


def _usage(usage: FakeUsage) -> dict[str, Any]:
    return {
        "promptTokenCount": usage.prompt,
        "cachedContentTokenCount": usage.cached,
        "candidatesTokenCount": usage.completion - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "totalTokenCount": usage.prompt + usage.completion,
    }


def _embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    asked: list[dict[str, Any]] = body["requests"]
    size = int(asked[0].get("outputDimensionality") or _DIMENSIONS)
    return {"embeddings": [{"values": [3.0, 4.0 * at, *[0.0] * (size - 2)]} for at in range(len(asked))]}


def _event(response: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(response) + b"\r\n\r\n"


def _error(status: int, message: str, code: str, headers: Mapping[str, str]) -> web.Response:
    body = orjson.dumps(_error_body(status, message, code))
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def _error_body(status: int, message: str, code: str) -> dict[str, Any]:
    """The error; a `code` such as "34.5s" is the wait of a RetryInfo, any other the reason of an ErrorInfo."""
    details: list[dict[str, Any]] = []
    if code.endswith("s") and code[0].isdigit():
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": code})
    elif code:
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "google.test"})
    said = {"code": status, "message": message, "status": _STATUSES.get(status, "UNKNOWN"), "details": details}
    return {"error": said}


async def _serve(port: int) -> None:
    async with GeminiServer(port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
