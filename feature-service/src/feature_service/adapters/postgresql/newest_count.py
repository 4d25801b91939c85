"""How many rows fit a question of the newest: counted, or of many rows estimated by PostgreSQL's planner."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from feature_service.adapters.postgresql import statistics_sql
from feature_service.adapters.postgresql.statement import Relation, Values
from feature_service.domain.telemetry.query import NewestQuery

MOST_COUNTED: Final = 100_000
"""Rows that are counted; PostgreSQL visits each of them, so of more it is asked to guess."""

Fetch = Callable[[str, Values], Awaitable[Sequence[Any]]]
"""Runs a statement with its values and returns its rows."""


async def rows_that_fit(
    fetch: Fetch, relations: Sequence[Relation], query: NewestQuery, on_page: int, most_counted: int = MOST_COUNTED
) -> tuple[int, bool]:
    """Return (rows, whether that is an estimate) for a page that has `on_page` rows.

    A page that is not full is the last one, which says how many there are. An estimate has a further page behind a full
    one, and is never less than what was counted.
    """
    end = query.offset + on_page
    if on_page < query.limit and (on_page or not query.offset):
        return end, False
    values = Values()
    counted = statistics_sql.count(relations, query.span, query.conditions, values, most=most_counted + 1)
    ((rows,),) = await fetch(counted, values)
    if rows <= most_counted:
        return rows, False
    values = Values()
    planned = statistics_sql.planned(relations, query.span, query.conditions, values)
    ((plan,),) = await fetch(planned, values)
    return max(rows, end + 1, int(json.loads(plan)[0]["Plan"]["Plan Rows"])), True
