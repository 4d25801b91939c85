"""OpenAI, and everybody who speaks its dialect, through the official SDK.

The SDK makes the client: base URL, authentication and the headers OpenAI expects; models and embeddings
go through it whole. Completions take its headers and go the short way, see `upstream.py`.
"""

import base64
import binascii
from array import array
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

import openai

from llm_service.domain.model.event import Event, Started
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings, EventBatch, ModelCard, Provider
from llm_service.domain.model.request import CompletionRequest
from llm_service.providers.http_client import HttpResponse
from llm_service.providers.openai_chunk import ChunkReader, Json, error_of, reported, usage_of
from llm_service.providers.openai_request import OpenAiRequest, embedding_extras, request_of
from llm_service.providers.registry import ProviderServices
from llm_service.providers.sse import MAX_EVENT
from llm_service.providers.status import error_from_vendor, told_by_headers
from llm_service.providers.transport import sdk_options
from llm_service.providers.upstream import EVENT_STREAM, JSON_ANSWER, PICTURE_EVENT, Upstream
from penstock_kit.aside import run_aside
from penstock_kit.clock import Clock

if TYPE_CHECKING:
    from openai.types import CreateEmbeddingResponse

_DONE: Final = b"[DONE]"


def build(profile: ProviderProfile, services: ProviderServices) -> Provider:
    """Return a provider that speaks the dialect as `profile` says."""
    return OpenAiProvider(
        profile, clock=services.clock, new_id=services.new_id, connect_timeout=services.connect_timeout
    )


