"""A table read from end to end again and again, so that nobody who waits for the event loop waits for all its rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Column, Table, bindparam, select, tuple_

from penstock_kit.database import Database

PAGE: Final = 500
"""Rows that are read by one statement, and turned into values without a break for others: about a millisecond."""
_Value = TypeVar("_Value")
_Row = tuple[Any, ...]


class WholeTable(Generic[_Value]):
    """What `make` makes of each row of `table`, which has an index over `tenant_id` and `name`: both name a row.

    A value whose row is as it was is kept from one reading to the next: making 100,000 anew takes half a second.
    """

    def __init__(
        self, database: Database, table: Table, name: Column[str], make: Callable[[Mapping[str, Any]], _Value]
    ) -> None:
        key = tuple_(table.c.tenant_id, name)
        after = tuple_(bindparam("tenant_id", type_=name.type), bindparam("name", type_=name.type))
        self._first = select(table).order_by(table.c.tenant_id, name).limit(PAGE)
        self._next = self._first.where(key > after)
        self._database = database
        self._make = make
        self._columns = tuple(column.name for column in table.columns)
        self._key = (self._columns.index("tenant_id"), self._columns.index(name.name))
        self._kept: dict[_Row, tuple[_Row, _Value]] = {}

    async def read(self) -> Sequence[_Value]:
        """Return all values, by tenant and name; a row that is put or deleted meanwhile may be there or not."""
        kept: dict[_Row, tuple[_Row, _Value]] = {}
        page = await self._database.rows(self._first, {})
        while page:
            for row in page:
                key = tuple(row[at] for at in self._key)
                known = self._kept.get(key)
                if known is None or known[0] != row:
                    known = (row, self._make(dict(zip(self._columns, row, strict=True))))
                kept[key] = known
            page = await self._after(page[-1]) if len(page) == PAGE else ()
        self._kept = kept
        return [value for _, value in kept.values()]

    async def _after(self, last: _Row) -> Sequence[_Row]:
        tenant_id, name = (last[at] for at in self._key)
        return await self._database.rows(self._next, {"tenant_id": tenant_id, "name": name})
