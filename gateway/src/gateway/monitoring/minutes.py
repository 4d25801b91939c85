"""What happened in each minute of the last day, by gateway and tenant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.monitoring.histogram import LATENCY_BUCKETS, Latencies
from gateway.monitoring.traffic import Totals

KEPT_MINUTES: Final = 24 * 60
# One tenant's minute as it is written: five counts, seconds, open streams, and the buckets that are not empty.
_FIELDS: Final = 4
MinuteTotals = Mapping[str, Totals]


@dataclass(slots=True)
class MinuteHistory:
    """Minutes (whole minutes since 1970) → gateway → tenant → what came in it; a day of them."""

    _minutes: dict[int, dict[str, MinuteTotals]] = field(default_factory=dict[int, dict[str, MinuteTotals]])
    # Grows with each change, for what is computed from a whole day and kept.
    version: int = 0

    def put(self, minute: int, replica: str, totals: MinuteTotals) -> None:
        """Set what one gateway counted in a minute; a gateway that counted nothing was there nevertheless."""
        self._minutes.setdefault(minute, {})[replica] = totals
        self.version += 1

    def forget_before(self, minute: int) -> None:
        """Drop what is older than `minute`."""
        for old in [each for each in self._minutes if each < minute]:
            del self._minutes[old]
            self.version += 1

    def of_replica(self, replica: str, minutes: range) -> Mapping[int, MinuteTotals]:
        """Return what one gateway counted in `minutes`."""
        found = ((minute, self._minutes.get(minute, {}).get(replica)) for minute in minutes)
        return {minute: totals for minute, totals in found if totals is not None}

    def added_up(self, minutes: range, tenant_id: str | None, *, without: str = "") -> Iterator[tuple[int, Totals]]:
        """Yield minutes with what all gateways (`without` one) counted for a tenant, or with None for all of them.

        A minute in which no gateway was there is left out.
        """
        for minute in minutes:
            replicas = [totals for name, totals in self._minutes.get(minute, {}).items() if name != without]
            if replicas:
                yield minute, sum_of(replicas, tenant_id)


def sum_of(replicas: list[MinuteTotals], tenant_id: str | None) -> Totals:
    """Return the sum over gateways, of one tenant or with None of all."""
    total = Totals()
    for totals in replicas:
        for name, counted in totals.items():
            if tenant_id is None or name == tenant_id:
                total += counted
    return total


def minute_to_json(totals: MinuteTotals) -> dict[str, Any]:
    """Return a minute to be written."""
    return {
        name: [
            counted.requests,
            round(counted.latencies.seconds, 6),
            counted.streams,
            {str(at): count for at, count in enumerate(counted.latencies.counts) if count},
        ]
        for name, counted in totals.items()
    }


def minute_from_json(written: Mapping[str, Any]) -> MinuteTotals:
    """Return a minute that was written; one of another version, which has other fields, counts as empty."""
    return {name: _totals(entry) for name, entry in written.items() if len(entry) == _FIELDS}


def _totals(entry: list[Any]) -> Totals:
    requests, seconds, streams, sparse = entry
    counts = tuple(int(sparse.get(str(at), 0)) for at in range(len(LATENCY_BUCKETS) + 1))
    one, two, three, four, five = requests
    return Totals(
        requests=(one, two, three, four, five), latencies=Latencies(counts=counts, seconds=seconds), streams=streams
    )
