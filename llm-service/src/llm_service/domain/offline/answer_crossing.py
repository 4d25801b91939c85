"""Answers about which machine passed a limit first, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from llm_service.domain.offline.answer_fields import limited
from llm_service.domain.offline.answer_states import shown_spell
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.phrases_devices import Crossing
from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.result import DeviceStatistics, Spell

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
# Readings are dense from so many a second on: fewer don't tell a single one from what lasted.
_DENSE: Final = 0.4
# What fits from the first seconds of a range may have begun before it.
_EDGE: Final = timedelta(seconds=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """What a machine's readings beyond a limit came to, and the first stretch of them that `lasting` is."""

    result: DeviceStatistics
    lasting: Spell | None


def crossings(report: Report, query: StructuredQuery, told: Sequence[Crossed]) -> str:
    """Say which machine passed the limit first, and of each when it did; what lasted goes before single readings."""
    ordered = sorted(told, key=_key)
    beyond = [each for each in ordered if each.result.first_fitting]
    where, period = report.say.where(query.conditions), report.say.period(query.time)
    first, begin = (beyond[0].result.device, _begin(beyond[0])) if beyond else ("", None)
    head = report.say.crossing_head(
        (where, period), first, report.say.times.stamp(begin) if begin else "", (len(beyond), len(told))
    )
    return "\n".join([head, *limited(report.say, [_line(report, query, each) for each in ordered])])


def _lasts(each: Crossed) -> bool:
    """Whether it lasted, or the readings are too far apart to tell."""
    fitting = each.result.fitting
    dense = fitting is not None and each.result.rows_in_range >= _DENSE * fitting.range_seconds > 0
    return each.lasting is not None or not dense


def _begin(each: Crossed) -> datetime | None:
    """When it was first so: where it lasted once, when that began."""
    return each.lasting.start if each.lasting else each.result.first_fitting


def _key(each: Crossed) -> tuple[bool, datetime]:
    begin = _begin(each)
    return (begin is None or not _lasts(each), begin or _NEVER)


def _line(report: Report, query: StructuredQuery, each: Crossed) -> str:
    say, first = report.say, each.result.first_fitting
    start = query.time.start if query.time else None
    begin = _begin(each)
    earlier = each.lasting is not None and first is not None and first < each.lasting.start
    return say.crossing(
        Crossing(
            device=each.result.device,
            first=say.times.stamp(first) if first else "",
            lasting=shown_spell(report, each.lasting) if each.lasting else None,
            single=not _lasts(each),
            earlier=earlier,
            before=start is not None and begin is not None and begin - start <= _EDGE,
        )
    )
