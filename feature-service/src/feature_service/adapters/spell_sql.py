"""What DuckDB and PostgreSQL say alike of spells: stretches of fitting rows, through the silences that part none."""

# ruff: noqa: S608 - only our own names and whole numbers are written into statements

from typing import Final

from feature_service.domain.telemetry.query import (
    KNOWN_BESIDE,
    KNOWN_BESIDE_LONG,
    KNOWN_LONG,
    MOST_BRIDGED,
    StatisticsQuery,
)

# A row lasts until the next one, but not longer than so many median distances: after that nothing is known.
HOLDS: Final = 10
# Spells, and silences, that are told one by one.
LONGEST: Final = 10


def spells(query: StatisticsQuery) -> str:
    """Return the CTEs from the rows `held` (ts, gap, lasts, fits, step) to `spells` (begin, ends, lasts).

    A time without rows between two that fit lies within a spell, or parts two: `joined.filled` is what it adds, in
    microseconds as all lengths are. Beside them are `longest`, `gaps` (begin, gap) and `widest`.
    """
    beside = "least(lasts, lag(lasts) OVER (ORDER BY begin))"
    known = (
        f"({KNOWN_BESIDE} * silence <= {beside} OR greatest({KNOWN_BESIDE_LONG} * silence, {KNOWN_LONG}) <= {beside})"
    )
    bridged = f"silence <= {int(query.bridged)} OR (silence <= {MOST_BRIDGED} AND {known})"
    return f"""marked AS (
        SELECT ts, lasts, fits, step, CASE WHEN fits AND lag(fits) OVER (ORDER BY ts)
            THEN lag(gap) OVER (ORDER BY ts) END AS since
        FROM held
    ), numbered AS (
        SELECT *, sum(CASE WHEN since <= {HOLDS} * step THEN 0 ELSE 1 END) OVER (ORDER BY ts) AS part
        FROM marked WHERE fits
    ), parts AS (
        SELECT min(ts) AS begin, max(ts) AS ends, sum(lasts)::bigint AS lasts, min(step) AS step,
            max(since) FILTER (WHERE since > {HOLDS} * step) AS silence
        FROM numbered GROUP BY part
    ), joined AS (
        SELECT *, CASE WHEN {bridged} THEN silence - {HOLDS} * step END AS filled
        FROM parts
    ), told AS (
        SELECT *, lasts + coalesce(filled, 0) AS whole,
            sum(CASE WHEN filled IS NULL THEN 1 ELSE 0 END) OVER (ORDER BY begin) AS spell
        FROM joined
    ), spells AS (
        SELECT min(begin) AS begin, max(ends) AS ends, sum(whole)::bigint AS lasts FROM told GROUP BY spell
        HAVING sum(whole) >= {int(query.shortest_spell)}
    ), longest AS (SELECT * FROM spells ORDER BY lasts DESC, begin LIMIT {LONGEST}),
    gaps AS (SELECT ts AS begin, gap FROM held WHERE gap > {HOLDS} * step),
    widest AS (SELECT * FROM gaps ORDER BY gap DESC, begin LIMIT {LONGEST})"""
