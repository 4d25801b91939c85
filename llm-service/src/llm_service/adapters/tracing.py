"""Spans of vendor calls, by OpenTelemetry's conventions for generative AI. No prompt or answer text."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Final

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from llm_service.domain.model.event import Event, Finished, Started
from llm_service.domain.model.failure import ProviderError
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings, EventBatch, ModelCard, Provider
from llm_service.domain.model.request import CompletionRequest, ResponseForm
from llm_service.domain.model.server import Server
from llm_service.domain.model.usage import Usage

_OPERATION: Final = "gen_ai.operation.name"
# Attribute by the conventions -> our knob.
_KNOBS: Final = {
    "gen_ai.request.temperature": "temperature",
    "gen_ai.request.top_p": "top_p",
    "gen_ai.request.top_k": "top_k",
    "gen_ai.request.max_tokens": "max_output_tokens",
    "gen_ai.request.seed": "seed",
    "gen_ai.request.frequency_penalty": "frequency_penalty",
    "gen_ai.request.presence_penalty": "presence_penalty",
}


class TracedProvider:
    """Records a client span for each call of the provider inside. `server` is where its vendor listens."""

    def __init__(self, inner: Provider, *, name: str, server: Server | None, tracer: Tracer) -> None:
        self._inner = inner
        self._always: dict[str, AttributeValue] = {"gen_ai.provider.name": name}
        if server is not None:
            self._always |= {"server.address": server.host, "server.port": server.port}
        self._tracer = tracer

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the inner provider's answer; the span ends with it."""
        # Not made current: a generator's caller would go on inside the span between two batches.
        span = self._span("chat", request.model, _knobs(request))
        try:
            async with aclosing(self._inner.stream(request)) as batches:
                async for batch in batches:
                    for event in batch:
                        _note(span, event)
                    yield batch
        except ProviderError as error:
            _fail(span, error)
            raise
        finally:
            span.end()

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return the inner provider's vectors within a span."""
        span = self._span("embeddings", request.model, _embedding_knobs(request))
        try:
            vectors = await self._inner.embed(request)
            _count(span, vectors.usage)
            return vectors
        except ProviderError as error:
            _fail(span, error)
            raise
        finally:
            span.end()

    async def list_models(self) -> Sequence[ModelCard]:
        """Return the inner provider's models."""
        return await self._inner.list_models()

    async def close(self) -> None:
        """Close the inner provider."""
        await self._inner.close()

    def _span(self, operation: str, model: str, knobs: Mapping[str, AttributeValue]) -> Span:
        attributes = {**self._always, _OPERATION: operation, "gen_ai.request.model": model, **knobs}
        return self._tracer.start_span(f"{operation} {model}", kind=SpanKind.CLIENT, attributes=attributes)


def _knobs(request: CompletionRequest) -> dict[str, AttributeValue]:
    """The request's parameters, those that were sent; never its texts."""
    sampling = request.sampling
    knobs: dict[str, AttributeValue] = {
        name: value for name, knob in _KNOBS.items() if (value := getattr(sampling, knob)) is not None
    }
    if sampling.stop:
        knobs["gen_ai.request.stop_sequences"] = list(sampling.stop)
    if sampling.n is not None and sampling.n != 1:
        knobs["gen_ai.request.choice.count"] = sampling.n
    if request.response_format.form is not ResponseForm.TEXT:
        knobs["gen_ai.output.type"] = "json"
    return knobs


def _embedding_knobs(request: EmbeddingRequest) -> dict[str, AttributeValue]:
    return {"gen_ai.embeddings.dimension.count": request.dimensions} if request.dimensions else {}


def _note(span: Span, event: Event) -> None:
    if isinstance(event, Started):
        span.set_attribute("gen_ai.response.id", event.id)
        span.set_attribute("gen_ai.response.model", event.model)
    elif isinstance(event, Finished):
        span.set_attribute("gen_ai.response.finish_reasons", [event.reason.value])
        if event.usage:
            _count(span, event.usage)


def _count(span: Span, usage: Usage) -> None:
    span.set_attribute("gen_ai.usage.input_tokens", usage.prompt)
    span.set_attribute("gen_ai.usage.output_tokens", usage.completion)


def _fail(span: Span, error: ProviderError) -> None:
    span.set_attribute("error.type", error.failure.value)
    span.set_status(Status(StatusCode.ERROR))
