"""Answers that say in which of two times it was more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llm_service.domain.offline.answer_fields import fields_of
from llm_service.domain.offline.answer_pooled import pooled
from llm_service.domain.offline.answer_ranking import ranked_by
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.measure_text import shown_value
from llm_service.domain.offline.query import Statistic, StructuredQuery

_COUNTED = (Statistic.SHARE, Statistic.COUNT, Statistic.EVENTS, Statistic.DURATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """What it came to in one of the two times."""

    value: float
    text: str
    period: str


def which_time(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """Say in which of the two times it was more, "" where one of them has no readings.

    Where the number of readings and their share say different things, both are said.
    """
    counted = [each for each in query.statistics if each in _COUNTED] if query.conditions else []
    told: dict[float, str] = {}
    for statistic in counted or [None]:
        asked = replace(query, statistics=(statistic,)) if statistic else query
        if (sides := _sides(report, asked, answered)) is None:
            return ""
        order = sides[0].value - sides[1].value
        told.setdefault((order > 0) - (order < 0), _said(report, asked, answered, sides))
    return "\n".join(told.values())


def _said(report: Report, query: StructuredQuery, answered: Sequence[Answered], sides: tuple[_Side, _Side]) -> str:
    first, second = sides if sides[0].value >= sides[1].value else (sides[1], sides[0])
    lowest = query.which_time == "lowest"
    first, second = (second, first) if lowest else (first, second)
    devices = dict.fromkeys(each.result.device for each in answered)
    pairs = ((first.period, first.text), (second.period, second.text))
    same = first.value == second.value
    where = report.say.where(query.conditions, any_of=query.any_condition) if query.conditions else ""
    name = (", ".join(devices), _name(report, query, answered), where)
    return report.say.which_time(name, pairs, lowest=lowest, same=same)


def _name(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """What is compared is called: of a field, or a number of readings, times or a length."""
    measure, _ = ranked_by(query)
    name = report.say.statistic(measure.statistic)
    existing = [one.field for one in answered[0].result.fields]
    if query.fields and (names := fields_of(query, existing)) and measure.statistic not in _COUNTED:
        return report.name(names[0], measure)
    return name


def _sides(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> tuple[_Side, _Side] | None:
    """What it came to in each time, the machines together; None where that is not known of both."""
    found: list[_Side] = []
    devices = {each.result.device for each in answered}
    for time in query.periods:
        there = [each for each in answered if each.time == time]
        if {each.result.device for each in there} != devices:
            return None
        side = _of_one(report, query, there[0]) if len(there) == 1 and not query.conditions else None
        if side is None and (one := pooled(report, query, there)):
            side = _Side(value=one.value, text=one.text, period=report.say.period(time))
        found += [side] if side else []
    return (found[0], found[1]) if len(found) == 2 else None


def _of_one(report: Report, query: StructuredQuery, each: Answered) -> _Side | None:
    """The one number of a field of a machine."""
    measure, _ = ranked_by(query)
    names = fields_of(query, [one.field for one in each.result.fields])
    one = each.result.of(names[0]) if len(names) == 1 else None
    value = measure.value(one) if one else None
    if one is None or value is None:
        return None
    return _Side(value=value, text=shown_value(query, one, measure), period=report.say.period(each.time))
