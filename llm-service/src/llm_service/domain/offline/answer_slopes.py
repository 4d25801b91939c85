"""Answers about which device's values rise, or fall, the most: by the least-squares line through each course."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from llm_service.domain.offline.answer_fields import fields_of, limited
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.course import direction_of, slope
from llm_service.domain.offline.measure_text import DIGITS, shown
from llm_service.domain.offline.query import Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.result import Series

# Fewer points than these make no line.
_LEAST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """How a field of a device went: by `value` an hour; up (1), down (-1) or neither by more than it scatters."""

    device: str
    field: str
    unit: str
    value: float
    direction: int
    time: TimeRange | None


def slopes(query: StructuredQuery, courses: Sequence[tuple[Series, TimeRange | None]]) -> list[Slope]:
    """Return the slope of each course that has one, in the order of the ranking: those that go its way come first."""
    found: list[Slope] = []
    for series, time in courses:
        name = next(iter(fields_of(query, series.columns)), "")
        points = series.points(name) if name else []
        if len(points) >= _LEAST:
            direction = direction_of([value for _, value in points])
            unit = series.units.get(name, "")
            told = Slope(
                device=series.device, field=name, unit=unit, value=slope(points), direction=direction, time=time
            )
            found.append(told)
    way = _way(query)
    return sorted(found, key=lambda each: (each.direction == way, way * each.value), reverse=True)


def ranking(report: Report, query: StructuredQuery, found: Sequence[Slope]) -> str:
    """Say whose values rise (or fall) the most, or that nobody's do, and list all slopes in their order."""
    if not found:
        return report.say.no_numbers(", ".join(query.devices), report.period(query, query.time))
    first, way = found[0], _way(query)
    period = report.period(query, first.time)
    head = report.say.slopes(
        period, first.field, first.device, _shown(query, first), rises=way > 0, clear=first.direction == way
    )
    listed = found[: query.top or len(found)]
    lines = [
        f"{place}. {each.device}: {report.say.slope(_shown(query, each), each.direction)}"
        for place, each in enumerate(listed, 1)
    ]
    return "\n".join([head, *limited(report.say, lines)])


def _way(query: StructuredQuery) -> int:
    """Whether what rises (1) or what falls (-1) comes first."""
    return -1 if Statistic.MIN in query.statistics else 1


def _shown(query: StructuredQuery, each: Slope) -> str:
    return f"{shown(each.value, each.unit, query, DIGITS, difference=True)}/h"
