"""The SELECTs that give rows and buckets of rows."""

# ruff: noqa: S608 - names are our own or quoted, values are parameters

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from feature_service.adapters.postgresql.selection import Selection, select
from feature_service.adapters.postgresql.statement import NAN, Relation, Values
from feature_service.adapters.postgresql.timestamp import timestamp_literal
from feature_service.domain.model.series import FieldKind
from feature_service.domain.model.span import FIRST_MICROS, Span
from feature_service.domain.telemetry.query import Aggregate, HistoryQuery, NewestQuery

# All numbers of a row, missing ones as NaN: of one width for rows of one length.
_ARRAY: Final = "coalesce(array_replace(numbers, NULL, 'NaN'), '{}')"
_FIRST: Final = "(array_agg({0} ORDER BY {1}) FILTER (WHERE {0} IS NOT NULL))[1]"
_LAST: Final = "(array_agg({0} ORDER BY {1} DESC) FILTER (WHERE {0} IS NOT NULL))[1]"
_REDUCED: Final = {
    Aggregate.MEAN: "avg({0})",
    Aggregate.MIN: "min({0})",
    Aggregate.MAX: "max({0})",
    Aggregate.FIRST: _FIRST,
    Aggregate.LAST: _LAST,
    Aggregate.COUNT: "count({0})::float8",
    Aggregate.SUM: "sum({0})",
    Aggregate.STD: "stddev_samp({0})",
    Aggregate.MEDIAN: "percentile_cont(0.5) WITHIN GROUP (ORDER BY {0})",
}


def select_rows(relation: Relation, fields: Sequence[str]) -> Selection:
    """Return the selection of rows as they are: with many of the numbers that they have, as the array of all."""
    selection = select(fields, relation.kinds)
    if relation.places is None:
        return selection
    every = sum(kind is FieldKind.NUMBER for kind in relation.kinds.values())
    return replace(selection, places=relation.places) if 0 < every <= 2 * len(selection.numbers) else selection


def rows(relation: Relation, selection: Selection, span: Span, values: Values, *, limit: int | None = None) -> str:
    """Select time and fields of the rows in the range, in order of time."""
    bound = "" if limit is None else f" LIMIT {int(limit)}"
    return f"{_plain(relation, selection, relation.where(span, (), values))} ORDER BY {relation.time}{bound}"


def history(relation: Relation, selection: Selection, query: HistoryQuery, values: Values) -> str:
    """Select the first or last rows that fit, or those with the lowest or highest values of `order_by`."""
    where, order = relation.where(query.span, query.conditions, values), relation.time
    if query.order_by:
        value = relation.selected(query.order_by, FieldKind.NUMBER)
        where, order = f"{where} AND {value} IS NOT NULL", f"{value} {_way(query.descending)}, {order}"
    return f"{_plain(relation, selection, where)} ORDER BY {order} {_way(query.newest_first)} LIMIT {int(query.limit)}"


def _plain(relation: Relation, selection: Selection, where: str) -> str:
    fetched = selection.fetched if selection.places is None else selection.texts
    array = "" if selection.places is None else f", {_ARRAY}"
    columns = array + "".join(f", {relation.fetched(name)}" for name in fetched)
    return f"SELECT {relation.time}{columns} FROM {relation.table} WHERE {where}"


def _way(descending: bool) -> str:
    return "DESC" if descending else "ASC"


def newest(
    relations: Sequence[Relation],
    fetched: Sequence[str],
    kinds: Mapping[str, FieldKind],
    query: NewestQuery,
    values: Values,
) -> str:
    """Select time, the place of the series in `relations` and the fields, newest first.

    Of each series no more rows are looked at than may be on the page.
    """
    most = query.offset + query.limit
    parts: list[str] = []
    for place, each in enumerate(relations):
        columns = "".join(f", {each.selected(name, kinds[name])} AS c{index}" for index, name in enumerate(fetched))
        where = each.where(query.span, query.conditions, values)
        parts.append(
            f"(SELECT {each.time} AS ts, {place}::float8 AS series{columns} FROM {each.table} WHERE {where} "
            f"ORDER BY {each.time} DESC LIMIT {int(most)})"
        )
    columns = "".join(
        f", coalesce(c{index}, {NAN})" if kinds[name] is FieldKind.NUMBER else f", c{index}"
        for index, name in enumerate(fetched)
    )
    page = f"ORDER BY ts DESC, series LIMIT {int(query.limit)} OFFSET {int(query.offset)}"
    return f"SELECT ts, series{columns} FROM ({' UNION ALL '.join(parts)}) AS u {page}"


def buckets(relation: Relation, fetched: Sequence[str], query: HistoryQuery, values: Values) -> str:
    """Select one row per interval that has any row that fits: its begin, and the fields reduced."""
    assert query.interval is not None
    where = relation.where(query.span, query.conditions, values)
    inner = "".join(f", {relation.columns[name]} AS c{index}" for index, name in enumerate(fetched))
    outer = "".join(f", {_reduced(relation.kinds[name], index, query.aggregate)}" for index, name in enumerate(fetched))
    # Counted from before the first time there is: intervals begin at whole multiples since 1970 all the same.
    begin = -(-FIRST_MICROS // query.interval) * query.interval if query.interval <= -FIRST_MICROS else 0
    bucket = f"date_bin('{query.interval} microseconds'::interval, ts, {timestamp_literal(begin)})"
    having, order = "", f"1 {_way(query.newest_first)}"
    if query.order_by:
        inner += f", {relation.selected(query.order_by, FieldKind.NUMBER)} AS place"
        value = _REDUCED[query.aggregate].format("place", "ts")
        having, order = f" HAVING {value} IS NOT NULL", f"{value} {_way(query.descending)}, {order}"
    source = f"SELECT {relation.time} AS ts{inner} FROM {relation.table} WHERE {where} OFFSET 0"
    return f"SELECT {bucket}{outer} FROM ({source}) AS r GROUP BY 1{having} ORDER BY {order} LIMIT {int(query.limit)}"


def bucket_kinds(relation: Relation, aggregate: Aggregate) -> Mapping[str, FieldKind]:
    """Return the kinds of reduced fields: texts that are counted are numbers."""
    return dict.fromkeys(relation.kinds, FieldKind.NUMBER) if aggregate is Aggregate.COUNT else relation.kinds


def _reduced(kind: FieldKind, index: int, aggregate: Aggregate) -> str:
    column = f"c{index}"
    if kind is FieldKind.NUMBER or aggregate is Aggregate.COUNT:
        return f"coalesce({_REDUCED[aggregate].format(column, 'ts')}, {NAN})"
    return (_FIRST if aggregate is Aggregate.FIRST else _LAST).format(column, "ts")
