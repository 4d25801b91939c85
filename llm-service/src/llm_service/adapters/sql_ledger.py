"""The ledger in SQLite or PostgreSQL: rows are taken at once and written in batches behind the calls."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, func, literal, select, true
from sqlalchemy.exc import DBAPIError

from llm_service.adapters.ledger_row import (
    amount_from_pico,
    columns_from_row,
    micros_from_time,
    row_from_columns,
    time_from_micros,
    usage_from_columns,
)
from llm_service.adapters.ledger_spool import LedgerSpool
from llm_service.adapters.table import ledger
from llm_service.domain.billing.ledger import CostGroup, CostRow, LedgerFilter, LedgerPage, LedgerRow, Outcome
from llm_service.domain.model.usage import Cost, PriceSource
from penstock_kit.database import Database
from penstock_kit.errors import PenstockError, Unavailable
from penstock_kit.logging import get_logger

_BATCH: Final = 500
_WAITING: Final = 100_000
# A transaction costs as much as dozens of rows in it: rows wait this long for others, unless somebody asks.
_LINGER: Final = 0.25
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
_FLUSH_SECONDS: Final = 5.0
# Lengths of groups by time in microseconds, and how their starts are written.
_MICROS: Final = {CostGroup.DAY: 86_400_000_000, CostGroup.MINUTE: 60_000_000}
_STAMPS: Final = {CostGroup.DAY: "%Y-%m-%d", CostGroup.MINUTE: "%Y-%m-%dT%H:%MZ"}

log = get_logger(__name__)


class SqlLedger:
    """Writes rows in the background, in the order they came, each exactly once.

    While the store is down rows wait in `spool` on disk, the last `most_waiting` in memory too, and are written
    when it is back or at the next start. Start it with :meth:`run` as a task; :meth:`close` writes the rest.
    """

    def __init__(self, database: Database, spool: LedgerSpool, *, most_waiting: int = _WAITING) -> None:
        self._database = database
        self._spool = spool
        self._most_waiting = most_waiting
        self._spooled = 0
        self._from_disk = True
        self._waiting: deque[LedgerRow] = deque()
        self._taken = 0
        self._settled = 0
        self._progress = asyncio.Condition()
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._closing = False

    @property
    def taken(self) -> int:
        """How many rows were recorded so far."""
        return self._taken

    @property
    def written(self) -> int:
        """How many of the rows recorded are in the store, the oldest first."""
        return self._settled

    def record(self, row: LedgerRow) -> None:
        """Take `row` to be written within a quarter of a second. Never blocks or fails."""
        if len(self._waiting) >= self._most_waiting:
            oldest = self._waiting.popleft()
            if self._spooled <= self._settled:
                log.error("ledger row given up, neither the store nor the disk takes it", ledger_id=oldest.id)
            self._settled += 1
            self._from_disk = True
        self._waiting.append(row)
        self._taken += 1
        self._wake.set()

    async def run(self) -> None:
        """Write what an earlier process left on disk, then what is recorded until :meth:`close`."""
        pause = _FIRST_PAUSE
        if not self._spool.is_empty:
            self._wake.set()
            self._urgent.set()
        while not (self._closing and not self._waiting):
            await self._wake.wait()
            await self._rest(_LINGER)
            try:
                await self._write_spooled()
                await self._write_waiting()
                await self._forget_spooled()
                pause = _FIRST_PAUSE
            except PenstockError as error:
                log.warning("ledger rows wait for the store", rows=len(self._waiting), detail=error.message)
                await self._put_on_disk()
                if self._closing:
                    return
                self._urgent.clear()
                await self._rest(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._urgent.wait()
        except TimeoutError:
            pass

    async def _put_on_disk(self) -> None:
        """Spool the rows that are not on disk yet."""
        until = self._taken
        rows = [self._waiting[at] for at in range(max(0, self._spooled - self._settled), until - self._settled)]
        if not rows:
            return
        try:
            await asyncio.to_thread(self._spool.append, rows)
            self._spooled = until
        except OSError as error:
            log.error("ledger rows can't be spooled and wait in memory", rows=len(rows), detail=str(error))

    async def _write_spooled(self) -> None:
        """Write what is on disk only: left by an earlier process, or too much for the memory."""
        if not self._from_disk or self._spool.is_empty:
            return
        rows = await asyncio.to_thread(self._spool.rows)
        for at in range(0, len(rows), _BATCH):
            await self._write_each(rows[at : at + _BATCH])
        self._from_disk = False
        log.info("spooled ledger rows written", rows=len(rows))

    async def _forget_spooled(self) -> None:
        if self._settled >= self._spooled and not self._spool.is_empty:
            await asyncio.to_thread(self._spool.clear)

    async def _write_waiting(self) -> None:
        """Write the rows that wait now. Those that come meanwhile wait for others again."""
        if not self._closing:
            self._urgent.clear()
        until = self._taken
        while self._waiting and self._settled < until:
            batch = [self._waiting[at] for at in range(min(_BATCH, len(self._waiting)))]
            await self._write_each(batch)
            await self._settle({row.id for row in batch})
        if not self._waiting and not self._closing:
            self._wake.clear()

    async def _settle(self, written: set[str]) -> None:
        while self._waiting and self._waiting[0].id in written:
            self._waiting.popleft()
            self._settled += 1
        async with self._progress:
            self._progress.notify_all()

    async def _write_each(self, batch: Sequence[LedgerRow]) -> None:
        """Write `batch` in one transaction; should the store refuse a row in it, all others one by one."""
        try:
            await self._write(batch)
        except DBAPIError as error:
            await self._require_store(error)
            if len(batch) == 1:
                log.error("ledger row refused by the store", ledger_id=batch[0].id, detail=str(error.orig))
                return
            for row in batch:
                await self._write_each([row])

    async def _require_store(self, error: DBAPIError) -> None:
        """Raise Unavailable when not the rows but the store is what is wrong."""
        try:
            await self._database.ping()
        except DBAPIError:
            why = f"the store refuses connections: {type(error.orig).__name__}"
            raise Unavailable(why, reason="STORAGE_UNAVAILABLE") from error

    async def _write(self, batch: Sequence[LedgerRow]) -> None:
        statement = _insert(sqlite=self._database.is_sqlite).on_conflict_do_nothing(index_elements=["id"])
        async with self._database.write() as connection:
            await connection.execute(statement, [columns_from_row(row) for row in batch])

    async def flush(self) -> None:
        """Return when every row taken so far is written, or after 5 s."""
        until = self._taken
        if self._settled < until:
            self._urgent.set()
        try:
            async with asyncio.timeout(_FLUSH_SECONDS), self._progress:
                await self._progress.wait_for(lambda: self._settled >= until)
        except TimeoutError:
            log.warning("ledger rows are still waiting for the store", rows=len(self._waiting))

    def close(self) -> None:
        """Let :meth:`run` write what is left and return."""
        self._closing = True
        self._wake.set()
        self._urgent.set()

    async def summarize(self, wanted: LedgerFilter, group: CostGroup) -> Sequence[CostRow]:
        """Return the sums by group, the most expensive first, days and minutes in order."""
        await self.flush()
        async with self._database.read() as connection:
            found = await connection.execute(_summary(wanted, group))
            rows = [_cost_row(columns, group) for columns in found.mappings()]
        if group in _STAMPS:
            return sorted(rows, key=lambda row: row.group)
        return sorted(rows, key=lambda row: (-(row.cost.amount or 0), row.group))

    async def list_rows(self, wanted: LedgerFilter, *, page_size: int, page_token: str) -> LedgerPage:
        """Return rows, newest first; the token is the last id seen, and ids are ordered by time."""
        await self.flush()
        query = select(ledger).where(*_conditions(wanted)).order_by(ledger.c.id.desc()).limit(page_size + 1)
        if page_token:
            query = query.where(ledger.c.id < page_token)
        async with self._database.read() as connection:
            found = await connection.execute(query)
            rows = tuple(row_from_columns(dict(columns)) for columns in found.mappings())
        more = rows[page_size - 1].id if len(rows) > page_size else ""
        return LedgerPage(rows=rows[:page_size], next_page_token=more)


def _insert(*, sqlite: bool) -> Any:
    """An INSERT that knows conflicts. Only the store's own dialect is imported: PostgreSQL's takes 3 MB."""
    if sqlite:
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert
    return insert(ledger)


def _conditions(wanted: LedgerFilter) -> list[ColumnElement[bool]]:
    columns = ledger.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.tenant_id is not None:
        conditions.append(columns.tenant_id == wanted.tenant_id)
    if wanted.start:
        conditions.append(columns.create_time >= micros_from_time(wanted.start))
    if wanted.end:
        conditions.append(columns.create_time < micros_from_time(wanted.end))
    if wanted.user_id:
        conditions.append(columns.user_id == wanted.user_id)
    if wanted.key_id:
        conditions.append(columns.key_id == wanted.key_id)
    return conditions


def _group_column(group: CostGroup) -> ColumnElement[Any]:
    columns = ledger.c
    match group:
        case CostGroup.TOTAL:
            return literal("")
        case CostGroup.PROVIDER:
            return columns.provider
        case CostGroup.MODEL:
            return columns.provider + "/" + columns.model
        case CostGroup.KEY:
            return columns.key_id
        case CostGroup.USER:
            return columns.user_id
        case CostGroup.DAY | CostGroup.MINUTE:
            return columns.create_time - columns.create_time % _MICROS[group]


def _summary(wanted: LedgerFilter, group: CostGroup) -> Select[*tuple[Any, ...]]:
    columns, key = ledger.c, _group_column(group)
    failed = columns.outcome == Outcome.ERROR.value
    unpriced = columns.cost_pico.is_(None)
    query = select(
        key.label("group"),
        func.count().label("requests"),
        func.sum(case((failed, 1), else_=0)).label("failures"),
        func.sum(case((unpriced, 1), else_=0)).label("unpriced"),
        func.sum(case((columns.cached == true(), 1), else_=0)).label("cached"),
        func.sum(case((columns.estimated == true(), 1), else_=0)).label("estimated"),
        func.sum(columns.input_tokens).label("input_tokens"),
        func.sum(columns.cache_read_tokens).label("cache_read_tokens"),
        func.sum(columns.cache_write_tokens).label("cache_write_tokens"),
        func.sum(columns.output_tokens).label("output_tokens"),
        func.sum(columns.reasoning_tokens).label("reasoning_tokens"),
        func.sum(columns.cost_pico).label("cost_pico"),
        func.sum(columns.savings_pico).label("savings_pico"),
        func.min(columns.price_source).label("one_source"),
        func.max(columns.price_source).label("other_source"),
        func.avg(columns.duration).label("mean_duration"),
    ).where(*_conditions(wanted))
    return query if group is CostGroup.TOTAL else query.group_by(key)


def _cost_row(columns: Any, group: CostGroup) -> CostRow:
    name = columns["group"]
    return CostRow(
        group=time_from_micros(int(name)).strftime(_STAMPS[group]) if group in _STAMPS else str(name or ""),
        requests=int(columns["requests"]),
        failures=int(columns["failures"] or 0),
        usage=usage_from_columns(columns, estimated=bool(columns["estimated"])),
        cost=Cost(amount=amount_from_pico(columns["cost_pico"] or 0), source=_source(columns)),
        unpriced=int(columns["unpriced"] or 0),
        cached=int(columns["cached"] or 0),
        savings=Cost(amount=amount_from_pico(columns["savings_pico"] or 0), source=_source(columns)),
        mean_duration=float(columns["mean_duration"] or 0.0),
    )


def _source(columns: Any) -> PriceSource:
    """The source all rows share; of mixed ones the catalogue's, of none unknown."""
    one, other = columns["one_source"], columns["other_source"]
    if columns["cost_pico"] is None:
        return PriceSource.UNKNOWN
    return PriceSource(one) if one == other else PriceSource.CATALOGUE
