# pyright: reportUnknownMemberType=false
"""An OTLP receiver in the test's own process: what a collector would have been sent."""

import asyncio
from dataclasses import dataclass, field

import grpc.aio
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_service_grpc

from penstock_testkit.waiting import HANG_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSpan:
    """One span. Ids are hexadecimal; `parent_id` is empty for a root."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]


@dataclass(slots=True)
class OtlpReceiver(trace_service_grpc.TraceServiceServicer):
    """Collects the spans that services export over gRPC; `exports` are the requests as they came, with all in them."""

    spans: list[ReceivedSpan] = field(default_factory=list[ReceivedSpan])
    exports: list[bytes] = field(default_factory=list[bytes])
    endpoint: str = ""
    _server: grpc.aio.Server | None = None
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Listen on a free loopback port; `endpoint` is then what OTEL_EXPORTER_OTLP_ENDPOINT wants."""
        self._server = grpc.aio.server()
        trace_service_grpc.add_TraceServiceServicer_to_server(self, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        self.endpoint = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            await self._server.stop(None)

    async def Export(  # noqa: N802 - the RPC's name
        self, request: trace_service.ExportTraceServiceRequest, context: object
    ) -> trace_service.ExportTraceServiceResponse:
        """Take a batch of spans."""
        del context
        self.exports.append(request.SerializeToString())
        self.spans.extend(spans_from_request(request))
        self._arrived.set()
        return trace_service.ExportTraceServiceResponse()

    async def wait_for(self, *names: str, seconds: float = HANG_SECONDS) -> list[ReceivedSpan]:
        """Wait until one trace holds a span of every name; return that trace's spans."""
        async with asyncio.timeout(seconds):
            while not (trace := self._trace_with(names)):
                self._arrived.clear()
                await self._arrived.wait()
        return trace

    def _trace_with(self, names: tuple[str, ...]) -> list[ReceivedSpan]:
        by_trace: dict[str, list[ReceivedSpan]] = {}
        no_trace: list[ReceivedSpan] = []
        for span in self.spans:
            by_trace.setdefault(span.trace_id, []).append(span)
        return next((trace for trace in by_trace.values() if set(names) <= {span.name for span in trace}), no_trace)


def spans_from_request(request: trace_service.ExportTraceServiceRequest) -> list[ReceivedSpan]:
    """Flatten an export request."""
    found: list[ReceivedSpan] = []
    for resource in request.resource_spans:
        names = {item.key: item.value.string_value for item in resource.resource.attributes}
        found.extend(
            ReceivedSpan(
                service=names.get("service.name", ""),
                name=span.name,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                attributes={item.key: str(item.value.string_value) for item in span.attributes},
            )
            for scope in resource.scope_spans
            for span in scope.spans
        )
    return found
