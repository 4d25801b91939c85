"""The SELECTs over series tables. Values travel as parameters; what is written into the text is our own names."""

# ruff: noqa: S608 - only names made in this package are written into statements

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from feature_service.adapters.column_catalog import SeriesTable
from feature_service.domain.model.series import FieldKind
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Aggregate, Condition, HistoryQuery, Operator

_NAN: Final = "'nan'::DOUBLE"
_NUMBER_AGGREGATES: Final = {
    Aggregate.MEAN: "favg({0})",
    Aggregate.MIN: "min({0})",
    Aggregate.MAX: "max({0})",
    Aggregate.FIRST: "arg_min({0}, ts)",
    Aggregate.LAST: "arg_max({0}, ts)",
    Aggregate.COUNT: "count({0})::DOUBLE",
    Aggregate.SUM: "fsum({0})",
    Aggregate.STD: "stddev_samp({0})",
    Aggregate.MEDIAN: "median({0})",
}
# favg and fsum are compensated sums: the last digits do not depend on the order of the rows.
STATISTICS: Final = (
    "count({0})",
    "favg({0})",
    "stddev_samp({0})",
    "min({0})",
    "max({0})",
    "median({0})",
    "arg_min({0}, ts)",
    "arg_max({0}, ts)",
    "fsum({0})",
)
"""What is computed of each field, in the order of the result's columns."""


