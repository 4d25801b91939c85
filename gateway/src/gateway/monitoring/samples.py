"""Readings of counters, histograms and gauges over the last hour, and what comes of them over a window of time.

Whoever judges figures over time (the dashboard, rules of alerts) asks the port :class:`Samples` by the names that the
figures have on ``/metrics``:

- ``http_requests_total`` {tenant, status_class}: counter; `status_class` is ``1xx`` to ``5xx``
- ``http_request_duration_seconds`` {tenant}: histogram; event streams to their first byte, sockets not at all
- ``http_streams_active`` {tenant}: gauge, event streams open at this gateway
- ``cache_hit_rate`` {}: gauge, of the last ten minutes over all of cache-service; absent without reads
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from gateway.monitoring.histogram import Latencies

Labels = Mapping[str, str]
# A name and its labels, in the order of their names.
Series = tuple[str, tuple[tuple[str, str], ...]]
Value = float | Latencies

KEPT_SECONDS: Final = 3600.0
INTERVAL_SECONDS: Final = 5.0


class Samples(Protocol):
    """Figures over the last `window` seconds (at most an hour), added up over all series whose labels include `labels`.

    A window in which there was nothing has no value (None): no request has no latency.
    """

    def increase(self, name: str, window: float, labels: Labels | None = None) -> float | None:
        """Return by how much a counter grew; None while there are not two readings. A series that is born counts
        from 0."""
        ...

    def rate(self, name: str, window: float, labels: Labels | None = None) -> float | None:
        """Return the same per second, over the time that the readings span."""
        ...

    def mean(self, name: str, window: float, labels: Labels | None = None) -> float | None:
        """Return the mean of what a histogram took in."""
        ...

    def quantile(self, name: str, share: float, window: float, labels: Labels | None = None) -> float | None:
        """Return what `share` (0 to 1) of a histogram's observations keep to."""
        ...

    def latest(self, name: str, labels: Labels | None = None) -> float | None:
        """Return the newest value of a gauge or counter, None where it has none."""
        ...


def series(name: str, **labels: str) -> Series:
    """Return the key of a series."""
    return name, tuple(sorted(labels.items()))


class SampleRing:
    """The :class:`Samples` of this gateway: one reading each five seconds for an hour, and the newest of all."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, Mapping[Series, Value]]] = deque()
        self._newest: tuple[float, Mapping[Series, Value]] | None = None

    def add(self, at: float, values: Mapping[Series, Value]) -> None:
        """Take a reading made at `at`, in seconds of a clock that never goes back."""
        self._newest = (at, values)
        if not self._kept or at - self._kept[-1][0] >= INTERVAL_SECONDS:
            self._kept.append(self._newest)
        while at - self._kept[0][0] > KEPT_SECONDS + INTERVAL_SECONDS:
            self._kept.popleft()

    def increase(self, name: str, window: float, labels: Labels | None = None) -> float | None:
        """See :class:`Samples`."""
        grown = [_growth(new, old) for new, old in self._changes(name, window, labels)]
        return sum(grown) if grown else None

    def rate(self, name: str, window: float, labels: Labels | None = None) -> float | None:
        """See :class:`Samples`."""
        grown = self.increase(name, window, labels)
        return None if grown is None else grown / self._span(window)

    def latencies(self, name: str, window: float, labels: Labels | None = None) -> Latencies:
        """Return what a histogram took in."""
        taken = Latencies()
        for new, old in self._changes(name, window, labels):
            if isinstance(new, Latencies):
                taken += new - old if isinstance(old, Latencies) else new
        return taken

    def mean(self, name: str, window: float, labels: Labels | None = None) -> float | None:
        """See :class:`Samples`."""
        return self.latencies(name, window, labels).mean()

    def quantile(self, name: str, share: float, window: float, labels: Labels | None = None) -> float | None:
        """See :class:`Samples`."""
        return self.latencies(name, window, labels).quantile(share)

    def latest(self, name: str, labels: Labels | None = None) -> float | None:
        """See :class:`Samples`."""
        if self._newest is None:
            return None
        newest = self._newest[1]
        found = [newest[key] for key in _matching(newest, name, labels)]
        numbers = [value for value in found if not isinstance(value, Latencies)]
        return sum(numbers) if numbers else None

    def readings(self, window: float) -> Iterator[tuple[float, Mapping[Series, Value]]]:
        """Yield the readings kept of the last `window` seconds with their times, oldest first."""
        if self._newest is not None:
            since = self._newest[0] - window
            yield from (reading for reading in self._kept if reading[0] >= since)

    def _changes(self, name: str, window: float, labels: Labels | None) -> Iterator[tuple[Value, Value | None]]:
        begun = self._begin(window)
        if self._newest is None or begun is None:
            return
        for key in _matching(self._newest[1], name, labels):
            yield self._newest[1][key], begun[1].get(key)

    def _begin(self, window: float) -> tuple[float, Mapping[Series, Value]] | None:
        """Return the oldest reading within the window, None when that is the newest."""
        if self._newest is None:
            return None
        since = self._newest[0] - min(window, KEPT_SECONDS)
        found = next((reading for reading in self._kept if reading[0] >= since), None)
        return None if found is None or found[0] == self._newest[0] else found

    def _span(self, window: float) -> float:
        begun = self._begin(window)
        return self._newest[0] - begun[0] if self._newest and begun else window


def _growth(new: Value, old: Value | None) -> float:
    """Return by how much a counter grew; one that is lower than before was begun anew."""
    after = float(new.count) if isinstance(new, Latencies) else new
    before = float(old.count) if isinstance(old, Latencies) else old or 0.0
    return after - before if after >= before else after


def _matching(values: Mapping[Series, Value], name: str, labels: Labels | None) -> Iterator[Series]:
    wanted = (labels or {}).items()
    for key in values:
        if key[0] == name and wanted <= dict(key[1]).items():
            yield key
