"""A number of the readings of several devices together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import mul
from typing import Final

from llm_service.domain.offline.answer_fields import fields_of
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.measure_text import Measure, measures_of, shown_value
from llm_service.domain.offline.query import Statistic, StructuredQuery
from llm_service.domain.offline.result import FittingTime

_POOLED: Final = frozenset({Statistic.INTEGRAL, Statistic.MEAN, Statistic.MAX, Statistic.MIN, Statistic.SUM})
_SUMMED: Final = frozenset({Statistic.INTEGRAL, Statistic.SUM})
_EXTREMES: Final = frozenset({Statistic.MAX, Statistic.MIN})
_USED_HOURLY: Final = frozenset({"L/h", "m/h"})
_COUNTED: Final = (Statistic.EVENTS, Statistic.DURATION, Statistic.SHARE, Statistic.COUNT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """A number, and how it is told with its unit; `unit` is None where a difference is told in another way."""

    value: float
    text: str
    unit: str | None = None


def together(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> list[str]:
    """Tell what several devices have together: of one field, in one unit, over one range."""
    several = len({each.result.device for each in answered}) == len(answered) > 1
    if several and (counts := _values_of(query, answered)):
        return [report.say.together(", ".join(f"{value} {count}" for value, count in counts))]
    if several and len(query.fields) > 1 and query.statistics and set(query.statistics) <= _SUMMED:
        alone = [pooled(report, replace(query, fields=(field,)), answered) for field in query.fields]
        named = [f"{field} {each.text}" for field, each in zip(query.fields, alone, strict=True) if each]
        return [report.say.together(", ".join(named))] if named else []
    found = pooled(report, query, answered) if several and query.statistics else None
    summed = {measure.statistic for measure in measures_of(query)} <= _SUMMED
    return [report.say.together(found.text) if summed else report.say.pooled(found.text)] if found else []


def _values_of(query: StructuredQuery, answered: Sequence[Answered]) -> list[tuple[str, int]]:
    """How many readings of all devices have each value of the one text field asked for, the most first."""
    total = dict[str, int]()
    for each in answered:
        names = match_field(query.fields[0], list(each.result.value_counts)) if len(query.fields) == 1 else ()
        if len(names) != 1:
            return []
        for value, count in each.result.value_counts[names[0]].items():
            total[value] = total.get(value, 0) + count
    return sorted(((value, count) for value, count in total.items() if value), key=lambda pair: -pair[1])


def pooled(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> Pooled | None:
    """Return the one number asked for of all readings of these devices, None where there is none."""
    if query.conditions and (counted := next((each for each in _COUNTED if each in query.statistics), None)):
        return _counted(report, query, counted, answered)
    if query.rank and query.conditions and not query.fields and set(query.statistics) <= _EXTREMES:
        # "Which hall produced more bad readings".
        return _counted(report, query, Statistic.COUNT, answered)
    measure = _measure(query)
    if measure is None or measure.statistic not in _POOLED:
        return None
    ones = [each.result.of(name) for each in answered for name in fields_of(query, _fields_of(each))]
    units = {one.unit for one in ones if one}
    values = [value for one in ones if one and (value := measure.value(one)) is not None]
    if len(ones) != len(answered) or len(values) != len(ones) or len(units) != 1 or not ones[0]:
        return None
    counts = [one.values.get(Statistic.COUNT, 0.0) for one in ones if one]
    rated = measure.statistic is Statistic.MEAN and query.unit in _USED_HOURLY
    # What machines use in an hour adds up.
    number = sum(values) if rated else _number(measure.statistic, values, counts)
    if number is None:
        return None
    text = shown_value(query, replace(ones[0], values={measure.statistic: number}), measure)
    return Pooled(value=number, text=text, unit=ones[0].unit)


def counted_of(query: StructuredQuery) -> list[Statistic]:
    """Return what is counted, or for how long, first."""
    return [each for each in _COUNTED if each in query.statistics]


def shown_apart(report: Report, query: StructuredQuery, change: float) -> str:
    """Tell by how much two durations, numbers of times or shares differ."""
    statistic = next(iter(counted_of(query)), Statistic.COUNT)
    if statistic is Statistic.DURATION:
        return f"{'-' * (change < 0)}{report.say.length(abs(change))}"
    return f"{100 * change:.3g} %" if statistic is Statistic.SHARE else f"{change:g}"


def name_of(report: Report, query: StructuredQuery) -> str:
    """Return what the number of each group is called, "" where the conditions say it."""
    measure = None if query.conditions else _measure(query)
    return report.name(query.fields[0], measure) if measure and len(query.fields) == 1 else ""


def _measure(query: StructuredQuery) -> Measure | None:
    """The one number asked for, the mean without any; "highest mean" of a ranking is a mean."""
    if not query.statistics:
        return Measure(statistic=Statistic.MEAN)
    measures = measures_of(query)
    others = [measure for measure in measures if measure.statistic not in _EXTREMES]
    chosen = others if query.rank and others else measures
    return chosen[0] if len(chosen) == 1 else None


def _counted(
    report: Report, query: StructuredQuery, statistic: Statistic, answered: Sequence[Answered]
) -> Pooled | None:
    """How long, how often or in how many readings the conditions held on these devices together."""
    times = [each.result.fitting for each in answered]
    if statistic is Statistic.DURATION and all(times):
        seconds = sum(time.seconds for time in times if time)
        return Pooled(value=seconds, text=report.say.length(seconds))
    if statistic is Statistic.EVENTS and all(times):
        count = sum(time.spells for time in times if time)
        return Pooled(value=float(count), text=f"{count}{_lasting(report, query, times)}")
    fitting, whole = (
        sum(each) for each in zip(*((e.result.row_count, e.result.rows_in_range) for e in answered), strict=True)
    )
    if statistic is Statistic.SHARE:
        return Pooled(value=fitting / whole, text=f"{100 * fitting / whole:.3g} %") if whole else None
    return Pooled(value=float(fitting), text=str(fitting)) if statistic is Statistic.COUNT else None


def _lasting(report: Report, query: StructuredQuery, times: Sequence[FittingTime | None]) -> str:
    """For how long in all it was so, where that is asked for beside the number of times."""
    asked = Statistic.DURATION in query.statistics
    return f" ({report.say.length(sum(time.seconds for time in times if time))})" if asked else ""


def _number(statistic: Statistic, values: Sequence[float], counts: Sequence[float]) -> float | None:
    """The number of all readings together, of those of each device."""
    match statistic:
        case Statistic.MEAN:
            total = sum(counts)
            return sum(map(mul, values, counts)) / total if total else None
        case Statistic.MAX:
            return max(values)
        case Statistic.MIN:
            return min(values)
        case _:
            return sum(values)


def _fields_of(each: Answered) -> list[str]:
    return [one.field for one in each.result.fields]
