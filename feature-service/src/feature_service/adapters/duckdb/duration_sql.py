"""The SELECTs that weigh rows by how long they lasted: how long a condition held, how often that began, integrals."""

# ruff: noqa: S608 - only names made in this package are written into statements

from collections.abc import Sequence
from typing import Final

from feature_service.adapters.duckdb import telemetry_sql as sql
from feature_service.adapters.silence_sql import bridges
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Condition, StatisticsQuery

# A row lasts until the next one, but not longer than so many median distances: after that nothing is known.
_HOLDS: Final = 10
# Spells that are told one by one.
_LONGEST: Final = 10


def fitting_time(source: sql.Source, query: StatisticsQuery) -> sql.Statement:
    """Select the microseconds of rows that fit and of all, the number of spells, begins and lengths of the longest.

    Then begin and length of the last one, and whether the last row is part of it; then the number and length of the
    gaps, begins and lengths of the longest.
    """
    held = _held(source, query.span, query.conditions, "NULL::DOUBLE")
    text = f"""{held.text}, marked AS (
        SELECT ts, lasts, fits, step, CASE WHEN fits AND lag(fits) OVER (ORDER BY ts)
            THEN lag(gap) OVER (ORDER BY ts) END AS since
        FROM held
    ), numbered AS (
        SELECT *, sum(CASE WHEN since <= {_HOLDS} * step THEN 0 ELSE 1 END) OVER (ORDER BY ts) AS part
        FROM marked WHERE fits
    ), parts AS (
        SELECT min(ts) AS begin, max(ts) AS ends, sum(lasts) AS lasts, min(step) AS step,
            max(since) FILTER (since > {_HOLDS} * step) AS silence
        FROM numbered GROUP BY part
    ), joined AS (
        SELECT *, CASE WHEN {bridges(query, "lag(lasts) OVER (ORDER BY begin)")}
            THEN silence - {_HOLDS} * step END AS filled
        FROM parts
    ), told AS (
        SELECT *, lasts + coalesce(filled, 0) AS whole,
            sum(CASE WHEN filled IS NULL THEN 1 ELSE 0 END) OVER (ORDER BY begin) AS spell
        FROM joined
    ), spells AS (SELECT epoch_us(min(begin)) AS begin, max(ends) AS ends, sum(whole) AS lasts FROM told GROUP BY spell
        HAVING sum(whole) >= {int(query.shortest_spell)}),
    longest AS (SELECT * FROM spells ORDER BY lasts DESC, begin LIMIT {_LONGEST}),
    gaps AS (SELECT epoch_us(ts) AS begin, gap FROM held WHERE gap > {_HOLDS} * step),
    widest AS (SELECT * FROM gaps ORDER BY gap DESC, begin LIMIT {_LONGEST})
    SELECT coalesce(sum(lasts), 0),
        (SELECT coalesce(sum(lasts), 0) FROM held) + (SELECT coalesce(sum(filled), 0) FROM joined),
        count(*), (SELECT list(begin ORDER BY lasts DESC, begin) FROM longest),
        (SELECT list(lasts ORDER BY lasts DESC, begin) FROM longest),
        max(begin), arg_max(lasts, begin), max(ends) = (SELECT max(ts) FROM held),
        (SELECT count(*) FROM gaps), (SELECT coalesce(sum(gap), 0) FROM gaps),
        (SELECT list(begin ORDER BY gap DESC, begin) FROM widest),
        (SELECT list(gap ORDER BY gap DESC, begin) FROM widest)
    FROM spells"""
    return sql.Statement(text, held.values)


def integral(source: sql.Source, field: str, query: StatisticsQuery) -> sql.Statement:
    """Select the sum of a number field's values times the seconds their rows lasted, over the rows that fit."""
    held = _held(source, query.span, query.conditions, source.table.column(field))
    return sql.Statement(f"{held.text} SELECT fsum(value * lasts / 1e6) FILTER (fits) FROM held", held.values)


def _held(source: sql.Source, span: Span, conditions: Sequence[Condition], value: str) -> sql.Statement:
    """The rows that have a value of every filtered field, with whether they fit and the microseconds they lasted."""
    table = source.table
    test, where = sql.fits(table, conditions), sql.within(span)
    own = {each.field for condition in conditions for each in condition.alternatives}
    needed = [f"{table.column(name)} IS NOT NULL" for name in sorted(own) if name in table.kinds]
    # Of alternatives one value is enough.
    enough = [f"({' OR '.join(needed)})"] if any(condition.any_of for condition in conditions) and needed else needed
    tests = [where.text, *enough, *([] if value.startswith("NULL") else [f"{value} IS NOT NULL"])]
    rows = f"SELECT ts, coalesce({test.text}, false) AS fits, {value} AS value FROM {table.name}"
    text = f"""WITH known AS ({rows} WHERE {" AND ".join(tests)}), spaced AS (
        SELECT *, epoch_us(lead(ts) OVER (ORDER BY ts)) - epoch_us(ts) AS gap FROM known
    ), usual AS (SELECT coalesce(median(gap), 0)::BIGINT AS step FROM spaced), held AS (
        SELECT *, least(coalesce(gap, step), {_HOLDS} * step) AS lasts FROM spaced, usual
    )"""
    return sql.Statement(text, [*test.values, *where.values])
