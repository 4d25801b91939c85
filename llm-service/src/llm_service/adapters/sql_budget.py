"""Budgets in SQLite or PostgreSQL: reserved under a lock, settled behind the calls, exact with many replicas."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from llm_service.adapters.ledger_row import amount_from_pico, micros_from_time
from llm_service.adapters.table import budget as budgets_table
from llm_service.adapters.table import budget_hold, budget_use, ledger
from llm_service.adapters.whole_table import WholeTable
from llm_service.domain.billing import budget as budget_rules
from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope, BudgetUse, exceeded
from penstock_kit.clock import Clock
from penstock_kit.context import Caller
from penstock_kit.database import Database
from penstock_kit.database.asynchronous import AsyncConnection
from penstock_kit.errors import NotFound, PenstockError
from penstock_kit.logging import get_logger

_PICO: Final = Decimal(10) ** 12
# What is set aside outlives its process by this; meanwhile it is renewed.
_LIFE: Final = timedelta(minutes=5)
_RENEWAL: Final = 60.0
_MEMORY: Final = timedelta(days=7)
_BATCH: Final = 200
_PAUSE: Final = 1.0
_FLUSH_SECONDS: Final = 5.0
_STEPS: Final = (1.0, 0.8)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settlement:
    reservation_id: str
    budgets: tuple[Budget, ...]
    spent: int
    at: datetime


class SqlBudgets:
    """Keeps budgets. Start :meth:`run` as a task: it writes settlements; :meth:`close` writes the rest.
    Start :meth:`keep` as another: it renews what is set aside for calls under way.

    `taken` and `written` count settlements: those asked for, and those that are in the store. `shares` is the share
    spent of each budget settled last, by id, for metrics. Passing 80 % and 100 % of a budget is a line in the log,
    once a period.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._whole_table = WholeTable(database, budgets_table, budgets_table.c.id, _budget)
        self._waiting: deque[_Settlement] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._held: set[str] = set()
        self._told: dict[tuple[str, int], float] = {}
        self.shares: dict[str, BudgetUse] = {}
        self.taken = 0
        self.written = 0

    async def put(self, budget: Budget) -> BudgetUse:
        """Create or replace a budget. Raises NotFound when its id is another tenant's, ResourceExhausted
        (BUDGETS_LIMIT_EXCEEDED) when it is new and its tenant has MAX_BUDGETS."""
        await self.flush()
        start = self._start(budget.period)
        values = {**_columns(budget), "id": budget.id}
        async with self._database.write() as connection:
            query = select(budgets_table.c.tenant_id).where(budgets_table.c.id == budget.id)
            owner = (await connection.execute(query)).scalar()
            if owner not in {None, budget.tenant_id}:
                raise _not_found(budget.id)
            if owner is None:
                await _check_room(connection, budget.tenant_id)
            await connection.execute(delete(budgets_table).where(budgets_table.c.id == budget.id))
            await connection.execute(insert(budgets_table).values(values))
            spent = (await connection.execute(_spent_since(budget, start))).scalar() or 0
            await self._open(connection, budget.id, start, spent=int(spent))
            return await self._use(connection, budget, start)

    async def delete(self, tenant_id: str, budget_id: str) -> bool:
        """Delete a budget with its use."""
        async with self._database.write() as connection:
            mine = and_(budgets_table.c.id == budget_id, budgets_table.c.tenant_id == tenant_id)
            found = await connection.execute(delete(budgets_table).where(mine))
            if found.rowcount:
                await connection.execute(delete(budget_use).where(budget_use.c.budget_id == budget_id))
                await connection.execute(delete(budget_hold).where(budget_hold.c.budget_id == budget_id))
        self.shares.pop(budget_id, None)
        return bool(found.rowcount)

    async def delete_of(self, tenant_id: str, scope: BudgetScope, subjects: Sequence[str]) -> None:
        """Delete the budgets of those keys or users with their use."""
        columns, wanted = budgets_table.c, frozenset(subjects)
        query = select(columns.id, columns.subject).where(columns.tenant_id == tenant_id, columns.scope == scope.value)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        for budget_id in [budget_id for budget_id, subject in rows if subject in wanted]:
            await self.delete(tenant_id, budget_id)

    async def list(
        self, tenant_id: str, *, covering: Caller | None = None, after: str = "", limit: int | None = None
    ) -> Sequence[BudgetUse]:
        """Return the tenant's budgets with their use, by id, in one query: those that cover `covering`, behind `after`,
        at most `limit`."""
        which = [budgets_table.c.tenant_id == tenant_id]
        if covering is not None:
            which.append(_covers(covering))
        if after:
            which.append(budgets_table.c.id > after)
        return await self._uses(*which, limit=limit)

    async def list_all(self) -> Sequence[BudgetUse]:
        """Return every tenant's budgets with their use, by id, in one query; metrics have them from then on."""
        uses = await self._uses()
        self.shares = {use.budget.id: use for use in uses}
        return uses

    async def all(self) -> Sequence[Budget]:
        """Return every tenant's budgets."""
        return await self._whole_table.read()

    async def reserve(
        self, reservation_id: str, budgets: Sequence[Budget], *, want: Decimal, least: Decimal
    ) -> Decimal:
        """Set aside up to `want` in all budgets, in one transaction that locks them in the order of their ids."""
        ordered = sorted(budgets, key=lambda each: each.id)
        async with self._database.write() as connection:
            await self._expire(connection)
            uses = [await self._locked(connection, budget) for budget in ordered]
            tightest = min(uses, key=lambda use: use.left)
            if tightest.left < least or tightest.left <= 0:
                raise exceeded(tightest, self._clock.now())
            amount = min(want, tightest.left)
            await self._reserve(connection, reservation_id, ordered, int(amount * _PICO))
        self._held.add(reservation_id)
        return amount

    def settle(self, reservation_id: str, budgets: Sequence[Budget], spent: Decimal, at: datetime) -> None:
        """Take the settlement to be written at once, or when the store is back."""
        pico = int((spent * _PICO).to_integral_value())
        self._held.discard(reservation_id)
        self._waiting.append(_Settlement(reservation_id=reservation_id, budgets=tuple(budgets), spent=pico, at=at))
        self.taken += 1
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Write settlements until :meth:`close`."""
        while not (self._closing and not self._waiting):
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._write_waiting()
            except (PenstockError, DBAPIError) as error:
                why = type(error).__name__
                log.warning("budget settlements wait for the store", waiting=len(self._waiting), detail=why)
                if self._closing:
                    return
                await asyncio.sleep(_PAUSE)
                self._wake.set()

    async def keep(self) -> None:
        """Renew what is set aside for the calls of this process, for ever."""
        while True:
            await asyncio.sleep(_RENEWAL)
            try:
                await self.renew()
            except (PenstockError, DBAPIError) as error:
                log.warning("what is set aside can't be renewed", detail=type(error).__name__)

    async def renew(self) -> None:
        """Let what is set aside for calls under way last for another while; drop what nobody came to settle."""
        held = tuple(self._held)
        expire = micros_from_time(self._clock.now() + _LIFE)
        for at in range(0, len(held), _BATCH):
            mine = budget_hold.c.hold_id.in_(held[at : at + _BATCH])
            async with self._database.write() as connection:
                await connection.execute(update(budget_hold).where(mine).values(expire_time=expire))
        forgotten = budget_hold.c.expire_time < micros_from_time(self._clock.now() - _MEMORY)
        async with self._database.write() as connection:
            await connection.execute(delete(budget_hold).where(forgotten))

    def close(self) -> None:
        """Let :meth:`run` write what is left and return."""
        self._closing = True
        self._wake.set()

    async def flush(self) -> None:
        """Return when everything settled so far is written, or after 5 s."""
        try:
            async with asyncio.timeout(_FLUSH_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            log.warning("budget settlements are still waiting for the store", waiting=len(self._waiting))

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch = [self._waiting[at] for at in range(min(_BATCH, len(self._waiting)))]
            touched: dict[str, BudgetUse] = {}
            async with self._database.write() as connection:
                for settlement in batch:
                    for budget in sorted(settlement.budgets, key=lambda each: each.id):
                        touched[budget.id] = await self._settle_one(connection, settlement, budget)
            for _ in batch:
                self._waiting.popleft()
            self.written += len(batch)
            for use in touched.values():
                self._tell(use)
        self._idle.set()

    async def _settle_one(self, connection: AsyncConnection, settlement: _Settlement, budget: Budget) -> BudgetUse:
        mine = and_(budget_hold.c.hold_id == settlement.reservation_id, budget_hold.c.budget_id == budget.id)
        held = (await connection.execute(select(budget_hold).where(mine))).mappings().first()
        start = held["period_start"] if held else micros_from_time(budget.period.start(settlement.at))
        await self._open(connection, budget.id, start)
        await connection.execute(
            update(budget_use)
            .where(budget_use.c.budget_id == budget.id, budget_use.c.period_start == start)
            .values(
                spent_pico=budget_use.c.spent_pico + settlement.spent,
                reserved_pico=budget_use.c.reserved_pico - (held["amount_pico"] if held else 0),
            )
        )
        if held:
            await connection.execute(delete(budget_hold).where(mine))
        return await self._use(connection, budget, start)

    async def _reserve(
        self, connection: AsyncConnection, reservation_id: str, budgets: Sequence[Budget], pico: int
    ) -> None:
        expire = micros_from_time(self._clock.now() + _LIFE)
        for budget in budgets:
            start = self._start(budget.period)
            await connection.execute(
                update(budget_use)
                .where(budget_use.c.budget_id == budget.id, budget_use.c.period_start == start)
                .values(reserved_pico=budget_use.c.reserved_pico + pico)
            )
            values = {"hold_id": reservation_id, "budget_id": budget.id, "period_start": start, "amount_pico": pico}
            await connection.execute(insert(budget_hold).values({**values, "expire_time": expire}))

    async def _expire(self, connection: AsyncConnection) -> None:
        """Give back what processes that died had set aside; a hold of nothing stays, for whoever settles the call."""
        now = micros_from_time(self._clock.now())
        old = select(budget_hold).where(budget_hold.c.expire_time < now, budget_hold.c.amount_pico > 0)
        for reservation in (await connection.execute(old.with_for_update())).mappings().all():
            use = and_(
                budget_use.c.budget_id == reservation["budget_id"],
                budget_use.c.period_start == reservation["period_start"],
            )
            mine = and_(
                budget_hold.c.hold_id == reservation["hold_id"], budget_hold.c.budget_id == reservation["budget_id"]
            )
            less = budget_use.c.reserved_pico - reservation["amount_pico"]
            await connection.execute(update(budget_use).where(use).values(reserved_pico=less))
            await connection.execute(update(budget_hold).where(mine).values(amount_pico=0))

    async def _locked(self, connection: AsyncConnection, budget: Budget) -> BudgetUse:
        start = self._start(budget.period)
        await self._open(connection, budget.id, start)
        return await self._use(connection, budget, start, lock=True)

    async def _open(self, connection: AsyncConnection, budget_id: str, start: int, *, spent: int = 0) -> None:
        dialect: Any = sqlite if self._database.is_sqlite else postgresql
        values = {"budget_id": budget_id, "period_start": start, "spent_pico": spent, "reserved_pico": 0}
        await connection.execute(dialect.insert(budget_use).values(values).on_conflict_do_nothing())

    async def _uses(self, *which: ColumnElement[bool], limit: int | None = None) -> Sequence[BudgetUse]:
        """Return the budgets that are `which` with the use of their running periods, by id."""
        await self.flush()
        starts = [(budgets_table.c.period == period.value, self._start(period)) for period in BudgetPeriod]
        running = and_(budget_use.c.budget_id == budgets_table.c.id, budget_use.c.period_start == case(*starts))
        columns = (budget_use.c.spent_pico, budget_use.c.reserved_pico)
        query = select(budgets_table, *columns).outerjoin(budget_use, running).where(*which)
        query = query.order_by(budgets_table.c.id).limit(limit)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [
            BudgetUse(
                budget=_budget(row),
                spent=amount_from_pico(row["spent_pico"] or 0),
                reserved=amount_from_pico(row["reserved_pico"] or 0),
            )
            for row in rows
        ]

    async def _use(self, connection: AsyncConnection, budget: Budget, start: int, *, lock: bool = False) -> BudgetUse:
        query = select(budget_use).where(budget_use.c.budget_id == budget.id, budget_use.c.period_start == start)
        row = (await connection.execute(query.with_for_update() if lock else query)).mappings().first()
        spent, reserved = (row["spent_pico"], row["reserved_pico"]) if row else (0, 0)
        return BudgetUse(budget=budget, spent=amount_from_pico(spent), reserved=amount_from_pico(reserved))

    def _start(self, period: BudgetPeriod) -> int:
        return micros_from_time(period.start(self._clock.now()))

    def _tell(self, use: BudgetUse) -> None:
        self.shares[use.budget.id] = use
        key = (use.budget.id, self._start(use.budget.period))
        step = next((step for step in _STEPS if use.share >= step), 0.0)
        if step > self._told.get(key, 0.0):
            self._told[key] = step
            _alert(use, round(step * 100))


def _alert(use: BudgetUse, percent: int) -> None:
    budget = use.budget
    tell = log.error if percent >= 100 else log.warning
    whose = {"scope": budget.scope.value, "subject": budget.subject, "period": budget.period.value}
    tell("budget alert", budget=budget.id, percent=percent, limit=str(budget.limit), spent=str(use.spent), **whose)


def _covers(caller: Caller) -> ColumnElement[bool]:
    """What `Budget.covers` says, as a condition."""
    subjects = {BudgetScope.TOTAL: "", BudgetScope.USER: caller.user_id, BudgetScope.KEY: caller.key_id}
    columns = budgets_table.c
    return or_(*(and_(columns.scope == scope.value, columns.subject == name) for scope, name in subjects.items()))


async def _check_room(connection: AsyncConnection, tenant_id: str) -> None:
    count = select(func.count()).select_from(budgets_table).where(budgets_table.c.tenant_id == tenant_id)
    if ((await connection.execute(count)).scalar() or 0) >= budget_rules.MAX_BUDGETS:
        raise budget_rules.too_many_budgets()


def _columns(budget: Budget) -> dict[str, Any]:
    return {
        "tenant_id": budget.tenant_id,
        "scope": budget.scope.value,
        "subject": budget.subject,
        "period": budget.period.value,
        "limit_pico": int(budget.limit * _PICO),
    }


def _budget(row: Mapping[Any, Any]) -> Budget:
    return Budget(
        id=row["id"],
        tenant_id=row["tenant_id"],
        scope=BudgetScope(row["scope"]),
        subject=row["subject"],
        period=BudgetPeriod(row["period"]),
        limit=amount_from_pico(row["limit_pico"]),
    )


def _spent_since(budget: Budget, start: int) -> Any:
    """What the ledger says was spent in the period before there was a budget."""
    columns = ledger.c
    query = select(func.sum(columns.cost_pico)).where(
        columns.tenant_id == budget.tenant_id, columns.create_time >= start
    )
    match budget.scope:
        case BudgetScope.KEY:
            return query.where(columns.key_id == budget.subject)
        case BudgetScope.USER:
            return query.where(columns.user_id == budget.subject)
        case BudgetScope.TOTAL:
            return query


def _not_found(budget_id: str) -> NotFound:
    return NotFound(f"there is no budget {budget_id!r}", reason="BUDGET_NOT_FOUND")
