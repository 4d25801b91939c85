"""Statistics of a range: computed by one statement, with the values at first and last times found by another."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from feature_service.adapters.postgresql import statistics_sql
from feature_service.adapters.postgresql.statement import Relation, Values
from feature_service.adapters.postgresql.timestamp import micros_or_none, timestamp_literal
from feature_service.adapters.range_statistic import correlation_matrix, field_statistic
from feature_service.domain.model.span import Span, micros_of
from feature_service.domain.model.statistic import RangeStatistic
from feature_service.domain.telemetry.query import Condition

Ask: TypeAlias = Callable[[str, Values], Awaitable[Sequence[Any]]]
"""Returns the rows of a statement with these values."""


async def statistics_of(
    ask: Ask,
    relations: Sequence[Relation],
    fields: Sequence[str],
    span: Span,
    conditions: Sequence[Condition],
    *,
    correlate: bool,
) -> RangeStatistic:
    """Return the statistics of the fields over all rows that fit, which `ask` computes."""
    values = Values()
    text = statistics_sql.statistics(relations, fields, span, conditions, values, correlate=correlate)
    (row,) = await ask(text, values)
    rows, first, last = row[:3]
    width = len(statistics_sql.STATISTICS)
    computed = [row[3 + width * place :][:width] for place in range(len(fields))]
    edges = await _edges(ask, relations, fields, [each[-2:] for each in computed], conditions)
    each = [
        field_statistic(name, rows, (*found[:6], *edge, found[6]))
        for name, found, edge in zip(fields, computed, edges, strict=True)
    ]
    pairs = row[3 + width * len(fields) :]
    return RangeStatistic(
        rows=rows,
        fields=each,
        first_time=micros_or_none(first),
        last_time=micros_or_none(last),
        correlations=correlation_matrix(each, pairs) if correlate else (),
    )


async def _edges(
    ask: Ask,
    relations: Sequence[Relation],
    fields: Sequence[str],
    times: Sequence[Sequence[datetime | None]],
    conditions: Sequence[Condition],
) -> list[tuple[Any, Any]]:
    """Return the values of each field at its first and last time: a few rows, found by their times."""
    wanted = {moment for pair in times for moment in pair if moment is not None}
    if not wanted:
        return [(None, None)] * len(fields)
    values = Values()
    literals = [timestamp_literal(micros_of(moment)) for moment in sorted(wanted)]
    rows = await ask(statistics_sql.values_at(relations, fields, literals, conditions, values), values)
    known = {
        (place, row[0]): row[1 + place] for row in rows for place in range(len(fields)) if row[1 + place] is not None
    }
    return [(known.get((place, first)), known.get((place, last))) for place, (first, last) in enumerate(times)]
