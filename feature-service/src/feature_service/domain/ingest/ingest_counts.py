"""Numbers of what is taken in: kept here once, read by the metrics."""

from collections.abc import Callable
from typing import Final

from feature_service.domain.ingest.plan import IngestReport

ACTIVE_SECONDS: Final = 3600.0
"""A device that sent rows within so long is active."""
_MOST_DEVICES: Final = 100_000


class IngestCounts:
    """Rows stored and refused since the start, and the devices that sent rows of late, by `monotonic` seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        # When each device sent rows last, the longest silent first.
        self._seen: dict[tuple[str, str], float] = {}
        self.stored = 0
        self.refused = 0

    def count(self, tenant_id: str, report: IngestReport) -> None:
        """Count a body that was taken in."""
        self.stored += report.accepted
        self.refused += report.rejected
        named = [report.device_code] if report.device_code and report.accepted else []
        for code in [*named, *(code for code, rows in report.devices if rows)]:
            self._seen.pop((tenant_id, code), None)
            self._seen[tenant_id, code] = self._monotonic()
        while len(self._seen) > _MOST_DEVICES:
            del self._seen[next(iter(self._seen))]

    def active_devices(self) -> int:
        """Return how many devices sent rows within the last hour."""
        since = self._monotonic() - ACTIVE_SECONDS
        while self._seen and next(iter(self._seen.values())) < since:
            del self._seen[next(iter(self._seen))]
        return len(self._seen)
