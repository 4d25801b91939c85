"""TelemetryStore on DuckDB: one file, one table per series."""

# ruff: noqa: S608 - only names made in this package are written into statements

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from feature_service.adapters.column_catalog import ColumnCatalog, SeriesTable
from feature_service.adapters.duckdb import duration_sql, lazy_result, percentile_sql
from feature_service.adapters.duckdb import telemetry_sql as sql
from feature_service.adapters.duckdb.backup import copy_database
from feature_service.adapters.duckdb.block_cut import SCAN_CACHE_MB, cut_into_blocks
from feature_service.adapters.duckdb.connection import DuckDbConnection
from feature_service.adapters.duckdb.large_insert import grouped
from feature_service.adapters.duckdb.newest_cache import NewestCache
from feature_service.adapters.duckdb.newest_page import MOST_FIELDS, NewestPage, is_wide
from feature_service.adapters.duckdb.range_extent import RangeExtents
from feature_service.adapters.duckdb.row_merge import store_rows
from feature_service.adapters.duckdb.series_table import drop_table, extend_table, load_tables, schema_work
from feature_service.adapters.range_statistic import correlation_matrix, field_statistic, fitting_time
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Extent, Span
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

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from feature_service.domain.model.frame import Frame

_FIELDS_AT_ONCE: Final = 100
"""Fields whose statistics are computed by one statement."""
_INSIGHTS_AT_ONCE: Final = 10
"""Fields whose extremes and percentiles are found by one statement, which looks through the rows for each."""
_MOST_SCHEMA_WORK: Final = 10_000
"""Columns that the log may make or copy before it is written into the file, for which all writes wait."""


