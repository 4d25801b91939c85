"""Answers about stretches of readings that fit conditions, since when they do, and whether they do at a moment."""

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from llm_service.domain.offline.answer_fields import limited
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.json_value import number_or_none
from llm_service.domain.offline.lasting_stop import LASTING, says
from llm_service.domain.offline.measure_text import shown
from llm_service.domain.offline.phrases_states import Doing, MeanTime, Stretch
from llm_service.domain.offline.query import Condition, Operator, Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.result import DeviceStatistics, FittingTime, Series, Spell
from llm_service.domain.offline.verdict import may_say_yes
from llm_service.domain.offline.words_state import IDLE, RUNNING

COMPARED: Final[Mapping[Operator, Callable[[float, float], bool]]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}
# Machines pause this long between two welds: what begins so soon in a range may have begun before it.
_EDGE: Final = timedelta(minutes=5)
# Readings are dense from so many a second on; what lasts no longer than a moment is a single one of them, or two.
_DENSE: Final = 0.4
_MOMENT: Final = 2.0
_LIMITS: Final = frozenset({Operator.GT, Operator.GE, Operator.LT, Operator.LE})
# So many seconds without readings are told beside how long a machine ran.
_SILENCE: Final = 5.0
NONE_PAUSED: Final[Mapping[str, float]] = MappingProxyType({})
"""No device is in a pause."""
_TEXTS: Final = frozenset({Operator.EQ, Operator.NE})


def stretches(report: Report, query: StructuredQuery, fitting: FittingTime) -> str:
    """List the stretches in which readings fit, or tell the last one where a single time is asked for."""
    if query.once:
        last = None if query.first else fitting.last
        return report.say.last_stretch(shown_spell(report, last), ongoing=fitting.ongoing) if last else ""
    if not fitting.listed:
        return ""
    spells = fitting.listed
    if query.latest:
        return _latest_ones(report, query.latest, fitting)
    if query.longest:
        spells = tuple(sorted(spells, key=lambda spell: -spell.seconds)[: query.longest])
    listed = [shown_spell(report, spell) for spell in spells]
    return report.say.stretches(fitting.spells, report.say.length(fitting.seconds), listed)


def _latest_ones(report: Report, number: int, fitting: FittingTime) -> str:
    """List so many of the last stretches; of more than are listed the longest, and that they are those."""
    listed = sorted(fitting.listed, key=lambda spell: spell.start)
    whole = fitting.spells <= len(listed)
    told = [shown_spell(report, spell) for spell in (listed[-number:] if whole else listed)]
    return report.say.latest_stretches(min(number, fitting.spells), fitting.spells, told, whole=whole)


def longest(report: Report, query: StructuredQuery, fitting: FittingTime) -> str:
    """Tell from when to when the longest stretch lasted, where its time is asked for; "" otherwise."""
    if not query.when or fitting.longest_start is None:
        return ""
    return report.say.longest_stretch(
        shown_spell(report, Spell(start=fitting.longest_start, seconds=fitting.longest_seconds))
    )


def lasting_ones(report: Report, query: StructuredQuery, fitting: FittingTime) -> str:
    """Tell which part of all stops are those that last, where all were counted and the lasting ones are known."""
    least = LASTING.total_seconds()
    lasting = [spell for spell in fitting.listed if spell.seconds >= least]
    known = len(lasting) < len(fitting.listed) or len(lasting) == fitting.spells
    asked = says(query, IDLE) and query.statistics == (Statistic.DURATION,)
    if not asked or query.least or not known or len(lasting) == fitting.spells:
        return ""
    total = report.say.length(sum(spell.seconds for spell in lasting))
    return report.say.of_which_lasting(len(lasting), report.say.length(least), total)


def single_ones(report: Report, query: StructuredQuery, result: DeviceStatistics) -> str:
    """Tell that a limit was passed by single readings alone, as by a sensor that errs, where readings are that "
    "dense."""
    fitting = result.fitting
    limits = [each for each in query.conditions if each.operator in _LIMITS and not isinstance(each.value, str)]
    if fitting is None or not fitting.spells or not limits or says(query, IDLE) or says(query, RUNNING):
        return ""
    dense = result.rows_in_range >= _DENSE * fitting.range_seconds > 0
    alone = fitting.longest_seconds <= _MOMENT and result.row_count <= 2 * fitting.spells
    return report.say.single_readings(fitting.spells) if dense and alone and not query.least else ""


def silent(report: Report, query: StructuredQuery, each: Answered) -> str:
    """Tell for how much of a time that is over there are no readings, where it is told how long a machine ran or "
    "not."""
    fitting, time = each.result.fitting, each.time
    asked = (
        (says(query, IDLE) or says(query, RUNNING)) and query.statistics == (Statistic.DURATION,) and not query.least
    )
    if not asked or fitting is None or time is None or time.start is None or time.end is None:
        return ""
    missing = (time.end - time.start).total_seconds() - fitting.range_seconds
    if report.say.times.is_open(time) or missing < _SILENCE:
        return ""
    return report.say.without_readings(report.say.length(missing))


def since(report: Report, query: StructuredQuery, each: Answered) -> str:
    """Say since when readings fit, or when they last did."""
    result, fitting = each.result, each.result.fitting
    where = report.say.where(query.conditions, any_of=query.any_condition)
    last = fitting.last if fitting else None
    if fitting is None or last is None:
        return report.say.never(result.device, where, report.say.period(each.time))
    shown_last = shown_spell(report, last)
    if fitting.ongoing:
        return report.say.since(result.device, where, shown_last, report.say.times.stamp(last.end))
    return report.say.no_longer(result.device, where, shown_last)


