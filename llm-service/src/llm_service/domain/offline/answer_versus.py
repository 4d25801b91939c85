"""Answers about when one device was above or below another, by their means of short intervals."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.answer_fields import fields_of
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.number_text import percent
from llm_service.domain.offline.phrases_states import Stretch, Versus
from llm_service.domain.offline.query import StructuredQuery, TimeRange
from llm_service.domain.offline.result import Series

_MOST: Final = 10


def versus(
    report: Report,
    query: StructuredQuery,
    series: tuple[Series, Series],
    time: TimeRange | None,
    width: timedelta,
) -> str:
    """State in how many intervals, and in which stretches of them, the first device was above or below the second."""
    first, second = series
    fields = [fields_of(query, each.columns) for each in series]
    missing = next((each for each, found in zip(series, fields, strict=True) if not found), None)
    if missing is not None:
        return report.unknown_fields(missing.device, query.fields, missing.columns)
    values = dict(second.points(fields[1][0]))
    pairs = [(at, value, values[at]) for at, value in first.points(fields[0][0]) if at in values]
    if not pairs:
        return report.say.no_numbers(" / ".join(query.devices), report.say.period(time))
    above = query.versus == "above"
    held = [at for at, left, right in pairs if (left > right if above else left < right)]
    told = Versus(
        devices=(query.devices[0], query.devices[1]),
        field=fields[0][0],
        period=report.say.period(time),
        above=above,
        held=len(held),
        count=len(pairs),
        share=percent(len(held) / len(pairs)),
        width=report.say.length(width.total_seconds()),
        length=report.say.length(len(held) * width.total_seconds()),
    )
    runs = sorted(sorted(_runs(held, width), key=lambda run: run[0] - run[1])[:_MOST])
    stretches = [_stretch(report, run) for run in runs]
    return report.say.versus(told, stretches, len(_runs(held, width)))


def _runs(held: Sequence[datetime], width: timedelta) -> list[tuple[datetime, datetime]]:
    """The stretches of intervals that follow each other, each with its end."""
    runs: list[tuple[datetime, datetime]] = []
    for at in held:
        if runs and runs[-1][1] == at:
            runs[-1] = (runs[-1][0], at + width)
        else:
            runs.append((at, at + width))
    return runs


def _stretch(report: Report, run: tuple[datetime, datetime]) -> Stretch:
    stamp = report.say.times.stamp
    return Stretch(begin=stamp(run[0]), end=stamp(run[1]), length=report.say.length((run[1] - run[0]).total_seconds()))
