"""Anthropic's Messages API through the official SDK.

The SDK makes the client (authentication, version and client headers, the schema subset); counts and
models go through it whole. Messages take its headers and go the short way, see `upstream.py`.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import anthropic

from llm_service.domain.model.event import Event, Started
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings, EventBatch, ModelCard, Provider
from llm_service.domain.model.request import CompletionRequest
from llm_service.providers.anthropic_event import Json, MessageReader
from llm_service.providers.anthropic_request import AnthropicRequest, request_of
from llm_service.providers.http_client import HttpResponse
from llm_service.providers.registry import ProviderServices
from llm_service.providers.status import VendorError, error_from_vendor, told_by_headers
from llm_service.providers.transport import sdk_options
from llm_service.providers.upstream import EVENT_STREAM, JSON_ANSWER, Upstream
from penstock_kit.aside import run_aside
from penstock_kit.clock import Clock

_BASE_URL: Final = "https://api.anthropic.com"
# An error in the middle of a stream has a type and no status; this is the status it would have had.
_STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_COUNTED: Final = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
_COUNTED_BETA: Final = ("cache_control", "context_management", "mcp_servers", "speed")


def build(profile: ProviderProfile, services: ProviderServices) -> Provider:
    """Return a provider that speaks Anthropic's dialect."""
    return AnthropicProvider(
        profile, clock=services.clock, new_id=services.new_id, connect_timeout=services.connect_timeout
    )


