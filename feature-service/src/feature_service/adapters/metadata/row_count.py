"""How many rows a query has: counted, or on a large PostgreSQL table estimated by its planner."""

from typing import Any, Final

import orjson
from sqlalchemy import Select, func, select

from penstock_kit.database.asynchronous import AsyncConnection

_COUNTED: Final = 10_000


async def count_rows(connection: AsyncConnection, query: Select[Any], *, counted: int = _COUNTED) -> tuple[int, bool]:
    """Return (rows, whether that is an estimate).

    SQLite counts an index quickly; PostgreSQL visits every row, so past `counted` rows it is asked to guess.
    """
    if connection.dialect.name == "sqlite":
        return await _count(connection, query), False
    bounded = await _count(connection, query.limit(counted + 1))
    if bounded <= counted:
        return bounded, False
    return max(await _planned(connection, query), bounded), True


async def _count(connection: AsyncConnection, query: Select[Any]) -> int:
    return await connection.scalar(select(func.count()).select_from(query.subquery())) or 0


async def _planned(connection: AsyncConnection, query: Select[Any]) -> int:
    compiled: Any = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    values = tuple(compiled.params[name] for name in compiled.positiontup or ())
    plan: Any = (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}", values)).scalar_one()
    parsed = orjson.loads(plan) if isinstance(plan, str) else plan
    return int(parsed[0]["Plan"]["Plan Rows"])
