"""The SELECTs that weigh rows by how long they lasted: how long a condition held, how often that began, integrals."""

# ruff: noqa: S608 - names are our own or quoted, values are parameters

from feature_service.adapters.postgresql.statement import Relation, Values, fits
from feature_service.adapters.spell_sql import HOLDS, spells
from feature_service.domain.telemetry.query import StatisticsQuery


def fitting_time(relation: Relation, query: StatisticsQuery, values: Values) -> str:
    """Select the microseconds of rows that fit and of all, the number of spells, begins and lengths of the longest.

    Then begin and length of the last one, and whether the last row is part of it; then the number and length of the
    gaps, begins and lengths of the longest. Begins are times.
    """
    held = _held(relation, query, "NULL::float8", values)
    return f"""{held}, {spells(query)},
    newest AS (SELECT * FROM spells ORDER BY begin DESC LIMIT 1)
    SELECT (SELECT coalesce(sum(lasts), 0)::bigint FROM spells),
        (SELECT coalesce(sum(lasts), 0)::bigint FROM held) + (SELECT coalesce(sum(filled), 0)::bigint FROM joined),
        (SELECT count(*) FROM spells),
        (SELECT array_agg(begin ORDER BY lasts DESC, begin) FROM longest),
        (SELECT array_agg(lasts ORDER BY lasts DESC, begin) FROM longest),
        (SELECT begin FROM newest), (SELECT lasts FROM newest),
        (SELECT ends FROM newest) = (SELECT max(ts) FROM held),
        (SELECT count(*) FROM gaps), (SELECT coalesce(sum(gap), 0)::bigint FROM gaps),
        (SELECT array_agg(begin ORDER BY gap DESC, begin) FROM widest),
        (SELECT array_agg(gap ORDER BY gap DESC, begin) FROM widest)"""


def integral(relation: Relation, field: str, query: StatisticsQuery, values: Values) -> str:
    """Select the sum of a number field's values times the seconds their rows lasted, over the rows that fit."""
    held = _held(relation, query, relation.columns[field], values)
    return f"{held} SELECT sum(value * lasts / 1e6) FILTER (WHERE fits) FROM held"


def _held(relation: Relation, query: StatisticsQuery, value: str, values: Values) -> str:
    """The rows that have a value of every filtered field, with whether they fit and the microseconds they lasted."""
    test = fits(relation, query.conditions, values)
    own = {each.field for condition in query.conditions for each in condition.alternatives}
    needed = [f"{relation.columns[name]} IS NOT NULL" for name in sorted(own) if name in relation.kinds]
    # Of alternatives one value is enough.
    is_any = any(condition.any_of for condition in query.conditions)
    enough = [f"({' OR '.join(needed)})"] if is_any and needed else needed
    tests = [relation.where(query.span, (), values), *enough]
    if not value.startswith("NULL"):
        tests.append(f"{value} IS NOT NULL")
    rows = f"SELECT {relation.time} AS ts, coalesce({test}, false) AS fits, {value} AS value FROM {relation.table}"
    return f"""WITH known AS MATERIALIZED ({rows} WHERE {" AND ".join(tests)}), spaced AS (
        SELECT *, {_micros("lead(ts) OVER (ORDER BY ts) - ts")} AS gap FROM known
    ), usual AS (SELECT coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY gap), 0)::bigint AS step FROM spaced),
    held AS MATERIALIZED (
        SELECT *, least(coalesce(gap, step), {HOLDS} * step) AS lasts FROM spaced, usual
    )"""


def _micros(interval: str) -> str:
    return f"(extract(epoch FROM {interval}) * 1000000)::bigint"
