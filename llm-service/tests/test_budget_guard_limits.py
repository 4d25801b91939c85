"""How long an answer may be where little is left of a budget, who may be asked, and what is counted afterwards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope, BudgetUse
from llm_service.domain.billing.budget_guard import BudgetGuardSettings, NoBudget, ReservingBudgetGuard
from llm_service.domain.billing.key_policy import KeyPolicy
from llm_service.domain.billing.limits_cache import LimitsCache
from llm_service.domain.billing.price import OperatorPrices, Price
from llm_service.domain.billing.rate_limiter import LocalRateLimiter
from llm_service.domain.model.event import Finished, FinishReason, TextDelta, UsageReport
from llm_service.domain.model.prompt_estimate import estimate_prompt
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.model.usage import UNKNOWN_COST, Cost, PriceSource, Usage
from llm_service.testing import ledger_row, question
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import FailedPrecondition, NotFound, PenstockError, ResourceExhausted, Unavailable
from penstock_testkit.clock import ManualClock

BUDGET = Budget(
    id="b", tenant_id="default", scope=BudgetScope.TOTAL, subject="", period=BudgetPeriod.MONTH, limit=Decimal(1)
)
# A token of an answer costs a thousandth of a dollar, a prompt nothing.
BY_ANSWER = Price(input=Decimal(0), output=Decimal(1000))
POLICY = KeyPolicy(tenant_id="default", key_id="k1", requests_per_minute=2, tokens_per_minute=1000)


@dataclass
class Budgets:
    """Gives `left` at most, or raises `error`; remembers what it was asked and what was settled."""

    left: Decimal = Decimal(100)
    error: PenstockError | None = None
    kept: tuple[Budget, ...] = (BUDGET,)
    asked: list[tuple[Decimal, Decimal]] = field(default_factory=list[tuple[Decimal, Decimal]])
    settled: list[tuple[str, Decimal]] = field(default_factory=list[tuple[str, Decimal]])
    settled_at: list[datetime] = field(default_factory=list[datetime])

    async def put(self, budget: Budget) -> BudgetUse:
        return BudgetUse(budget=budget, spent=Decimal(0), reserved=Decimal(0))

    async def delete(self, tenant_id: str, budget_id: str) -> bool:
        return False

    async def delete_of(self, tenant_id: str, scope: BudgetScope, subjects: Sequence[str]) -> None: ...

    async def list(
        self, tenant_id: str, *, covering: Caller | None = None, after: str = "", limit: int | None = None
    ) -> Sequence[BudgetUse]:
        return ()

    async def list_all(self) -> Sequence[BudgetUse]:
        return ()

    async def all(self) -> Sequence[Budget]:
        return self.kept

    async def reserve(
        self, reservation_id: str, budgets: Sequence[Budget], *, want: Decimal, least: Decimal
    ) -> Decimal:
        if self.error is not None:
            raise self.error
        self.asked.append((want, least))
        return min(want, self.left)

    def settle(self, reservation_id: str, budgets: Sequence[Budget], spent: Decimal, at: datetime) -> None:
        assert tuple(budgets) == self.kept
        self.settled.append((reservation_id, spent))
        self.settled_at.append(at)


@pytest.fixture(autouse=True)
def alice() -> Iterator[None]:
    with use_context(CallContext(request_id="r", caller=Caller(user_id="alice", key_id="k1"))):
        yield


async def guard_of(
    store: Budgets,
    prices: dict[str, Price | None],
    *,
    policies: Sequence[KeyPolicy] = (),
    refuse_unpriced: bool = False,
) -> ReservingBudgetGuard:
    """A guard of a route over the model m of each provider in `prices`; None: its price is unknown."""

    async def read_policies() -> Sequence[KeyPolicy]:
        return policies

    async def ready(provider: str) -> None: ...

    clock = ManualClock()
    limits = LimitsCache(read_budgets=store.all, read_policies=read_policies, on_failure=lambda _: None)
    await limits.refresh()
    route = Route(policy="order", candidates=tuple(Candidate(provider=each, model="m", why="") for each in prices))
    known = {(name, "m"): price for name, price in prices.items() if price is not None}
    return ReservingBudgetGuard(
        limits=limits,
        store=store,
        route=lambda _: route,
        prices=OperatorPrices(known, free=frozenset()),
        ready=ready,
        rate_limiter=LocalRateLimiter(clock),
        clock=clock,
        settings=BudgetGuardSettings(output_tokens=500, refuse_unpriced=refuse_unpriced),
    )


def asking(most: int | None = None, *, answers: int | None = None) -> CompletionRequest:
    request = question()
    return replace(request, sampling=replace(request.sampling, max_output_tokens=most, n=answers))


@pytest.mark.parametrize(
    ("left", "most", "answers", "tokens"),
    [
        ("0.5", None, None, 500),
        ("0.499999", None, None, 499),
        ("0.037", None, None, 37),
        ("0.008", None, None, 8),
        ("0.037", 100, None, 37),
        ("0.037", 37, None, 37),
        ("0.037", 20, None, 20),
        ("0.037", None, 2, 18),
        ("100", 3, None, 3),
    ],
)
async def test_an_answer_may_be_as_long_as_what_is_left_pays_to_the_token(
    left: str, most: int | None, answers: int | None, tokens: int
) -> None:
    guard = await guard_of(Budgets(left=Decimal(left)), {"p": BY_ANSWER})
    made = await guard.reserve(asking(most, answers=answers), "call_1")
    assert made.request.sampling.max_output_tokens == tokens


@pytest.mark.parametrize(
    ("left", "tokens", "tolerance"), [("0.037", 37, 1), ("100", 100, 2)], ids=["what is left", "what was asked"]
)
@pytest.mark.parametrize("answers", [1, 2])
async def test_an_answer_is_ended_at_what_was_set_aside_for_it_by_its_words_and_by_its_bill(
    left: str, tokens: int, tolerance: int, answers: int
) -> None:
    guard = await guard_of(Budgets(left=answers * Decimal(left)), {"p": BY_ANSWER})
    most = tokens * answers * tolerance

    def price(usage: Usage) -> Decimal:
        return Decimal(usage.output) / 1000

    words = await guard.reserve(asking(100, answers=answers), "call_1")
    assert len(words.observe([TextDelta(text="abcd" * most)], price)) == 1
    *_, end = words.observe([TextDelta(text="a")], price)
    assert end == Finished(reason=FinishReason.BUDGET_EXCEEDED)
    bill = await guard.reserve(asking(100, answers=answers), "call_2")
    assert len(bill.observe([UsageReport(usage=Usage(output=most))], price)) == 1
    *_, end = bill.observe([UsageReport(usage=Usage(output=most + 1)), UsageReport(usage=Usage(output=1))], price)
    assert end == Finished(reason=FinishReason.BUDGET_EXCEEDED)


async def test_a_vector_asks_for_its_prompt_with_a_margin_and_nobody_to_ask_costs_nothing() -> None:
    store = Budgets()
    guard = await guard_of(store, {"p": Price(input=Decimal(1000)), "q": None})
    candidates = [Candidate(provider=each, model="m", why="") for each in "pq"]
    reserved = await guard.reserve_embedding("call_1", candidates, 1001)
    await guard.reserve_embedding("call_2", [], 10)
    assert store.asked == [(Decimal(1502 + 32) / 1000,) * 2, (0, 0)]
    assert list(reserved.candidates) == candidates
    reserved.settle(ledger_row(cost=Cost(amount=Decimal("0.2"), source=PriceSource.OPERATOR)))
    assert store.settled == [("call_1", Decimal("0.2"))]


async def test_a_request_alone_takes_no_tokens_of_the_keys_rate() -> None:
    policy = replace(POLICY, tokens_per_minute=1)
    guard = await guard_of(Budgets(), {"p": BY_ANSWER}, policies=[policy])
    for _ in range(2):
        await guard.admit_request()
    with pytest.raises(ResourceExhausted, match="2 requests a minute"):
        await guard.admit_request()


async def test_what_is_left_has_to_pay_the_dearest_place_and_the_prompt_with_a_margin() -> None:
    dear = Price(input=Decimal(1000), output=Decimal(2000))
    request = asking(100)
    prompt = -(-estimate_prompt(request) * 3 // 2) + 32
    for prices in ({"p": BY_ANSWER, "q": dear}, {"q": dear, "p": BY_ANSWER}):
        store = Budgets(left=Decimal(prompt + 2 * 40) / 1000)
        made = await (await guard_of(store, prices)).reserve(request, "call_1")
        assert made.request.sampling.max_output_tokens == 40
        assert store.asked == [(Decimal(prompt + 200) / 1000, Decimal(prompt + 16) / 1000)]


async def test_a_short_answer_asks_for_no_more_than_itself_at_least() -> None:
    store = Budgets()
    await (await guard_of(store, {"p": BY_ANSWER})).reserve(asking(3, answers=2), "call_1")
    assert store.asked == [(Decimal("0.006"), Decimal("0.006"))]


async def test_while_the_store_of_budgets_is_away_calls_go_on_and_are_settled_and_any_other_failure_is_told() -> None:
    store = Budgets(error=Unavailable("away", reason="DATABASE_UNAVAILABLE"))
    guard = await guard_of(store, {"p": BY_ANSWER})
    made = await guard.reserve(asking(), "call_1")
    assert made.request.sampling.max_output_tokens == 500
    made.settle(ledger_row(cost=Cost(amount=Decimal("0.2"), source=PriceSource.OPERATOR)))
    assert store.settled == [("call_1", Decimal("0.2"))]
    store.error = NotFound("no such budget", reason="BUDGET_NOT_FOUND")
    with pytest.raises(NotFound):
        await guard.reserve(asking(), "call_2")


async def test_what_a_call_cost_is_settled_and_an_unknown_cost_as_nothing() -> None:
    store = Budgets()
    guard = await guard_of(store, {"p": BY_ANSWER})
    for call, cost in (("call_1", Cost(amount=Decimal("0.2"), source=PriceSource.OPERATOR)), ("call_2", UNKNOWN_COST)):
        (await guard.reserve(asking(), call)).settle(ledger_row(cost=cost))
        guard.charge(ledger_row(cost=cost))
    assert store.settled == [("call_1", Decimal("0.2")), ("", Decimal("0.2")), ("call_2", 0), ("", 0)]


async def test_without_a_budget_nothing_is_asked_limited_or_settled() -> None:
    store = Budgets(kept=(), error=NotFound("it is not to be asked", reason="BUDGET_NOT_FOUND"))
    for policies in ((), (POLICY,)):
        guard = await guard_of(store, {"p": BY_ANSWER}, policies=policies)
        made = await guard.reserve(asking(), "call_1")
        assert made.request == asking()
        made.settle(ledger_row())
        guard.charge(ledger_row())
    candidates = [Candidate(provider="p", model="m", why="")]
    reserved = await guard.reserve_embedding("call_2", candidates, 10)
    reserved.settle(ledger_row())
    assert (list(reserved.candidates), store.settled) == (candidates, [])
    assert (await NoBudget().reserve(asking(), "call_3")).request == asking()


async def test_where_models_without_a_price_are_refused_the_others_are_asked_and_none_is_an_error() -> None:
    store = Budgets(kept=())
    prices = {"p": None, "q": BY_ANSWER, "r": Price(input=Decimal(1))}
    guard = await guard_of(store, prices, refuse_unpriced=True)
    made = await guard.reserve(asking(), "call_1")
    assert made.request.route is not None
    assert [each.provider for each in made.request.route.candidates] == ["q"]
    embedding = await guard.reserve_embedding(
        "call_2", [Candidate(provider=each, model="m", why="") for each in prices], 10
    )
    assert [each.provider for each in embedding.candidates] == ["q", "r"], "a vector has no output to pay"
    priced = await guard_of(store, {"q": BY_ANSWER}, refuse_unpriced=True)
    assert (await priced.reserve(asking(), "call_3")).request == asking()
    none = await guard_of(store, {"p": None}, refuse_unpriced=True)
    with pytest.raises(FailedPrecondition, match="the price of p/m is unknown") as caught:
        await none.reserve(asking(), "call_4")
    assert caught.value.reason == "PRICE_NOT_FOUND"
    unknown = await (await guard_of(Budgets(), {"p": None})).reserve(asking(), "call_5")
    assert unknown.request.sampling.max_output_tokens == 500, "its cost is counted as nothing"


async def test_a_call_that_no_budget_pays_gives_its_part_of_the_keys_rate_back() -> None:
    store = Budgets(error=ResourceExhausted("used up", reason="BUDGET_LIMIT_EXCEEDED"))
    guard = await guard_of(store, {"p": BY_ANSWER}, policies=[POLICY])
    candidates = [Candidate(provider="p", model="m", why="")]
    for number in range(3):
        with pytest.raises(ResourceExhausted, match="used up"):
            await guard.reserve(asking(10), f"call_{number}")
        with pytest.raises(ResourceExhausted, match="used up"):
            await guard.reserve_embedding(f"call_{number}", candidates, 10)
    for _ in range(2):
        await guard.admit_request()
    with pytest.raises(ResourceExhausted, match="2 requests a minute"):
        await guard.admit_request()


async def test_the_tokens_of_prompt_and_answer_are_taken_from_the_keys_rate() -> None:
    request = asking(400)
    tokens = estimate_prompt(request) + 400
    policy = replace(POLICY, requests_per_minute=0, tokens_per_minute=2 * tokens)
    guard = await guard_of(Budgets(), {"p": BY_ANSWER}, policies=[policy])
    for number in range(2):
        await guard.reserve(request, f"call_{number}")
    with pytest.raises(ResourceExhausted, match="tokens a minute") as caught:
        await guard.reserve(request, "call_2")
    assert caught.value.retry_after == pytest.approx(30.0)


async def test_the_keys_rate_has_in_the_end_what_the_call_really_took() -> None:
    request = asking(400)
    tokens = estimate_prompt(request) + 400
    policy = replace(POLICY, requests_per_minute=0, tokens_per_minute=2 * tokens)
    guard = await guard_of(Budgets(), {"p": BY_ANSWER}, policies=[policy])
    for number in range(2):
        made = await guard.reserve(request, f"call_{number}")
        made.settle(replace(ledger_row(), usage=Usage(input=tokens - 400, output=0)))
    assert await guard.reserve(request, "call_2")
    with pytest.raises(ResourceExhausted, match="tokens a minute"):
        await guard.reserve(asking(2 * tokens), "call_3")


async def test_a_call_counts_in_the_period_in_which_it_was_made() -> None:
    store = Budgets()
    guard = await guard_of(store, {"p": BY_ANSWER})
    yesterday = replace(ledger_row(), create_time=ledger_row().create_time - timedelta(days=1))
    (await guard.reserve(asking(), "call_1")).settle(yesterday)
    guard.charge(yesterday)
    assert store.settled_at == [yesterday.create_time] * 2


async def test_an_outage_of_the_rules_is_told_and_leaves_those_that_were_read_last() -> None:
    store, told = Budgets(), list[PenstockError]()
    away = Unavailable("away", reason="SERVICE_UNAVAILABLE")

    async def read_policies() -> Sequence[KeyPolicy]:
        if told_next:
            raise told_next[0]
        return [POLICY]

    told_next: list[PenstockError] = [away]
    limits = LimitsCache(read_budgets=store.all, read_policies=read_policies, on_failure=told.append)
    caller = Caller(user_id="alice", key_id="k1")
    await limits.refresh()
    with pytest.raises(Unavailable) as caught:
        limits.policy(caller)
    assert (caught.value.reason, told) == ("LIMITS_UNAVAILABLE", [away])
    told_next.clear()
    await limits.refresh()
    told_next.append(away)
    await limits.refresh()
    assert (limits.policy(caller), limits.budgets(caller), told) == (POLICY, [BUDGET], [away, away])
