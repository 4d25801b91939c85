"""TelemetryStore on PostgreSQL: rows of all series in one table, partitioned by time, shared by several services."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from feature_service.adapters.postgresql import duration_sql, row_sql, statistics_sql
from feature_service.adapters.postgresql.existing_table import ExistingTable, ExistingTables
from feature_service.adapters.postgresql.failure import REASON
from feature_service.adapters.postgresql.fetch import fetch_frame
from feature_service.adapters.postgresql.newest_count import rows_that_fit
from feature_service.adapters.postgresql.pool import BeforeOpen, Connection, PostgresPool
from feature_service.adapters.postgresql.range_statistics import statistics_of
from feature_service.adapters.postgresql.selection import MOST_COLUMNS, Selection, select
from feature_service.adapters.postgresql.series import all_series, drop_series, find_series
from feature_service.adapters.postgresql.statement import Relation, Values, relation_of
from feature_service.adapters.postgresql.timestamp import micros_or_none
from feature_service.adapters.postgresql.transaction import in_transaction
from feature_service.adapters.range_statistic import field_statistic, fitting_time
from feature_service.domain.ingest.existing_devices import ExistingDevice
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Extent, Span, micros_of
from feature_service.domain.model.statistic import FittingTime, RangeStatistic, ValueCount
from feature_service.domain.telemetry.block import fold_blocks
from feature_service.domain.telemetry.query import (
    Condition,
    FieldInsight,
    HistoryQuery,
    NewestQuery,
    NewestRows,
    StatisticsQuery,
)
from penstock_kit.clock import Clock, SystemClock
from penstock_kit.database import migrate
from penstock_kit.errors import FailedPrecondition, Unavailable

if TYPE_CHECKING:
    from feature_service.adapters.postgresql.writer import RowWriter
    from feature_service.domain.model.frame import Frame

MIGRATIONS: Final = Path(__file__).parent / "telemetry" / "migrations"
_FIELDS_AT_ONCE: Final = 100
"""Fields whose statistics are computed by one statement."""
_COLUMNS_OF_ALL: Final = 5_000
"""Columns that a statement over many series has in all, but that each has _FEWEST_COLUMNS at least."""
_FEWEST_COLUMNS: Final = 20


class PostgresTelemetryStore:
    """See :class:`feature_service.domain.telemetry.store.TelemetryStore` for what the methods promise.

    Several services may use one database at once. asyncpg is imported, and the schema brought up to date, at the first
    question; a question may take `query_seconds`. Devices without a series of their own are looked for in `tables`,
    which others write.
    """

    def __init__(
        self,
        url: str,
        *,
        before_open: BeforeOpen | None = None,
        query_seconds: float = 60.0,
        reconnect_seconds: float = 3.0,
        clock: Clock | None = None,
        tables: Sequence[ExistingTable] = (),
    ) -> None:
        self._url = url
        self._tables = ExistingTables(tables)
        self._clock = clock or SystemClock()
        self._pool = PostgresPool(
            url,
            prepare=self._prepare,
            before_open=before_open,
            query_seconds=query_seconds,
            reconnect_seconds=reconnect_seconds,
        )
        self._writer: RowWriter | None = None

    @property
    def is_open(self) -> bool:
        """Whether the store was used."""
        return self._pool.is_open

    async def append(self, key: SeriesKey, rows: "Frame") -> None:
        """Merge rows into the series."""
        await self.append_all([(key, rows)])

    async def append_all(self, parts: "Iterable[tuple[SeriesKey, Frame]]", *, tenant_id: str = "") -> None:
        """Merge rows into several series."""
        if self._writer is None:
            # NumPy comes with the first rows.
            from feature_service.adapters.postgresql.writer import RowWriter

            self._writer = RowWriter(self._pool, self._clock, self._refuse_read_only)
        await self._writer.write(parts)

    async def series(self) -> Sequence[SeriesKey]:
        """Return every series but those of tables that others write."""
        return sorted(await self._pool.read(all_series))

    async def fields(self, key: SeriesKey) -> Mapping[str, FieldKind]:
        """Return the fields of the series."""
        relation = await self._relation(key)
        return {} if relation is None else relation.kinds

    def version(self, key: SeriesKey) -> int | None:
        """Return None: several services write to the database."""
        return None

    async def extent(self, key: SeriesKey) -> Extent | None:
        """Return first time, last time and row count."""
        relation = await self._relation(key)
        if relation is None:
            return None
        values = Values()
        ((first, last, rows),) = await self._rows(statistics_sql.extent(relation, values), values)
        return Extent(first=micros_of(first), last=micros_of(last), rows=rows) if rows else None

    async def blocks(
        self, key: SeriesKey, fields: Sequence[str], span: Span, rows: int | None = None
    ) -> "AsyncGenerator[Frame]":
        """Yield the rows in the range, a statement for each block: no connection waits for who reads them."""
        from feature_service.adapters.postgresql.copy_decoding import empty_frame

        relation = await self._relation(key)
        if relation is None:
            yield empty_frame(select(fields, {}))
            return
        is_first = True
        while True:
            block = await self._read_block(relation, fields, span, rows)
            if len(block) or is_first:
                # A table of others may have several rows of one time.
                yield block if relation.places is not None else _last_of_each_time(block)
            if rows is None or len(block) < rows:
                return
            is_first = False
            after = int(block.timestamps[-1].astype("int64")) + 1
            if span.end is not None and after >= span.end:
                return
            span = Span(start=after, end=span.end)

    async def read(self, key: SeriesKey, fields: Sequence[str], span: Span) -> "Frame":
        """Return the rows in the range, by one statement."""
        return await fold_blocks(self.blocks(key, fields, span))

    async def newest(self, keys: Sequence[SeriesKey], query: NewestQuery) -> NewestRows:
        """Return a page of rows and the number of all that fit."""
        from feature_service.adapters.postgresql.copy_decoding import empty_frame

        relations = sorted(await self._relations(keys), key=lambda each: each.device_code)
        kinds = _shared_kinds(relations, query.fields)
        if not relations:
            return NewestRows(frame=empty_frame(select(query.fields, {})), device_codes=(), total=0)
        selection = select(query.fields, kinds)
        series = _unused("series", selection.fetched)

        def page(part: Selection, values: Values) -> str:
            return row_sql.newest(relations, part.fetched[1:], kinds, query, values)

        # What a statement has of columns is series times fields: over everything it would need gigabytes to be planned.
        most = max(_FEWEST_COLUMNS, min(MOST_COLUMNS, _COLUMNS_OF_ALL // len(relations)))
        with_series = replace(selection, numbers=[series, *selection.numbers])
        frame = await self._frame(page, with_series, always=1, most=most)
        total, estimated = await rows_that_fit(self._rows, relations, query, len(frame))
        codes = [relations[int(place)].device_code for place in frame.numbers[series]]
        numbers = {name: column for name, column in frame.numbers.items() if name != series}
        rows = frame.with_numbers(numbers)
        return NewestRows(frame=rows, device_codes=codes, total=total, total_is_estimate=estimated)

    async def history(self, key: SeriesKey, query: HistoryQuery) -> "Frame":
        """Return rows or buckets."""
        from feature_service.adapters.postgresql.copy_decoding import empty_frame

        relation = await self._relation(key)
        if relation is None:
            return empty_frame(select(query.fields, {}))
        found = relation
        if query.interval is not None:
            selection = select(query.fields, row_sql.bucket_kinds(relation, query.aggregate))
            return await self._frame(
                lambda part, values: row_sql.buckets(found, part.fetched, query, values), selection
            )

        return await self._frame(
            lambda part, values: row_sql.history(found, part, query, values),
            row_sql.select_rows(relation, query.fields),
        )

    async def statistics(
        self,
        keys: Sequence[SeriesKey],
        fields: Sequence[str],
        span: Span,
        *,
        correlate: bool = False,
        conditions: Sequence[Condition] = (),
    ) -> RangeStatistic:
        """Return statistics computed by the store."""
        relations = await self._relations(keys)
        if not relations:
            return RangeStatistic(rows=0, fields=[field_statistic(name, 0, (0,)) for name in fields])
        at_once = len(fields) if correlate else _FIELDS_AT_ONCE
        parts = [fields[start : start + at_once] for start in range(0, len(fields), at_once)] or [[]]
        found = [
            await statistics_of(self._rows, relations, part, span, conditions, correlate=correlate) for part in parts
        ]
        return RangeStatistic(
            rows=found[0].rows,
            fields=[field for each in found for field in each.fields],
            first_time=found[0].first_time,
            last_time=found[0].last_time,
            correlations=found[0].correlations,
        )

    async def insight(self, key: SeriesKey, query: StatisticsQuery) -> Sequence[FieldInsight]:
        """Return times of extremes and percentiles."""
        relation = await self._relation(key)
        if relation is None or not query.fields:
            return [FieldInsight() for _ in query.fields]
        if len(query.fields) > _FIELDS_AT_ONCE:
            starts = range(0, len(query.fields), _FIELDS_AT_ONCE)
            parts = [replace(query, fields=query.fields[start : start + _FIELDS_AT_ONCE]) for start in starts]
            return [each for part in parts for each in await self.insight(key, part)]
        values = Values()
        (row,) = await self._rows(statistics_sql.insight(relation, query, values), values)
        triples = (row[3 * index : 3 * index + 3] for index in range(len(query.fields)))
        return [
            FieldInsight(min_time=micros_or_none(low), max_time=micros_or_none(high), percentiles=shares or ())
            for low, high, shares in triples
        ]

    async def value_counts(self, key: SeriesKey, fields: Sequence[str], query: StatisticsQuery) -> Sequence[ValueCount]:
        """Return the commonest values of text fields."""
        relation = await self._relation(key)
        counts: list[ValueCount] = []
        if relation is None:
            return counts
        for field in fields:
            values = Values()
            text = statistics_sql.value_counts(relation, field, query, values)
            rows = await self._rows(text, values)
            counts += [ValueCount(field=field, value=value or "", count=count) for value, count in rows]
        return counts

    async def fitting_time(self, key: SeriesKey, query: StatisticsQuery) -> FittingTime:
        """Return how long the rows that fit lasted."""
        relation = await self._relation(key)
        if relation is None:
            return FittingTime()
        values = Values()
        (row,) = await self._rows(duration_sql.fitting_time(relation, query, values), values)
        fitting, whole, spells, begins, lengths, last, lasted, ongoing, gaps, silent, opens, widths = row
        starts, opened = ([micros_of(begin) for begin in each or ()] for each in (begins, opens))
        times = (fitting, whole, spells, starts, lengths, micros_or_none(last), lasted, ongoing)
        return fitting_time((*times, gaps, silent, opened, widths))

    async def integrals(self, key: SeriesKey, query: StatisticsQuery) -> Sequence[float | None]:
        """Return value times seconds of number fields."""
        relation = await self._relation(key)
        found: list[float | None] = []
        for field in query.fields:
            if relation is None or relation.kinds.get(field) is not FieldKind.NUMBER:
                found.append(None)
                continue
            values = Values()
            ((value,),) = await self._rows(duration_sql.integral(relation, field, query, values), values)
            found.append(value)
        return found

    async def row_count(self, key: SeriesKey, span: Span) -> int:
        """Return how many rows are in the range."""
        relation = await self._relation(key)
        if relation is None:
            return 0
        values = Values()
        ((rows,),) = await self._rows(statistics_sql.count([relation], span, (), values), values)
        return rows

    async def drop(self, key: SeriesKey) -> None:
        """Take the series out of the catalogue, then delete its rows in steps."""
        from feature_service.adapters.postgresql.deletion import delete_dropped

        async with self._pool.connect() as connection:
            if await drop_series(connection, key) is not None:
                await delete_dropped(connection)

    async def delete_before(self, micros: int) -> int:
        """Drop the partitions that are wholly older, and delete the other old rows."""
        from feature_service.adapters.postgresql.deletion import delete_before

        async with self._pool.connect() as connection:
            return await delete_before(connection, micros)

    async def copy_to(self, target: Path) -> None:
        """Write everything there is at this moment into the new DuckDB file `target`; writers go on meanwhile."""
        from feature_service.adapters.postgresql.backup import copy_series

        async with self._pool.connect() as connection:
            await copy_series(connection, target)

    async def existing_devices(self) -> Sequence[ExistingDevice]:
        """Return the devices of the tables that others write."""
        return await self._pool.read(self._tables.devices)

    async def ping(self) -> None:
        """Ask the server."""
        await self._pool.check()

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def _prepare(self) -> None:
        try:
            await migrate(self._url, MIGRATIONS)
        except Unavailable as error:
            raise Unavailable(f"the telemetry store can't be used: {error.message}", reason=REASON) from error.__cause__

    async def _relations(self, keys: Sequence[SeriesKey]) -> list[Relation]:
        async def find(connection: Connection) -> dict[SeriesKey, Relation]:
            tables = await find_series(connection, keys)
            found = {key: relation_of(key.device_code, table) for key, table in tables.items()}
            others = [key for key in keys if key not in found]
            return found | (await self._tables.relations(connection, others) if self._tables and others else {})

        found = await self._pool.read(find)
        return [found[key] for key in keys if key in found]

    async def _refuse_read_only(self, connection: Connection, keys: Sequence[SeriesKey]) -> None:
        """Raise FailedPrecondition TELEMETRY_WRITE_UNSUPPORTED when a new series is in a table that others write."""
        for key in await self._tables.relations(connection, keys) if self._tables else ():
            raise FailedPrecondition(
                f"the rows of device {key.device_code!r} are in a table that others write and that is only read",
                reason="TELEMETRY_WRITE_UNSUPPORTED",
            )

    async def _relation(self, key: SeriesKey) -> Relation | None:
        found = await self._relations([key])
        return found[0] if found else None

    async def _read_block(self, relation: Relation, fields: Sequence[str], span: Span, rows: int | None) -> "Frame":
        return await self._frame(
            lambda part, values: row_sql.rows(relation, part, span, values, limit=rows),
            row_sql.select_rows(relation, fields),
        )

    async def _rows(self, text: str, values: Values) -> Sequence[Any]:
        async def fetch(connection: Connection) -> Sequence[Any]:
            return await connection.fetch(text, *values.listed)

        return await self._pool.read(fetch)

    async def _frame(
        self,
        build: "Callable[[Selection, Values], str]",
        selection: Selection,
        *,
        always: int = 0,
        most: int = MOST_COLUMNS,
    ) -> "Frame":
        """Return what the statement that `build` makes of the selection gives.

        More fields than a statement may have are fetched by several that see one state of the database; the first
        `always` ones by each.
        """

        async def fetch(connection: Connection) -> "Frame":
            values = Values()
            return await fetch_frame(connection, build(selection, values), values, selection)

        async def fetch_parts(connection: Connection) -> "Frame":
            frames: list[Frame] = []
            async with in_transaction(connection, isolation="repeatable_read", readonly=True):
                for part in selection.parts(always, most):
                    values = Values()
                    frames.append(await fetch_frame(connection, build(part, values), values, part))
            return selection.joined(frames)

        return await self._pool.read(fetch if selection.fits(most) else fetch_parts)


def _last_of_each_time(rows: "Frame") -> "Frame":
    import numpy as np

    times = rows.timestamps
    return rows.where(np.append(times[1:] != times[:-1], np.ones(min(1, len(times)), dtype=np.bool_)))


def _shared_kinds(relations: Sequence[Relation], fields: Sequence[str]) -> dict[str, FieldKind]:
    """The kind of each field over all series: text when it is text in any of them."""
    kinds = {name: {each.kinds.get(name) for each in relations} for name in fields}
    return {name: FieldKind.TEXT if FieldKind.TEXT in found else FieldKind.NUMBER for name, found in kinds.items()}


def _unused(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name
