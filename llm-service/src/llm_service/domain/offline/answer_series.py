"""Answers from rows: the last reading, single readings, rows per interval, courses, features."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import fsum
from statistics import fmean, median, stdev
from typing import Final

from llm_service.domain.offline import answer_anomalies
from llm_service.domain.offline.answer_fields import fields_of, limited
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.counted_interval import fits
from llm_service.domain.offline.course import direction_of, slope
from llm_service.domain.offline.field import match_field, unmatched_fields
from llm_service.domain.offline.json_value import number_or_none
from llm_service.domain.offline.measure_text import READING_DIGITS, shown
from llm_service.domain.offline.number_text import number, percent
from llm_service.domain.offline.phrases import Wording
from llm_service.domain.offline.query import Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.result import DeviceStatistics, FieldStatistics, Series
from llm_service.domain.offline.result_json import features_from_json
from llm_service.domain.offline.words_state import RUNNING

_CLOCKS_DIFFER: Final = timedelta(minutes=2)
_MOST_ROWS: Final = 60
# One alone is neither the highest nor the lowest.
_FEWEST: Final = 2
# A course that ends further from its begin than this share of it is not level.
_LEVEL: Final = 0.05
_AGAIN: Final[dict[Statistic, Callable[[list[float]], float]]] = {
    Statistic.MEAN: fmean,
    Statistic.MEDIAN: median,
    Statistic.SUM: fsum,
    Statistic.STD: stdev,
}


def trend(
    report: Report, query: StructuredQuery, series: Series, time: TimeRange | None, result: DeviceStatistics
) -> str:
    """Say where each field went: the direction from its course, the numbers from single readings where told."""
    period, device = report.period(query, time), series.device or query.first_device
    lines = [
        report.say.trend(
            device, period, column, *_course(report.say, points, result.of(column), series.units.get(column, ""))
        )
        for column in series.columns
        if len(points := series.points(column)) > 1
    ]
    if query.course and len(lines) == 1:
        lines = [report.say.answered(lines[0], holds=_goes(report, series, result) == query.course)]
    spikes = answer_anomalies.spikes(report, query, result) if lines else ""
    told = "\n".join(limited(report.say, lines)) or report.say.no_numbers(device, period)
    return f"{told}\n\n{spikes}" if spikes else told


def _goes(report: Report, series: Series, result: DeviceStatistics) -> str:
    """Which way the one field that is told goes: "up", "down", or "" for neither."""
    column = next(each for each in series.columns if len(series.points(each)) > 1)
    direction, _ = _course(report.say, series.points(column), result.of(column), series.units.get(column, ""))
    return {1: "up", -1: "down"}.get(direction, "")


def last(report: Report, query: StructuredQuery, series: Series) -> str:
    """State the last reading of each field asked for."""
    device = series.device or query.first_device
    if not series.rows:
        return report.no_data(device, query.time, None)
    matched = fields_of(query, series.columns)
    unknown = unmatched_fields(query.fields, series.columns)
    if unknown and not matched:
        return report.unknown_fields(device, unknown, series.columns)
    told = series.columns if query.tells_state else matched or series.columns
    lines = [*_state(report, query, series), *(shown_reading(report, query, series, name) for name in told)]
    where = report.say.where(query.conditions, any_of=query.any_condition)
    conditioned = (c.field for c in query.conditions if c.field in series.columns and c.field not in told)
    # Of a reading that was chosen by its label that is told, too.
    lines += [shown_reading(report, query, series, name) for name in dict.fromkeys(conditioned)]
    head = report.say.last_head(device, report.say.times.stamp(series.times[-1]), where)
    return "\n".join([head, *limited(report.say, lines), *_ahead(report, series.times[-1])])


def _state(report: Report, query: StructuredQuery, series: Series) -> list[str]:
    """Whether the machine runs, by its last reading; nothing where that is not asked or not measured."""
    number = number_or_none(_last_of(series, RUNNING.field)[0]) if RUNNING.field in series.columns else None
    if not query.tells_state or number is None:
        return []
    condition = f"{RUNNING.field} {RUNNING.operator.value} {RUNNING.value:g} {series.units.get(RUNNING.field, '')}"
    return [report.say.state(condition.rstrip(), running=number >= RUNNING.value)]


def _ahead(report: Report, time: datetime) -> list[str]:
    """What is to be said of a reading whose time is still to come, by more than clocks differ."""
    now = report.say.times.now
    if now is None or time - now <= _CLOCKS_DIFFER:
        return []
    return ["", report.say.ahead(report.say.length((time - now).total_seconds()))]


def shown_reading(report: Report, query: StructuredQuery, series: Series, name: str) -> str:
    """State the last value of a field, with its time where that is not the last row's."""
    value, time = _last_of(series, name)
    moment = "" if time is None or time == series.times[-1] else f" ({report.say.times.stamp(time)})"
    return f"- {name}: {_cell(value, series.units.get(name, ''), query)}{moment}"


