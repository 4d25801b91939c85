"""The figures of the dashboard: those of now, and those of the last five minutes, hour and day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final, Literal, assert_never

from gateway.monitoring.histogram import Latencies
from gateway.monitoring.machine import MachineUsage
from gateway.monitoring.machine_traffic import TrafficView
from gateway.monitoring.minutes import KEPT_MINUTES, sum_of
from gateway.monitoring.sampler import Sampler
from gateway.monitoring.samples import INTERVAL_SECONDS, Labels, SampleRing
from gateway.monitoring.traffic import AnsweredRequest, Totals
from penstock_kit.clock import Clock

Window = Literal["5m", "1h", "24h"]
# Of mean and quantiles.
_LATENCY_SECONDS: Final = 300.0
_LATENCY_MINUTES: Final = 5
# Of the rates in a frame.
_RATE_SECONDS: Final = 10.0
_REQUESTS: Final = "http_requests_total"
_DURATION: Final = "http_request_duration_seconds"
_STREAMS: Final = "http_streams_active"
_MINUTE: Final = 60
_P95: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a viewer sees: with a `tenant_id` that tenant's own figures, with None those of the installation."""

    tenant_id: str | None

    def labels(self) -> Labels:
        """Return the labels of the series that belong to the view."""
        return {} if self.tenant_id is None else {"tenant": self.tenant_id}


class Dashboard:
    """Computes what dashboards show."""

    def __init__(self, *, sampler: Sampler, traffic: TrafficView, clock: Clock) -> None:
        self._sampler = sampler
        self._traffic = traffic
        self._clock = clock
        self._machine = MachineUsage(clock)
        # Requests of the minutes that have ended, with the version of the history they were counted in.
        self._counted: dict[View, tuple[int, int]] = {}

    def realtime(self, view: View) -> dict[str, Any]:
        """Return the figures of now. What concerns the whole installation is null for a tenant."""
        samples, labels, everything = self._sampler.samples, view.labels(), view.tenant_id is None
        latencies = self._latencies(view)
        hit_rate = samples.latest("cache_hit_rate") if everything else None
        memory, cpu = self._machine.read() if everything else (None, None)
        return {
            "timestamp": self._clock.now(),
            "view": "installation" if everything else "tenant",
            "recent_requests": [
                _request(request, with_tenant=everything) for request in self._traffic.recent(view.tenant_id)
            ],
            "statistics": {
                "summary": {"total_requests": self._total(view)},
                "total_time": {
                    "avg": _as_text(latencies.mean()),
                    "p95": _as_text(latencies.quantile(_P95)),
                },
                "cache": {"hit_rate": None if hit_rate is None else round(hit_rate, 4)},
                "streams": {"active": int(samples.latest(_STREAMS, labels) or 0)},
            },
            "system": {"memory_usage": memory, "cpu_usage": cpu},
            "rates": _rates(samples, labels),
        }

    def history(self, view: View, window: Window) -> dict[str, Any]:
        """Return columns of figures by time; a time that is not there was not seen by any gateway."""
        match window:
            case "5m":
                return _columns(self._readings(view), INTERVAL_SECONDS)
            case "1h":
                return _columns(self._minutes(view, 60), _MINUTE)
            case "24h":
                return _columns(self._minutes(view, KEPT_MINUTES), _MINUTE)
            case _:
                assert_never(window)

    def _total(self, view: View) -> int:
        """Requests of the last 24 hours, at all gateways."""
        version, counted = self._counted.get(view, (-1, 0))
        if version != self._sampler.history.version:
            version, now = self._sampler.history.version, self._sampler.minute()
            ended = self._sampler.history.added_up(range(now - KEPT_MINUTES, now + 1), view.tenant_id)
            counted = sum(totals.count for _, totals in ended)
            self._counted[view] = version, counted
        return counted + sum_of([self._sampler.unsaved], view.tenant_id).count

    def _latencies(self, view: View) -> Latencies:
        """Of this gateway to the second, of the others by whole minutes."""
        own = self._sampler.samples.latencies(_DURATION, _LATENCY_SECONDS, view.labels())
        now = self._sampler.minute()
        minutes = range(now - _LATENCY_MINUTES, now + 1)
        others = self._sampler.history.added_up(minutes, view.tenant_id, without=self._sampler.replica)
        return sum((totals.latencies for _, totals in others), own)

    def _minutes(self, view: View, minutes: int) -> Sequence[tuple[float, float, Totals]]:
        now = self._sampler.minute()
        found = self._sampler.history.added_up(range(now - minutes, now), view.tenant_id)
        return [(minute * _MINUTE, _MINUTE, totals) for minute, totals in found]

    def _readings(self, view: View) -> Sequence[tuple[float, float, Totals]]:
        """The differences between the readings of the last five minutes."""
        offset = self._clock.now().timestamp() - self._clock.monotonic()
        labels, samples = view.labels(), self._sampler.samples
        rows: list[tuple[float, float, Totals]] = []
        earlier: tuple[float, Totals] | None = None
        for at, values in samples.readings(_LATENCY_SECONDS + INTERVAL_SECONDS):
            totals = _totals(values, labels)
            if earlier is not None:
                rows.append((round(at + offset, 1), at - earlier[0], totals - earlier[1]))
            earlier = (at, totals)
        return rows


