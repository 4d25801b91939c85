"""The fields asked about beside conditions: what they are, and what is used of them, while these hold."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.answer_fields import fields_of, limited
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.measure_text import Measure, shown_value
from llm_service.domain.offline.query import Statistic, StructuredQuery
from llm_service.domain.offline.result import FieldStatistics
from llm_service.domain.offline.verdict import beside_fields

_FLOWS: Final = ("/min", "/s", "/h")
_MOST: Final = 24


def beside(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """Return the mean of each such field of the readings that fit, and what flowed of it; "" without any."""
    lines: list[str] = []
    for each in answered:
        for one in _fields_beside(query, each):
            period = f"{report.say.period(each.time)} {report.say.where(query.conditions, any_of=query.any_condition)}"
            count = int(one.values.get(Statistic.COUNT, each.result.row_count))
            for statistic in _told(one):
                measure = Measure(statistic=statistic)
                name, value = report.name(one.field, measure), shown_value(query, one, measure)
                lines.append(report.say.one_value(each.result.device, period.rstrip(), name, value, count))
    return "\n".join(limited(report.say, lines, _MOST))


def used_beside(query: StructuredQuery, answered: Sequence[Answered]) -> list[StructuredQuery]:
    """Return the questions for what flowed of each such field, which sums up over machines."""
    names = dict.fromkeys(
        one.field for each in answered for one in _fields_beside(query, each) if Statistic.INTEGRAL in _told(one)
    )
    return [replace(query, fields=(name,), conditions=(), statistics=(Statistic.INTEGRAL,)) for name in names]


def _fields_beside(query: StructuredQuery, each: Answered) -> list[FieldStatistics]:
    phrases = beside_fields(query)
    if not phrases or not each.result.row_count:
        return []
    existing = [one.field for one in each.result.fields]
    chosen = fields_of(replace(query, fields=tuple(phrases)), existing)
    return [one for name in chosen if (one := each.result.of(name)) and Statistic.MEAN in one.values]


def _told(one: FieldStatistics) -> tuple[Statistic, ...]:
    flows = Statistic.INTEGRAL in one.values and one.unit.endswith(_FLOWS)
    return (Statistic.MEAN, Statistic.INTEGRAL) if flows else (Statistic.MEAN,)