def rows(report: Report, query: StructuredQuery, series: Series, time: TimeRange | None) -> str:
    """Show readings as a table."""
    device = series.device or query.first_device
    newest = (bool(query.limit) and query.newest) if series.truncated else None
    head = report.say.rows_head(device, report.period(query, time), len(series.rows), newest)
    return "\n".join([head, "", *_table(report.say, query, _only(series, fields_of(query, series.columns)))])


def ends(report: Report, query: StructuredQuery, series: Series, time: TimeRange | None) -> str:
    """Show the readings with the highest or lowest values, in their order."""
    device = series.device or query.first_device
    name = next(iter(fields_of(query, series.columns)), series.columns[0])
    at, highest = series.columns.index(name), query.ordered == "highest"
    pairs = list(zip(series.times, series.rows, strict=True))
    pairs.sort(key=lambda pair: number_or_none(pair[1][at]) or 0.0, reverse=highest)
    ordered = replace(series, times=tuple(time for time, _ in pairs), rows=tuple(row for _, row in pairs))
    head = report.say.ends_head(device, report.period(query, time), name, len(pairs), highest=highest)
    return "\n".join([head, "", *_table(report.say, query, ordered)])


def intervals(
    report: Report, query: StructuredQuery, series: Series, aggregate: Statistic, time: TimeRange | None
) -> str:
    """Show one row per interval, or name the one that is highest or lowest."""
    device = series.device or query.first_device
    interval = report.say.interval(query.interval or timedelta())
    matched = fields_of(query, series.columns)
    unknown = unmatched_fields(query.fields, series.columns)
    if unknown and not matched:
        return report.unknown_fields(device, unknown, series.columns)
    names = report.say.named(", ".join(matched) or "", report.say.statistic(aggregate)).strip()
    period = report.period(query, time)
    text = report.say.interval_head(device, period, names, interval, len(series.rows))
    shown_columns = _counted(series, matched, names) if aggregate is Statistic.COUNT else _only(series, matched)
    cut = [report.say.cut_short(report.say.times.stamp(series.times[-1]))] if series.truncated else []
    text = _held(report, query, series, text) if query.limits else text
    table = "\n".join(
        [text, "", *_table(report.say, query, shown_columns), *cut, *_again(report, query, series, matched)]
    )
    told, column = (shown_columns, names) if aggregate is Statistic.COUNT else (series, (*matched, "")[0])
    if not query.rank or not column or not (points := told.points(column)):
        return table
    if len(points) < _FEWEST:
        return table
    lowest = Statistic.MIN in query.statistics
    ordered = sorted(points, key=lambda point: point[1], reverse=not lowest)
    unit, stamp = told.units.get(column, ""), report.say.times.stamp
    best = shown(ordered[0][1], unit, query)
    head = report.say.ranking(names, period, stamp(ordered[0][0]), best, lowest=lowest, count=len(points))
    listed = [f"{at}. {stamp(moment)}: {shown(value, unit, query)}" for at, (moment, value) in enumerate(ordered, 1)]
    first = listed[: query.top] if query.top > 1 else []
    return "\n".join([head, *first, "", table])


def _again(report: Report, query: StructuredQuery, series: Series, names: Sequence[str]) -> list[str]:
    """The number that is made of those of all intervals, of each field."""
    lines: list[str] = []
    for name in names if query.again else ():
        values = [value for _, value in series.points(name)]
        if query.again and len(values) > 1:
            text = shown(_AGAIN[query.again](values), series.units.get(name, ""), query)
            lines.append(
                report.say.of_rows(report.say.named(name, report.say.statistic(query.again)), text, len(values))
            )
    return ["", *lines] if lines else []


def _held(report: Report, query: StructuredQuery, series: Series, head: str) -> str:
    """In how many of the rows the numbers are within the limits."""
    places = [
        (series.columns.index(name), each) for each in query.limits for name in match_field(each.field, series.columns)
    ]
    rows_there = [[(number_or_none(row[at]), limit) for at, limit in places] for row in series.rows]
    known = [pairs for pairs in rows_there if all(value is not None for value, _ in pairs)]
    count = sum(all(fits(value or 0.0, limit) for value, limit in pairs) for pairs in known)
    interval = report.say.interval(query.interval or timedelta())
    return report.say.intervals_held(head, interval, report.say.where(query.limits), count, len(known))