class OpenAiProvider:
    """One configured provider that speaks the dialect. `connect_timeout` is in seconds."""

    def __init__(
        self, profile: ProviderProfile, *, clock: Clock, new_id: Callable[[str], str], connect_timeout: float
    ) -> None:
        self._profile = profile
        self._clock = clock
        self._new_id = new_id
        self._sdk = openai.AsyncOpenAI(
            api_key=profile.keys[0] if profile.keys else "none",
            base_url=profile.base_url,
            default_headers=dict(profile.headers),
            http_client=openai.DefaultAioHttpClient(**sdk_options(profile)),
            max_retries=0,
        )
        self._url = f"{str(self._sdk.base_url).rstrip('/')}/chat/completions"
        headers = {**self._sdk.default_headers, **self._sdk.auth_headers}
        self._upstream = Upstream(profile.name, headers=headers, connect_timeout=connect_timeout, proxy=profile.proxy)

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the answer, each upstream read as one batch."""
        made = await run_aside(request.size, lambda: request_of(request, self._profile.quirks))
        async with self._upstream.post(self._url, made.body, request.model, size=request.size) as response:
            if response.status >= 300:
                raise await self._refused(response, request.model)
            kind = response.content_type
            if kind == JSON_ANSWER:
                yield await self._whole(response, request, made)
            elif kind == EVENT_STREAM:
                reader, started = ChunkReader(self._new_id, made.names), False
                longest = PICTURE_EVENT if "modalities" in made.body else MAX_EVENT
                async for datas in self._upstream.events(response, request.model, longest=longest):
                    batch = self._events(reader, datas, request, made if not started else None)
                    if _DONE in datas:
                        yield [*batch, *self._end(reader, request.model)]
                        return
                    if batch:
                        started = True
                        yield batch
                yield self._end(reader, request.model)
            else:
                raise self._upstream.protocol(f"answered {kind!r} instead of JSON or an event stream", request.model)

    def _events(
        self, reader: ChunkReader, datas: Sequence[bytes], request: CompletionRequest, made: OpenAiRequest | None
    ) -> list[Event]:
        """The events in `datas`; what was `made` of the request is given while the answer has not started."""
        events: list[Event] = []
        for data in datas:
            if data == _DONE:
                break
            chunk = self._checked(data, request.model)
            if made is not None:
                events.append(self._started(chunk, request, made))
                made = None
            events += self._read(reader, chunk, request.model)
        return events

    def _end(self, reader: ChunkReader, model: str) -> list[Event]:
        """The last events; a stream without a finish reason was cut, however politely."""
        if reader.gave_up:
            message = f"{self._profile.name} gave up in the middle of its answer ({reader.gave_up})"
            raise self._upstream.failure(message, FailureKind.SERVER, model)
        if events := reader.end():
            return events
        raise self._upstream.unfinished(model)

    async def _whole(self, response: HttpResponse, request: CompletionRequest, made: OpenAiRequest) -> EventBatch:
        answer = self._checked(await self._upstream.body(response, request.model), request.model)
        reader = ChunkReader(self._new_id, made.names)
        events = [self._started(answer, request, made), *self._read(reader, answer, request.model)]
        return [*events, *self._end(reader, request.model)]

    def _checked(self, data: bytes, model: str) -> Json:
        """The chunk, unless it says that the answer failed."""
        chunk = self._upstream.decoded(data, model)
        if chunk.get("error") or chunk.get("object") == "error":
            raise error_from_vendor(error_of(chunk), provider=self._profile.name, model=model)
        return chunk

    def _read(self, reader: ChunkReader, chunk: Json, model: str) -> list[Event]:
        try:
            return reader.events(chunk)
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            raise self._upstream.protocol("sent JSON of another shape than the dialect has", model) from error

    def _started(self, chunk: Json, request: CompletionRequest, made: OpenAiRequest) -> Started:
        said = reported(chunk)
        created = datetime.fromtimestamp(said.created, UTC) if said.created else self._clock.now()
        return Started(
            id=said.id or self._new_id("ans"),
            provider=self._profile.name,
            model=said.model or request.model,
            create_time=created,
            dropped_params=made.dropped,
        )

    async def _refused(self, response: HttpResponse, model: str) -> ProviderError:
        told = error_of(await self._upstream.error_body(response, model), response.status)
        return error_from_vendor(told_by_headers(told, response.headers), provider=self._profile.name, model=model)

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return vectors through the SDK, asked for in base64 and passed on as they are."""
        inputs: Any = list(request.inputs) or [list(tokens) for tokens in request.token_inputs]
        optional: dict[str, Any] = {"dimensions": request.dimensions} if request.dimensions else {}
        passed, dropped = embedding_extras(request.extra, self._profile.quirks)
        if passed:
            optional["extra_body"] = passed
        async with self._sdk_call(request.model):
            answer = await self._sdk.embeddings.create(
                model=request.model, input=inputs, encoding_format="base64", **optional
            )
            return replace(self._vectors(answer, request), dropped_params=dropped)

    def _vectors(self, answer: "CreateEmbeddingResponse", request: EmbeddingRequest) -> Embeddings:
        # The SDK builds what a vendor sent without checking it.
        values = tuple(_vector(item.embedding) for item in sorted(answer.data, key=lambda item: item.index))
        if len(values) != request.count:
            raise self._upstream.protocol(f"sent {len(values)} vectors for {request.count} inputs", request.model)
        return Embeddings(
            model=answer.model or request.model,
            values=values,
            usage=usage_of({"prompt_tokens": answer.usage.prompt_tokens}),
        )

    async def list_models(self) -> Sequence[ModelCard]:
        """Return what the vendor lists, through the SDK."""
        async with self._sdk_call(""):
            page = await self._sdk.models.list()
            return tuple(ModelCard(id=model.id, created=model.created or 0) for model in page.data)

    @asynccontextmanager
    async def _sdk_call(self, model: str) -> AsyncGenerator[None]:
        """Have one of the SDK's connections, and make its errors ours."""
        name = self._profile.name
        try:
            async with self._upstream.sdk_connection(model):
                yield
        except openai.APIStatusError as error:
            told = error_of(error.body, error.status_code)
            raise error_from_vendor(
                told_by_headers(told, error.response.headers), provider=name, model=model
            ) from error
        except openai.APIConnectionError as error:
            # The SDK calls a refused connection a timeout; its cause tells them apart.
            refused = not isinstance(error, openai.APITimeoutError) or "Connect" in type(error.__cause__).__name__
            kind = FailureKind.CONNECT if refused else FailureKind.TIMEOUT
            raise self._upstream.failure(f"{name} can't be reached: {kind.value}", kind, model) from error
        except (openai.OpenAIError, binascii.Error, ValueError, TypeError, AttributeError) as error:
            # The SDK builds its objects of what came, unchecked: a field that is missing shows when it is read.
            raise self._upstream.protocol(
                f"sent an answer the SDK can't read: {type(error).__name__}", model
            ) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._upstream.close()
        await self._sdk.close()


def _vector(embedding: object) -> bytes:
    if isinstance(embedding, str):
        return base64.b64decode(embedding, validate=True)
    return array("f", cast(list[float], embedding)).tobytes()
