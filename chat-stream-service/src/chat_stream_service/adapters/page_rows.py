"""Pages of rows with long texts: they end before they are more than a message holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func

from chat_stream_service.adapters.record import AnyRow
from penstock_kit.database.asynchronous import AsyncConnection

MOST_CHARACTERS: Final = 4_000_000
"""Characters of a page, of at most four bytes each: half of what a message may have."""


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
    """Return at most `size` of the rows in the order of `key`, fewer when their `long` columns have more than
    MOST_CHARACTERS; one row is never too much."""
    ordered = query.order_by(key)
    weight = sum((func.length(column) for column in long[1:]), func.length(long[0]))
    weights = (await connection.execute(ordered.with_only_columns(key, weight).limit(size + 1))).all()
    characters, count = 0, 0
    for each in weights[:size]:
        characters += each[1]
        if count and characters > MOST_CHARACTERS:
            break
        count += 1
    rows = (await connection.execute(ordered.limit(count))).all()
    return RowPage(rows=rows, has_more=len(weights) > count)
