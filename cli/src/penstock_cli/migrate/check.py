"""The check before the first write: every row that the other store would not take, by table and key."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from penstock_cli.migrate.store import RecordStore
from penstock_cli.migrate.value import Row, key_positions, problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A row that does not fit: its table, its key as text, the column, and what is wrong with the value."""

    table: str
    key: str
    column: str
    why: str

    def __str__(self) -> str:
        """Return it as a line."""
        return f"{self.table} ({self.key}): {self.column} {self.why}" if self.column else self.why


async def find_misfits(source: RecordStore, tables: Sequence[Table], *, into_sqlite: bool) -> AsyncGenerator[Misfit]:
    """Yield what the other store would not take, all of it."""
    for table in tables:
        columns, positions = list(table.columns), key_positions(table)
        async for row in source.rows(table):
            for column, value in zip(columns, row, strict=True):
                why = problem(column, value, into_sqlite=into_sqlite)
                if why:
                    yield Misfit(table=table.name, key=key_text(table, row, positions), column=column.name, why=why)
        for line in await source.orphans(table):
            yield Misfit(table=table.name, key="", column="", why=line)


def key_text(table: Table, row: Row, positions: Sequence[int]) -> str:
    """Return the key of a row as text: ``id 'cnv_1'``."""
    named: list[tuple[str, Any]] = [(list(table.columns)[place].name, row[place]) for place in positions]
    return ", ".join(f"{name} {value!r}" for name, value in named)
