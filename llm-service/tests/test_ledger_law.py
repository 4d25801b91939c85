"""The law of the ledger: whatever happens to calls, its rows add up to what the vendors sold, inside the budget."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_service.adapters.sql_budget import SqlBudgets
from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope
from llm_service.domain.billing.budget_guard import BudgetGuardSettings, ReservingBudgetGuard
from llm_service.domain.billing.ledger import LedgerRow, Outcome
from llm_service.domain.billing.limits_cache import LimitsCache
from llm_service.domain.billing.metering import Metering
from llm_service.domain.billing.price import OperatorPrices, Price
from llm_service.domain.billing.rate_limiter import LocalRateLimiter
from llm_service.domain.model.event import Finished, FinishReason, Started, TextDelta, UsageReport
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.provider import EventBatch
from llm_service.domain.model.request import CompletionRequest, Sampling
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.model.usage import Usage
from llm_service.domain.routing.failover import Failover, Retries
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.domain.routing.retry_budget import RetryBudget
from llm_service.main import MIGRATIONS
from llm_service.testing import ListLedger, ReadyPool, ScriptedProvider, question
from penstock_kit.clock import SystemClock
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import PenstockError
from penstock_testkit.databases import lay_out

PROMPT = 7


@dataclass(frozen=True)
class Fate:
    """What becomes of one call: its length, where it fails or is left (None: never), the longest answer asked for."""

    tokens: int
    fails_after: int | None
    left_after: int | None
    longest: int | None


@dataclass(slots=True, kw_only=True)
class Seller(ScriptedProvider):
    """A vendor that sells each token as it makes it, deaf to the longest answer it is asked for."""

    fates: list[Fate] = field(default_factory=list[Fate])
    sold: list[Usage] = field(default_factory=list[Usage])

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        fate = self.fates[int(request.labels["call"])]
        at, made = len(self.sold), 0
        self.sold.append(Usage())
        yield [Started(id="ans", provider=self.name, model=request.model, create_time=SystemClock().now())]
        for made in range(1, fate.tokens + 1):
            await asyncio.sleep(0)
            if fate.fails_after == made - 1:
                raise ProviderError("cut", provider=self.name, failure=FailureKind.CUT)
            self.sold[at] = Usage(input=PROMPT, output=made)
            yield [UsageReport(usage=self.sold[at]), TextDelta(text="abcd")]
        self.sold[at] = Usage(input=PROMPT, output=made)
        yield [Finished(reason=FinishReason.STOP, usage=self.sold[at])]


fates = st.builds(
    Fate,
    tokens=st.integers(1, 40),
    fails_after=st.none() | st.integers(0, 30),
    left_after=st.none() | st.integers(1, 20),
    longest=st.none() | st.integers(1, 60),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(calls=st.lists(fates, min_size=1, max_size=30), limit=st.integers(100, 6000))
def test_rows_add_up_to_what_was_sold_and_no_budget_is_overspent(calls: list[Fate], limit: int) -> None:
    asyncio.run(_law(calls, limit))


async def _law(calls: list[Fate], limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = sqlite_url(Path(folder) / "llm.db")
        await lay_out(url, MIGRATIONS)
        database = open_database(url)
        clock, numbers, ledger = SystemClock(), count(), ListLedger()
        price = Price(input=Decimal(1), output=Decimal(2))
        prices = OperatorPrices({("seller", "m"): price}, free=frozenset())
        budgets = SqlBudgets(database, clock)
        running = asyncio.create_task(budgets.run())
        budget = Budget(
            id="b",
            tenant_id="default",
            scope=BudgetScope.TOTAL,
            subject="",
            period=BudgetPeriod.TOTAL,
            limit=Decimal(limit) / 1_000_000,
        )
        await budgets.put(budget)
        limits = LimitsCache(read_budgets=budgets.all, read_policies=_none, on_failure=lambda _: None)
        await limits.refresh()
        route = Route(policy="order", candidates=(Candidate(provider="seller", model="m", why=""),))
        seller = Seller(name="seller", fates=calls)

        def new_id(prefix: str) -> str:
            return f"{prefix}_{next(numbers)}"

        async def ready(_: str) -> None: ...

        budget_guard = ReservingBudgetGuard(
            limits=limits,
            store=budgets,
            route=lambda _: route,
            prices=prices,
            ready=ready,
            rate_limiter=LocalRateLimiter(clock),
            clock=clock,
            settings=BudgetGuardSettings(output_tokens=64),
        )
        failover = Failover(
            pool=ReadyPool(seller),
            monitor=ProviderMonitor(clock),
            clock=clock,
            route=lambda _: route,
            budget=RetryBudget(clock),
            retries=Retries(times=0),
        )
        metering = Metering(
            failover, ledger=ledger, prices=prices, clock=clock, new_id=new_id, budget_guard=budget_guard
        )
        await asyncio.gather(*(_call(metering, at, fate) for at, fate in enumerate(calls)))
        [use] = await budgets.list("default")
        budgets.close()
        await running
        await database.close()

    assert len(ledger.rows) == len(calls)
    # Cut before its first token a vendor has told nothing, and may bill what it was sent: that is an estimate.
    guessed = [
        row for row in ledger.rows if row.outcome is Outcome.ERROR and row.usage.estimated and not row.usage.output
    ]
    told = [row for row in ledger.rows if row not in guessed]
    assert len(guessed) <= sum(fate.fails_after == 0 for fate in calls)
    written, sold = sum((row.usage for row in told), Usage()), sum(seller.sold, Usage())
    assert (written.input, written.output) == (sold.input, sold.output)
    assert amount(told) == price.amount(sold)
    assert amount(ledger.rows) == use.spent
    assert use.reserved == 0
    assert use.spent <= budget.limit
    for row in ledger.rows:
        assert min(row.usage.input, row.usage.output, row.cost.amount or Decimal(0)) >= 0
        assert (row.outcome is Outcome.OK) == (row.finish_reason == "stop")


def amount(rows: Iterable[LedgerRow]) -> Decimal:
    return sum((row.cost.amount or Decimal(0) for row in rows), Decimal(0))


async def _call(metering: Metering, at: int, fate: Fate) -> None:
    asked = replace(question(), labels={"call": str(at)}, sampling=Sampling(max_output_tokens=fate.longest))
    batches = 0
    with suppress(PenstockError):
        async with aclosing(metering.stream(asked)) as stream:
            async for _ in stream:
                batches += 1
                if batches == fate.left_after:
                    return


async def _none() -> list[None]:
    return []