class DuckDbTelemetryStore:
    """See :class:`feature_service.domain.telemetry.store.TelemetryStore` for what the methods promise.

    duckdb is imported, and the file opened, at the first question.
    """

    def __init__(
        self,
        path: Path,
        *,
        before_open: Callable[[], Awaitable[None]] | None = None,
        memory_mb: int = 512,
        lock_seconds: float = 30.0,
    ) -> None:
        self._catalog = ColumnCatalog()
        self._schema_work = 0
        self._newest = NewestCache()
        self._extents = RangeExtents(self._newest.version)
        self._file = DuckDbConnection(
            path,
            prepare=lambda cursor: self._catalog.remember_all(load_tables(cursor)),
            before_open=before_open,
            memory_mb=memory_mb,
            lock_seconds=lock_seconds,
        )

    @property
    def is_open(self) -> bool:
        """Whether the file has been opened, as it is at the first question."""
        return self._file.is_open

    async def append(self, key: SeriesKey, rows: "Frame") -> None:
        """Merge rows into the series."""
        await self.append_all([(key, rows)], tenant_id=key.tenant_id)

    async def append_all(self, parts: "Iterable[tuple[SeriesKey, Frame]]", *, tenant_id: str = "") -> None:
        """Merge rows into several series."""

        def work(cursor: "DuckDBPyConnection") -> dict[SeriesKey, SeriesTable]:
            tables: dict[SeriesKey, SeriesTable] = {}
            for key, frames in grouped(parts):
                known = tables.get(key) or self._catalog.table(key)
                tables[key] = extend_table(cursor, key, known, _kinds(frames[0]))
                store_rows(cursor, tables[key], frames)
            return tables

        await self._file.write(work, committed=self._remember, tenant_id=tenant_id)

    def _remember(self, tables: Mapping[SeriesKey, SeriesTable]) -> bool:
        """Take over what was committed: the next write would make the same tables once more.

        Return whether the file's log is to be written into it. Reading the log again takes about 8 KB and a
        quarter of a millisecond for each column that was made or copied by it.
        """
        self._schema_work += sum(schema_work(self._catalog.table(key), table) for key, table in tables.items())
        self._catalog.remember_all(tables)
        self._newest.note_written(tables)
        if self._schema_work < _MOST_SCHEMA_WORK:
            return False
        self._schema_work = 0
        return True

    async def series(self) -> Sequence[SeriesKey]:
        """Return every series."""
        found = await self._file.read(
            lambda cursor: cursor.execute("SELECT tenant_id, device_code FROM penstock_series ORDER BY 1, 2").fetchall()
        )
        return [SeriesKey(tenant_id=tenant_id, device_code=code) for tenant_id, code in found]

    async def fields(self, key: SeriesKey) -> Mapping[str, FieldKind]:
        """Return the fields of the series."""
        table = await self._table(key)
        return {} if table is None else table.kinds

    def version(self, key: SeriesKey) -> int | None:
        """Return how often the series was changed since the file was opened: only this process writes it."""
        return self._newest.version(key)

    async def extent(self, key: SeriesKey) -> Extent | None:
        """Return first time, last time and row count."""
        return await self._extent(key, Span())

    async def _extent(self, key: SeriesKey, span: Span) -> Extent | None:
        """Return the extent of a range, which is counted once for all who ask before the series is written to."""
        table = await self._table(key)
        if table is None:
            return None

        async def count() -> Extent | None:
            (first, last, rows), *_ = await self._rows(sql.extent(table, span), key.tenant_id)
            return Extent(first=first, last=last, rows=rows) if rows else None

        return await self._extents.get_or_count(key, span, count)

    async def blocks(
        self, key: SeriesKey, fields: Sequence[str], span: Span, rows: int | None = None
    ) -> "AsyncGenerator[Frame]":
        """Yield the rows in the range, a statement for each block."""
        table = await self._table(key)
        if table is None:
            yield lazy_result.empty(fields)
            return
        extent = await self._extent(key, span)
        parts = [(span, 0 if extent is None else extent.rows)]
        if extent is not None and rows is not None and extent.rows > rows:
            cut = partial(cut_into_blocks, table, span, rows, extent)
            parts = await self._file.read(cut, tenant_id=key.tenant_id)
        for part, count in parts:
            read = partial(lazy_result.read_rows, sql.rows(table, fields, part), fields, table.kinds, count)
            frame = await self._file.read(read, tenant_id=key.tenant_id)
            if len(parts) > 1:
                await self._file.release_cache(SCAN_CACHE_MB)
            # Rows that were written since the range was cut may have made a part longer.
            for piece in frame.pieces(rows or len(frame)):
                yield piece

    async def read(self, key: SeriesKey, fields: Sequence[str], span: Span) -> "Frame":
        """Return the rows in the range, by one statement."""
        return await fold_blocks(self.blocks(key, fields, span))

    async def newest(self, keys: Sequence[SeriesKey], query: NewestQuery) -> NewestRows:
        """Return a page of rows and the number of all that fit."""
        return await self._newest.get_or_read(keys, query, lambda: self._read_newest(keys, query))

    async def _read_newest(self, keys: Sequence[SeriesKey], query: NewestQuery) -> NewestRows:
        sources = await self._sources(keys)
        if not sources:
            return NewestRows(frame=lazy_result.empty(query.fields), device_codes=(), total=0)
        tenant_id = keys[0].tenant_id
        kinds = _shared_kinds(sources, query.fields)
        if is_wide(sources, query.fields):
            return await self._newest_of_many(sources, query, kinds, tenant_id)
        page = sql.newest(sources, kinds, query.span, query.conditions)
        page.text = f"{page.text} ORDER BY ts DESC, device LIMIT ? OFFSET ?"
        page.values += [query.limit, query.offset]
        columns = await self._columns(page, tenant_id)
        counted = await self._rows(sql.count(sources, query.span, query.conditions), tenant_id)
        return NewestRows(
            frame=lazy_result.frame(columns, query.fields, kinds),
            device_codes=[str(code) for code in columns["device"]],
            total=int(counted[0][0]),
        )

    async def _newest_of_many(
        self, sources: Sequence[sql.Source], query: NewestQuery, kinds: Mapping[str, FieldKind], tenant_id: str
    ) -> NewestRows:
        ordered = sorted(sources, key=lambda source: source.device_code)
        page = NewestPage(ordered, query, lambda statement: self._columns(statement, tenant_id))
        rows = await page.rows()
        places: list[int] = rows.places.tolist()
        return NewestRows(
            frame=await page.frame(rows, kinds),
            device_codes=[ordered[place].device_code for place in places],
            total=rows.total,
        )

    async def history(self, key: SeriesKey, query: HistoryQuery) -> "Frame":
        """Return rows or buckets."""
        table = await self._table(key)
        if table is None:
            return lazy_result.empty(query.fields)
        select = sql.ordered_rows if query.interval is None else sql.buckets
        parts = [replace(query, fields=part) for part in _parts(query.fields, MOST_FIELDS)] or [query]
        columns = await self._wide_columns([select(table, part) for part in parts], key.tenant_id)
        return lazy_result.frame(columns, query.fields, table.kinds)

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
        sources = await self._sources(keys)
        if not sources:
            return RangeStatistic(rows=0, fields=[field_statistic(name, 0, (0,)) for name in fields])
        if len(fields) > _FIELDS_AT_ONCE and not correlate:
            # One statement over thousands of fields needs gigabytes to be planned and computed.
            parts = _parts(fields, _FIELDS_AT_ONCE)
            found = [await self.statistics(keys, part, span, conditions=conditions) for part in parts]
            return replace(found[0], fields=[field for each in found for field in each.fields])
        statement = sql.statistics(sources, fields, span, correlate=correlate, conditions=conditions)
        return _range_statistic((await self._rows(statement, keys[0].tenant_id))[0], fields, correlate=correlate)

    async def insight(self, key: SeriesKey, query: StatisticsQuery) -> Sequence[FieldInsight]:
        """Return times of extremes and percentiles."""
        sources = await self._sources([key])
        if not sources or not query.fields:
            return [FieldInsight() for _ in query.fields]
        if len(query.fields) > _INSIGHTS_AT_ONCE:
            parts = _parts(query.fields, _INSIGHTS_AT_ONCE)
            return [each for part in parts for each in await self.insight(key, replace(query, fields=part))]
        found = await self._rows(percentile_sql.insight(sources[0], query), key.tenant_id)
        row = found[0] if found else (None,) * (3 * len(query.fields))
        triples = (row[3 * index : 3 * index + 3] for index in range(len(query.fields)))
        return [FieldInsight(min_time=low, max_time=high, percentiles=shares or ()) for low, high, shares in triples]

    async def value_counts(self, key: SeriesKey, fields: Sequence[str], query: StatisticsQuery) -> Sequence[ValueCount]:
        """Return the commonest values of text fields."""
        counts: list[ValueCount] = []
        for source in await self._sources([key]):
            for field in fields:
                statement = percentile_sql.value_counts(source, field, query)
                for value, count in await self._rows(statement, key.tenant_id):
                    counts.append(ValueCount(field=field, value=value or "", count=count))
        return counts

    async def fitting_time(self, key: SeriesKey, query: StatisticsQuery) -> FittingTime:
        """Return how long the rows that fit lasted."""
        sources = await self._sources([key])
        if not sources:
            return FittingTime()
        return fitting_time((await self._rows(duration_sql.fitting_time(sources[0], query), key.tenant_id))[0])

    async def integrals(self, key: SeriesKey, query: StatisticsQuery) -> Sequence[float | None]:
        """Return value times seconds of number fields."""
        sources = await self._sources([key])
        if not sources:
            return [None for _ in query.fields]
        known = sources[0].table.kinds
        return [
            (await self._rows(duration_sql.integral(sources[0], field, query), key.tenant_id))[0][0]
            if field in known
            else None
            for field in query.fields
        ]

    async def row_count(self, key: SeriesKey, span: Span) -> int:
        """Return how many rows are in the range."""
        extent = await self._extent(key, span)
        return 0 if extent is None else extent.rows

    async def drop(self, key: SeriesKey) -> None:
        """Drop the series' table."""

        def work(cursor: "DuckDBPyConnection") -> None:
            if (table := self._catalog.table(key)) is not None:
                drop_table(cursor, table)

        await self._file.write(work, committed=lambda _: self._forget(key), tenant_id=key.tenant_id)

    async def delete_before(self, micros: int) -> int:
        """Delete old rows of each series, a transaction each, and write the log into the file."""
        deleted = 0
        for key in await self.series():
            delete, noted = partial(self._delete_before, key, micros), partial(self._note_deleted, key)
            deleted += await self._file.write(delete, committed=noted, tenant_id=key.tenant_id)
        return deleted

    def _delete_before(self, key: SeriesKey, micros: int, cursor: "DuckDBPyConnection") -> int:
        table = self._catalog.table(key)
        if table is None:
            return 0
        return int(cursor.execute(f"DELETE FROM {table.name} WHERE ts < make_timestamp({micros})").fetchall()[0][0])

    def _forget(self, key: SeriesKey) -> None:
        self._catalog.forget(key)
        self._newest.note_written([key])

    def _note_deleted(self, key: SeriesKey, rows: int) -> bool:
        self._newest.note_written([key])
        return rows > 0

    async def copy_to(self, target: Path) -> None:
        """Write everything there is at this moment into the new DuckDB file `target`; writers go on meanwhile."""
        await self._file.read(lambda cursor: copy_database(cursor, target))

    async def ping(self) -> None:
        """Check the file, without opening it for that."""
        await self._file.check()

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()

    async def _table(self, key: SeriesKey) -> SeriesTable | None:
        await self._file.open()
        return self._catalog.table(key)

    async def _sources(self, keys: Sequence[SeriesKey]) -> list[sql.Source]:
        await self._file.open()
        found = [(key.device_code, self._catalog.table(key)) for key in keys]
        return [sql.Source(table=table, device_code=code) for code, table in found if table is not None]

    async def _rows(self, statement: sql.Statement, tenant_id: str) -> list[tuple[Any, ...]]:
        return await self._file.read(
            lambda cursor: cursor.execute(statement.text, statement.values).fetchall(), tenant_id=tenant_id
        )

    async def _wide_columns(self, statements: Sequence[sql.Statement], tenant_id: str) -> dict[str, Any]:
        """Return the columns of statements that give the same rows, MOST_FIELDS fields each, as if of one."""
        if len(statements) == 1:
            return await self._columns(statements[0], tenant_id)

        def work(cursor: "DuckDBPyConnection") -> dict[str, Any]:
            cursor.begin()  # all see one state of the file
            found = [cursor.execute(each.text, each.values).fetchnumpy() for each in statements]
            cursor.commit()
            time = next(iter(found[0]))
            fields = [part[f"c{index}"] for part in found for index in range(min(MOST_FIELDS, len(part) - 1))]
            return {time: found[0][time]} | {f"c{index}": column for index, column in enumerate(fields)}

        return await self._file.read(work, tenant_id=tenant_id)

    async def _columns(self, statement: sql.Statement, tenant_id: str) -> dict[str, Any]:
        return await self._file.read(
            lambda cursor: cursor.execute(statement.text, statement.values).fetchnumpy(), tenant_id=tenant_id
        )


