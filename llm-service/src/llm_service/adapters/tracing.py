"""Spans of vendor calls, by OpenTelemetry's conventions for generative AI. No prompt or answer text."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from llm_service.domain.model.event import Event, Finished, Started
from llm_service.domain.model.failure import ProviderError
from llm_service.domain.model.provider import Embedding, EventBatch, ModelCard, Provider, Vectors
from llm_service.domain.model.request import Completion
from llm_service.domain.model.usage import Usage

_OPERATION: Final = "gen_ai.operation.name"


class TracedProvider:
    """Records a client span for each call of the provider inside."""

    def __init__(self, inner: Provider, *, name: str, tracer: Tracer) -> None:
        self._inner = inner
        self._name = name
        self._tracer = tracer

    async def stream(self, request: Completion) -> AsyncGenerator[EventBatch]:
        """Yield the inner provider's answer; the span ends with it."""
        # Not made current: a generator's caller would go on inside the span between two batches.
        span = self._span("chat", request.model)
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

    async def embed(self, request: Embedding) -> Vectors:
        """Return the inner provider's vectors within a span."""
        span = self._span("embeddings", request.model)
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

    def _span(self, operation: str, model: str) -> Span:
        attributes = {_OPERATION: operation, "gen_ai.provider.name": self._name, "gen_ai.request.model": model}
        return self._tracer.start_span(f"{operation} {model}", kind=SpanKind.CLIENT, attributes=attributes)


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
