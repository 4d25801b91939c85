"""Hedging: real content wins, and what lost is settled."""

from collections.abc import Callable, Sequence

import pytest

from llm_service.domain.billing.ledger import Outcome
from llm_service.domain.billing.meter import Meter
from llm_service.domain.billing.metering import Metering
from llm_service.domain.billing.price import OperatorPrices
from llm_service.domain.model.event import Event, Started, TextDelta, ThinkingDelta
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.routing.failover import Failover, Retries
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.domain.routing.hedging import Hedging
from llm_service.domain.routing.retry_budget import RetryBudget
from llm_service.testing import ListLedger, ReadyPool, ScriptedProvider, collected, question, text_of
from penstock_testkit.clock import ManualClock


def hedged(
    clock: ManualClock, new_id: Callable[[str], str], *providers: ScriptedProvider, delay: float = 0.01, times: int = 0
) -> tuple[Metering, ListLedger]:
    ledger, monitor = ListLedger(), ProviderMonitor(clock)

    async def no_sleep(_: float) -> None: ...

    prices = OperatorPrices({}, free=frozenset())
    candidates = tuple(Candidate(provider=each.name, model="m", why="") for each in providers)
    route = Route(policy="hedge", candidates=candidates)
    failover = Failover(
        pool=ReadyPool(*providers),
        monitor=monitor,
        clock=clock,
        route=lambda _: route,
        budget=RetryBudget(clock),
        retries=Retries(times=times, sleep=no_sleep),
    )
    hedge = Hedging(
        failover,
        route=lambda _: route,
        monitor=monitor,
        meter=lambda request: Meter(request, clock, prices, new_id("call")),
        settle=lambda meter: ledger.rows.extend(meter.billed_rows()),
        delay=delay,
    )
    return Metering(hedge, ledger=ledger, prices=prices, clock=clock, new_id=new_id), ledger


def slow(name: str, before: Sequence[Event] = ()) -> ScriptedProvider:
    return ScriptedProvider(name=name, before=before, texts=(), stall=True)


async def test_a_fast_first_provider_is_alone(clock: ManualClock, new_id: Callable[[str], str]) -> None:
    first, second = ScriptedProvider(name="a"), ScriptedProvider(name="b")
    answering, ledger = hedged(clock, new_id, first, second, delay=5)
    assert text_of(await collected(answering.stream(question()))) == "pong"
    assert not second.asked
    assert len(ledger.rows) == 1


@pytest.mark.parametrize("before", [[], [TextDelta(text="")], [ThinkingDelta(text="hm")]])
async def test_only_real_content_wins_and_the_loser_is_closed_and_settled(
    clock: ManualClock, new_id: Callable[[str], str], before: list[Event]
) -> None:
    first, second = slow("a", before), ScriptedProvider(name="b")
    answering, ledger = hedged(clock, new_id, first, second)
    events = await collected(answering.stream(question()))
    started = events[0]
    assert isinstance(started, Started)
    assert (started.provider, started.degraded) == ("b", False)
    assert first.closed == 1
    rows = {row.provider: row for row in ledger.rows}
    assert set(rows) == {"a", "b"}
    assert (rows["a"].outcome, rows["b"].outcome) == (Outcome.CANCELLED, Outcome.OK)
    assert rows["a"].usage.input > 0
    assert rows["a"].usage.estimated


async def test_a_failed_first_provider_is_followed_at_once_and_told(
    clock: ManualClock, new_id: Callable[[str], str]
) -> None:
    first, second = ScriptedProvider(name="a", failures=[FailureKind.SERVER]), ScriptedProvider(name="b")
    answering, ledger = hedged(clock, new_id, first, second, delay=60)
    started = (await collected(answering.stream(question())))[0]
    assert isinstance(started, Started)
    assert [(each.provider, each.failure) for each in started.failed_attempts] == [("a", FailureKind.SERVER)]
    assert len(ledger.rows) == 1


async def test_when_both_fail_the_last_failure_is_raised(clock: ManualClock, new_id: Callable[[str], str]) -> None:
    lanes = [ScriptedProvider(name=name, failures=[FailureKind.SERVER]) for name in "ab"]
    answering, ledger = hedged(clock, new_id, *lanes)
    with pytest.raises(ProviderError, match="b failed"):
        await collected(answering.stream(question()))
    assert [row.outcome for row in ledger.rows] == [Outcome.ERROR]


async def test_what_a_failed_first_provider_sold_is_billed_once(
    clock: ManualClock, new_id: Callable[[str], str]
) -> None:
    first, second = ScriptedProvider(name="a", failures=[FailureKind.TIMEOUT]), ScriptedProvider(name="b")
    answering, ledger = hedged(clock, new_id, first, second, delay=60)
    assert text_of(await collected(answering.stream(question()))) == "pong"
    assert sorted(row.provider for row in ledger.rows) == ["a", "b"]


async def test_the_first_of_a_race_is_not_asked_again_and_the_last_is(
    clock: ManualClock, new_id: Callable[[str], str]
) -> None:
    first = ScriptedProvider(name="a", failures=[FailureKind.SERVER])
    last = ScriptedProvider(name="b", failures=[FailureKind.SERVER], texts=("from b",))
    answering, _ = hedged(clock, new_id, first, last, delay=60, times=1)
    assert text_of(await collected(answering.stream(question()))) == "from b"
    assert (len(first.asked), len(last.asked)) == (1, 2)
