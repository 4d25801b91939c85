"""Answers about moments: the last reading at or before each."""

from collections.abc import Sequence
from datetime import datetime

from llm_service.domain.offline.answer_beyond import beyond
from llm_service.domain.offline.answer_fields import fields_of, limited
from llm_service.domain.offline.answer_series import shown_reading
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.field import unmatched_fields
from llm_service.domain.offline.json_value import number_or_none
from llm_service.domain.offline.measure_text import change_share, shown
from llm_service.domain.offline.query import Statistic, StructuredQuery
from llm_service.domain.offline.result import Series

_Moment = tuple[Series, datetime]


def at_moments(report: Report, query: StructuredQuery, moments: Sequence[_Moment]) -> str:
    """State the readings at moments and, of two, how they differ; in the order of a ranking where one is asked for."""
    ordered = _ranked(query, moments) if query.rank else moments
    texts = [_at(report, query, series, asked) for series, asked in ordered]
    changes = _differences(report, query, moments) if len(moments) == 2 and not query.rank else []
    verdict = [_verdict(report, query, moments)] if changes else []
    return "\n\n".join(
        [*filter(None, verdict), *texts, *(["\n".join(limited(report.say, changes))] if changes else [])]
    )


def _verdict(report: Report, query: StructuredQuery, moments: Sequence[_Moment]) -> str:
    """Whether a value is above, or below, the other: of two times of a device it is asked of the later."""
    (first, began), (second, ended) = moments
    names = fields_of(query, first.columns)
    if first.device == second.device and began < ended:
        (first, began), (second, ended) = (second, ended), (first, began)
    asked, other = _value(query, first), _value(query, second)
    if len(names) != 1 or asked is None or other is None:
        return ""
    sides = (first.device, second.device)
    if first.device == second.device:
        sides = (report.say.times.stamp(began), report.say.times.stamp(ended))
    unit = first.units.get(names[0], "")

    def apart(change: float) -> str:
        return shown(change, unit, query, difference=True)

    return beyond(report.say, query, sides, names[0], (asked, other), apart=apart)


def _ranked(query: StructuredQuery, moments: Sequence[_Moment]) -> list[_Moment]:
    def key(moment: _Moment) -> float:
        value = _value(query, moment[0])
        return float("-inf") if value is None else -value if Statistic.MIN in query.statistics else value

    ordered = sorted(moments, key=key, reverse=True)
    return ordered[: query.top or len(ordered)]


def _value(query: StructuredQuery, series: Series) -> float | None:
    names = fields_of(query, series.columns)
    return _latest(series, names[0]) if names else None


def _latest(series: Series, column: str) -> float | None:
    at = series.columns.index(column)
    values = (number_or_none(row[at]) for row in reversed(series.rows))
    return next((value for value in values if value is not None), None)


def _at(report: Report, query: StructuredQuery, series: Series, asked: datetime) -> str:
    device, stamp = series.device or query.first_device, report.say.times.stamp
    if not series.rows:
        return report.say.not_so_early(device, stamp(asked))
    names = fields_of(query, series.columns)
    unknown = unmatched_fields(query.fields, series.columns)
    if unknown and not names:
        return report.unknown_fields(device, unknown, series.columns)
    lines = [shown_reading(report, query, series, name) for name in names or series.columns]
    return "\n".join([report.say.at_head(device, stamp(asked), stamp(series.times[-1])), *limited(report.say, lines)])


def _differences(report: Report, query: StructuredQuery, moments: Sequence[_Moment]) -> list[str]:
    (first, began), (second, ended) = moments
    if first.device == second.device and began > ended:
        (first, began), (second, ended) = (second, ended), (first, began)
    lines: list[str] = []
    for name in fields_of(query, first.columns):
        base, other = _latest(first, name), _latest(second, name) if name in second.columns else None
        if base is None or other is None:
            continue
        unit = first.units.get(name, "")
        change = shown(other - base, unit, query, difference=True)
        share = change_share(base, other, unit, query)
        sides = (first.device, second.device)
        if first.device == second.device:
            sides = (report.say.times.stamp(began), report.say.times.stamp(ended))
        lines.append(f"- {name}: {report.say.difference(*sides, change, share)}")
    return lines
