"""Every call has one ledger row, however it ended."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from llm_service.domain.billing.ledger import Outcome
from llm_service.domain.billing.meter import Meter
from llm_service.domain.billing.metering import Metering
from llm_service.domain.billing.price import OperatorPrices, Price
from llm_service.domain.model.event import (
    AttemptFailed,
    AttemptStarted,
    Event,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    UsageReport,
)
from llm_service.domain.model.failure import Attempt, FailureKind, ProviderError
from llm_service.domain.model.message import Message
from llm_service.domain.model.prompt_estimate import estimate_prompt
from llm_service.domain.model.usage import Cost, PriceSource, Usage
from llm_service.testing import ListLedger, ScriptedProvider, collected, question
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import PenstockError, ResourceExhausted
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

PRICES = {
    ("scripted", "m1"): Price(
        input=Decimal("2"), output=Decimal("8"), cache_read=Decimal("0.5"), cache_write=Decimal("2.5")
    )
}
USAGE = Usage(input=1000, cache_read=400, cache_write=200, output=50, reasoning=30)


@pytest.fixture
def ledger() -> ListLedger:
    return ListLedger()


@pytest.fixture
def metered(
    ledger: ListLedger, clock: ManualClock, new_id: Callable[[str], str]
) -> Callable[[ScriptedProvider], Metering]:
    prices = OperatorPrices(PRICES, free=frozenset({"fallback"}))
    return lambda provider: Metering(provider, ledger=ledger, prices=prices, clock=clock, new_id=new_id)


Metered = Callable[[ScriptedProvider], Metering]


async def test_a_finished_call_is_priced_by_its_disjoint_classes(metered: Metered, ledger: ListLedger) -> None:
    events = await collected(metered(ScriptedProvider(usage=USAGE)).stream(question(model="m1")))
    finished = events[-1]
    assert isinstance(finished, Finished)
    # 1000 × 2 + 400 × 0.5 + 200 × 2.5 + (50 + 30) × 8 = 3340 per million
    assert finished.cost.amount == Decimal("0.00334")
    assert finished.cost.source is PriceSource.OPERATOR
    [row] = ledger.rows
    assert row.id == finished.ledger_id
    assert (row.outcome, row.usage, row.cost) == (Outcome.OK, USAGE, finished.cost)
    assert (row.provider, row.model, row.finish_reason) == ("scripted", "m1", "stop")


async def test_the_row_says_whose_call_it_was(metered: Metered, ledger: ListLedger) -> None:
    caller = Caller(user_id="u1", tenant_id="acme", key_id="k1")
    with use_context(CallContext(request_id="req_1", caller=caller)):
        await collected(metered(ScriptedProvider()).stream(question()))
    [row] = ledger.rows
    assert (row.tenant_id, row.user_id, row.key_id, row.request_id) == ("acme", "u1", "k1", "req_1")


async def test_an_unknown_price_is_unknown_and_not_zero(metered: Metered, ledger: ListLedger) -> None:
    await collected(metered(ScriptedProvider(usage=USAGE)).stream(question(model="m2")))
    assert ledger.rows[0].cost.amount is None
    assert ledger.rows[0].cost.source is PriceSource.UNKNOWN


async def test_the_offline_provider_is_free(metered: Metered, ledger: ListLedger) -> None:
    await collected(metered(ScriptedProvider(name="fallback", usage=USAGE)).stream(question()))
    assert (ledger.rows[0].cost.amount, ledger.rows[0].cost.source) == (Decimal(0), PriceSource.FREE)


async def test_a_vendor_without_counts_is_estimated_and_marked(metered: Metered, ledger: ListLedger) -> None:
    await collected(metered(ScriptedProvider(texts=("x" * 40,))).stream(question("y" * 80)))
    usage = ledger.rows[0].usage
    assert usage.estimated
    assert (usage.input, usage.output) == (24, 10)


async def test_a_caller_that_hangs_up_has_a_row_with_what_it_got(metered: Metered, ledger: ListLedger) -> None:
    provider = ScriptedProvider(texts=("x" * 40, "y" * 40, "z" * 40))
    async with aclosing(metered(provider).stream(question(model="m1"))) as batches:
        async for batch in batches:
            if any(isinstance(event, TextDelta) for event in batch):
                break
    [row] = ledger.rows
    assert row.outcome is Outcome.CANCELLED
    assert row.usage.output == 10
    assert row.usage.estimated
    assert row.cost.amount is not None
    assert provider.closed == 1


async def test_a_cancelled_task_has_a_row(metered: Metered, ledger: ListLedger) -> None:
    provider = ScriptedProvider(texts=("x",), stall=True)
    task = asyncio.ensure_future(collected(metered(provider).stream(question())))
    await asyncio.wait_for(provider.stalled.wait(), HANG_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [row.outcome for row in ledger.rows] == [Outcome.CANCELLED]
    assert provider.closed == 1


async def test_counts_the_vendor_sent_early_are_used_when_the_caller_leaves(
    metered: Metered, ledger: ListLedger
) -> None:
    early = UsageReport(usage=Usage(input=77, cache_read=3))
    provider = ScriptedProvider(before=[early], texts=("x" * 40, "y"))
    seen = []
    async with aclosing(metered(provider).stream(question())) as batches:
        async for batch in batches:
            seen += batch
            if any(isinstance(event, TextDelta) for event in batch):
                break
    assert early not in seen
    usage = ledger.rows[0].usage
    assert (usage.input, usage.cache_read, usage.output, usage.estimated) == (77, 3, 10, True)


async def test_a_count_that_came_before_the_prompt_was_read_leaves_the_prompt_to_the_estimate(
    metered: Metered, ledger: ListLedger
) -> None:
    provider = ScriptedProvider(before=[UsageReport(usage=Usage(output=1))], texts=("x" * 40,), failure=FailureKind.CUT)
    asked = question("y" * 80)
    with pytest.raises(ProviderError):
        await collected(metered(provider).stream(asked))
    usage = ledger.rows[0].usage
    assert (usage.input, usage.output, usage.estimated) == (estimate_prompt(asked), 10, True)


async def test_leaving_after_the_end_changes_nothing(metered: Metered, ledger: ListLedger) -> None:
    async with aclosing(metered(ScriptedProvider(usage=USAGE)).stream(question())) as batches:
        async for batch in batches:
            if any(isinstance(event, Finished) for event in batch):
                break
    assert ledger.rows[0].outcome is Outcome.OK


async def test_a_failed_call_has_a_row_with_the_kind_of_failure(metered: Metered, ledger: ListLedger) -> None:
    with pytest.raises(ProviderError):
        await collected(metered(ScriptedProvider(failure=FailureKind.CUT)).stream(question()))
    [row] = ledger.rows
    assert (row.outcome, row.error_kind, row.provider) == (Outcome.ERROR, "cut", "scripted")


async def test_times_are_measured_from_the_beginning(
    ledger: ListLedger, clock: ManualClock, new_id: Callable[[str], str]
) -> None:
    prices = OperatorPrices({}, free=frozenset())
    metering = Metering(ScriptedProvider(texts=("a", "b")), ledger=ledger, prices=prices, clock=clock, new_id=new_id)
    async for _ in metering.stream(question()):
        clock.advance(1.5)
    [row] = ledger.rows
    assert row.time_to_first_token == 1.5
    assert row.duration == 6.0


async def test_the_finish_reason_is_kept(metered: Metered, ledger: ListLedger) -> None:
    await collected(metered(ScriptedProvider(reason=FinishReason.LENGTH)).stream(question()))
    assert ledger.rows[0].finish_reason == "length"


class ReadMessages(tuple[Message, ...]):
    """Messages that count how often they are gone through."""

    times = 0

    def __iter__(self) -> Iterator[Message]:
        ReadMessages.times += 1
        return super().__iter__()


async def test_the_prompt_is_counted_once_however_often_the_call_is_looked_at(clock: ManualClock) -> None:
    asked = replace(question(model="m1"), messages=ReadMessages(question("y" * 80).messages))
    meter = Meter(asked, clock, OperatorPrices(PRICES, free=frozenset()), "call_1")
    meter.observe([AttemptStarted(provider="scripted", model="m1")])
    rows = [meter.row() for _ in range(5)]
    assert [row.usage.input for row in rows] == [24] * 5
    assert ReadMessages.times == 1


@dataclass
class ChangedPrices:
    """Prices that an operator changes while a call runs."""

    now: OperatorPrices

    def cost(self, provider: str, model: str, usage: Usage) -> Cost:
        return self.now.cost(provider, model, usage)

    def savings(self, provider: str, model: str, usage: Usage) -> Cost:
        return self.now.savings(provider, model, usage)


def test_a_row_has_the_cost_that_the_end_of_its_call_told_although_prices_changed_since(clock: ManualClock) -> None:
    prices = ChangedPrices(OperatorPrices(PRICES, free=frozenset()))
    meter = Meter(question(model="m1"), clock, prices, "call_1")
    meter.observe([AttemptStarted(provider="scripted", model="m1")])
    [told] = meter.observe([Finished(reason=FinishReason.STOP, usage=USAGE)])
    prices.now = OperatorPrices({}, free=frozenset())
    row = meter.row()
    assert isinstance(told, Finished)
    assert (row.cost, row.cache_savings) == (told.cost, told.cache_savings)
    # Saved: 400 × (2 - 0.5) read below the price of input, less 200 × (2.5 - 2) for dearer writes.
    assert (row.cost.amount, row.cache_savings.amount) == (Decimal("0.00334"), Decimal("0.0005"))


LOST = Attempt(provider="a", model="m", failure=FailureKind.SERVER, duration=0.1)
ASKED = AttemptStarted(provider="a", model="m")
FAILED = AttemptFailed(failure=FailureKind.SERVER, billed=False)


def answer_after(*lost: Attempt) -> Started:
    return Started(
        id="ans_1", provider="b", model="m", create_time=datetime(2026, 1, 1, tzinfo=UTC), failed_attempts=lost
    )


@pytest.mark.parametrize(
    ("events", "attempts"),
    [
        ([], 1),
        ([ASKED], 1),
        ([ASKED, FAILED, ASKED], 2),
        ([ASKED, FAILED, ASKED, FAILED, ASKED, FAILED], 3),
        ([ASKED, FAILED, ASKED, answer_after(LOST)], 2),
        ([ASKED, ASKED, answer_after()], 1),
        ([answer_after(LOST, LOST)], 3),
    ],
    ids=["nobody asked", "no answer yet", "the second asked", "all failed", "second answer", "hedged", "replayed"],
)
def test_attempts_are_those_that_failed_before_the_answer_and_it_or_all_where_there_is_none(
    clock: ManualClock, events: list[Event], attempts: int
) -> None:
    meter = Meter(question(model="m"), clock, OperatorPrices({}, free=frozenset()), "call_1")
    for event in events:
        meter.observe([event])
    assert meter.row().attempts == attempts


@pytest.mark.parametrize(
    ("error", "outcome", "kind"),
    [
        (ResourceExhausted("x", reason="BUDGET_LIMIT_EXCEEDED"), Outcome.BUDGET_EXCEEDED, "BUDGET_LIMIT_EXCEEDED"),
        (ResourceExhausted("x", reason="KEY_RATE_LIMIT_EXCEEDED"), Outcome.ERROR, "KEY_RATE_LIMIT_EXCEEDED"),
        (ProviderError("x", provider="a", failure=FailureKind.IDLE_TIMEOUT), Outcome.ERROR, "idle_timeout"),
    ],
)
def test_the_row_of_a_call_that_failed_has_the_reason_or_the_vendors_kind_of_failure(
    clock: ManualClock, error: PenstockError, outcome: Outcome, kind: str
) -> None:
    meter = Meter(question(model="m"), clock, OperatorPrices({}, free=frozenset()), "call_1")
    assert meter.row().error_kind == ""
    meter.fail(error)
    assert (meter.row().outcome, meter.row().error_kind) == (outcome, kind)
