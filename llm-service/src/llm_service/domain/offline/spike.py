"""Single readings that lie far from the rest, as of a sensor that errs for a moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from llm_service.domain.offline.query import Statistic
from llm_service.domain.offline.result import FieldStatistics

TAILS: Final = (1.0, 99.0)
"""Between these percentiles lies what is usual."""
# Where one reading lies far from the rest, others are taken to belong to the rest up to this part of its width.
_SLACK: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Spike:
    """An extreme that lies far from the rest: beyond `bound`, when all but the outermost hundredth ends at `edge`."""

    statistic: Statistic
    value: float
    time: datetime
    edge: float
    bound: float


def bounds_of(one: FieldStatistics) -> tuple[float, float] | None:
    """Return between what the readings lie that belong to the rest, None where that is not known."""
    low, high = (one.percentiles.get(f"{share:g}") for share in TAILS)
    if low is None or high is None or high <= low:
        return None
    slack = (high - low) * _SLACK
    return round(low - slack, 6), round(high + slack, 6)


def spikes_of(one: FieldStatistics) -> list[Spike]:
    """Return the extremes that lie further from all but the outermost hundredth than the usual range is wide."""
    low, high = (one.percentiles.get(f"{share:g}") for share in TAILS)
    if low is None or high is None or high <= low:
        return []
    width = high - low
    ends = (
        (Statistic.MAX, one.max_time, high, high + width * _SLACK),
        (Statistic.MIN, one.min_time, low, low - width * _SLACK),
    )
    found: list[Spike] = []
    for statistic, time, edge, bound in ends:
        value = one.values.get(statistic)
        if value is not None and time is not None and abs(value - edge) > width:
            found.append(Spike(statistic=statistic, value=value, time=time, edge=edge, bound=bound))
    return found
