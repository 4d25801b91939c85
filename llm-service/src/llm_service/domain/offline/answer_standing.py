"""Answers that say since when machines run, or stand: a pause between two seams is no stop."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from llm_service.domain.offline.answer_states import shown_spell
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.json_value import number_or_none
from llm_service.domain.offline.lasting_stop import LASTING, says
from llm_service.domain.offline.phrases_states import StandingSince
from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.result import DeviceCard, DeviceStatistics, Series
from llm_service.domain.offline.words_state import IDLE, RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The last readings of a machine, its stops that last, and what is listed of it."""

    series: Series
    stops: DeviceStatistics
    card: DeviceCard | None


def standing(report: Report, query: StructuredQuery, told: Sequence[Standing]) -> str:
    """Say of each machine since when it runs, or stands."""
    least = report.say.length(LASTING.total_seconds())
    if query.top:
        told = sorted(told, key=lambda each: _order(query, each))
    lines = [_since(report, query, each) for each in told]
    return "\n".join([*lines, report.say.pauses_left_out(least)])


def _order(query: StructuredQuery, each: Standing) -> tuple[bool, str]:
    """Who is as asked comes first, of these who was so first."""
    fitting = each.stops.fitting
    last = fitting.last if fitting else None
    stands = bool(last and fitting and fitting.ongoing)
    begin = (last.start if stands else last.end) if last else _first(each.card)
    return stands != says(query, IDLE), begin.isoformat() if begin else ""


def _since(report: Report, query: StructuredQuery, each: Standing) -> str:
    device = each.series.device or each.stops.device
    fitting, value = each.stops.fitting, _latest(each.series)
    if not each.series.times or fitting is None or value is None:
        return report.no_data(device, query.time, each.card)
    last, seen = fitting.last, each.series.times[-1]
    running = not (last and fitting.ongoing)
    begin = (last.end if running else last.start) if last else _first(each.card)
    state, stamp = (RUNNING if running else IDLE), report.say.times.stamp
    unit = each.series.units.get(IDLE.field, "")
    since = StandingSince(
        device=device,
        running=running,
        condition=f"{state.field} {state.operator.value} {state.value:g} {unit}".rstrip(),
        begin=stamp(begin) if begin else "",
        length=report.say.length((seen - begin).total_seconds()) if begin else "",
        seen=stamp(seen),
        known=last is not None,
        pausing=running and value < IDLE.value,
        before=shown_spell(report, last) if last and running else None,
    )
    return report.say.standing_since(since)


def _first(card: DeviceCard | None) -> datetime | None:
    """When the readings begin."""
    return card.extent.start if card and card.extent else None


def _latest(series: Series) -> float | None:
    """The last current."""
    names = match_field(IDLE.field, series.columns)
    if not names:
        return None
    at = series.columns.index(names[0])
    return next((number_or_none(row[at]) for row in reversed(series.rows) if row[at] is not None), None)
