"""TelemetryStore on TDengine 3 over its REST API: one table per series, made and widened as rows arrive."""

# ruff: noqa: S608 - only names made in this package are written into statements, and texts as literals

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.adapters.range_statistic import field_statistic
from feature_service.adapters.tdengine.address import parse_address
from feature_service.adapters.tdengine.catalogue import Series, SeriesCatalogue
from feature_service.adapters.tdengine.client import TDengineClient
from feature_service.adapters.tdengine.failure import OUT_OF_KEEP, TDengineError, unavailable
from feature_service.adapters.tdengine.retained import open_database, too_old
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

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from feature_service.domain.model.frame import Frame


class TDengineTelemetryStore:
    """See :class:`feature_service.domain.telemetry.store.TelemetryStore` for what the methods promise.

    Several services may use one database at once. There are no transactions: after a failure some rows of a body may
    be stored, each whole, and sending it again brings the rest. Rows and counts are asked of TDengine; what is
    computed of rows is computed here by DuckDB, over a copy of the columns and the range in question, so that the
    numbers are those of the default store.
    """

    def __init__(
        self,
        url: str,
        *,
        before_open: "Callable[[], Awaitable[None]] | None" = None,
        query_seconds: float = 60.0,
        memory_mb: int = 512,
        clock: Clock | None = None,
    ) -> None:
        self._address = parse_address(url)
        self._client = TDengineClient(self._address, query_seconds=query_seconds)
        self._catalogue = SeriesCatalogue(self._client, self._address.database)
        self._before_open = before_open
        self._memory_mb = memory_mb
        self._clock = clock or SystemClock()
        self._opening = asyncio.Lock()
        self._keep: timedelta | None = None

    @property
    def is_open(self) -> bool:
        """Whether the store was used."""
        return self._keep is not None

    async def append(self, key: SeriesKey, rows: "Frame") -> None:
        """Merge rows into the series."""
        await self.append_all([(key, rows)])

    async def append_all(self, parts: "Iterable[tuple[SeriesKey, Frame]]", *, tenant_id: str = "") -> None:
        """Merge rows into several series, statement by statement.

        Raises Unprocessable TELEMETRY_KEEP_LIMIT_EXCEEDED, after all others were stored, when some are older than what
        the database keeps.
        """
        keep = await self._open()
        oldest = micros_of(self._clock.now() - keep)
        remaining, refused = iter(parts), 0
        while (part := await asyncio.to_thread(next, remaining, None)) is not None:
            key, rows = part
            kept = rows.cut(slice(int((rows.timestamps.astype("int64") < oldest).sum()), None))
            refused += len(rows) - len(kept) + (await self._write(key, kept) if len(kept) else 0)
        if refused:
            raise too_old(refused, oldest)

    async def series(self) -> Sequence[SeriesKey]:
        """Return every series."""
        await self._open()
        return await self._catalogue.keys()

    async def fields(self, key: SeriesKey) -> Mapping[str, FieldKind]:
        """Return the fields of the series."""
        series = await self._find(key)
        return {} if series is None else series.kinds

    def version(self, key: SeriesKey) -> int | None:
        """Return None: several services write to the database."""
        return None

    async def extent(self, key: SeriesKey) -> Extent | None:
        """Return first time, last time and row count."""
        series = await self._find(key)
        if series is None:
            return None
        text = f"SELECT CAST(FIRST(ts) AS BIGINT), CAST(LAST(ts) AS BIGINT), COUNT(*) FROM {series.table}"
        rows = (await self._client.ask(text)).rows
        if not rows or not rows[0][2]:
            return None
        first, last, count = (int(value) for value in rows[0])
        return Extent(first=first, last=last, rows=count)

    async def blocks(
        self, key: SeriesKey, fields: Sequence[str], span: Span, rows: int | None = None
    ) -> "AsyncGenerator[Frame]":
        """Yield the rows in the range, an answer or a part of one for each block."""
        from feature_service.adapters.tdengine.selection import frame_of, read_pages

        series = await self._find(key)
        found = 0
        if series is not None:
            if rows is None:
                frames = [frame async for frame in read_pages(self._client, series, fields, span)]
                if frames:
                    yield await fold_blocks(_each(frames))
                    return
            else:
                async for page in read_pages(self._client, series, fields, span):
                    for piece in page.pieces(rows):
                        found += len(piece)
                        yield piece
        if not found:
            yield frame_of([], fields, [], series)

    async def read(self, key: SeriesKey, fields: Sequence[str], span: Span) -> "Frame":
        """Return the rows in the range."""
        return await fold_blocks(self.blocks(key, fields, span))

    async def newest(self, keys: Sequence[SeriesKey], query: NewestQuery) -> NewestRows:
        """Return a page of rows and the number of all that fit."""
        most = None if query.conditions else query.offset + query.limit
        async with self._copy(keys, _needed(query.fields, query.conditions), query.span, newest=most) as copy:
            found = await copy.newest(keys, query)
        if query.conditions:
            return found
        counts = [await self.row_count(key, query.span) for key in keys]
        return replace(found, total=sum(counts))

    async def history(self, key: SeriesKey, query: HistoryQuery) -> "Frame":
        """Return rows or buckets."""
        from feature_service.adapters.tdengine.selection import frame_of, read_pages

        if query.interval is not None or query.conditions or query.order_by:
            fields = _needed([*query.fields, *([query.order_by] if query.order_by else [])], query.conditions)
            async with self._copy([key], fields, query.span) as copy:
                return await copy.history(key, query)
        series = await self._find(key)
        if series is None:
            return frame_of([], query.fields, [], None)
        pages = read_pages(
            self._client, series, query.fields, query.span, limit=query.limit, newest_first=query.newest_first
        )
        frames = [frame async for frame in pages]
        return await fold_blocks(_each(frames)) if frames else frame_of([], query.fields, [], series)

    async def statistics(
        self,
        keys: Sequence[SeriesKey],
        fields: Sequence[str],
        span: Span,
        *,
        correlate: bool = False,
        conditions: Sequence[Condition] = (),
    ) -> RangeStatistic:
        """Return statistics of the rows in the range."""
        async with self._copy(keys, _needed(fields, conditions), span) as copy:
            if not await copy.series():
                return RangeStatistic(rows=0, fields=[field_statistic(name, 0, (0,)) for name in fields])
            return await copy.statistics(keys, fields, span, correlate=correlate, conditions=conditions)

    async def insight(self, key: SeriesKey, query: StatisticsQuery) -> Sequence[FieldInsight]:
        """Return times of extremes and percentiles."""
        async with self._copy([key], _needed(query.fields, query.conditions), query.span) as copy:
            return await copy.insight(key, query)

    async def value_counts(self, key: SeriesKey, fields: Sequence[str], query: StatisticsQuery) -> Sequence[ValueCount]:
        """Return the commonest values of text fields."""
        async with self._copy([key], _needed(fields, query.conditions), query.span) as copy:
            return await copy.value_counts(key, fields, query)

    async def fitting_time(self, key: SeriesKey, query: StatisticsQuery) -> FittingTime:
        """Return how long the rows that fit lasted."""
        async with self._copy([key], _needed(query.fields, query.conditions), query.span) as copy:
            return await copy.fitting_time(key, query)

    async def integrals(self, key: SeriesKey, query: StatisticsQuery) -> Sequence[float | None]:
        """Return value times seconds of number fields."""
        async with self._copy([key], _needed(query.fields, query.conditions), query.span) as copy:
            return await copy.integrals(key, query)

    async def row_count(self, key: SeriesKey, span: Span) -> int:
        """Return how many rows are in the range."""
        from feature_service.adapters.tdengine.selection import where

        series = await self._find(key)
        if series is None:
            return 0
        rows = (await self._client.ask(f"SELECT COUNT(*) FROM {series.table}{where(span)}")).rows
        return int(rows[0][0]) if rows else 0

    async def drop(self, key: SeriesKey) -> None:
        """Drop the series' table."""
        await self._open()
        await self._catalogue.drop(key)

    async def delete_before(self, micros: int) -> int:
        """Delete the old rows of each series."""
        deleted = 0
        for key in await self.series():
            count = await self.row_count(key, Span(end=micros))
            series = await self._find(key)
            if count and series is not None:
                await self._client.ask(f"DELETE FROM {series.table} WHERE ts < {int(micros)}")
                deleted += count
        return deleted

    async def copy_to(self, target: Path) -> None:
        """Write what there is into the new DuckDB file `target`: each series as it is when its turn comes."""
        copy = DuckDbTelemetryStore(target)
        try:
            for key in await self.series():
                async for block in self.blocks(key, list(await self.fields(key)), Span(), 100_000):
                    await copy.append(key, block)
            # A file is there without rows too.
            await copy.series()
        finally:
            await copy.close()

    async def ping(self) -> None:
        """Ask the server."""
        await self._client.ping()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _open(self) -> timedelta:
        if self._keep is None:
            if self._before_open is not None:
                await self._before_open()
            async with self._opening:
                if self._keep is None:
                    keep = await open_database(self._client, self._address)
                    await self._catalogue.prepare()
                    self._keep = keep
        return self._keep

    async def _find(self, key: SeriesKey) -> Series | None:
        await self._open()
        return await self._catalogue.find(key)

    async def _write(self, key: SeriesKey, rows: "Frame") -> int:
        """Write the rows; return how many the server refused as out of what it keeps."""
        from feature_service.adapters.tdengine.insertion import insertions, text_widths

        kinds = dict.fromkeys(rows.numbers, FieldKind.NUMBER) | dict.fromkeys(rows.texts, FieldKind.TEXT)
        series = await self._catalogue.extend(key, kinds, await asyncio.to_thread(text_widths, rows))
        statements, refused = insertions(series, rows), 0
        while (statement := await asyncio.to_thread(next, statements, None)) is not None:
            try:
                written = (await self._client.ask(statement.text)).affected
            except TDengineError as failure:
                if failure.code != OUT_OF_KEEP:
                    raise unavailable("the table was dropped meanwhile; send this again") from failure
                refused += statement.rows
                continue
            if written != statement.rows:
                raise unavailable(f"of {statement.rows} rows it stored {written}; send this again")
        return refused

    @asynccontextmanager
    async def _copy(
        self, keys: Sequence[SeriesKey], fields: Sequence[str], span: Span, *, newest: int | None = None
    ) -> AsyncGenerator[DuckDbTelemetryStore]:
        """Give a store with the fields of the rows in the range, of each series the `newest` alone where it is said."""
        from feature_service.adapters.duckdb.result import in_order_of_time
        from feature_service.adapters.tdengine.selection import read_pages

        with TemporaryDirectory(prefix="penstock-tdengine-") as folder:
            copy = DuckDbTelemetryStore(Path(folder) / "rows.duckdb", memory_mb=self._memory_mb)
            try:
                for key in keys:
                    series = await self._find(key)
                    if series is None:
                        continue
                    known = [each for each in dict.fromkeys(fields) if each in series.kinds]
                    pages = read_pages(self._client, series, known, span, limit=newest, newest_first=newest is not None)
                    async for page in pages:
                        await copy.append(key, in_order_of_time(page))
                yield copy
            finally:
                await copy.close()


def _needed(fields: Sequence[str], conditions: Sequence[Condition]) -> list[str]:
    """Return the fields, and those that the conditions are about."""
    tested = [each.field for condition in conditions for each in condition.alternatives]
    return list(dict.fromkeys([*fields, *tested]))


async def _each(frames: "Sequence[Any]") -> "AsyncGenerator[Any]":
    for frame in frames:
        yield frame
