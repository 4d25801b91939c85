"""A caller that leaves while its budget is being reserved leaves nothing set aside."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope, BudgetUse
from llm_service.domain.billing.budget_guard import BudgetPurse, PurseRules
from llm_service.domain.billing.limits_cache import RuleBook
from llm_service.domain.billing.price import OperatorPrices, Price
from llm_service.domain.billing.rate_limiter import LocalRates
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

    async def reserve(self, hold_id: str, budgets: Sequence[Budget], *, want: Decimal, least: Decimal) -> Decimal:
        self.reserved.set()
        await asyncio.Event().wait()
        return want

    def settle(self, hold_id: str, budgets: Sequence[Budget], spent: Decimal, at: datetime) -> None:
        assert at.tzinfo is UTC
        self.settled.append((hold_id, spent))


async def nothing() -> list[None]:
    return []


async def ready(_: str) -> None: ...


async def test_a_caller_that_leaves_while_its_budget_is_reserved_leaves_nothing_set_aside(clock: ManualClock) -> None:
    store = SlowBudgets()
    rules = RuleBook(read_budgets=store.all, read_policies=nothing, on_failure=lambda _: None)
    await rules.refresh()
    route = Route(policy="order", candidates=(Candidate(provider="p", model="m", why=""),))
    purse = BudgetPurse(
        rules=rules,
        store=store,
        route=lambda _: route,
        prices=OperatorPrices({("p", "m"): Price(input=Decimal(1), output=Decimal(2))}, free=frozenset()),
        ready=ready,
        rates=LocalRates(clock),
        clock=clock,
        settings=PurseRules(),
    )
    with use_context(CallContext(request_id="r", caller=Caller(user_id="alice"))):
        holding = asyncio.create_task(purse.hold(question(), "call_1"))
        await store.reserved.wait()
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
    assert store.settled == [("call_1", Decimal(0))]