@dataclass(slots=True)
class Statement:
    """SQL text with the values of its placeholders, in order."""

    text: str
    values: list[object] = field(default_factory=list[object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A series in a question: its table and the code its rows are marked with."""

    table: SeriesTable
    device_code: str


def rows(table: SeriesTable, fields: Sequence[str], span: Span, conditions: Sequence[Condition] = ()) -> Statement:
    """Select time and fields as c0, c1 …, in the order of the table, which is mostly that of time."""
    where = _where(table, span, conditions)
    columns = "".join(f", {_plain(table, name)} AS c{index}" for index, name in enumerate(fields))
    return Statement(f"SELECT ts{columns} FROM {table.name}{where.text}", where.values)


def ordered_rows(table: SeriesTable, query: HistoryQuery) -> Statement:
    """Select the first or last rows that fit, or those with the lowest or highest values of `order_by`."""
    return _ordered(rows(table, _needed(query), query.span, query.conditions), "ts", query)


def buckets(table: SeriesTable, query: HistoryQuery) -> Statement:
    """Select one row per interval that has any row that fits, in the order of time or of `order_by`."""
    where, aggregate = _where(table, query.span, query.conditions), query.aggregate
    names = enumerate(_needed(query))
    columns = "".join(f", {_reduced(table, name, aggregate)} AS c{index}" for index, name in names)
    bucket = "time_bucket(to_microseconds(?), ts, TIMESTAMP '1970-01-01')"
    text = f"SELECT {bucket} AS bucket{columns} FROM {table.name}{where.text} GROUP BY bucket"
    return _ordered(Statement(text, [query.interval, *where.values]), "bucket", query)


def _needed(query: HistoryQuery) -> Sequence[str]:
    """The fields asked for, and behind them the one that orders the rows."""
    return [*query.fields, query.order_by] if query.order_by else query.fields


def _ordered(base: Statement, time: str, query: HistoryQuery) -> Statement:
    direction = "DESC" if query.newest_first else "ASC"
    if not query.order_by:
        return Statement(f"{base.text} ORDER BY {time} {direction} LIMIT ?", [*base.values, query.limit])
    value, way = f"c{len(query.fields)}", "DESC" if query.descending else "ASC"
    text = f"SELECT * FROM ({base.text}) WHERE NOT isnan({value}) ORDER BY {value} {way}, {time} {direction} LIMIT ?"
    return Statement(text, [*base.values, query.limit])


def newest(
    sources: Sequence[Source], kinds: Mapping[str, FieldKind], span: Span, conditions: Sequence[Condition]
) -> Statement:
    """Select time, device and fields of all series; ORDER BY and LIMIT are added by the caller."""
    return _union(sources, kinds, span, conditions)


def placed(sources: Sequence[Source], span: Span, conditions: Sequence[Condition], first: int) -> Statement:
    """Select the time of every row that fits, and the place of its series, counted from `first`."""
    parts: list[str] = []
    values: list[object] = []
    for place, source in enumerate(sources, first):
        where = _where(source.table, span, conditions)
        parts.append(f"SELECT ts, {place} AS place FROM {source.table.name}{where.text}")
        values += where.values
    return Statement(" UNION ALL ".join(parts), values)


def rows_at(
    sources: Mapping[int, Source], times: Mapping[int, Sequence[int]], kinds: Mapping[str, FieldKind]
) -> Statement:
    """Select time (microseconds), place and fields of the rows of each series at its `times`, by its place."""
    parts: list[str] = []
    for place, source in sources.items():
        columns = "".join(
            f", {_aligned(source.table, name, kind)} AS c{index}" for index, (name, kind) in enumerate(kinds.items())
        )
        listed = ", ".join(f"make_timestamp({int(time)})" for time in times[place])
        parts.append(
            f"SELECT epoch_us(ts) AS t, {place} AS place{columns} FROM {source.table.name} WHERE ts IN ({listed})"
        )
    return Statement(" UNION ALL ".join(parts))


def count(sources: Sequence[Source], span: Span, conditions: Sequence[Condition]) -> Statement:
    """Select how many rows fit."""
    union = _union(sources, {}, span, conditions)
    return Statement(f"SELECT count(*) FROM ({union.text})", union.values)


def extent(table: SeriesTable, span: Span) -> Statement:
    """Select first time, last time (microseconds) and number of the rows in the range."""
    inside = within(span)
    text = f"SELECT epoch_us(min(ts)), epoch_us(max(ts)), count(*) FROM {table.name} WHERE {inside.text}"
    return Statement(text, inside.values)


def statistics(
    sources: Sequence[Source],
    fields: Sequence[str],
    span: Span,
    *,
    correlate: bool,
    conditions: Sequence[Condition] = (),
) -> Statement:
    """Select row count, first and last time, STATISTICS per field and, if asked, corr() of every pair of fields."""
    union = _union(sources, dict.fromkeys(fields, FieldKind.NUMBER), span, conditions)
    columns = ["count(*)", "epoch_us(min(ts))", "epoch_us(max(ts))"]
    columns += [what.format(f"c{index}") for index in range(len(fields)) for what in STATISTICS]
    if correlate:
        columns += [f"corr(c{left}, c{right})" for left, right in combinations(range(len(fields)), 2)]
    return Statement(f"SELECT {', '.join(columns)} FROM ({union.text})", union.values)


def _union(
    sources: Sequence[Source], kinds: Mapping[str, FieldKind], span: Span, conditions: Sequence[Condition]
) -> Statement:
    parts: list[str] = []
    values: list[object] = []
    for source in sources:
        where = _where(source.table, span, conditions)
        columns = "".join(
            f", {_aligned(source.table, name, kind)} AS c{index}" for index, (name, kind) in enumerate(kinds.items())
        )
        parts.append(f"SELECT ts, ?::VARCHAR AS device{columns} FROM {source.table.name}{where.text}")
        values += [source.device_code, *where.values]
    return Statement(" UNION ALL ".join(parts), values)


def _aligned(table: SeriesTable, name: str, kind: FieldKind) -> str:
    """The field as a column of the kind all series share; NULL where this series has none."""
    own = table.kinds.get(name)
    if own is None or (kind is FieldKind.NUMBER and own is FieldKind.TEXT):
        return "NULL::DOUBLE" if kind is FieldKind.NUMBER else "NULL::VARCHAR"
    return table.column(name) if own is kind else f"{table.column(name)}::VARCHAR"


def _plain(table: SeriesTable, name: str) -> str:
    """The field with NaN for missing numbers, which is fetched without a mask."""
    kind = table.kinds.get(name)
    if kind is None:
        return _NAN
    return f"coalesce({table.column(name)}, {_NAN})" if kind is FieldKind.NUMBER else table.column(name)


def _reduced(table: SeriesTable, name: str, aggregate: Aggregate) -> str:
    kind = table.kinds.get(name)
    if kind is None:
        return _NAN
    if kind is FieldKind.NUMBER or aggregate is Aggregate.COUNT:
        return f"coalesce({_NUMBER_AGGREGATES[aggregate].format(table.column(name))}, {_NAN})"
    return _NUMBER_AGGREGATES[Aggregate.FIRST if aggregate is Aggregate.FIRST else Aggregate.LAST].format(
        table.column(name)
    )


def _where(table: SeriesTable, span: Span, conditions: Sequence[Condition]) -> Statement:
    inside, tested = within(span), fits(table, conditions)
    tests = [each.text for each in (inside, tested) if each.text != "true"]
    return Statement(f" WHERE {' AND '.join(tests)}" if tests else "", [*inside.values, *tested.values])


def within(span: Span) -> Statement:
    """Return the test that holds for rows in `span`."""
    bounds = (("ts >= make_timestamp(?)", span.start), ("ts < make_timestamp(?)", span.end))
    given = [(test, value) for test, value in bounds if value is not None]
    return Statement(" AND ".join(test for test, _ in given) or "true", [value for _, value in given])


def fits(table: SeriesTable, conditions: Sequence[Condition]) -> Statement:
    """Return the test that holds for rows that fit every condition."""
    tests = [_test(table, condition) for condition in conditions]
    text = " AND ".join(each.text for each in tests) or "true"
    return Statement(text, [value for each in tests for value in each.values])


def _test(table: SeriesTable, condition: Condition) -> Statement:
    if condition.any_of:
        tests = [_test(table, each) for each in condition.any_of]
        text = " OR ".join(each.text for each in tests)
        return Statement(f"({text})", [value for each in tests for value in each.values])
    kind = table.kinds.get(condition.field)
    # A device that has no such field, or one of the other kind, has no row that fits.
    if kind is None or any(isinstance(operand, str) != (kind is FieldKind.TEXT) for operand in condition.operands):
        return Statement("false")
    column = table.column(condition.field)
    if condition.operator is Operator.IN:
        # One value whatever their number: a statement of thousands takes a second to be read.
        kind_of = "DOUBLE" if kind is FieldKind.NUMBER else "VARCHAR"
        return Statement(f"{column} IN (SELECT unnest(?::{kind_of}[]))", [list(condition.operands)])
    return Statement(f"{column} {condition.operator.value} ?", list(condition.operands))
