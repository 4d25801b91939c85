"""Writes rows: whole bodies in one transaction, batches of many series in one COPY, only what overlaps by a merge."""

# ruff: noqa: S608 - only names made in this package are written into statements

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from feature_service.adapters.column_catalog import SeriesTable
from feature_service.adapters.postgresql.copy_encoding import HEAD, TAIL, encode_rows
from feature_service.adapters.postgresql.partition import (
    Partition,
    load_partitions,
    make_partition,
    slices,
    uncovered,
)
from feature_service.adapters.postgresql.pool import Connection, PostgresPool
from feature_service.adapters.postgresql.series import extend_series, find_series, positions
from feature_service.adapters.postgresql.timestamp import timestamp_literal
from feature_service.adapters.postgresql.transaction import in_transaction, run_copy
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import FieldKind, SeriesKey
from penstock_kit.clock import Clock

_BATCH_ROWS: Final = 100_000
_COLUMNS: Final = ("series_id", "ts", "numbers", "texts")
_INCOMING: Final = "telemetry_incoming"

Batch: TypeAlias = dict[SeriesKey, Frame]
CheckNew: TypeAlias = Callable[[Connection, Sequence[SeriesKey]], Awaitable[None]]
Rows: TypeAlias = Sequence[tuple[SeriesTable, Frame]]

# Of the values of two arrays of one row the newer, where it has one; a row that changes nothing is not written.
_MERGED: Final = """CASE
WHEN cardinality(excluded.{0}) >= cardinality(r.{0}) AND array_position(excluded.{0}, NULL) IS NULL THEN excluded.{0}
ELSE (SELECT array_agg(coalesce(n, o) ORDER BY k) FROM unnest(excluded.{0}, r.{0}) WITH ORDINALITY AS v (n, o, k))
END"""


class RowWriter:
    """Writes rows over `pool`; `clock` tells which partitions are those of the present.

    `check_new` is told the series that have no rows yet, and raises when they may not have any.
    """

    def __init__(self, pool: PostgresPool, clock: Clock, check_new: CheckNew) -> None:
        self._pool = pool
        self._clock = clock
        self._check_new = check_new
        self._partitions: list[Partition] = []

    async def write(self, parts: "Iterable[tuple[SeriesKey, Frame]]") -> None:
        """Merge the rows of all parts into their series, in one transaction."""
        batches = _batches(iter(parts))
        batch = await asyncio.to_thread(next, batches, None)
        if batch is None:
            return
        try:
            async with self._pool.transaction() as connection:
                while batch is not None:
                    await self._write(connection, batch)
                    batch = await asyncio.to_thread(next, batches, None)
        except Exception:
            # They are looked for anew: it may be that one is not there any more.
            self._partitions = []
            raise

    async def _write(self, connection: Connection, batch: Batch) -> None:
        tables = await self._tables(connection, batch)
        rows = sorted(((tables[key], frame) for key, frame in batch.items()), key=lambda each: each[0].id)
        await self._cover(frame for _, frame in rows)
        for partition, inside in _by_partition(rows, self._partitions).items():
            await _write_partition(connection, partition.name, inside)

    async def _tables(self, connection: Connection, batch: Batch) -> dict[SeriesKey, SeriesTable]:
        """Return the series of the batch, with columns for all that it brings, kept from being dropped.

        New ones are committed at once, over a connection of their own: other loads that need them do not wait for this.
        """
        keys = sorted(batch)
        found = await find_series(connection, keys, keep=True)
        lacking = {key: _kinds(batch[key]) for key in keys if _lacks(found.get(key), key, _kinds(batch[key]))}
        if not lacking:
            return found
        await self._check_new(connection, [key for key in lacking if key not in found])
        async with self._pool.connect() as other:
            await extend_series(other, lacking)
        return await find_series(connection, keys, keep=True)

    async def _cover(self, frames: Iterable[Frame]) -> None:
        """Make the partitions that the rows need and that are not there."""
        for frame in frames:
            while (micros := uncovered(frame.timestamps, self._partitions)) is not None:
                async with self._pool.connect() as other:
                    known = await load_partitions(other)
                    if not any(each.holds(micros) for each in known):
                        known = await make_partition(other, micros, self._clock.now())
                self._partitions = known


