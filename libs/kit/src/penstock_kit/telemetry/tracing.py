"""Traces: W3C context in, spans out, and nothing but the OpenTelemetry API loaded while there is no collector.

Without an endpoint spans are no-ops and an incoming ``traceparent`` is passed on as it came
(see :class:`penstock_kit.context.CallContext`). The SDK and the OTLP exporter cost about 20 MB and
are imported only when there is somewhere to send spans.
"""

from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState
from opentelemetry.util.types import AttributeValue

from penstock_kit.context import context_if_any

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_PARENT_PARTS: Final = 4
_VERSION: Final = "00"


class Tracing:
    """What :func:`configure_tracing` set up: the tracers of this process, and the way to flush them at the end."""

    def __init__(self, provider: "TracerProvider | None") -> None:
        self._provider = provider

    @property
    def enabled(self) -> bool:
        """Whether spans are recorded and exported."""
        return self._provider is not None

    def tracer(self, name: str) -> trace.Tracer:
        """Return the tracer of this set-up for the instrumentation `name`."""
        return trace.NoOpTracer() if self._provider is None else self._provider.get_tracer(name)

    def shutdown(self) -> None:
        """Export what is still buffered and stop; blocks for at most the exporter's timeout."""
        if self._provider is not None:
            self._provider.shutdown()


def configure_tracing(
    service: str,
    endpoint: str,
    *,
    exporter: "SpanExporter | None" = None,
    attributes: dict[str, AttributeValue] | None = None,
) -> Tracing:
    """Start recording spans as `service` and exporting them to the OTLP/gRPC `endpoint` (``http://host:4317``).

    With an empty endpoint and no `exporter` nothing is recorded and no SDK is imported. An `exporter`
    given is used instead of OTLP, span by span, and only by this set-up's own tracers; the first set-up
    with an endpoint also serves :func:`tracer`.
    """
    if not endpoint and exporter is None:
        return Tracing(None)
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service, **(attributes or {})}))
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    else:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    if exporter is None and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(provider)
    return Tracing(provider)


def tracer(name: str) -> trace.Tracer:
    """Return a tracer for spans inside a service (vendor calls, store queries); a no-op until tracing is on."""
    return trace.get_tracer(name)


def current_span_traceparent() -> str:
    """Return the W3C ``traceparent`` of the current span, empty when this process records none."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return ""
    return f"{_VERSION}-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def current_traceparent() -> str:
    """Return the W3C ``traceparent`` to send with a call made now: of the current span, else as it came in."""
    span = current_span_traceparent()
    if span:
        return span
    context = context_if_any()
    return "" if context is None else context.traceparent


def current_trace_ids() -> tuple[str, str]:
    """Return (trace id, span id) in hex for a log line, empty strings when there is no trace."""
    parts = current_traceparent().split("-")
    return (parts[1], parts[2]) if len(parts) == _PARENT_PARTS else ("", "")


def parent_context(traceparent: str, tracestate: str = "") -> "Context | None":
    """Return the OpenTelemetry context whose remote parent is `traceparent`; None when it is missing or malformed."""
    parts = traceparent.split("-")
    if len(parts) < _PARENT_PARTS:
        return None
    try:
        span = SpanContext(
            trace_id=int(parts[1], 16),
            span_id=int(parts[2], 16),
            is_remote=True,
            trace_flags=TraceFlags(int(parts[3][:2], 16)),
            trace_state=TraceState.from_header([tracestate]) if tracestate else TraceState(),
        )
    except ValueError:
        return None
    return trace.set_span_in_context(NonRecordingSpan(span)) if span.is_valid else None
