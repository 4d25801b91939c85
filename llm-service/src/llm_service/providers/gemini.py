"""Google's Gemini API.

Answers and counts go the short way, see `upstream.py`: the official SDK reads lines of any length and
builds an object of each chunk. Embeddings and models go through the SDK, which is imported for the
first of these alone: it takes 47 MB and a second.
"""

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

from llm_service.domain.model.event import Event, Started
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings, EventBatch, ModelCard, Provider
from llm_service.domain.model.request import CompletionRequest
from llm_service.providers.gemini_error import error_of
from llm_service.providers.gemini_event import Json, ResponseReader
from llm_service.providers.gemini_request import GeminiRequest, request_of
from llm_service.providers.gemini_sdk import GeminiSdk
from llm_service.providers.http_client import HttpResponse
from llm_service.providers.registry import ProviderServices
from llm_service.providers.status import error_from_vendor, told_by_headers
from llm_service.providers.upstream import EVENT_STREAM, JSON_ANSWER, PICTURE_EVENT, Upstream
from penstock_kit.aside import run_aside
from penstock_kit.clock import Clock
from penstock_kit.errors import ErrorKind

_BASE_URL: Final = "https://generativelanguage.googleapis.com"
_VERSION: Final = "v1beta"
_MODEL: Final = re.compile(r"(models/|tunedModels/)?[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSIONED: Final = re.compile(r"(.*)/(v\d+(?:alpha|beta)?\d*)")


def build(profile: ProviderProfile, services: ProviderServices) -> Provider:
    """Return a provider that speaks Gemini's dialect."""
    return GeminiProvider(
        profile, clock=services.clock, new_id=services.new_id, connect_timeout=services.connect_timeout
    )


class GeminiProvider:
    """Gemini, or a server that speaks its dialect. `connect_timeout` is in seconds. The key goes into a header only."""

    def __init__(
        self, profile: ProviderProfile, *, clock: Clock, new_id: Callable[[str], str], connect_timeout: float
    ) -> None:
        self._name = profile.name
        self._clock = clock
        self._new_id = new_id
        key = profile.keys[0] if profile.keys else "none"
        versioned = _VERSIONED.fullmatch((profile.base_url or _BASE_URL).rstrip("/"))
        self._base_url = versioned[1] if versioned else (profile.base_url or _BASE_URL).rstrip("/")
        self._version = versioned[2] if versioned else _VERSION
        headers = {"content-type": "application/json", "x-goog-api-key": key, **profile.headers}
        self._upstream = Upstream(profile.name, headers=headers, connect_timeout=connect_timeout, proxy=profile.proxy)
        self._sdk = GeminiSdk(
            self._upstream,
            key=key,
            base_url=self._base_url,
            api_version=self._version,
            headers=profile.headers,
        )

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the answer, each upstream read as one batch."""
        made = await run_aside(request.size, lambda: request_of(request))
        method = "streamGenerateContent?alt=sse" if request.streaming else "generateContent"
        url = self._url(request.model, method)
        async with self._upstream.post(url, made.body, request.model, size=request.size) as response:
            if response.status >= 300:
                raise await self._refused(response, request.model)
            kind = response.content_type
            if kind == EVENT_STREAM:
                batches = self._streamed(response, request, made)
            elif kind == JSON_ANSWER:
                batches = self._whole(response, request, made)
            else:
                raise self._upstream.protocol(f"answered {kind!r} instead of JSON or an event stream", request.model)
            async for batch in batches:
                yield batch

    def _url(self, model: str, method: str) -> str:
        return f"{self._base_url}/{self._version}/{self._path(model)}:{method}"

    def _path(self, model: str) -> str:
        """The model is the caller's to name, so nothing in it may lead elsewhere."""
        named = _MODEL.fullmatch(model)
        if named is None:
            message = f"{self._name} has no model {model[:100]!r}: names are letters, digits, '.', '_' and '-'"
            raise ProviderError(
                message,
                provider=self._name,
                failure=FailureKind.UNSUPPORTED,
                kind=ErrorKind.NOT_FOUND,
                reason="PROVIDER_MODEL_NOT_FOUND",
            )
        return model if named[1] else f"models/{model}"

    async def _streamed(
        self, response: HttpResponse, request: CompletionRequest, made: GeminiRequest
    ) -> AsyncGenerator[EventBatch]:
        reader, started = ResponseReader(self._new_id, made.names), False
        async for datas in self._upstream.events(response, request.model, longest=PICTURE_EVENT):
            batch: list[Event] = []
            for data in datas:
                chunk = self._checked(data, request.model)
                if not started:
                    batch.append(self._started(chunk, request, made))
                    started = True
                batch += self._read(reader, chunk, request.model)
            yield batch
        yield self._end(reader, request.model)

    async def _whole(
        self, response: HttpResponse, request: CompletionRequest, made: GeminiRequest
    ) -> AsyncGenerator[EventBatch]:
        answer = self._checked(await self._upstream.body(response, request.model), request.model)
        reader = ResponseReader(self._new_id, made.names)
        events = [self._started(answer, request, made), *self._read(reader, answer, request.model)]
        yield [*events, *self._end(reader, request.model)]

    def _read(self, reader: ResponseReader, response: Json, model: str) -> list[Event]:
        try:
            return list(reader.events(response))
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            raise self._upstream.protocol("sent JSON of another shape than the dialect has", model) from error

    def _end(self, reader: ResponseReader, model: str) -> list[Event]:
        if reader.broken:
            message = f"{self._name} could not make an answer of what the model wrote ({reader.broken})"
            raise self._upstream.failure(message, FailureKind.SERVER, model)
        if events := reader.end():
            return events
        raise self._upstream.unfinished(model)

    def _checked(self, data: bytes, model: str) -> Json:
        """The response, unless it says that the answer failed."""
        response = self._upstream.decoded(data, model)
        if not response.get("error"):
            return response
        raise error_from_vendor(error_of(response, 0), provider=self._name, model=model)

    def _started(self, response: Json, request: CompletionRequest, made: GeminiRequest) -> Started:
        return Started(
            id=str(response.get("responseId") or "") or self._new_id("ans"),
            provider=self._name,
            model=str(response.get("modelVersion") or "") or request.model,
            create_time=self._clock.now(),
            dropped_params=made.dropped,
        )

    async def _refused(self, response: HttpResponse, model: str) -> ProviderError:
        told = error_of(await self._upstream.error_body(response, model), response.status)
        return error_from_vendor(told_by_headers(told, response.headers), provider=self._name, model=model)

    async def count_tokens(self, request: CompletionRequest) -> int:
        """Return how many tokens the vendor counts in the prompt, instructions and tools included."""
        body = (await run_aside(request.size, lambda: request_of(request))).body
        asked = {"generateContentRequest": {"model": self._path(request.model), **body}}
        url = self._url(request.model, "countTokens")
        async with self._upstream.post(url, asked, request.model, size=request.size) as response:
            if response.status >= 300:
                raise await self._refused(response, request.model)
            counted = self._upstream.decoded(await self._upstream.body(response, request.model), request.model)
        total = counted.get("totalTokens")
        if not isinstance(total, int):
            raise self._upstream.protocol("sent a token count without a total", request.model)
        return total

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return vectors through the SDK."""
        self._path(request.model)
        return await self._sdk.embed(request)

    async def list_models(self) -> Sequence[ModelCard]:
        """Return what the vendor lists, through the SDK."""
        return await self._sdk.list_models()

    async def close(self) -> None:
        """Close all connections."""
        await self._upstream.close()
        await self._sdk.close()
