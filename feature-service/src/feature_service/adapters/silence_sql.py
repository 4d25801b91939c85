"""What DuckDB and PostgreSQL say alike: whether a time without rows lies within a spell or parts two."""

from feature_service.domain.telemetry.query import KNOWN_BESIDE, MOST_BRIDGED, StatisticsQuery


def bridges(query: StatisticsQuery, before: str) -> str:
    """Return the test of the column `silence`: `lasts` is what is known behind it, and `before` ahead of it."""
    known = f"{KNOWN_BESIDE} * silence <= least(lasts, {before})"
    return f"silence <= {int(query.bridged)} OR (silence <= {MOST_BRIDGED} AND {known})"
