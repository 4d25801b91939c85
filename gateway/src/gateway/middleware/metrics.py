"""Numbers of the HTTP side, under the names that dashboards already use."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.monitoring.histogram import LATENCY_BUCKETS
from gateway.monitoring.traffic import NOBODY, Traffic
from penstock_kit.clock import SystemClock
from penstock_kit.context import context_if_any

_SOCKET: Final = "WEBSOCKET"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", _SOCKET})


class HttpMetrics:
    """``http_requests_total`` and ``http_request_duration_seconds``; `endpoint` is the route's template.

    `traffic` counts the same by tenant, for the dashboard.
    """

    def __init__(self, registry: CollectorRegistry, traffic: Traffic | None = None) -> None:
        self.registry = registry
        self.traffic = traffic or Traffic(SystemClock())
        self._requests = Counter(
            "http_requests", "HTTP requests answered.", ["method", "endpoint", "status"], registry=registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Seconds from a request's head to the end of its answer; of an event stream to its first byte; no sockets.",
            ["method", "endpoint"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge("http_requests_in_flight", "HTTP requests being answered now.", registry=registry)
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[tuple[str, str], Histogram] = {}

    def observe(
        self, *, method: str, endpoint: str, status: int, seconds: float, tenant_id: str, request_id: str
    ) -> None:
        """Count one answered request; `seconds` it took, which for a socket say nothing."""
        method = method if method in _METHODS else "OTHER"
        counter = self._counters.get((method, endpoint, status))
        if counter is None:
            counter = self._requests.labels(method, endpoint, str(status))
            self._counters[method, endpoint, status] = counter
        counter.inc()
        if method == _SOCKET:
            return
        self.traffic.record(
            tenant_id=tenant_id, method=method, endpoint=endpoint, status=status, seconds=seconds, request_id=request_id
        )
        histogram = self._histograms.get((method, endpoint))
        if histogram is None:
            histogram = self._histograms[method, endpoint] = self._seconds.labels(method, endpoint)
        histogram.observe(seconds)


def current_tenant() -> str:
    """Return the tenant of the credentials that the current request has shown, empty without any."""
    context = context_if_any()
    return context.caller.tenant_id if context is not None and context.caller.user_id else NOBODY
