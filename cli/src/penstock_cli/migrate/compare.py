"""The comparison: exact counts, a checksum for each column and range of keys of both sides, and each difference named.

Both sides are read in the order of the bytes of their keys. Where the checksums of a range differ, its rows are looked
at one by one.
"""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Table

from penstock_cli.migrate.check import key_text
from penstock_cli.migrate.store import RecordStore, batches
from penstock_cli.migrate.value import Row, canonical, key_positions, order_of, shown

_RANGE_ROWS: Final = 1000
_NAMED: Final = 50
_DIGEST_BYTES: Final = 8


@dataclass(slots=True, kw_only=True)
class TableComparison:
    """What a comparison of a table found; `named` describes the first of the differences."""

    table: str
    source_rows: int = 0
    target_rows: int = 0
    only_in_source: int = 0
    only_in_target: int = 0
    different: int = 0
    ranges: int = 0
    checksums: dict[str, str] = field(default_factory=dict[str, str])
    named: list[str] = field(default_factory=list[str])

    @property
    def agrees(self) -> bool:
        """Whether both sides hold the same."""
        return not (self.only_in_source or self.only_in_target or self.different)

    def name(self, line: str) -> None:
        """Describe a difference, unless many are described already."""
        if len(self.named) < _NAMED:
            self.named.append(line)


async def compare_table(
    source: RecordStore, target: RecordStore, table: Table, *, range_rows: int = _RANGE_ROWS
) -> TableComparison:
    """Compare all rows of a table."""
    result = TableComparison(table=table.name)
    positions = key_positions(table)
    whole = {column.name: hashlib.blake2b(digest_size=_DIGEST_BYTES) for column in table.columns}
    other = _Reader(target.rows(table), table, positions, result)
    async for rows in batches(source.rows(table), range_rows):
        result.ranges += 1
        result.source_rows += len(rows)
        found = await other.take([order_of(_key(row, positions)) for row in rows])
        for column, digest in _digests(table, rows).items():
            whole[column].update(digest)
        if _digests(table, rows) != _digests(table, list(found.values())) or len(found) != len(rows):
            _compare_rows(table, positions, rows, found, result)
    await other.drain()
    result.target_rows = other.rows
    result.checksums = {name: digest.hexdigest() for name, digest in whole.items()}
    return result


class _Reader:
    """Reads the other side along: the rows with the keys of a range, and what lies between as only there."""

    def __init__(
        self, rows: AsyncGenerator[Row], table: Table, positions: Sequence[int], result: TableComparison
    ) -> None:
        self._rows = rows
        self._table = table
        self._positions = positions
        self._result = result
        self._next: Row | None = None
        self.rows = 0

    async def take(self, keys: Sequence[tuple[object, ...]]) -> dict[tuple[object, ...], Row]:
        """Return the rows with these ascending keys, by key."""
        wanted, last = set(keys), keys[-1]
        found: dict[tuple[object, ...], Row] = {}
        while (row := await self._peek()) is not None:
            key = order_of(_key(row, self._positions))
            if key > last:
                break
            self._next = None
            if key in wanted:
                found[key] = row
            else:
                self._only_here(row)
        return found

    async def drain(self) -> None:
        """Count what comes after the last range."""
        while (row := await self._peek()) is not None:
            self._next = None
            self._only_here(row)

    def _only_here(self, row: Row) -> None:
        self._result.only_in_target += 1
        self._result.name(f"{self._table.name} ({key_text(self._table, row, self._positions)}): only in the target")

    async def _peek(self) -> Row | None:
        if self._next is None:
            self._next = await anext(self._rows, None)
            self.rows += self._next is not None
        return self._next


def _compare_rows(
    table: Table,
    positions: Sequence[int],
    rows: Sequence[Row],
    found: dict[tuple[object, ...], Row],
    result: TableComparison,
) -> None:
    for row in rows:
        other = found.get(order_of(_key(row, positions)))
        said = f"{table.name} ({key_text(table, row, positions)})"
        if other is None:
            result.only_in_source += 1
            result.name(f"{said}: only in the source")
            continue
        pairs = zip(table.columns, row, other, strict=True)
        wrong = [
            f"{column.name} is {shown(here)} in the source and {shown(there)} in the target"
            for column, here, there in pairs
            if canonical(here) != canonical(there)
        ]
        if wrong:
            result.different += 1
            result.name(f"{said}: {'; '.join(wrong)}")


def _digests(table: Table, rows: Sequence[Row]) -> dict[str, bytes]:
    """Return the checksum of each column over the rows of a range."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(table.columns)
    return {
        column.name: hashlib.blake2b(b"".join(map(canonical, values)), digest_size=_DIGEST_BYTES).digest()
        for column, values in zip(table.columns, columns, strict=True)
    }


def _key(row: Row, positions: Sequence[int]) -> tuple[object, ...]:
    return tuple(row[place] for place in positions)
