"""Pages of rows with long texts: they end before they are more than a message holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func

from chat_stream_service.adapters.record import AnyRow
from penstock_kit.database.asynchronous import AsyncConnection
from penstock_kit.database.page_size import count_fitting


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPage:
    """Rows of a page, and whether others follow."""

    rows: Sequence[AnyRow]
    has_more: bool


async def read_page(
    connection: AsyncConnection,
    query: Select[Any],
    key: ColumnElement[str],
    long: Sequence[ColumnElement[str]],
    *,
    size: int,
) -> RowPage:
    """Return at most `size` of the rows in the order of `key`, fewer when their `long` columns are too much for one."""
    ordered = query.order_by(key)
    weight = sum((func.length(column) for column in long[1:]), func.length(long[0]))
    weights = (await connection.execute(ordered.with_only_columns(key, weight).limit(size + 1))).all()
    count = count_fitting(each[1] for each in weights[:size])
    rows = (await connection.execute(ordered.limit(count))).all()
    return RowPage(rows=rows, has_more=len(weights) > count)
