"""Everything that a vendor may bill has a row and a cost, also when nothing of it reached the caller."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import pytest

from llm_service.domain.billing.ledger import LedgerRow, Outcome
from llm_service.domain.billing.meter import Meter
from llm_service.domain.billing.metering import Metering
from llm_service.domain.billing.price import OperatorPrices, Price, cost_of
from llm_service.domain.billing.reservation import Reservation
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.request import CompletionRequest, Sampling
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.model.usage import NOTHING_SOLD, PriceSource, Usage
from llm_service.domain.routing.failover import Failover, Retries
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.domain.routing.hedging import Hedging
from llm_service.domain.routing.retry_budget import RetryBudget
from llm_service.testing import ListLedger, ReadyPool, ScriptedProvider, collected, question
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

PRICES = OperatorPrices(
    {(name, "m"): Price(input=Decimal(10), output=Decimal(40)) for name in ("a", "b")}, free=frozenset({"fallback"})
)
BILLED = [FailureKind.TIMEOUT, FailureKind.FIRST_TOKEN_TIMEOUT, FailureKind.CUT, FailureKind.PROTOCOL]
REFUSED = [FailureKind.SERVER, FailureKind.RATE_LIMIT, FailureKind.AUTH, FailureKind.CONNECT]
NewId = Callable[[str], str]


class Budgets:
    """A budget guard that lets everything through and remembers what was settled."""

    def __init__(self) -> None:
        self.settled: list[LedgerRow] = []

    async def reserve(self, request: CompletionRequest, call_id: str) -> Reservation:
        return Reservation(request, settle=self.settled.append)


class Calls:
    """Failover over `providers`, hedged when asked for, metered."""

    def __init__(
        self, clock: ManualClock, new_id: NewId, *providers: ScriptedProvider, policy: str = "order", retries: int = 0
    ) -> None:
        self.ledger, self.budgets, monitor = ListLedger(), Budgets(), ProviderMonitor(clock)
        candidates = tuple(Candidate(provider=each.name, model="m", why="") for each in providers)
        route = Route(policy=policy, candidates=candidates)

        async def no_sleep(_: float) -> None: ...

        failover = Failover(
            pool=ReadyPool(*providers),
            monitor=monitor,
            clock=clock,
            route=lambda _: route,
            budget=RetryBudget(clock),
            retries=Retries(times=retries, sleep=no_sleep, random=lambda: 0.0),
        )
        hedge = Hedging(
            failover,
            route=lambda _: route,
            monitor=monitor,
            meter=lambda request: Meter(request, clock, PRICES, new_id("call")),
            settle=lambda meter: self.ledger.rows.extend(meter.billed_rows()),
            delay=0.001,
        )
        self.answering = Metering(
            hedge, ledger=self.ledger, prices=PRICES, clock=clock, new_id=new_id, budget_guard=self.budgets
        )

    async def leave(self, asked: CompletionRequest, *providers: ScriptedProvider) -> None:
        """Ask, wait until `providers` are at work, and go."""
        task = asyncio.ensure_future(collected(self.answering.stream(asked)))
        async with asyncio.timeout(HANG_SECONDS):
            for provider in providers:
                await provider.stalled.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    @property
    def spent(self) -> Decimal | None:
        """What was settled."""
        [row] = self.budgets.settled
        return row.cost.amount


def whole(text: str = "x" * 400, *, tokens: int | None = 50) -> CompletionRequest:
    asked = question(text, streaming=False)
    return CompletionRequest(
        messages=asked.messages, model="m", streaming=False, sampling=Sampling(max_output_tokens=tokens)
    )


def silent(name: str = "a") -> ScriptedProvider:
    return ScriptedProvider(name=name, texts=(), stall=True, silent=True)


async def test_an_answer_fetched_whole_that_is_left_is_estimated_and_fills_the_budget(
    clock: ManualClock, new_id: NewId
) -> None:
    vendor = silent()
    calls = Calls(clock, new_id, vendor)
    await calls.leave(whole(), vendor)
    [row] = calls.ledger.rows
    assert (row.provider, row.model, row.outcome) == ("a", "m", Outcome.CANCELLED)
    # 400 letters and a message are 104 tokens; the answer may have had the 50 that were allowed.
    assert row.usage == Usage(input=104, output=50, estimated=True)
    assert row.cost.amount == Decimal("0.00304")
    assert calls.spent == Decimal("0.00304")


@pytest.mark.parametrize(("seconds", "limit", "tokens"), [(0.4, None, 256), (20, None, 2000), (20, 300, 300)])
async def test_an_answer_left_late_is_taken_to_be_longer_but_never_longer_than_allowed(
    clock: ManualClock, new_id: NewId, seconds: float, limit: int | None, tokens: int
) -> None:
    vendor = silent()
    calls = Calls(clock, new_id, vendor)
    task = asyncio.ensure_future(collected(calls.answering.stream(whole(tokens=limit))))
    async with asyncio.timeout(HANG_SECONDS):
        await vendor.stalled.wait()
    clock.advance(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert calls.ledger.rows[0].usage.output == tokens


async def test_a_stream_left_before_its_first_token_costs_its_prompt(clock: ManualClock, new_id: NewId) -> None:
    vendor = silent()
    calls = Calls(clock, new_id, vendor)
    await calls.leave(question("x" * 400, model="m"), vendor)
    [row] = calls.ledger.rows
    assert (row.provider, row.usage) == ("a", Usage(input=104, estimated=True))
    assert calls.spent == row.cost.amount == Decimal("0.00104")


@pytest.mark.parametrize("kind", BILLED)
async def test_what_a_failed_attempt_may_bill_has_a_row_of_its_own_and_fills_the_budget(
    clock: ManualClock, new_id: NewId, kind: FailureKind
) -> None:
    first, second = ScriptedProvider(name="a", failures=[kind]), ScriptedProvider(name="b", usage=Usage(input=10))
    calls = Calls(clock, new_id, first, second)
    await collected(calls.answering.stream(question("x" * 400)))
    own, wasted = calls.ledger.rows
    assert (own.provider, own.outcome, own.cost.amount) == ("b", Outcome.OK, Decimal("0.0001"))
    assert own.error_kind == "", "it was answered in the end"
    assert (wasted.provider, wasted.outcome, wasted.error_kind) == ("a", Outcome.ERROR, kind.value)
    assert wasted.usage == Usage(input=104, estimated=True)
    assert wasted.id != own.id
    assert calls.spent == Decimal("0.00114")


@pytest.mark.parametrize("kind", REFUSED)
async def test_what_a_vendor_refused_costs_nothing_and_is_not_unpriced(
    clock: ManualClock, new_id: NewId, kind: FailureKind
) -> None:
    calls = Calls(clock, new_id, ScriptedProvider(name="unpriced", failures=[kind]))
    with pytest.raises(ProviderError):
        await collected(calls.answering.stream(question()))
    [row] = calls.ledger.rows
    assert (row.provider, row.usage, row.cost) == ("unpriced", Usage(), NOTHING_SOLD)
    assert row.cost.source is not PriceSource.UNKNOWN


async def test_a_call_that_a_breaker_refused_is_not_unpriced(clock: ManualClock, new_id: NewId) -> None:
    calls = Calls(clock, new_id, ScriptedProvider(name="unpriced", failures=[FailureKind.BREAKER_OPEN]))
    with pytest.raises(ProviderError):
        await collected(calls.answering.stream(question()))
    assert calls.ledger.rows[0].cost == NOTHING_SOLD


async def test_a_call_whose_only_vendor_timed_out_costs_what_was_sent(clock: ManualClock, new_id: NewId) -> None:
    calls = Calls(clock, new_id, ScriptedProvider(name="a", failures=[FailureKind.TIMEOUT]))
    with pytest.raises(ProviderError):
        await collected(calls.answering.stream(whole()))
    [row] = calls.ledger.rows
    assert (row.outcome, row.error_kind) == (Outcome.ERROR, "timeout")
    assert calls.spent == row.cost.amount == Decimal("0.00304")


async def test_each_retry_that_was_cut_is_billed(clock: ManualClock, new_id: NewId) -> None:
    vendor = ScriptedProvider(name="a", failures=[FailureKind.CUT, FailureKind.CUT], usage=Usage(input=10))
    calls = Calls(clock, new_id, vendor, retries=2)
    await collected(calls.answering.stream(question("x" * 400)))
    assert [row.cost.amount for row in calls.ledger.rows] == [
        Decimal("0.0001"),
        Decimal("0.00104"),
        Decimal("0.00104"),
    ]
    assert calls.spent == Decimal("0.00218")


async def test_a_race_that_is_left_before_anybody_won_bills_both(clock: ManualClock, new_id: NewId) -> None:
    first, second = silent("a"), silent("b")
    calls = Calls(clock, new_id, first, second, policy="hedge")
    await calls.leave(question("x" * 400), first, second)
    assert sorted((row.provider, row.outcome) for row in calls.ledger.rows) == [
        ("a", Outcome.CANCELLED),
        ("b", Outcome.CANCELLED),
    ]
    assert all(row.cost.amount == Decimal("0.00104") for row in calls.ledger.rows)


async def test_the_loser_of_a_race_is_billed_once(clock: ManualClock, new_id: NewId) -> None:
    calls = Calls(clock, new_id, silent("a"), ScriptedProvider(name="b", usage=Usage(input=10)), policy="hedge")
    await collected(calls.answering.stream(question("x" * 400)))
    assert sorted((row.provider, row.cost.amount) for row in calls.ledger.rows) == [
        ("a", Decimal("0.00104")),
        ("b", Decimal("0.0001")),
    ]


async def test_a_second_lane_that_was_refused_is_not_billed(clock: ManualClock, new_id: NewId) -> None:
    first = ScriptedProvider(name="a", failures=[FailureKind.SERVER])
    second = ScriptedProvider(name="b", failures=[FailureKind.BAD_REQUEST])
    calls = Calls(clock, new_id, first, second, policy="hedge")
    with pytest.raises(ProviderError):
        await collected(calls.answering.stream(question()))
    [row] = calls.ledger.rows
    assert (row.provider, row.cost) == ("b", NOTHING_SOLD)


async def test_the_price_of_the_requested_model_counts_when_the_vendor_answers_under_another_name(
    clock: ManualClock, new_id: NewId
) -> None:
    vendor = ScriptedProvider(name="a", says_model="vendor-internal-name", usage=Usage(input=100, output=20))
    calls = Calls(clock, new_id, vendor)
    await collected(calls.answering.stream(question(model="m")))
    [row] = calls.ledger.rows
    assert (row.model, row.cost.amount) == ("vendor-internal-name", Decimal("0.0018"))
    assert calls.spent == Decimal("0.0018")


def test_the_answering_models_price_counts_when_the_requested_one_has_none() -> None:
    assert cost_of(PRICES, "a", "auto", "m", Usage(input=100)).amount == Decimal("0.001")
    assert cost_of(PRICES, "a", "auto", "other", Usage(input=100)).amount is None


@pytest.mark.parametrize(("tokens", "amount"), [(1, "0.0000001"), (3, "0.0000003"), (7, "0.0000007")])
def test_a_call_under_a_micro_dollar_has_its_exact_cost(tokens: int, amount: str) -> None:
    price = Price(input=Decimal("0.1"), output=Decimal("0.4"))
    assert price.amount(Usage(input=tokens)) == Decimal(amount)


def test_a_price_without_output_covers_vectors_and_no_answers() -> None:
    price = Price(input=Decimal(2))
    assert price.amount(Usage(input=500)) == Decimal("0.001")
    assert price.amount(Usage(input=500, output=1)) is None


async def test_many_callers_that_leave_make_as_many_rows_as_calls(clock: ManualClock, new_id: NewId) -> None:
    vendors = [silent() for _ in range(300)]
    rows: list[LedgerRow] = []
    for at, vendor in enumerate(vendors):
        calls = Calls(clock, new_id, vendor)
        await calls.leave(whole() if at % 2 else question(), vendor)
        rows += calls.ledger.rows
    assert len(rows) == 300
    assert all(row.provider == "a" and row.usage.estimated and row.cost.amount for row in rows)


async def test_a_row_tells_how_many_attempts_its_call_took(clock: ManualClock, new_id: NewId) -> None:
    for failures, retries, attempts in (
        ([], 0, [1]),
        ([FailureKind.CONNECT], 1, [2]),
        ([FailureKind.CONNECT] * 9, 2, [3]),
    ):
        calls = Calls(clock, new_id, ScriptedProvider(name="a", failures=list(failures)), retries=retries)
        with suppress(ProviderError):
            await collected(calls.answering.stream(question()))
        assert [row.attempts for row in calls.ledger.rows] == attempts
    calls = Calls(clock, new_id, ScriptedProvider(name="a", failures=[FailureKind.CONNECT]), ScriptedProvider(name="b"))
    await collected(calls.answering.stream(question()))
    assert [(row.provider, row.attempts) for row in calls.ledger.rows] == [("b", 2)]
