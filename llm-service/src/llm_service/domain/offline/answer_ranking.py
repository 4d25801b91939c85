"""Answers about which device is first, by what."""

from collections.abc import Sequence
from dataclasses import replace

from llm_service.domain.offline.answer_events import BY_READINGS, EXTREMES, extreme_times
from llm_service.domain.offline.answer_fields import fields_of, limited
from llm_service.domain.offline.answer_pooled import pooled
from llm_service.domain.offline.answer_states import COMPARED
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.field import unmatched_fields
from llm_service.domain.offline.measure_text import Measure, added_up, measures_of, shown, shown_value
from llm_service.domain.offline.number_text import percent
from llm_service.domain.offline.phrases import Wording
from llm_service.domain.offline.query import Statistic, StructuredQuery
from llm_service.domain.offline.result import DeviceStatistics


def ranking(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """Say which device is first, and list all in their order; where both ends are asked for, in both orders."""
    if {*EXTREMES} <= set(query.statistics):
        others = tuple(each for each in query.statistics if each not in EXTREMES)
        ends = (replace(query, statistics=(*others, end)) for end in EXTREMES)
        return "\n\n".join(ranking(report, each, answered) for each in ends)
    measure, lowest = ranked_by(query)
    # A device that does not measure the field takes no part.
    existing = list(dict.fromkeys(one.field for each in answered for one in each.result.fields))
    fields, unknown = fields_of(query, existing), unmatched_fields(query.fields, existing)
    if unknown:
        return report.unknown_fields(answered[0].result.device, unknown, existing)
    if not fields or measure.statistic in BY_READINGS:
        return _by_count(report, query, answered, measure, lowest=lowest)
    texts = _values(query, answered, measure)
    if not texts:
        return report.say.no_numbers(answered[0].result.device, report.period(query, answered[0].time))
    if measure.statistic is Statistic.INTEGRAL and not 0 < query.top < len(texts):
        texts = _with_shares(texts)
    text = _ranked(report, query, answered, texts, report.name(fields[0], measure), lowest=lowest)
    text = "\n".join(filter(None, (_within(report, query, texts, report.name(fields[0], measure)), text)))
    told = {device for _, device, _ in texts[: query.top or len(texts)]}
    counted = [each for each in answered if each.result.device in told]
    whole = _together(report, query, counted) if measure.statistic is Statistic.INTEGRAL else []
    if query.when and measure.statistic in EXTREMES:
        first = next(each for each in answered if each.result.device == texts[0][1])
        text = f"{extreme_times(report, replace(query, statistics=(measure.statistic,)), [first])}\n{text}"
    return "\n".join([text, *_lead(report, query, answered, measure, texts), *whole])


def _within(report: Report, query: StructuredQuery, texts: Sequence[tuple[float, str, str]], name: str) -> str:
    """How many devices have a number within the limit, and which; "" where that is not asked."""
    if len(query.limits) != 1 or isinstance(query.limits[0].value, str):
        return ""
    limit = replace(query.limits[0], field=name)
    fits = COMPARED[limit.operator]
    fitting = [device for value, device, _ in texts if fits(value, float(limit.value))]
    return report.say.holding(fitting, len(texts), report.say.where((limit,)))


def _with_shares(texts: list[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """The amounts with how much of them all each is, where there are several."""
    whole = sum(value for value, _, _ in texts)
    if len(texts) < 2 or whole <= 0 or any(value < 0 for value, _, _ in texts):
        return texts
    return [(value, device, f"{text} ({percent(value / whole)} %)") for value, device, text in texts]


def leader(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """Return the device that `ranking` tells first, "" where there is none."""
    measure, lowest = ranked_by(query)
    existing = list(dict.fromkeys(one.field for each in answered for one in each.result.fields))
    if not fields_of(query, existing) or measure.statistic in BY_READINGS:
        found = _counts(report, query, answered, measure)[0]
    else:
        found = _values(query, answered, measure)
    found.sort(key=lambda value: value[0], reverse=not lowest)
    return found[0][1] if found else ""


def _values(query: StructuredQuery, answered: Sequence[Answered], measure: Measure) -> list[tuple[float, str, str]]:
    """The number of each device that has the field, with the device and how it is told."""
    texts: list[tuple[float, str, str]] = []
    for each in answered:
        # One device may call it temperature, another temp.
        own = fields_of(query, [one.field for one in each.result.fields])
        one = each.result.of(own[0]) if own else None
        value = measure.value(one) if one else None
        if one is not None and value is not None:
            texts.append((value, each.result.device, shown_value(query, one, measure)))
    return texts


def periods(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """Say in which range the number of a device is at its end, and list all ranges in their order."""
    measure, lowest = ranked_by(query)
    found: list[tuple[float, str, str]] = []
    running: list[tuple[float, str, str]] = []
    for each in answered:
        names = fields_of(query, [one.field for one in each.result.fields])
        one = each.result.of(names[0]) if names else None
        value = measure.value(one) if one else None
        if one is not None and value is not None:
            # Of what is not over there is less: it is not the least.
            unfinished = lowest and each.time is not None and report.say.times.is_open(each.time)
            told = (value, report.say.period(each.time), shown_value(query, one, measure))
            (running if unfinished else found).append(told)
    found, running = (found, running) if found else (running, [])
    if not found:
        return report.say.no_numbers(answered[0].result.device, report.say.period(None))
    found.sort(key=lambda pair: pair[0], reverse=not lowest)
    name = report.name(query.fields[0], measure)
    listed = found[: query.top or len(found)]
    lines = [f"{at}. {when}: {text}" for at, (_, when, text) in enumerate(listed, 1)]
    lines += [f"- {when}: {text}" for _, when, text in running]
    return "\n".join([report.say.periods_head(answered[0].result.device, name), *limited(report.say, lines)])


def _together(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> list[str]:
    """What all of them used: "total gas of all, and which used least"."""
    found = pooled(report, replace(query, statistics=(Statistic.INTEGRAL,)), answered)
    several = len(answered) > (1 if query.top else 2)
    return [report.say.together(found.text)] if found and several and not query.periods else []


def _lead(
    report: Report,
    query: StructuredQuery,
    answered: Sequence[Answered],
    measure: Measure,
    ranked: Sequence[tuple[float, str, str]],
) -> list[str]:
    """By how much the first of two devices is ahead."""
    if len(ranked) != 2 or query.top == 1:
        return []
    ones = [
        one
        for each in answered
        for name in fields_of(query, [f.field for f in each.result.fields])
        if (one := each.result.of(name))
    ]
    if len({one.unit for one in ones}) != 1:
        return []
    (first, leader, _), (second, other, _) = ranked
    unit, more = ones[0].unit, first - second
    share = percent(more / abs(second)) if second else ""
    if measure.statistic is Statistic.INTEGRAL:
        more, unit = added_up(more, unit)
    return [report.say.difference(other, leader, shown(more, unit, query, difference=True), share)]


def _by_count(
    report: Report, query: StructuredQuery, answered: Sequence[Answered], measure: Measure, *, lowest: bool
) -> str:
    counts, statistic = _counts(report, query, answered, measure)
    name = report.say.statistic(statistic)
    return _ranked(report, query, answered, counts, name, lowest=lowest)


def _counts(
    report: Report, query: StructuredQuery, answered: Sequence[Answered], measure: Measure
) -> tuple[list[tuple[float, str, str]], Statistic]:
    """What each device is ranked by where readings that fit are counted, and what that is."""
    gaps = measure.statistic is Statistic.MISSING_RATIO and all(each.result.fitting for each in answered)
    statistic = measure.statistic if measure.statistic in BY_READINGS or gaps else Statistic.COUNT
    single = query.longest == 1 and all(each.result.fitting for each in answered)
    statistic = Statistic.DURATION if single else statistic
    counted = _longest if single else _counted
    counts = [(*counted(report.say, each.result, statistic), each.result.device) for each in answered]
    return [(value, device, text) for value, text, device in counts], statistic


def _longest(say: Wording, result: DeviceStatistics, _: Statistic) -> tuple[float, str]:
    """The longest single stretch, with when it began."""
    time = result.fitting
    if time is None or time.longest_start is None:
        return 0.0, say.length(0.0)
    return time.longest_seconds, f"{say.length(time.longest_seconds)} ({say.times.stamp(time.longest_start)})"


def _counted(say: Wording, result: DeviceStatistics, statistic: Statistic) -> tuple[float, str]:
    """What a device is ranked by where readings that fit are counted."""
    time = result.fitting
    match statistic:
        case Statistic.EVENTS if time:
            return float(time.spells), str(time.spells)
        case Statistic.DURATION if time:
            share = percent(time.seconds / time.range_seconds) if time.range_seconds else "0"
            return time.seconds, f"{say.length(time.seconds)} ({share} %)"
        case Statistic.MISSING_RATIO if time:
            whole = time.range_seconds or 1.0
            return time.gap_seconds, f"{percent(time.gap_seconds / whole)} % ({say.length(time.gap_seconds)})"
        case Statistic.SHARE if result.rows_in_range:
            share = result.row_count / result.rows_in_range
            return share, f"{percent(share)} %"
        case _:
            return float(result.row_count), str(result.row_count)


def _ranked(
    report: Report,
    query: StructuredQuery,
    answered: Sequence[Answered],
    values: list[tuple[float, str, str]],
    name: str,
    *,
    lowest: bool,
) -> str:
    values.sort(key=lambda value: value[0], reverse=not lowest)
    first = values[0]
    newest = ranked_by(query)[0].statistic is Statistic.LAST and answered[0].time is None and not query.conditions
    # The newest values are of no range.
    period = "" if newest else report.period(query, answered[0].time)
    # Who has as many is first, too.
    leaders = ", ".join(device for value, device, _ in values if value == first[0])
    head = report.say.ranking(name, period, leaders, first[2], lowest=lowest, count=len(values))
    listed = values[: query.top or len(values)]
    lines = [f"{place}. {device}: {text}" for place, (_, device, text) in enumerate(listed, 1)]
    return "\n".join([head, *limited(report.say, lines)])


def ranked_by(query: StructuredQuery) -> tuple[Measure, bool]:
    """Return what decides, and whether the lowest is first: "lowest mean" is by the mean, "highest" by the maximum."""
    measures = measures_of(query) if query.statistics else []
    counted = next((each for each in query.statistics if each in BY_READINGS), None)
    if counted is not None:
        return Measure(statistic=counted), Statistic.MIN in query.statistics
    others = [measure for measure in measures if measure.statistic not in EXTREMES]
    lowest = Statistic.MIN in query.statistics
    if others:
        return others[0], lowest
    if measures:
        return measures[0], measures[0].statistic is Statistic.MIN
    return Measure(statistic=Statistic.COUNT if query.conditions and not query.fields else Statistic.MEAN), False