def _totals(values: Any, labels: Labels) -> Totals:
    requests, latencies, streams = [0] * 5, Latencies(), 0
    for (name, pairs), value in values.items():
        own = dict(pairs)
        if not labels.items() <= own.items():
            continue
        if name == _REQUESTS:
            requests[int(own["status_class"][0]) - 1] += int(value)
        elif name == _DURATION:
            latencies += value
        elif name == _STREAMS:
            streams += int(value)
    one, two, three, four, five = requests
    return Totals(requests=(one, two, three, four, five), latencies=latencies, streams=streams)


def _columns(rows: Sequence[tuple[float, float, Totals]], interval: float) -> dict[str, Any]:
    return {
        "interval": interval,
        "time": [at for at, _, _ in rows],
        "requests_per_second": [round(totals.count / seconds, 3) for _, seconds, totals in rows],
        "client_errors_per_second": [round(totals.client_errors / seconds, 3) for _, seconds, totals in rows],
        "server_errors_per_second": [round(totals.server_errors / seconds, 3) for _, seconds, totals in rows],
        "avg": [_rounded(totals.latencies.mean()) for _, _, totals in rows],
        "p95": [_rounded(totals.latencies.quantile(_P95)) for _, _, totals in rows],
        "streams": [totals.streams for _, _, totals in rows],
    }


def _rates(samples: SampleRing, labels: Labels) -> dict[str, Any]:
    """One point of each chart: this gateway's last ten seconds."""
    latencies = samples.latencies(_DURATION, _RATE_SECONDS, labels)

    def per_second(**more: str) -> float:
        return round(samples.rate(_REQUESTS, _RATE_SECONDS, {**labels, **more}) or 0.0, 3)

    return {
        "requests_per_second": per_second(),
        "client_errors_per_second": per_second(status_class="4xx"),
        "server_errors_per_second": per_second(status_class="5xx"),
        "avg": _rounded(latencies.mean()),
        "p95": _rounded(latencies.quantile(_P95)),
        "streams": int(samples.latest(_STREAMS, labels) or 0),
    }


def _request(request: AnsweredRequest, *, with_tenant: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "time": request.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "method": request.method,
        "endpoint": request.endpoint,
        "status": request.status,
        "duration": _as_text(request.seconds),
        "request_id": request.request_id,
    }
    return shown | ({"tenant_id": request.tenant_id or None} if with_tenant else {})


def _as_text(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.3f}s"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 5)