def features(report: Report, query: StructuredQuery, data: object, time: TimeRange | None) -> str:
    """Sum up the features of a device."""
    result = features_from_json(data)
    count = len(result.names) or len(result.summary)
    device = result.device or query.first_device
    head = report.say.features_head(device, report.period(query, time, where=False), result.window_count, count)
    lines = [
        report.say.feature(one.feature, number(one.mean), number(one.low), number(one.high)) for one in result.summary
    ]
    return "\n".join([head, *limited(report.say, lines)])


def _counted(series: Series, names: Sequence[str], title: str) -> Series:
    """One column of counts, without a unit: of the field asked for, else of the readings, whatever they lack."""
    places = [series.columns.index(name) for name in names] or range(len(series.columns))
    counts = [max((number_or_none(row[at]) or 0.0 for at in places), default=0.0) for row in series.rows]
    return Series(device=series.device, columns=(title,), times=series.times, rows=tuple((count,) for count in counts))


def _only(series: Series, names: Sequence[str]) -> Series:
    """The series with these columns, all without any."""
    if not names:
        return series
    places = [series.columns.index(name) for name in names]
    return Series(
        device=series.device,
        columns=tuple(names),
        times=series.times,
        rows=tuple(tuple(row[at] for at in places) for row in series.rows),
        truncated=series.truncated,
        units=series.units,
    )


def _table(say: Wording, query: StructuredQuery, series: Series) -> list[str]:
    units = [series.units.get(name, "") for name in series.columns]
    lines = [f"| {say.time_column()} | {' | '.join(series.columns)} |", f"|{'---|' * (len(series.columns) + 1)}"]
    for time, row in list(zip(series.times, series.rows, strict=True))[:_MOST_ROWS]:
        cells = (_cell(value, unit, query) for value, unit in zip(row, units, strict=True))
        lines.append(f"| {say.times.stamp(time)} | {' | '.join(cells)} |")
    return [*lines, say.and_more(len(series.rows) - _MOST_ROWS)] if len(series.rows) > _MOST_ROWS else lines


def _last_of(series: Series, column: str) -> tuple[object, datetime | None]:
    at = series.columns.index(column)
    for time, row in zip(reversed(series.times), reversed(series.rows), strict=True):
        if row[at] is not None:
            return row[at], time
    return None, None


def _cell(value: object, unit: str, query: StructuredQuery) -> str:
    if value is None:
        return "–"
    numeric = number_or_none(value)
    return str(value) if numeric is None else shown(numeric, unit, query, READING_DIGITS)


def _course(
    say: Wording, points: Sequence[tuple[datetime, float]], one: FieldStatistics | None, unit: str
) -> tuple[int, tuple[str, ...]]:
    """The direction (by the least-squares line against the scatter around it) and the numbers of a course.

    The numbers are of single readings where the statistics `one` tell them, of the points otherwise.
    """
    values = [value for _, value in points]
    told = one.values if one else dict[Statistic, float]()
    first, last_value = told.get(Statistic.FIRST, values[0]), told.get(Statistic.LAST, values[-1])
    low_at, low = min(points, key=lambda point: point[1])
    high_at, high = max(points, key=lambda point: point[1])
    if one and one.min_time and one.max_time:
        low_at, low = one.min_time, told.get(Statistic.MIN, low)
        high_at, high = one.max_time, told.get(Statistic.MAX, high)
    change = shown(last_value - first, unit, None)
    change += f", {percent((last_value - first) / abs(first))} %" if first else ""
    hours = (points[-1][0] - points[0][0]).total_seconds() / 3600
    change += f", {shown(slope(points), unit, None, 3)}/h" if hours >= 0.25 else ""
    ends = (shown(first, unit, None), shown(last_value, unit, None), change)
    extremes = (
        shown(low, unit, None),
        say.times.stamp(low_at),
        shown(high, unit, None),
        say.times.stamp(high_at),
    )
    moved = abs(last_value - first) > _LEVEL * max(abs(first), abs(last_value))
    direction = direction_of(values) or (2 if moved else 0)
    # The line through all of it and its two ends may point apart.
    apart = direction * (last_value - first) < 0
    return 2 if apart else direction, (*ends, *extremes)
