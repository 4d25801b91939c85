"""The route of a completion is decided once: budget, response cache and failover follow the same one."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope
from llm_service.domain.billing.budget_guard import BudgetGuardSettings, ReservingBudgetGuard
from llm_service.domain.billing.limits_cache import LimitsCache
from llm_service.domain.billing.meter import Meter
from llm_service.domain.billing.metering import Metering
from llm_service.domain.billing.price import OperatorPrices, Price
from llm_service.domain.billing.rate_limiter import LocalRateLimiter
from llm_service.domain.model.event import Event
from llm_service.domain.model.request import CachePolicy, CompletionRequest
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.model.usage import Usage
from llm_service.domain.reuse.response_cache import ResponseCaching, SimilarCompletion
from llm_service.domain.routing.failover import Failover, Retries
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.domain.routing.hedging import Hedging
from llm_service.domain.routing.retry_budget import RetryBudget
from llm_service.testing import ListLedger, ReadyPool, ScriptedProvider, collected, question
from penstock_testkit.clock import ManualClock

NAMES = ("a", "b", "c")
PRICES = OperatorPrices(
    {(name, "m"): Price(input=Decimal(1), output=Decimal(at)) for at, name in enumerate(NAMES, 1)}, free=frozenset()
)
BUDGET = Budget(
    id="b", tenant_id="default", scope=BudgetScope.TOTAL, subject="", period=BudgetPeriod.TOTAL, limit=Decimal(1)
)


@dataclass
class MovingRoute:
    """Decides differently every time, as policies that draw or measure do: each decision is one provider alone."""

    decisions: list[str] = field(default_factory=list[str])

    def decide(self, _: CompletionRequest) -> Route:
        name = NAMES[len(self.decisions) % len(NAMES)]
        self.decisions.append(name)
        return Route(policy="weight", candidates=(Candidate(provider=name, model="m", why=""),))


@dataclass
class RememberingCache:
    """A response cache that remembers under which keys it was asked and told."""

    asked: list[str] = field(default_factory=list[str])
    kept: dict[str, Sequence[Event]] = field(default_factory=dict[str, Sequence[Event]])

    async def get(self, key: str) -> Sequence[Event] | None:
        self.asked.append(key)
        return self.kept.get(key)

    async def put(self, key: str, events: Sequence[Event]) -> None:
        self.kept[key] = events

    async def near(self, partition: str, text: str, threshold: float) -> SimilarCompletion | None:
        return None

    async def put_near(self, partition: str, text: str, events: Sequence[Event]) -> None: ...


@dataclass
class Budgets:
    """Reserves whatever is wanted and remembers how much that was."""

    wanted: list[Decimal] = field(default_factory=list[Decimal])

    async def reserve(
        self, reservation_id: str, budgets: Sequence[Budget], *, want: Decimal, least: Decimal
    ) -> Decimal:
        self.wanted.append(want)
        return want

    def settle(self, *_: object) -> None: ...


@dataclass
class Calls:
    """The wrappers of a completion in their order, over three providers."""

    clock: ManualClock
    route: MovingRoute = field(default_factory=MovingRoute)
    cache: RememberingCache = field(default_factory=RememberingCache)
    budgets: Budgets = field(default_factory=Budgets)
    refuse_unpriced: bool = False

    async def ask(self, request: CompletionRequest) -> str:
        """Return who was asked."""

        async def budgets() -> list[Budget]:
            return [BUDGET]

        async def policies() -> list[object]:
            return []

        async def ready(_: str) -> None: ...

        limits = LimitsCache(read_budgets=budgets, read_policies=policies, on_failure=lambda _: None)  # type: ignore[arg-type]
        await limits.refresh()
        guard = ReservingBudgetGuard(
            limits=limits,
            store=self.budgets,  # type: ignore[arg-type]
            route=self.route.decide,
            prices=PRICES,
            ready=ready,
            rate_limiter=LocalRateLimiter(self.clock),
            clock=self.clock,
            settings=BudgetGuardSettings(output_tokens=64, refuse_unpriced=self.refuse_unpriced),
        )
        providers = [ScriptedProvider(name=name, usage=Usage(input=1, output=1)) for name in NAMES]
        monitor = ProviderMonitor(self.clock)
        failover = Failover(
            pool=ReadyPool(*providers),
            monitor=monitor,
            clock=self.clock,
            route=self.route.decide,
            budget=RetryBudget(self.clock),
            retries=Retries(times=0),
        )
        hedging = Hedging(
            failover,
            route=self.route.decide,
            monitor=monitor,
            meter=lambda asked: Meter(asked, self.clock, PRICES, "call_1"),
            settle=lambda _: None,
            delay=1.0,
        )
        cached = ResponseCaching(
            hedging, cache=self.cache, route=self.route.decide, allows_semantic=lambda: True, exact_for_all=False
        )
        metering = Metering(
            cached,
            ledger=ListLedger(),
            prices=PRICES,
            clock=self.clock,
            new_id=lambda _: "call_1",
            route=self.route.decide,
            budget_guard=guard,
        )
        await collected(metering.stream(request))
        [name] = [provider.name for provider in providers if provider.asked]
        return name


@pytest.mark.parametrize("refuse_unpriced", [False, True])
async def test_a_completion_decides_its_route_once_for_budget_cache_and_failover(
    clock: ManualClock, refuse_unpriced: bool
) -> None:
    calls = Calls(clock=clock, refuse_unpriced=refuse_unpriced)
    request = replace(question(), cache=CachePolicy(exact=True))
    asked = [await calls.ask(request) for _ in NAMES]
    assert calls.route.decisions == list(NAMES)
    assert asked == list(NAMES)
    # The dearer the provider, the more is reserved; and what each answers is cached apart.
    assert calls.budgets.wanted == sorted(set(calls.budgets.wanted))
    assert len(calls.budgets.wanted) == len(set(calls.cache.asked)) == len(calls.cache.kept) == len(NAMES)


async def test_a_request_that_carries_its_route_keeps_it(clock: ManualClock) -> None:
    calls = Calls(clock=clock)
    chosen = Route(policy="order", candidates=(Candidate(provider="c", model="m", why=""),))
    assert await calls.ask(replace(question(), route=chosen)) == "c"
    assert calls.route.decisions == []


def test_the_route_of_a_request_is_no_part_of_what_it_asks() -> None:
    chosen = Route(policy="order", candidates=(Candidate(provider="c", model="m", why=""),))
    routed = replace(question(), route=chosen)
    assert routed == question()
    assert repr(routed) == repr(question())
