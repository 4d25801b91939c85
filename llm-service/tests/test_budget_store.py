"""Budgets in SQLite and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from llm_service.adapters.ledger_spool import LedgerSpool
from llm_service.adapters.sql_budget import SqlBudgets
from llm_service.adapters.sql_ledger import SqlLedger
from llm_service.domain.billing import budget as budget_rules
from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope
from llm_service.domain.model.usage import Cost, PriceSource
from llm_service.main import MIGRATIONS
from llm_service.testing import ledger_row
from penstock_kit.context import Caller
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import NotFound, ResourceExhausted, Unavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import lay_out

CENT = Decimal("0.01")
BUDGET = Budget(
    id="b1", tenant_id="default", scope=BudgetScope.TOTAL, subject="", period=BudgetPeriod.DAY, limit=Decimal(1)
)
OTHER = replace(BUDGET, id="b2", scope=BudgetScope.KEY, subject="k1", limit=Decimal("0.5"))


@dataclass(frozen=True)
class Store:
    """Two replicas over one database."""

    one: SqlBudgets
    two: SqlBudgets
    ledger: SqlLedger


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "llm.db")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def store(url: str, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Store]:
    await lay_out(url, MIGRATIONS)
    async with AsyncExitStack() as stack:
        replicas: list[SqlBudgets] = []
        databases = [open_database(url) for _ in range(2)]
        for database in databases:
            stack.push_async_callback(database.close)
            budgets = SqlBudgets(database, clock)
            running = asyncio.create_task(budgets.run())
            stack.push_async_callback(_stopped, budgets, running)
            replicas.append(budgets)
        ledger = SqlLedger(databases[0], LedgerSpool(tmp_path / "spool.jsonl"))
        writing = asyncio.create_task(ledger.run())
        stack.push_async_callback(_stopped, ledger, writing)
        yield Store(one=replicas[0], two=replicas[1], ledger=ledger)


async def _stopped(runner: SqlBudgets | SqlLedger, running: asyncio.Task[None]) -> None:
    runner.close()
    await running


async def test_parallel_reservations_on_two_replicas_never_exceed_the_budget(
    store: Store, new_id: Callable[[str], str]
) -> None:
    await store.one.put(BUDGET)

    async def reserve(at: int) -> Decimal:
        replica = store.one if at % 2 else store.two
        while True:
            try:
                return await replica.reserve(new_id("reservation"), [BUDGET], want=CENT * 3, least=CENT * 2)
            except ResourceExhausted:
                return Decimal(0)
            except Unavailable as error:  # on a busy machine no connection may be free in time
                assert "connections are busy" in error.message

    amounts = await asyncio.gather(*map(reserve, range(60)))
    [use] = await store.one.list("default")
    assert sum(amounts) == use.reserved
    assert use.reserved <= 1
    assert use.left < CENT * 2
    assert amounts.count(Decimal(0)) >= 26


async def test_a_settled_hold_is_given_back_and_its_cost_counted(store: Store, clock: ManualClock) -> None:
    await store.one.put(BUDGET)
    amount = await store.one.reserve("h1", [BUDGET], want=CENT * 30, least=CENT)
    assert amount == CENT * 30
    store.two.settle("h1", [BUDGET], CENT * 7, clock.now())
    [use] = await store.two.list("default")
    assert (use.spent, use.reserved) == (CENT * 7, 0)


async def test_less_than_wanted_is_reserved_when_less_is_left(store: Store) -> None:
    await store.one.put(BUDGET)
    await store.one.put(OTHER)
    assert await store.one.reserve("h1", [BUDGET, OTHER], want=CENT * 40, least=CENT) == CENT * 40
    assert await store.one.reserve("h2", [BUDGET, OTHER], want=CENT * 40, least=CENT) == CENT * 10
    with pytest.raises(ResourceExhausted, match=r"the budget of this key, 0.5 USD per day, has 0 USD left") as caught:
        await store.one.reserve("h3", [BUDGET, OTHER], want=CENT, least=CENT)
    assert caught.value.retry_after is not None
    uses = {use.budget.id: use.reserved for use in await store.one.list("default")}
    assert uses == {"b1": CENT * 50, "b2": CENT * 50}


async def test_a_hold_that_was_left_behind_expires(store: Store, clock: ManualClock) -> None:
    await store.one.put(replace(BUDGET, period=BudgetPeriod.TOTAL))
    budget = (await store.one.list("default"))[0].budget
    await store.one.reserve("h1", [budget], want=Decimal(1), least=Decimal(1))
    clock.advance(4 * 60)
    with pytest.raises(ResourceExhausted):
        await store.two.reserve("h2", [budget], want=Decimal(1), least=Decimal(1))
    clock.advance(2 * 60)
    assert await store.two.reserve("h2", [budget], want=Decimal(1), least=Decimal(1)) == 1
    # Whoever comes late to settle it still counts what it cost, and gives nothing back twice.
    store.one.settle("h1", [budget], CENT, clock.now())
    await store.one.flush()
    [use] = await store.two.list("default")
    assert (use.spent, use.reserved) == (CENT, 1)


async def test_what_was_given_back_once_is_not_given_back_again_when_its_life_is_over(
    store: Store, clock: ManualClock
) -> None:
    await store.one.put(replace(BUDGET, period=BudgetPeriod.TOTAL))
    budget = (await store.one.list("default"))[0].budget
    await store.one.reserve("h1", [budget], want=Decimal(1), least=Decimal(1))
    store.one.settle("h1", [budget], CENT * 30, clock.now())
    await store.one.flush()
    clock.advance(6 * 60)
    assert await store.two.reserve("h2", [budget], want=Decimal(1), least=CENT) == CENT * 70
    [use] = await store.two.list("default")
    assert (use.spent, use.reserved) == (CENT * 30, CENT * 70)


async def test_what_is_set_aside_for_a_call_under_way_is_renewed(store: Store, clock: ManualClock) -> None:
    await store.one.put(replace(BUDGET, period=BudgetPeriod.TOTAL))
    budget = (await store.one.list("default"))[0].budget
    await store.one.reserve("h1", [budget], want=Decimal(1), least=Decimal(1))
    for _ in range(60):
        clock.advance(4 * 60)
        await store.one.renew()
    with pytest.raises(ResourceExhausted):
        await store.two.reserve("h2", [budget], want=Decimal(1), least=Decimal(1))
    store.one.settle("h1", [budget], Decimal(0), clock.now())
    await store.one.flush()
    assert await store.two.reserve("h2", [budget], want=Decimal(1), least=Decimal(1)) == 1


async def test_every_hold_is_renewed_however_many_calls_are_under_way(store: Store, clock: ManualClock) -> None:
    await store.one.put(replace(BUDGET, period=BudgetPeriod.TOTAL, limit=Decimal(201)))
    budget = (await store.one.list("default"))[0].budget
    for number in range(201):
        await store.one.reserve(f"h{number}", [budget], want=Decimal(1), least=Decimal(1))
    for _ in range(2):
        clock.advance(4 * 60)
        await store.one.renew()
    with pytest.raises(ResourceExhausted):
        await store.two.reserve("more", [budget], want=Decimal(1), least=Decimal(1))


async def test_a_settlement_gives_back_its_own_hold_and_no_other(store: Store, clock: ManualClock) -> None:
    for budget in (BUDGET, OTHER):
        await store.one.put(budget)
    for hold, cents in (("h1", 30), ("h2", 10)):
        await store.one.reserve(hold, [OTHER, BUDGET], want=CENT * cents, least=CENT)
    store.one.settle("h1", [BUDGET], CENT * 7, clock.now())
    uses = {use.budget.id: (use.spent, use.reserved) for use in await store.one.list("default")}
    assert uses == {"b1": (CENT * 7, CENT * 10), "b2": (0, CENT * 40)}
    store.one.settle("h1", [OTHER], CENT * 7, clock.now())
    uses = {use.budget.id: (use.spent, use.reserved) for use in await store.one.list("default")}
    assert uses == {"b1": (CENT * 7, CENT * 10), "b2": (CENT * 7, CENT * 10)}
    assert (store.one.taken, store.one.written) == (2, 2)


async def test_only_what_was_left_behind_is_given_back_in_each_budget_what_was_held_of_it(
    store: Store, clock: ManualClock
) -> None:
    budgets = [replace(budget, period=BudgetPeriod.TOTAL) for budget in (BUDGET, OTHER)]
    for budget in budgets:
        await store.one.put(budget)
    await store.one.reserve("left", budgets, want=CENT * 20, least=CENT)
    clock.advance(3 * 60)
    await store.one.reserve("mine", budgets[:1], want=CENT * 30, least=CENT)
    clock.advance(2 * 60 + 1)
    await store.two.reserve("next", budgets[:1], want=CENT, least=CENT)
    uses = {use.budget.id: use.reserved for use in await store.one.list("default")}
    assert uses == {"b1": CENT * 31, "b2": 0}
    store.one.settle("mine", budgets[:1], CENT * 4, clock.now())
    uses = {use.budget.id: (use.spent, use.reserved) for use in await store.one.list("default")}
    assert uses == {"b1": (CENT * 4, CENT), "b2": (0, 0)}


async def test_a_hold_that_is_due_this_moment_is_still_kept(store: Store, clock: ManualClock) -> None:
    budget = replace(BUDGET, period=BudgetPeriod.TOTAL)
    await store.one.put(budget)
    await store.one.reserve("h1", [budget], want=Decimal(1), least=CENT)
    clock.advance(5 * 60)
    with pytest.raises(ResourceExhausted):
        await store.two.reserve("h2", [budget], want=CENT, least=CENT)


async def test_a_call_that_costs_nothing_is_let_through_until_nothing_is_left(store: Store) -> None:
    await store.one.put(BUDGET)
    assert await store.one.reserve("h1", [BUDGET], want=Decimal(0), least=Decimal(0)) == 0
    await store.one.reserve("h2", [BUDGET], want=Decimal(1), least=Decimal(1))
    with pytest.raises(ResourceExhausted, match="has 0 USD left"):
        await store.one.reserve("h3", [BUDGET], want=Decimal(0), least=Decimal(0))


async def test_what_was_set_aside_yesterday_is_settled_in_yesterday(store: Store, clock: ManualClock) -> None:
    await store.one.put(BUDGET)
    await store.one.reserve("h1", [BUDGET], want=CENT * 30, least=CENT)
    yesterday = clock.now()
    clock.advance(24 * 3600)
    await store.one.reserve("h2", [BUDGET], want=CENT * 5, least=CENT)
    store.one.settle("h1", [BUDGET], CENT * 9, clock.now())
    store.one.settle("", [BUDGET], CENT * 8, yesterday)
    store.one.settle("", [BUDGET], CENT * 2, clock.now())
    [use] = await store.one.list("default")
    assert (use.spent, use.reserved) == (CENT * 2, CENT * 5)


async def test_a_deleted_budget_leaves_nothing_to_one_of_the_same_name_and_takes_nothing_of_others(
    store: Store, clock: ManualClock
) -> None:
    for budget in (BUDGET, OTHER):
        await store.one.put(budget)
    await store.one.reserve("h1", [BUDGET, OTHER], want=CENT * 30, least=CENT)
    store.one.settle("", [BUDGET, OTHER], CENT * 5, clock.now())
    await store.one.flush()
    assert await store.one.delete("default", "b1")
    assert set(store.one.shares) == {"b2"}
    assert [use.budget.id for use in await store.one.list("default")] == ["b2"]
    assert not await store.one.delete("default", "b1")
    await store.one.put(BUDGET)
    store.one.settle("h1", [BUDGET], Decimal(0), clock.now())
    uses = {use.budget.id: (use.spent, use.reserved) for use in await store.one.list("default")}
    assert uses == {"b1": (0, 0), "b2": (CENT * 5, CENT * 30)}


async def test_another_limit_keeps_what_was_spent_and_set_aside(store: Store, clock: ManualClock) -> None:
    await store.one.put(BUDGET)
    await store.one.reserve("h1", [BUDGET], want=CENT * 30, least=CENT)
    store.one.settle("", [BUDGET], CENT * 5, clock.now())
    use = await store.one.put(replace(BUDGET, limit=Decimal(2)))
    assert (use.budget.limit, use.spent, use.reserved, use.left) == (2, CENT * 5, CENT * 30, Decimal("1.65"))
    assert [budget.limit for budget in await store.two.all()] == [2]


async def test_a_new_day_begins_at_nothing(store: Store, clock: ManualClock) -> None:
    await store.one.put(BUDGET)
    await store.one.reserve("h1", [BUDGET], want=Decimal(1), least=CENT)
    clock.advance(24 * 3600)
    store.one.settle("h1", [BUDGET], Decimal(1), clock.now())
    [use] = await store.one.list("default")
    assert (use.spent, use.reserved) == (0, 0)


async def test_a_new_budget_counts_what_the_ledger_has(store: Store, clock: ManualClock) -> None:
    cost = Cost(amount=CENT, source=PriceSource.CATALOGUE)
    for at in range(3):
        store.ledger.record(replace(ledger_row(f"call_{at}", cost=cost), create_time=clock.now(), key_id="k1"))
    await store.ledger.flush()
    assert (await store.one.put(OTHER)).spent == CENT * 3
    assert (await store.one.put(replace(OTHER, id="b3", subject="k2"))).spent == 0


async def test_a_new_budget_counts_nothing_of_another_user_tenant_or_period(store: Store, clock: ManualClock) -> None:
    row = replace(ledger_row(cost=Cost(amount=CENT, source=PriceSource.CATALOGUE)), key_id="k1", user_id="ann")
    began = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for number, change in enumerate(
        (
            {},
            {"create_time": began},
            {"create_time": began - timedelta(microseconds=1)},
            {"tenant_id": "other"},
            {"user_id": "bob"},
            {"key_id": "k2"},
        )
    ):
        store.ledger.record(replace(row, **{"id": f"call_{number}", "create_time": clock.now(), **change}))
    await store.ledger.flush()
    spent = {
        scope: (await store.one.put(replace(BUDGET, id=scope.value, scope=scope, subject=subject))).spent
        for scope, subject in ((BudgetScope.TOTAL, ""), (BudgetScope.USER, "ann"), (BudgetScope.KEY, "k1"))
    }
    assert spent == {BudgetScope.TOTAL: CENT * 4, BudgetScope.USER: CENT * 3, BudgetScope.KEY: CENT * 3}


async def test_a_budget_of_another_tenant_is_not_found(store: Store) -> None:
    await store.one.put(BUDGET)
    with pytest.raises(NotFound):
        await store.one.put(replace(BUDGET, tenant_id="other"))
    assert not await store.one.delete("other", "b1")
    assert await store.one.list("other") == []
    assert await store.one.delete("default", "b1")


async def test_a_tenant_has_a_limited_number_of_budgets_and_no_other_is_refused_for_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget_rules, "MAX_BUDGETS", 2)
    await store.one.put(BUDGET)
    await store.two.put(OTHER)
    with pytest.raises(ResourceExhausted, match="a tenant has at most 2 budgets; delete some") as refused:
        await store.one.put(replace(BUDGET, id="b3"))
    assert refused.value.reason == "BUDGETS_LIMIT_EXCEEDED"
    await store.one.put(replace(BUDGET, limit=Decimal(2)))
    await store.one.put(replace(BUDGET, id="b3", tenant_id="other"))
    assert [(use.budget.id, use.budget.limit) for use in await store.two.list("default")] == [
        ("b1", 2),
        ("b2", CENT * 50),
    ]
    await store.one.delete("default", "b2")
    await store.one.put(replace(BUDGET, id="b4"))


async def test_budgets_are_listed_by_one_statement_however_many_there_are(store: Store) -> None:
    for number in range(20):
        await store.one.put(replace(BUDGET, id=f"b{number:02}"))
    statements: list[str] = []

    def count(*happened: Any) -> None:
        statements.append(happened[2])

    event.listen(Engine, "before_cursor_execute", count)
    try:
        assert len(await store.two.list("default")) == 20
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert len([each for each in statements if "llm_budget" in each]) == 1


async def test_budgets_are_listed_by_pages_and_for_whom_they_cover(store: Store) -> None:
    for number, change in enumerate(
        (
            {},
            {"scope": BudgetScope.USER, "subject": "ann"},
            {"scope": BudgetScope.USER, "subject": "bob"},
            {"scope": BudgetScope.KEY, "subject": "k1"},
            {"scope": BudgetScope.KEY, "subject": "ann"},
            {"tenant_id": "other"},
            {"scope": BudgetScope.USER, "subject": "k1"},
        )
    ):
        await store.one.put(replace(BUDGET, **{"id": f"b{number}", **change}))

    async def listed(**which: Any) -> list[str]:
        return [use.budget.id for use in await store.two.list("default", **which)]

    assert await listed() == ["b0", "b1", "b2", "b3", "b4", "b6"]
    assert await listed(limit=2) == ["b0", "b1"]
    assert await listed(after="b1", limit=2) == ["b2", "b3"]
    assert await listed(after="b4", limit=2) == ["b6"]
    ann = Caller(user_id="ann", key_id="k1")
    assert await listed(covering=ann) == ["b0", "b1", "b3"]
    assert await listed(covering=ann, after="b0", limit=1) == ["b1"]
    assert await listed(covering=Caller(user_id="eve")) == ["b0"]


async def test_the_budgets_of_a_key_or_a_user_are_deleted_and_no_others(store: Store) -> None:
    for number, change in enumerate(
        (
            {"subject": "k1"},
            {"subject": "k1", "period": BudgetPeriod.TOTAL},
            {"subject": "k2"},
            {"subject": "k1", "scope": BudgetScope.USER},
            {"subject": "k1", "tenant_id": "other"},
        )
    ):
        await store.one.put(replace(OTHER, **{"id": f"b{number}", **change}))
    await store.one.delete_of("default", BudgetScope.KEY, ["k1", "k9"])
    assert [budget.id for budget in await store.two.all()] == ["b2", "b3", "b4"]
    await store.one.delete_of("default", BudgetScope.USER, ["k1"])
    assert [budget.id for budget in await store.two.all()] == ["b2", "b4"]


async def test_passing_80_and_100_percent_is_told_once_each(
    store: Store, clock: ManualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    await store.one.put(BUDGET)
    for cents in (79, 2, 1, 20, 5):
        store.one.settle("", [BUDGET], CENT * cents, clock.now())
        await store.one.flush()
    told = [line for line in capsys.readouterr().out.splitlines() if "budget alert" in line]
    assert len(told) == 2
    assert "80" in told[0]
    assert "100" in told[1]
    assert store.one.shares["b1"].share > 1
    clock.advance(24 * 3600)
    store.one.settle("", [BUDGET], CENT * 80, clock.now())
    await store.one.flush()
    [line] = [line for line in capsys.readouterr().out.splitlines() if "budget alert" in line]
    assert "percent=80" in line, "another day is another period"


async def test_the_budgets_of_all_tenants_are_listed_with_the_use_of_their_own_running_periods(
    store: Store, clock: ManualClock
) -> None:
    day = replace(BUDGET, id="a1", tenant_id="acme", period=BudgetPeriod.DAY)
    total = replace(BUDGET, id="c1", tenant_id="acme", period=BudgetPeriod.TOTAL)
    for budget in (BUDGET, day, total):
        await store.one.put(budget)
        store.one.settle("", [budget], CENT * 5, clock.now())
    await store.one.flush()
    uses = await store.two.list_all()
    assert [(use.budget.id, use.budget.tenant_id, use.spent) for use in uses] == [
        ("a1", "acme", CENT * 5),
        ("b1", "default", CENT * 5),
        ("c1", "acme", CENT * 5),
    ]
    assert set(store.two.shares) == {"a1", "b1", "c1"}, "a replica that settled nothing has the metric too"
    clock.advance(24 * 3600)
    assert {use.budget.id: use.spent for use in await store.two.list_all()}["a1"] == 0


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (BudgetPeriod.DAY, datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (BudgetPeriod.MONTH, datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (BudgetPeriod.TOTAL, datetime(1970, 1, 1, tzinfo=UTC), None),
    ],
)
def test_periods_are_those_of_utc(period: BudgetPeriod, start: datetime, end: datetime | None) -> None:
    now = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    assert (period.start(now), period.end(now)) == (start, end)


def test_a_budget_covers_its_own_callers_only() -> None:
    alice = Caller(user_id="alice", key_id="k1")
    assert BUDGET.covers(alice)
    assert OTHER.covers(alice)
    assert not OTHER.covers(replace(alice, key_id="k2"))
    assert not BUDGET.covers(replace(alice, tenant_id="other"))
