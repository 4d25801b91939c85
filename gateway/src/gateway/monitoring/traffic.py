"""What the gateway has answered since its start, by tenant: cumulative, like the counters on ``/metrics``."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gateway.monitoring.histogram import LATENCY_BUCKETS, NO_LATENCIES, Latencies, bucket_of
from penstock_kit.clock import Clock

RECENT: Final = 10
# Of those who showed no credentials, and of what is beyond the most tenants that are told apart.
NOBODY: Final = ""
_MOST_TENANTS: Final = 200
# What probes, scrapers, pages and the dashboard itself ask is counted, but is no news.
_ROUTINE: Final = frozenset(
    {"/health", "/ready", "/ready/gateway", "/metrics", "/api/v2/metrics", "/", "/docs", "/dashboard"}
    | {"/favicon.ico", "/static/{name}", "/openapi.json"}
)
_ROUTINE_PREFIX: Final = "/v1/dashboard/"
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredRequest:
    """One request and its answer; `seconds` of an event stream are those to its first byte."""

    time: datetime
    tenant_id: str
    method: str
    endpoint: str
    status: int
    seconds: float
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts of one tenant: cumulative in a reading, or what came between two of them.

    `requests` by the class of their status: 1xx to 5xx. `streams` are event streams that are open, at the later end.
    """

    requests: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    latencies: Latencies = NO_LATENCIES
    streams: int = 0

    @property
    def count(self) -> int:
        """All requests."""
        return sum(self.requests)

    @property
    def server_errors(self) -> int:
        """Requests answered by 5xx."""
        return self.requests[4]

    @property
    def client_errors(self) -> int:
        """Requests answered by 4xx."""
        return self.requests[3]

    def __add__(self, other: "Totals") -> "Totals":
        one, two, three, four, five = (a + b for a, b in zip(self.requests, other.requests, strict=True))
        return Totals(
            requests=(one, two, three, four, five),
            latencies=self.latencies + other.latencies,
            streams=self.streams + other.streams,
        )

    def __sub__(self, earlier: "Totals") -> "Totals":
        one, two, three, four, five = (a - b for a, b in zip(self.requests, earlier.requests, strict=True))
        return Totals(
            requests=(one, two, three, four, five),
            latencies=self.latencies - earlier.latencies,
            streams=self.streams,
        )


class _Tenant:
    """The running counts of one tenant."""

    __slots__ = ("counts", "recent", "requests", "seconds", "shown", "streams")

    def __init__(self) -> None:
        self.requests = [0] * 5
        self.counts = [0] * (len(LATENCY_BUCKETS) + 1)
        self.seconds = 0.0
        self.streams = 0
        self.recent: deque[AnsweredRequest] = deque(maxlen=RECENT)
        self.shown: Totals | None = None

    def totals(self) -> Totals:
        """Return a value that stays; the same one for as long as nothing was counted."""
        if self.shown is None:
            one, two, three, four, five = self.requests
            latencies = Latencies(counts=tuple(self.counts), seconds=self.seconds)
            self.shown = Totals(requests=(one, two, three, four, five), latencies=latencies, streams=self.streams)
        elif self.shown.streams != self.streams:
            self.shown = replace(self.shown, streams=self.streams)
        return self.shown


class Traffic:
    """Counts requests as they are answered. Sockets are not in it: they have no latency and last for hours."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tenants: dict[str, _Tenant] = {}
        self._recent: deque[AnsweredRequest] = deque(maxlen=RECENT)

    def record(
        self, *, tenant_id: str, method: str, endpoint: str, status: int, seconds: float, request_id: str
    ) -> None:
        """Count one answered request."""
        tenant = self._tenant(tenant_id)
        tenant.requests[min(max(status // 100, 1), 5) - 1] += 1
        tenant.counts[bucket_of(seconds)] += 1
        tenant.seconds += seconds
        tenant.shown = None
        if endpoint in _ROUTINE or endpoint.startswith(_ROUTINE_PREFIX):
            return
        answered = AnsweredRequest(
            time=self._clock.now(), tenant_id=tenant_id, method=method, endpoint=endpoint, status=status,
            seconds=seconds, request_id=request_id,
        )  # fmt: skip
        tenant.recent.append(answered)
        self._recent.append(answered)

    def open_stream(self, tenant_id: str) -> None:
        """Count an event stream that has begun."""
        self._tenant(tenant_id).streams += 1

    def close_stream(self, tenant_id: str) -> None:
        """Count an event stream that has ended."""
        self._tenant(tenant_id).streams -= 1

    def totals(self) -> Mapping[str, Totals]:
        """Return what was counted since the start, by tenant."""
        return {name: tenant.totals() for name, tenant in self._tenants.items()}

    def recent(self, tenant_id: str | None) -> Sequence[AnsweredRequest]:
        """Return the last requests, the newest first: of one tenant, or of all with None."""
        if tenant_id is None:
            return tuple(reversed(self._recent))
        tenant = self._tenants.get(tenant_id)
        return () if tenant is None else tuple(reversed(tenant.recent))

    def all_recent(self) -> Sequence[AnsweredRequest]:
        """Return the last requests of each tenant."""
        return [request for tenant in self._tenants.values() for request in tenant.recent]

    def _tenant(self, tenant_id: str) -> _Tenant:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            known = tenant_id if len(self._tenants) < _MOST_TENANTS else NOBODY
            tenant = self._tenants.setdefault(known, _Tenant())
        return tenant
