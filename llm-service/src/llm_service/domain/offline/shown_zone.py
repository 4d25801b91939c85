"""The zone in which answers tell times."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from llm_service.domain.offline.query import StructuredQuery, TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownZone:
    """The zone in which answers tell times, how they name it, and the time it is, where that is known."""

    zone: tzinfo = UTC
    name: str = "UTC"
    now: datetime | None = None

    def is_open(self, time: TimeRange) -> bool:
        """Return whether `time` has begun and is not over: of today it is so far that is told."""
        begun = time.start is not None and self.now is not None and time.start <= self.now
        return begun and self.now is not None and time.end is not None and time.end > self.now and not time.instant

    def stamp(self, time: datetime) -> str:
        """Return `time` in this zone, seconds only when they are not zero."""
        local = time.astimezone(self.zone)
        return f"{local:%Y-%m-%d %H:%M:%S}" if local.second else f"{local:%Y-%m-%d %H:%M}"

    def whole_day(self, time: TimeRange) -> str | None:
        """Return the date when `time` is exactly one day here, otherwise None."""
        if time.start is None or time.end is None:
            return None
        start, end = time.start.astimezone(self.zone), time.end.astimezone(self.zone)
        midnights = (start.hour, start.minute, start.second, end.hour, end.minute, end.second) == (0,) * 6
        return f"{start:%Y-%m-%d}" if midnights and end.date() - start.date() == timedelta(days=1) else None


IN_UTC: Final = ShownZone()


def shown_zone(query: StructuredQuery, now: datetime | None = None) -> ShownZone:
    """Return the zone the question's times were said in, to tell the answer's in."""
    ranges = query.periods or ((query.time,) if query.time else ())
    zones = [moment.tzinfo for time in ranges for moment in (time.start, time.end) if moment and moment.tzinfo]
    return ShownZone(zone=zones[0], name=query.zone, now=now) if query.zone and zones else ShownZone(now=now)
