"""What is set aside of a budget, what of it is given back, and what who has spent it is told."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope, BudgetUse, exceeded
from llm_service.domain.billing.budget_guard import BudgetGuardSettings, ReservingBudgetGuard
from llm_service.domain.billing.limits_cache import LimitsCache
from llm_service.domain.billing.price import OperatorPrices, Price
from llm_service.domain.billing.rate_limiter import LocalRateLimiter
from llm_service.domain.model.route import Candidate, Route
from llm_service.testing import question
from penstock_kit.context import CallContext, Caller, use_context
from penstock_testkit.clock import ManualClock

BUDGET = Budget(
    id="b", tenant_id="default", scope=BudgetScope.TOTAL, subject="", period=BudgetPeriod.MONTH, limit=Decimal(1)
)


@dataclass
class SlowBudgets:
    """Sets aside at once and never says so; remembers what was settled."""

    reserved: asyncio.Event = field(default_factory=asyncio.Event)
    settled: list[tuple[str, Decimal]] = field(default_factory=list[tuple[str, Decimal]])

    async def put(self, budget: Budget) -> BudgetUse:
        return BudgetUse(budget=budget, spent=Decimal(0), reserved=Decimal(0))

    async def delete(self, tenant_id: str, budget_id: str) -> bool:
        return False

    async def list(self, tenant_id: str) -> Sequence[BudgetUse]:
        return ()

    async def all(self) -> Sequence[Budget]:
        return (BUDGET,)

    async def reserve(
        self, reservation_id: str, budgets: Sequence[Budget], *, want: Decimal, least: Decimal
    ) -> Decimal:
        self.reserved.set()
        await asyncio.Event().wait()
        return want

    def settle(self, reservation_id: str, budgets: Sequence[Budget], spent: Decimal, at: datetime) -> None:
        assert at.tzinfo is UTC
        self.settled.append((reservation_id, spent))


@dataclass
class OpenBudgets(SlowBudgets):
    """Sets aside whatever is wanted and remembers it."""

    wanted: list[tuple[Decimal, Decimal]] = field(default_factory=list[tuple[Decimal, Decimal]])

    async def reserve(
        self, reservation_id: str, budgets: Sequence[Budget], *, want: Decimal, least: Decimal
    ) -> Decimal:
        self.wanted.append((want, least))
        return want


class NoBudgets(OpenBudgets):
    """Has no budget."""

    async def all(self) -> Sequence[Budget]:
        return ()


async def nothing() -> list[None]:
    return []


async def purse_over(
    store: SlowBudgets,
    clock: ManualClock,
    prices: dict[str, Price],
    looked_up: list[str] | None = None,
    *,
    refuse_unpriced: bool = False,
) -> ReservingBudgetGuard:
    """A budget guard of a route over one model of each provider in `prices`, with one budget of a dollar.

    The providers whose prices are looked up are added to `looked_up`.
    """

    async def ready(provider: str) -> None:
        if looked_up is not None:
            looked_up.append(provider)

    limits = LimitsCache(read_budgets=store.all, read_policies=nothing, on_failure=lambda _: None)
    await limits.refresh()
    route = Route(policy="order", candidates=tuple(Candidate(provider=each, model="m", why="") for each in prices))
    return ReservingBudgetGuard(
        limits=limits,
        store=store,
        route=lambda _: route,
        prices=OperatorPrices({(name, "m"): price for name, price in prices.items()}, free=frozenset()),
        ready=ready,
        rate_limiter=LocalRateLimiter(clock),
        clock=clock,
        settings=BudgetGuardSettings(output_tokens=1000, refuse_unpriced=refuse_unpriced),
    )


async def test_a_caller_that_leaves_while_its_budget_is_reserved_leaves_nothing_reserve(clock: ManualClock) -> None:
    store = SlowBudgets()
    budget_guard = await purse_over(store, clock, {"p": Price(input=Decimal(1), output=Decimal(2))})
    with use_context(CallContext(request_id="r", caller=Caller(user_id="alice"))):
        holding = asyncio.create_task(budget_guard.reserve(question(), "call_1"))
        await store.reserved.wait()
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
    assert store.settled == [("call_1", Decimal(0))]


async def test_what_is_set_aside_pays_the_dearest_place_of_the_route(clock: ManualClock) -> None:
    store = OpenBudgets()
    cheap, dear = Price(input=Decimal(0), output=Decimal(1)), Price(input=Decimal(0), output=Decimal(50))
    with use_context(CallContext(request_id="r", caller=Caller(user_id="alice"))):
        for prices in ({"a": cheap, "b": dear}, {"b": dear, "a": cheap}):
            await (await purse_over(store, clock, prices)).reserve(question(), "call_1")
    assert store.wanted == [(Decimal("0.05"), Decimal("0.0004"))] * 2, "1,000 tokens at most, 8 at least"


@pytest.mark.parametrize(
    ("scope", "subject", "covered"),
    [
        (BudgetScope.TOTAL, "", [True, True, False]),
        (BudgetScope.USER, "alice", [True, False, False]),
        (BudgetScope.KEY, "k1", [True, True, False]),
        (BudgetScope.KEY, "k2", [False, False, False]),
    ],
)
def test_a_budget_covers_its_own_user_or_key_and_never_another_tenant(
    scope: BudgetScope, subject: str, covered: list[bool]
) -> None:
    callers = [
        Caller(tenant_id="default", user_id="alice", key_id="k1"),
        Caller(tenant_id="default", user_id="bob", key_id="k1"),
        Caller(tenant_id="other", user_id="alice", key_id="k1"),
    ]
    budget = replace(BUDGET, scope=scope, subject=subject)
    assert [budget.covers(caller) for caller in callers] == covered


async def test_prices_are_looked_up_before_an_embedding_is_reserved_from_a_budget(clock: ManualClock) -> None:
    looked_up: list[str] = []
    store = OpenBudgets()
    budget_guard = await purse_over(store, clock, {"p": Price(input=Decimal(100), output=Decimal(0))}, looked_up)
    candidates = [Candidate(provider="p", model="m", why="")]
    with use_context(CallContext(request_id="r", caller=Caller(user_id="alice"))):
        await budget_guard.reserve_embedding("call_1", candidates, 1_000)
    assert looked_up == ["p"]
    ((want, least),) = store.wanted
    assert want == least >= Decimal("0.1"), "a thousand tokens at a hundred dollars a million"


@pytest.mark.parametrize(("refuse_unpriced", "expected"), [(True, ["p"]), (False, [])])
async def test_without_a_budget_prices_are_looked_up_only_where_models_without_one_are_refused(
    clock: ManualClock, refuse_unpriced: bool, expected: list[str]
) -> None:
    prices = {"p": Price(input=Decimal(1), output=Decimal(1))}
    candidates = [Candidate(provider="p", model="m", why="")]
    for_answers, for_vectors = list[str](), list[str]()
    with use_context(CallContext(request_id="r", caller=Caller(user_id="alice"))):
        guard = await purse_over(NoBudgets(), clock, prices, for_answers, refuse_unpriced=refuse_unpriced)
        await guard.reserve(question(), "call_1")
        guard = await purse_over(NoBudgets(), clock, prices, for_vectors, refuse_unpriced=refuse_unpriced)
        await guard.reserve_embedding("call_2", candidates, 1_000)
    assert (for_answers, for_vectors) == (expected, expected)


@pytest.mark.parametrize("answers", [2, 5])
async def test_several_answers_to_one_question_are_set_aside_each(clock: ManualClock, answers: int) -> None:
    store = OpenBudgets()
    budget_guard = await purse_over(store, clock, {"p": Price(input=Decimal(0), output=Decimal(50))})
    asked = replace(question(), sampling=replace(question().sampling, n=answers))
    with use_context(CallContext(request_id="r", caller=Caller(user_id="alice"))):
        await budget_guard.reserve(asked, "call_1")
    assert store.wanted == [(answers * Decimal("0.05"), answers * Decimal("0.0004"))]


@pytest.mark.parametrize(
    ("period", "now", "wait"),
    [
        (BudgetPeriod.DAY, datetime(2026, 3, 31, 23, 30, tzinfo=UTC), 1800),
        (BudgetPeriod.MONTH, datetime(2026, 2, 19, tzinfo=UTC), 10 * 86_400),
        (BudgetPeriod.MONTH, datetime(2026, 12, 31, 12, tzinfo=UTC), 43_200),
        (BudgetPeriod.MONTH, datetime(2026, 2, 1, 2, tzinfo=timezone(timedelta(hours=5))), 3 * 3600),
        (BudgetPeriod.TOTAL, datetime(2026, 2, 19, tzinfo=UTC), None),
    ],
)
def test_who_has_spent_a_budget_is_told_when_it_begins_anew(
    period: BudgetPeriod, now: datetime, wait: float | None
) -> None:
    use = BudgetUse(budget=replace(BUDGET, period=period), spent=Decimal(1), reserved=Decimal(0))
    error = exceeded(use, now)
    assert (error.reason, error.retry_after, error.retryable) == ("BUDGET_LIMIT_EXCEEDED", wait, wait is not None)


def test_who_has_overspent_a_budget_is_told_that_nothing_is_left() -> None:
    use = BudgetUse(budget=BUDGET, spent=Decimal("1.25"), reserved=Decimal(0))
    assert "has 0 USD left" in exceeded(use, datetime(2026, 2, 19, tzinfo=UTC)).message


def test_a_budget_of_nothing_is_all_spent() -> None:
    use = BudgetUse(budget=replace(BUDGET, limit=Decimal(0)), spent=Decimal(0), reserved=Decimal(0))
    assert use.share == 1.0