def edge(report: Report, each: Answered) -> str:
    """Say that what fits from the begin of the range may have begun before, "" where the first time lies within it."""
    begin, first = each.time.start if each.time else None, each.result.first_fitting
    if begin is None or first is None or first - begin > _EDGE:
        return ""
    return report.say.maybe_before(report.say.times.stamp(first), report.say.times.stamp(begin))


def mean_times(
    report: Report, query: StructuredQuery, answered: Sequence[tuple[DeviceStatistics, TimeRange | None]]
) -> str:
    """State how long each device ran between two stops, or how long a stop was, on average."""
    repair, lines = query.mean_time == "repair", list[str]()
    if query.ordered:
        answered = sorted(answered, key=lambda each: _mean_time(query, each[0]), reverse=query.ordered == "highest")
    for result, time in answered:
        fitting = result.fitting
        if fitting is None:
            continue
        spent = fitting.seconds if repair else fitting.range_seconds - fitting.seconds
        told = MeanTime(
            device=result.device,
            period=report.say.period(time),
            value=report.say.length(spent / fitting.spells) if fitting.spells else "",
            spent=report.say.length(spent),
            count=fitting.spells,
            repair=repair,
            least=report.say.length(query.least.total_seconds()) if query.least else "",
            over=query.over,
        )
        lines.append(report.say.mean_time(told))
    lead = _first(report, query, answered) if query.ordered and len(lines) > 1 else []
    return "\n".join([*lead, *limited(report.say, lines), report.say.stops_alone()])


def _mean_time(query: StructuredQuery, result: DeviceStatistics) -> float:
    """The mean time of a device in seconds; between stops it is without end where there is none."""
    fitting, repair = result.fitting, query.mean_time == "repair"
    if fitting is None or not fitting.spells:
        return 0.0 if repair or fitting is None else float("inf")
    return (fitting.seconds if repair else fitting.range_seconds - fitting.seconds) / fitting.spells


def _first(
    report: Report, query: StructuredQuery, answered: Sequence[tuple[DeviceStatistics, TimeRange | None]]
) -> list[str]:
    """Say which device is first by its mean time."""
    result, time = answered[0]
    value = _mean_time(query, result)
    told = report.say.length(value) if value < float("inf") else "∞"
    name, lowest = report.say.mean_time_name(repair=query.mean_time == "repair"), query.ordered == "lowest"
    return [report.say.ranking(name, report.say.period(time), result.device, told, lowest=lowest, count=len(answered))]


def doings(
    report: Report, query: StructuredQuery, answered: Sequence[tuple[DeviceStatistics, TimeRange | None]]
) -> str:
    """State for how long each device ran, and its stops."""
    texts: list[str] = []
    for result, time in answered:
        if (fitting := result.fitting) is None:
            continue
        told = Doing(
            device=result.device,
            period=report.say.period(time),
            running=report.say.length(fitting.range_seconds - fitting.seconds),
            whole=report.say.length(fitting.range_seconds),
            stopped=report.say.length(fitting.seconds),
            count=fitting.spells,
            least=report.say.length(query.least.total_seconds()) if query.least else "",
        )
        texts.append(report.say.doing(told, [shown_spell(report, spell) for spell in fitting.listed]))
    return "\n\n".join(texts)


def shown_spell(report: Report, spell: Spell) -> Stretch:
    """Return a stretch as it is told."""
    stamp = report.say.times.stamp
    return Stretch(begin=stamp(spell.start), end=stamp(spell.end), length=report.say.length(spell.seconds))


def holding(
    report: Report, query: StructuredQuery, series: Sequence[Series], paused: Mapping[str, float] = NONE_PAUSED
) -> str:
    """Say of each device whether its last reading fits the conditions; of several, which do.

    One that is `paused` for so many seconds runs, whatever its last reading is.
    """
    lines: list[str] = []
    fitting: list[str] = []
    sure = may_say_yes(query)
    for each in series:
        if not each.rows:
            lines.append(report.no_data(each.device, query.time, None))
            continue
        values = {condition: _latest(each, condition.field) for condition in query.conditions}
        tests = [_fits(condition, value) for condition, value in values.items()]
        fits = any(tests) if query.any_condition else all(tests)
        fits = says(query, RUNNING) if each.device in paused else fits
        fitting += [each.device] * fits
        told = dict.fromkeys(f"{c.field} {_told(value, each.units.get(c.field, ''))}" for c, value in values.items())
        stamp = report.say.times.stamp(each.times[-1])
        line = report.say.holds(each.device, fits=fits if sure else None, values=list(told), time=stamp)
        pause = paused.get(each.device)
        lines.append(line if pause is None else report.say.pausing(line, report.say.length(pause)))
    if len(series) == 1:
        return lines[0]
    where = report.say.where(query.conditions, any_of=query.any_condition)
    head = report.say.holding(fitting, len(series), where)
    if paused:
        head = report.say.running_ones(fitting, len(series), running=says(query, RUNNING))
    return "\n".join([head, *(f"- {line}" for line in limited(report.say, lines))])


def _latest(series: Series, field: str) -> object:
    if field not in series.columns:
        return None
    at = series.columns.index(field)
    return next((row[at] for row in reversed(series.rows) if row[at] is not None), None)


def _fits(condition: Condition, value: object) -> bool:
    """Whether a value fits; a missing one fits nothing."""
    number = number_or_none(value)
    if isinstance(condition.value, str):
        same = str(value) == condition.value
        return value is not None and condition.operator in _TEXTS and same == (condition.operator is Operator.EQ)
    return number is not None and COMPARED[condition.operator](number, condition.value)


def _told(value: object, unit: str) -> str:
    number = number_or_none(value)
    return str(value if value is not None else "–") if number is None else shown(number, unit, None)
