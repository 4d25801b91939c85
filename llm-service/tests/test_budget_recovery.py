"""What becomes of what is set aside and settled while the store of budgets is away, and of what nobody settles."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from llm_service.adapters import sql_budget
from llm_service.adapters.sql_budget import SqlBudgets
from llm_service.adapters.table import budget_hold
from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope
from llm_service.main import MIGRATIONS
from penstock_kit.database import Database, migrate, open_database
from penstock_kit.errors import ResourceExhausted
from penstock_testkit.clock import ManualClock
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.waiting import HANG_SECONDS

CENT = Decimal("0.01")
BUDGET = Budget(
    id="b1", tenant_id="default", scope=BudgetScope.TOTAL, subject="", period=BudgetPeriod.TOTAL, limit=Decimal(1)
)
OTHER = replace(BUDGET, id="b2")
DAY = 24 * 3600.0


@dataclass(frozen=True)
class Replicas:
    """One whose way to the store can be cut, and one whose way is always open."""

    one: SqlBudgets
    other: SqlBudgets
    proxy: FaultProxy
    database: Database


@pytest.fixture
async def replicas(postgres_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Replicas]:
    monkeypatch.setattr(sql_budget, "_PAUSE", 0.01)
    monkeypatch.setattr(sql_budget, "_RENEWAL", 0.01)
    await migrate(postgres_url, MIGRATIONS)
    proxy = FaultProxy(postgres_url)
    await proxy.open()
    behind, database = open_database(proxy.url), open_database(postgres_url)
    yield Replicas(one=SqlBudgets(behind, clock), other=SqlBudgets(database, clock), proxy=proxy, database=database)
    await behind.close()
    await database.close()
    await proxy.cut()


@asynccontextmanager
async def writing(budgets: SqlBudgets) -> AsyncIterator[None]:
    running = asyncio.create_task(budgets.run())
    yield
    budgets.close()
    await asyncio.wait_for(running, HANG_SECONDS)


async def holds(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(budget_hold))).scalar_one()


async def told(of: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Wait until the log says so."""
    seen = ""
    async with asyncio.timeout(HANG_SECONDS):
        while of not in seen:
            await asyncio.sleep(0.01)
            seen += capsys.readouterr().out