def _batches(parts: "Iterator[tuple[SeriesKey, Frame]]") -> Iterator[Batch]:
    """Yield the parts in batches of bounded size in which each series is once."""
    batch: Batch = {}
    rows = 0
    for key, frame in parts:
        if not len(frame):
            continue
        if batch and (key in batch or rows + len(frame) > _BATCH_ROWS):
            yield batch
            batch, rows = {}, 0
        batch[key] = frame
        rows += len(frame)
    if batch:
        yield batch


def _by_partition(rows: Rows, partitions: Sequence[Partition]) -> dict[Partition, list[tuple[SeriesTable, Frame]]]:
    split: dict[Partition, list[tuple[SeriesTable, Frame]]] = {}
    for table, frame in rows:
        for partition, inside in slices(frame.timestamps, partitions):
            split.setdefault(partition, []).append((table, frame.cut(inside)))
    return split


async def _write_partition(connection: Connection, name: str, rows: Rows) -> None:
    overlapping = await _overlapping(connection, name, rows)
    fresh = [each for each in rows if each[0].id not in overlapping]
    if fresh and not await _copy_fresh(connection, name, fresh):
        await _merge(connection, name, rows)
    elif overlapping:
        await _merge(connection, name, [each for each in rows if each[0].id in overlapping])


async def _overlapping(connection: Connection, name: str, rows: Rows) -> set[int]:
    """Return the series that have rows in the ranges of those to be written."""
    ranges = [(table.id, *frame.timestamps[[0, -1]].astype("int64").tolist()) for table, frame in rows]
    listed = ", ".join(
        f"({series_id}, {timestamp_literal(first)}, {timestamp_literal(last)})" for series_id, first, last in ranges
    )
    found = await connection.fetch(
        f"SELECT w.id FROM (VALUES {listed}) AS w (id, first, last) WHERE EXISTS "
        f"(SELECT FROM {name} AS r WHERE r.series_id = w.id AND r.ts BETWEEN w.first AND w.last)"
    )
    return {row["id"] for row in found}


async def _copy_fresh(connection: Connection, name: str, rows: Rows) -> bool:
    """Copy rows of times that the series do not have yet; return False when another load has just written some."""
    import asyncpg

    try:
        async with in_transaction(connection):
            await _copy(connection, name, rows)
    except asyncpg.UniqueViolationError:
        return False
    return True


async def _merge(connection: Connection, name: str, rows: Rows) -> None:
    await connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {_INCOMING} (LIKE {name}) ON COMMIT DROP")
    await _copy(connection, _INCOMING, rows)
    numbers, texts = (_MERGED.format(column) for column in _COLUMNS[2:])
    await connection.execute(
        f"INSERT INTO {name} AS r SELECT {', '.join(_COLUMNS)} FROM {_INCOMING} ORDER BY series_id, ts "
        f"ON CONFLICT (series_id, ts) DO UPDATE SET numbers = {numbers}, texts = {texts} "
        "WHERE r *<> excluded"
    )
    await connection.execute(f"TRUNCATE {_INCOMING}")


async def _copy(connection: Connection, name: str, rows: Rows) -> None:
    copying = connection.copy_to_table(name, source=_encoded(rows), columns=_COLUMNS, format="binary")
    await run_copy(connection, copying)


async def _encoded(rows: Rows) -> AsyncGenerator[bytes]:
    yield HEAD
    for table, frame in rows:
        pieces = encode_rows(table.id, positions(table), frame)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece
    yield TAIL


def _kinds(rows: Frame) -> dict[str, FieldKind]:
    return dict.fromkeys(rows.numbers, FieldKind.NUMBER) | dict.fromkeys(rows.texts, FieldKind.TEXT)


def _lacks(table: SeriesTable | None, key: SeriesKey, kinds: Mapping[str, FieldKind]) -> bool:
    return table is None or bool(table.missing(key, kinds))