class AnthropicProvider:
    """Claude, or a server that speaks its dialect. `connect_timeout` is in seconds."""

    def __init__(
        self, profile: ProviderProfile, *, clock: Clock, new_id: Callable[[str], str], connect_timeout: float
    ) -> None:
        self._name = profile.name
        self._clock = clock
        self._new_id = new_id
        self._sdk = anthropic.AsyncAnthropic(
            api_key=profile.keys[0] if profile.keys else "none",
            base_url=(profile.base_url or _BASE_URL).removesuffix("/v1"),
            default_headers=dict(profile.headers),
            http_client=anthropic.DefaultAioHttpClient(**sdk_options(profile)),
            max_retries=0,
        )
        self._url = f"{str(self._sdk.base_url).rstrip('/')}/v1/messages"
        headers = {**self._sdk.default_headers, **self._sdk.auth_headers}
        self._upstream = Upstream(profile.name, headers=headers, connect_timeout=connect_timeout, proxy=profile.proxy)

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the answer, each upstream read as one batch."""
        made = await run_aside(request.size, lambda: request_of(request, anthropic.transform_schema))
        asking = self._upstream.post(self._url, made.body, request.model, headers=made.headers, size=request.size)
        async with asking as response:
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

    async def _streamed(
        self, response: HttpResponse, request: CompletionRequest, made: AnthropicRequest
    ) -> AsyncGenerator[EventBatch]:
        reader = MessageReader(self._new_id, answers_by_tool=made.answers_by_tool, names=made.names)
        async for datas in self._upstream.events(response, request.model):
            batch = [event for data in datas for event in self._events(reader, data, request, made)]
            if reader.stopped:
                yield [*batch, *self._end(reader, request.model)]
                return
            if batch:
                yield batch
        yield self._end(reader, request.model)

    def _events(
        self, reader: MessageReader, data: bytes, request: CompletionRequest, made: AnthropicRequest
    ) -> list[Event]:
        event = self._checked(data, request.model)
        try:
            begun = event.get("type") == "message_start"
            started = [self._started(event["message"], request, made)] if begun else []
            return [*started, *reader.events(event)]
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            raise self._misshapen(request.model) from error

    async def _whole(
        self, response: HttpResponse, request: CompletionRequest, made: AnthropicRequest
    ) -> AsyncGenerator[EventBatch]:
        message = self._checked(await self._upstream.body(response, request.model), request.model)
        reader = MessageReader(self._new_id, answers_by_tool=made.answers_by_tool, names=made.names)
        try:
            events = [self._started(message, request, made), *reader.whole(message)]
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            raise self._misshapen(request.model) from error
        yield [*events, *self._end(reader, request.model)]

    def _misshapen(self, model: str) -> ProviderError:
        return self._upstream.protocol("sent JSON of another shape than the dialect has", model)

    def _end(self, reader: MessageReader, model: str) -> list[Event]:
        if events := reader.end():
            return events
        raise self._upstream.unfinished(model)

    def _checked(self, data: bytes, model: str) -> Json:
        """The event, unless it says that the answer failed."""
        event = self._upstream.decoded(data, model)
        if event.get("type") != "error":
            return event
        raise error_from_vendor(_error(event, 0), provider=self._name, model=model)

    def _started(self, message: Json, request: CompletionRequest, made: AnthropicRequest) -> Started:
        return Started(
            id=str(message.get("id") or "") or self._new_id("ans"),
            provider=self._name,
            model=str(message.get("model") or "") or request.model,
            create_time=self._clock.now(),
            dropped_params=tuple(made.dropped),
        )

    async def _refused(self, response: HttpResponse, model: str) -> ProviderError:
        told = _error(await self._upstream.error_body(response, model), response.status)
        return error_from_vendor(told_by_headers(told, response.headers), provider=self._name, model=model)

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Anthropic has no embeddings; raises ProviderError UNSUPPORTED."""
        message = f"{self._name} has no embeddings; name a provider that has, such as openai or gemini"
        raise self._upstream.failure(message, FailureKind.UNSUPPORTED, request.model)

    async def count_tokens(self, request: CompletionRequest) -> int:
        """Return how many tokens the vendor counts in the prompt, through the SDK."""
        made = await run_aside(request.size, lambda: request_of(request, anthropic.transform_schema))
        counted: dict[str, Any] = {name: made.body[name] for name in _COUNTED if name in made.body}
        more = {name: made.body[name] for name in _COUNTED_BETA if name in made.body}
        beta = {name: value for name, value in made.headers.items() if name == "anthropic-beta"}
        async with self._sdk_call(request.model):
            answer = await self._sdk.messages.count_tokens(**counted, extra_headers=beta, extra_body=more or None)
            return answer.input_tokens

    async def list_models(self) -> Sequence[ModelCard]:
        """Return what the vendor lists, through the SDK."""
        async with self._sdk_call(""):
            page = await self._sdk.models.list(limit=100)
            return tuple(
                ModelCard(
                    id=model.id, created=int(model.created_at.timestamp()), context_window=model.max_input_tokens or 0
                )
                for model in page.data
            )

    @asynccontextmanager
    async def _sdk_call(self, model: str) -> AsyncGenerator[None]:
        """Have one of the SDK's connections, and make its errors ours."""
        try:
            async with self._upstream.sdk_connection(model):
                yield
        except anthropic.APIStatusError as error:
            told = told_by_headers(_error(error.body, error.status_code), error.response.headers)
            raise error_from_vendor(told, provider=self._name, model=model) from error
        except anthropic.APIConnectionError as error:
            # The SDK calls a refused connection a timeout; its cause tells them apart.
            refused = not isinstance(error, anthropic.APITimeoutError) or "Connect" in type(error.__cause__).__name__
            kind = FailureKind.CONNECT if refused else FailureKind.TIMEOUT
            raise self._upstream.failure(f"{self._name} can't be reached: {kind.value}", kind, model) from error
        except (anthropic.AnthropicError, ValueError, AttributeError, TypeError) as error:
            what = f"sent an answer the SDK can't read: {type(error).__name__}"
            raise self._upstream.protocol(what, model) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._upstream.close()
        await self._sdk.close()


def _error(body: object, status: int) -> VendorError:
    """The error in a body; in the middle of a stream (`status` 0) it has the status that its type stands for."""
    inner = cast(Json, body).get("error") if isinstance(body, dict) else None
    error: Json = cast(Json, inner) if isinstance(inner, dict) else {"message": inner}
    message, kind = str(error.get("message") or ""), str(error.get("type") or "")
    if message.lower().startswith("prompt is too long"):
        kind = "context_length_exceeded"
    elif "credit balance is too low" in message.lower():
        # Told as a bad request, though no request of the caller's would do better.
        kind = "billing_error"
    return VendorError(status=status or _STATUSES.get(kind, 500), message=message, kind=kind)