def _parts(fields: Sequence[str], size: int) -> list[Sequence[str]]:
    return [fields[start : start + size] for start in range(0, len(fields), size)]


def _kinds(rows: "Frame") -> dict[str, FieldKind]:
    return dict.fromkeys(rows.numbers, FieldKind.NUMBER) | dict.fromkeys(rows.texts, FieldKind.TEXT)


def _shared_kinds(sources: Sequence[sql.Source], fields: Sequence[str]) -> dict[str, FieldKind]:
    """The kind of each field over all series: text when it is text in any of them."""
    texts = {name for source in sources for name, kind in source.table.kinds.items() if kind is FieldKind.TEXT}
    return {name: FieldKind.TEXT if name in texts else FieldKind.NUMBER for name in fields}


def _range_statistic(row: Sequence[Any], fields: Sequence[str], *, correlate: bool) -> RangeStatistic:
    rows, first, last = row[:3]
    width = len(sql.STATISTICS)
    each = [field_statistic(name, rows, row[3 + width * index :][:width]) for index, name in enumerate(fields)]
    pairs = row[3 + width * len(fields) :]
    return RangeStatistic(
        rows=rows,
        fields=each,
        first_time=first,
        last_time=last,
        correlations=correlation_matrix(each, pairs) if correlate else (),
    )
