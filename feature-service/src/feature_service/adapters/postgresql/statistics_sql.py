"""The SELECTs that compute statistics of fields, percentiles, times of extremes and counts of values."""

# ruff: noqa: S608 - names are our own or quoted, values are parameters

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from feature_service.adapters.postgresql.statement import Relation, Values, union
from feature_service.domain.model.series import FieldKind
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Condition, StatisticsQuery

MOST_VALUES: Final = 20
STATISTICS: Final = (
    "count({0})",
    "avg({0})",
    "stddev_samp({0})",
    "min({0})",
    "max({0})",
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY {0})",
    "sum({0})",
    "min(ts) FILTER (WHERE {0} IS NOT NULL)",
    "max(ts) FILTER (WHERE {0} IS NOT NULL)",
)
"""What is computed of each field, in the order of the result's columns."""


def statistics(
    relations: Sequence[Relation],
    fields: Sequence[str],
    span: Span,
    conditions: Sequence[Condition],
    values: Values,
    *,
    correlate: bool,
) -> str:
    """Select row count, first and last time, STATISTICS per field and, if asked, corr() of every pair of fields."""
    source = union(relations, dict.fromkeys(fields, FieldKind.NUMBER), span, conditions, values)
    columns = ["count(*)", "min(ts)", "max(ts)"]
    columns += [what.format(f"c{place}") for place in range(len(fields)) for what in STATISTICS]
    if correlate:
        columns += [f"corr(c{left}, c{right})" for left, right in combinations(range(len(fields)), 2)]
    return f"SELECT {', '.join(columns)} FROM ({source}) AS r"


def values_at(
    relations: Sequence[Relation],
    fields: Sequence[str],
    times: Sequence[str],
    conditions: Sequence[Condition],
    values: Values,
) -> str:
    """Select time and fields of the rows at `times` (literals) that fit."""
    source = union(relations, dict.fromkeys(fields, FieldKind.NUMBER), Span(), conditions, values)
    return f"SELECT * FROM ({source}) AS r WHERE ts IN ({', '.join(times)})"


def insight(relation: Relation, query: StatisticsQuery, values: Values) -> str:
    """Select per field the time of its minimum and maximum, and an array of its percentiles."""
    kinds = dict.fromkeys(query.fields, FieldKind.NUMBER)
    source = union([relation], kinds, query.span, query.conditions, values)
    shares = ", ".join(repr(each / 100) for each in query.percentiles)
    columns: list[str] = []
    for place in range(len(query.fields)):
        if query.extreme_times:
            # Of equal values the first counts.
            columns += [
                f"(SELECT min(ts) FROM fitting WHERE c{place} = (SELECT {reduce}(c{place}) FROM fitting))"
                for reduce in ("min", "max")
            ]
        else:
            columns += ["NULL", "NULL"]
        part = f"percentile_cont(ARRAY[{shares}]::float8[]) WITHIN GROUP (ORDER BY c{place})"
        columns.append(f"(SELECT {part} FROM fitting)" if shares else "NULL")
    return f"WITH fitting AS MATERIALIZED ({source}) SELECT {', '.join(columns)}"


def value_counts(relation: Relation, field: str, query: StatisticsQuery, values: Values) -> str:
    """Select the commonest values of a text field and how many rows have each; NULL where there is none."""
    source = union([relation], {field: FieldKind.TEXT}, query.span, query.conditions, values)
    return (
        f'SELECT c0, count(*) AS n FROM ({source}) AS r GROUP BY c0 ORDER BY n DESC, c0 COLLATE "C" LIMIT {MOST_VALUES}'
    )


def count(
    relations: Sequence[Relation], span: Span, conditions: Sequence[Condition], values: Values, most: int | None = None
) -> str:
    """Select how many rows fit; `most` where there are more than that."""
    limit = "" if most is None else f" LIMIT {most:d}"
    return f"SELECT count(*) FROM ({union(relations, {}, span, conditions, values)}{limit}) AS r"


def planned(relations: Sequence[Relation], span: Span, conditions: Sequence[Condition], values: Values) -> str:
    """Ask for the plan, as JSON, that tells how many rows are expected to fit."""
    return f"EXPLAIN (FORMAT JSON) {union(relations, {}, span, conditions, values)}"


def extent(relation: Relation, values: Values) -> str:
    """Select the first and last time and the number of rows."""
    where = relation.where(Span(), (), values)
    return f"SELECT min({relation.time}), max({relation.time}), count(*) FROM {relation.table} WHERE {where}"
