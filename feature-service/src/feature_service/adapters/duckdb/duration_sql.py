"""The SELECTs that weigh rows by how long they lasted: how long a condition held, how often that began, integrals."""

# ruff: noqa: S608 - only names made in this package are written into statements

from collections.abc import Sequence

from feature_service.adapters.duckdb import telemetry_sql as sql
from feature_service.adapters.spell_sql import HOLDS, spells
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Condition, StatisticsQuery


def fitting_time(source: sql.Source, query: StatisticsQuery) -> sql.Statement:
    """Select the microseconds of rows that fit and of all, the number of spells, begins and lengths of the longest.

    Then begin and length of the last one, and whether the last row is part of it; then the number and length of the
    gaps, begins and lengths of the longest.
    """
    held = _held(source, query.span, query.conditions, "NULL::DOUBLE")
    text = f"""{held.text}, {spells(query)}
    SELECT coalesce(sum(lasts), 0),
        (SELECT coalesce(sum(lasts), 0) FROM held) + (SELECT coalesce(sum(filled), 0) FROM joined),
        count(*), (SELECT list(epoch_us(begin) ORDER BY lasts DESC, begin) FROM longest),
        (SELECT list(lasts ORDER BY lasts DESC, begin) FROM longest),
        epoch_us(max(begin)), arg_max(lasts, begin), max(ends) = (SELECT max(ts) FROM held),
        (SELECT count(*) FROM gaps), (SELECT coalesce(sum(gap), 0) FROM gaps),
        (SELECT list(epoch_us(begin) ORDER BY gap DESC, begin) FROM widest),
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
        SELECT *, least(coalesce(gap, step), {HOLDS} * step) AS lasts FROM spaced, usual
    )"""
    return sql.Statement(text, [*test.values, *where.values])
