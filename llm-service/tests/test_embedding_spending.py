"""Vectors count like answers: in a key's rates, in budgets, under the policy for unknown prices, and when left."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import pytest

from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope, BudgetUse, exceeded
from llm_service.domain.billing.budget_guard import BudgetGuardSettings, ReservingBudgetGuard
from llm_service.domain.billing.key_policy import KeyPolicy
from llm_service.domain.billing.ledger import Outcome
from llm_service.domain.billing.limits_cache import LimitsCache
from llm_service.domain.billing.price import OperatorPrices, Price
from llm_service.domain.billing.rate_limiter import LocalRateLimiter
from llm_service.domain.embedding.embedding_call import MeteredEmbedder
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.model.usage import NOTHING_SOLD, Usage
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.testing import ListLedger, ReadyPool, ScriptedProvider
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import FailedPrecondition, PenstockError, ResourceExhausted
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

NewId = Callable[[str], str]
ALICE = Caller(user_id="alice", key_id="k1")
BUDGET = Budget(
    id="b", tenant_id="default", scope=BudgetScope.KEY, subject="k1", period=BudgetPeriod.DAY, limit=Decimal("0.001")
)
PRICES = {("a", "embedder"): Price(input=Decimal(1))}


@dataclass
class OneBudget:
    """A store of one budget that settles at once."""

    limit: Budget | None
    spent: Decimal = Decimal(0)
    held: dict[str, Decimal] = field(default_factory=dict[str, Decimal])

    async def put(self, budget: Budget) -> BudgetUse:
        raise NotImplementedError

    async def delete(self, tenant_id: str, budget_id: str) -> bool:
        raise NotImplementedError

    async def list(self, tenant_id: str) -> Sequence[BudgetUse]:
        raise NotImplementedError

    async def all(self) -> Sequence[Budget]:
        return [self.limit] if self.limit else []

    async def reserve(
        self, reservation_id: str, budgets: Sequence[Budget], *, want: Decimal, least: Decimal
    ) -> Decimal:
        use = BudgetUse(budget=budgets[0], spent=self.spent, reserved=sum(self.held.values(), Decimal(0)))
        if use.left < least:
            raise exceeded(use, datetime.now().astimezone())
        self.held[reservation_id] = min(want, use.left)
        return self.held[reservation_id]

    def settle(self, reservation_id: str, budgets: Sequence[Budget], spent: Decimal, at: datetime) -> None:
        self.held.pop(reservation_id, None)
        self.spent += spent


@dataclass(frozen=True)
class Embeddings:
    """An embedder over `providers` with what it writes down."""

    embedder: MeteredEmbedder
    ledger: ListLedger
    budget: OneBudget

    async def embed(self, *texts: str) -> Embeddings:
        with use_context(CallContext(request_id="r", caller=ALICE)):
            return (await self.embedder.embed(EmbeddingRequest(model="embedder", inputs=texts or ("x",)))).vectors


Making = Callable[..., Awaitable[Embeddings]]


@pytest.fixture
def making(clock: ManualClock, new_id: NewId) -> Making:
    async def make(
        *providers: ScriptedProvider,
        policy: KeyPolicy | None = None,
        budget: Budget | None = None,
        refuse_unpriced: bool = False,
    ) -> Embeddings:
        store, ledger = OneBudget(budget), ListLedger()
        prices = OperatorPrices(PRICES, free=frozenset({"fallback"}))
        candidates = tuple(Candidate(provider=each.name, model="embedder", why="") for each in providers)

        async def policies() -> Sequence[KeyPolicy]:
            return [policy] if policy else []

        async def ready(_: str) -> None: ...

        limits = LimitsCache(read_budgets=store.all, read_policies=policies, on_failure=lambda _: None)
        await limits.refresh()
        budget_guard = ReservingBudgetGuard(
            limits=limits,
            store=store,
            route=lambda _: Route(policy="order", candidates=candidates),
            prices=prices,
            ready=ready,
            rate_limiter=LocalRateLimiter(clock),
            clock=clock,
            settings=BudgetGuardSettings(refuse_unpriced=refuse_unpriced),
        )
        embedder = MeteredEmbedder(
            pool=ReadyPool(*providers),
            monitor=ProviderMonitor(clock),
            route=lambda _: Route(policy="order", candidates=candidates),
            ledger=ledger,
            prices=prices,
            budget_guard=budget_guard,
            allows=lambda _: True,
            clock=clock,
            new_id=new_id,
        )
        return Embeddings(embedder, ledger, store)

    return make


def limits(**rates: int) -> KeyPolicy:
    return KeyPolicy(tenant_id="default", key_id="k1", **rates)


async def test_a_keys_requests_a_minute_count_vectors(making: Making, clock: ManualClock) -> None:
    made = await making(ScriptedProvider(name="a"), policy=limits(requests_per_minute=1))
    await made.embed()
    with pytest.raises(ResourceExhausted, match="1 requests a minute") as caught:
        await made.embed()
    assert caught.value.reason == "KEY_RATE_LIMIT_EXCEEDED"
    clock.advance(60)
    await made.embed()


async def test_a_keys_tokens_a_minute_count_what_vectors_really_took(making: Making) -> None:
    vendor = ScriptedProvider(name="a", usage=Usage(input=600))
    made = await making(vendor, policy=limits(tokens_per_minute=1000))
    await made.embed("x" * 400)
    await made.embed("x" * 400)
    with pytest.raises(ResourceExhausted, match="1000 tokens a minute"):
        await made.embed("x" * 400)


async def test_a_request_refused_for_its_tokens_does_not_count_as_one(making: Making) -> None:
    policy = limits(tokens_per_minute=100, requests_per_minute=2)
    made = await making(ScriptedProvider(name="a", usage=Usage(input=90)), policy=policy)
    await made.embed("x" * 4)
    for _ in range(3):
        with pytest.raises(ResourceExhausted, match="tokens a minute"):
            await made.embed("x" * 400)
    await made.embed("x" * 4)


async def test_vectors_fill_a_budget_and_are_refused_at_its_end(making: Making) -> None:
    made = await making(ScriptedProvider(name="a", usage=Usage(input=950)), budget=BUDGET)
    await made.embed("x" * 400)
    assert (made.budget.spent, made.budget.held) == (Decimal("0.00095"), {})
    with pytest.raises(ResourceExhausted) as caught:
        await made.embed("x" * 400)
    assert caught.value.reason == "BUDGET_LIMIT_EXCEEDED"


async def test_vectors_of_an_unknown_price_are_refused_where_the_policy_says_so(making: Making) -> None:
    made = await making(ScriptedProvider(name="unpriced"), refuse_unpriced=True)
    with pytest.raises(FailedPrecondition, match="the price of unpriced/embedder is unknown") as caught:
        await made.embed()
    assert caught.value.reason == "PRICE_NOT_FOUND"
    [row] = made.ledger.rows
    assert (row.error_kind, row.cost) == ("PRICE_NOT_FOUND", NOTHING_SOLD)


async def test_only_places_with_a_price_are_asked_where_the_policy_says_so(making: Making) -> None:
    unpriced, priced = ScriptedProvider(name="unpriced"), ScriptedProvider(name="a", usage=Usage(input=10))
    made = await making(unpriced, priced, refuse_unpriced=True)
    await made.embed()
    assert [row.provider for row in made.ledger.rows] == ["a"]


async def test_a_request_that_its_budget_refused_gives_its_rate_back(making: Making) -> None:
    tight = Budget(
        id="b", tenant_id="default", scope=BudgetScope.KEY, subject="k1", period=BudgetPeriod.DAY, limit=Decimal(0)
    )
    made = await making(ScriptedProvider(name="a"), policy=limits(requests_per_minute=1), budget=tight)
    for _ in range(3):
        with pytest.raises(ResourceExhausted) as caught:
            await made.embed()
        assert caught.value.reason == "BUDGET_LIMIT_EXCEEDED"


async def test_vectors_that_nobody_waited_for_have_a_row_with_what_was_sent(making: Making) -> None:
    vendor = ScriptedProvider(name="a", stall=True)
    made = await making(vendor, budget=BUDGET)
    task = asyncio.ensure_future(made.embed("x" * 400))
    async with asyncio.timeout(HANG_SECONDS):
        await vendor.stalled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [row] = made.ledger.rows
    assert (row.provider, row.model, row.outcome) == ("a", "embedder", Outcome.CANCELLED)
    assert row.usage == Usage(input=100, estimated=True)
    assert made.budget.spent == row.cost.amount == Decimal("0.0001")


async def test_vectors_of_a_vendor_that_timed_out_are_billed_beside_those_of_the_next(making: Making) -> None:
    first = ScriptedProvider(name="a", failure=FailureKind.TIMEOUT)
    made = await making(first, ScriptedProvider(name="fallback"), budget=BUDGET)
    await made.embed("x" * 400)
    own, wasted = made.ledger.rows
    assert (own.provider, own.outcome, own.cost.amount) == ("fallback", Outcome.OK, Decimal(0))
    assert own.error_kind == "", "it was answered in the end"
    assert (wasted.provider, wasted.outcome, wasted.error_kind) == ("a", Outcome.ERROR, "timeout")
    assert made.budget.spent == wasted.cost.amount == Decimal("0.0001")


@pytest.mark.parametrize("kind", [FailureKind.BREAKER_OPEN, FailureKind.SERVER, FailureKind.AUTH])
async def test_vectors_that_a_vendor_refused_cost_nothing_and_are_not_unpriced(
    making: Making, kind: FailureKind
) -> None:
    made = await making(ScriptedProvider(name="unpriced", failure=kind))
    with pytest.raises(PenstockError) as caught:
        await made.embed()
    assert isinstance(caught.value, ProviderError)
    [row] = made.ledger.rows
    assert (row.provider, row.error_kind, row.cost) == ("unpriced", kind.value, NOTHING_SOLD)


async def test_vectors_of_a_text_that_a_vendor_refuses_as_such_are_asked_of_no_other(making: Making) -> None:
    other = ScriptedProvider(name="b")
    made = await making(ScriptedProvider(name="a", failure=FailureKind.BAD_REQUEST), other)
    with pytest.raises(PenstockError) as caught:
        await made.embed()
    assert isinstance(caught.value, ProviderError)
    assert (caught.value.provider, [row.provider for row in made.ledger.rows]) == ("a", ["a"])


async def test_the_row_of_vectors_is_one_attempts_and_of_no_cache(making: Making) -> None:
    made = await making(ScriptedProvider(name="a", usage=Usage(input=10)))
    await made.embed()
    [row] = made.ledger.rows
    assert (row.operation, row.outcome, row.attempts, row.cached) == ("embed", Outcome.OK, 1, False)
    assert (row.time_to_first_token, row.finish_reason, row.error_kind) == (None, "", "")