async def test_what_is_settled_while_the_store_is_away_is_counted_when_it_is_back(
    replicas: Replicas, clock: ManualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    await replicas.one.put(BUDGET)
    async with writing(replicas.one):
        await replicas.proxy.cut()
        replicas.one.settle("", [BUDGET], CENT * 7, clock.now())
        await told("budget settlements wait for the store", capsys)
        assert (replicas.one.taken, replicas.one.written) == (1, 0)
        await replicas.proxy.open()
        async with asyncio.timeout(HANG_SECONDS):
            while not replicas.one.written:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
    [use] = await replicas.other.list("default")
    assert use.spent == CENT * 7


async def test_a_service_that_stops_while_the_store_is_away_does_not_wait_for_it(
    replicas: Replicas, clock: ManualClock
) -> None:
    await replicas.one.put(BUDGET)
    await replicas.proxy.cut()
    async with writing(replicas.one):
        replicas.one.settle("", [BUDGET], CENT, clock.now())


async def test_what_was_settled_before_the_writing_began_is_written_although_it_is_to_end(
    replicas: Replicas, clock: ManualClock
) -> None:
    await replicas.one.put(BUDGET)
    replicas.one.settle("", [BUDGET], CENT, clock.now())
    replicas.one.close()
    await asyncio.wait_for(replicas.one.run(), HANG_SECONDS)
    [use] = await replicas.other.list("default")
    assert use.spent == CENT


async def test_what_is_set_aside_is_renewed_after_an_outage(
    replicas: Replicas, clock: ManualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    await replicas.one.put(BUDGET)
    await replicas.one.reserve("h1", [BUDGET], want=Decimal(1), least=Decimal(1))
    await replicas.proxy.cut()
    keeping = asyncio.create_task(replicas.one.keep())
    await told("what is set aside can't be renewed", capsys)
    await replicas.proxy.open()
    clock.advance(4 * 60)
    expiry = select(budget_hold.c.expire_time)
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            async with replicas.database.read() as connection:
                if (await connection.execute(expiry)).scalar_one() > clock.now().timestamp() * 1e6 + 60e6:
                    break
            await asyncio.sleep(0.01)
    assert not keeping.done()
    keeping.cancel()
    clock.advance(4 * 60)
    with pytest.raises(ResourceExhausted):
        await replicas.other.reserve("h2", [BUDGET], want=Decimal(1), least=Decimal(1))


async def test_the_list_of_all_budgets_has_what_was_settled_just_now(replicas: Replicas, clock: ManualClock) -> None:
    await replicas.one.put(BUDGET)
    async with writing(replicas.one):
        replicas.one.settle("", [BUDGET], CENT * 3, clock.now())
        assert [use.spent for use in await replicas.one.list_all()] == [CENT * 3]


async def test_what_a_settled_call_leaves_set_aside_elsewhere_is_given_back_after_its_life(
    replicas: Replicas, clock: ManualClock
) -> None:
    for budget in (BUDGET, OTHER):
        await replicas.one.put(budget)
    await replicas.one.reserve("h1", [BUDGET, OTHER], want=Decimal(1), least=Decimal(1))
    async with writing(replicas.one):
        replicas.one.settle("h1", [BUDGET], CENT, clock.now())
        await replicas.one.flush()
        for _ in range(3):
            clock.advance(4 * 60)
            await replicas.one.renew()
    assert await replicas.other.reserve("h2", [OTHER], want=Decimal(1), least=Decimal(1)) == 1


async def test_a_call_that_is_settled_days_later_counts_where_it_was_set_aside_and_its_hold_is_dropped_after_a_week(
    replicas: Replicas, clock: ManualClock
) -> None:
    daily = replace(BUDGET, period=BudgetPeriod.DAY)
    await replicas.one.put(daily)
    for hold in ("late", "never"):
        await replicas.one.reserve(hold, [daily], want=CENT, least=CENT)
    clock.advance(3 * DAY)
    await replicas.other.renew()
    async with writing(replicas.one):
        replicas.one.settle("late", [daily], CENT, clock.now())
        await replicas.one.flush()
    [use] = await replicas.other.list("default")
    assert use.spent == 0, "it is no expense of today"
    assert await holds(replicas.database) == 1
    clock.advance(5 * DAY)
    await replicas.other.renew()
    assert await holds(replicas.database) == 0


async def test_a_call_that_needs_more_at_least_than_is_left_is_refused_and_sets_nothing_aside(
    replicas: Replicas,
) -> None:
    await replicas.one.put(BUDGET)
    await replicas.one.reserve("h1", [BUDGET], want=CENT * 95, least=CENT)
    with pytest.raises(ResourceExhausted, match=r"has 0\.05 USD left"):
        await replicas.one.reserve("h2", [BUDGET], want=CENT * 20, least=CENT * 6)
    [use] = await replicas.other.list("default")
    assert use.reserved == CENT * 95
    assert await replicas.one.reserve("h3", [BUDGET], want=CENT * 20, least=CENT * 5) == CENT * 5


async def test_calls_that_name_their_budgets_in_different_orders_do_not_stop_one_another(replicas: Replicas) -> None:
    for budget in (BUDGET, OTHER):
        await replicas.one.put(budget)
    orders = [[BUDGET, OTHER], [OTHER, BUDGET]]
    for round_ in range(10):
        amounts = await asyncio.gather(
            *(
                store.reserve(f"{round_}-{number}", orders[number], want=CENT, least=CENT)
                for number, store in enumerate((replicas.one, replicas.other))
            )
        )
        assert amounts == [CENT, CENT]
