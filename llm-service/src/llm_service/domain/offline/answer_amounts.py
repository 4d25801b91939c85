"""What several machines used in each of many ranges, as one table: "wire per hour for every machine"."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.answer_fields import fields_of
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.measure_text import Measure, added_up, shown, shown_value
from llm_service.domain.offline.query import Statistic, StructuredQuery

_SPOKEN: Final = 2
_MOST_ROWS: Final = 60


def amounts(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """Return a row a range and a column a machine, with what they used in all; "" where no such table is asked for."""
    devices = list(dict.fromkeys(each.result.device for each in answered))
    times = list(dict.fromkeys(each.time for each in answered))
    plain = query.statistics == (Statistic.INTEGRAL,) and len(query.fields) == 1 and not query.rank
    if not plain or len(devices) < 2 or len(times) <= _SPOKEN:
        return ""
    measure, cells, totals = Measure(statistic=Statistic.INTEGRAL), dict[tuple[object, str], str](), dict[str, float]()
    name = unit = ""
    for each in answered:
        chosen = fields_of(query, [one.field for one in each.result.fields])
        one = each.result.of(chosen[0]) if chosen else None
        value = measure.value(one) if one else None
        if one is not None and value is not None:
            name, unit = one.field, one.unit
            cells[each.time, each.result.device] = shown_value(query, one, measure)
            totals[each.result.device] = totals.get(each.result.device, 0.0) + value
    if not cells:
        return ""
    say = report.say
    where = say.where(query.conditions, any_of=query.any_condition).strip()
    lines = [f"{report.name(name, measure)}{' ' * bool(where)}{where}:", ""]
    lines += [f"| {say.time_column()} | {' | '.join(devices)} |", f"|{'---|' * (len(devices) + 1)}"]
    for time in times[:_MOST_ROWS]:
        begin = say.times.stamp(time.start) if time and time.start else say.period(time)
        lines.append(f"| {begin} | {' | '.join(cells.get((time, device), '–') for device in devices)} |")
    if len(times) > _MOST_ROWS:
        lines.append(say.and_more(len(times) - _MOST_ROWS))
    told = (shown(*added_up(totals[device], unit), query) if device in totals else "–" for device in devices)
    return "\n".join([*lines, f"| Σ | {' | '.join(told)} |"])
