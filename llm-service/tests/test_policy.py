"""Selection policies, and the router over them."""

from collections import Counter
from decimal import Decimal
from random import Random

import pytest

from llm_service.domain.billing.price import OperatorPrices, Price
from llm_service.domain.keys.key_pools import ApiKeyPools
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.route import ProviderEntry, RoutingTable
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.domain.routing.policy_cost import CheapestFirst
from llm_service.domain.routing.policy_latency import FastestFirst
from llm_service.domain.routing.policy_order import Order
from llm_service.domain.routing.policy_weight import Weight
from llm_service.domain.routing.router import Router
from llm_service.testing import question
from penstock_kit.breaker import FailureRate
from penstock_kit.errors import PermissionDenied
from penstock_testkit.clock import ManualClock

NAMES = ("dear", "cheap", "unknown")
PRICES = OperatorPrices(
    {
        ("dear", "m"): Price(input=Decimal(10), output=Decimal(30)),
        ("cheap", "m"): Price(input=Decimal(1), output=Decimal(2)),
    },
    free=frozenset({"fallback"}),
)


def router(clock: ManualClock, policy: str, *, fallback: bool = True) -> tuple[Router, ProviderMonitor, ApiKeyPools]:
    entries = tuple(ProviderEntry(provider=name, models=("m",)) for name in (*NAMES, "fallback"))
    monitor = ProviderMonitor(clock)
    random = Random(7)
    weights = {"dear": 3.0, "cheap": 1.0, "unknown": 1.0}
    key_pools = ApiKeyPools(rule=FailureRate(), clock=clock, mask=lambda key: key, on_revoked=lambda *_: None)
    key_pools.configure([ProviderProfile(name=name, dialect="openai", models=("m",)) for name in (*NAMES, "fallback")])
    table = RoutingTable(entries=entries, policy=policy)
    made = Router(
        table=lambda: table,
        policies={
            "order": Order(),
            "hedge": Order(),
            "cost": CheapestFirst(PRICES),
            "latency": FastestFirst(monitor),
            "weight": Weight(weight_of=weights.__getitem__, random=random.random),
        },
        key_pools=key_pools,
        fallback=fallback,
    )
    return made, monitor, key_pools


def providers(made: Router, model: str = "") -> list[str]:
    return [candidate.provider for candidate in made.plan(model).candidates]


def test_order_is_the_operators(clock: ManualClock) -> None:
    assert providers(router(clock, "order")[0]) == [*NAMES, "fallback"]


def test_cost_puts_the_cheapest_first_and_unknown_prices_behind(clock: ManualClock) -> None:
    made = router(clock, "cost")[0]
    assert providers(made) == ["cheap", "dear", "unknown", "fallback"]
    scores = {candidate.provider: candidate.score for candidate in made.plan("").candidates}
    assert (scores["cheap"], scores["dear"]) == (1.25, 15.0)


def test_latency_puts_the_fastest_first_and_asks_everybody_once(clock: ManualClock) -> None:
    made, monitor, _ = router(clock, "latency")
    monitor.record_answer("dear", 0.2)
    monitor.record_answer("cheap", 0.9)
    assert providers(made) == ["unknown", "dear", "cheap", "fallback"]
    monitor.record_answer("unknown", 0.5)
    assert providers(made) == ["dear", "unknown", "cheap", "fallback"]


def test_weight_draws_in_proportion(clock: ManualClock) -> None:
    made = router(clock, "weight")[0]
    first = Counter(providers(made)[0] for _ in range(2000))
    assert 0.55 < first["dear"] / 2000 < 0.65
    assert set(first) == set(NAMES)


def test_the_request_may_choose_the_policy(clock: ManualClock) -> None:
    made = router(clock, "order")[0]
    assert made.plan("", policy="cost").candidates[0].provider == "cheap"


def test_without_stand_in_the_offline_provider_answers_only_by_name(clock: ManualClock) -> None:
    made = router(clock, "order", fallback=False)[0]
    assert providers(made) == list(NAMES)
    assert providers(made, "fallback") == ["fallback"]


def test_an_explanation_says_who_could_not_be_asked_now_and_why(clock: ManualClock) -> None:
    made, _, key_pools = router(clock, "order")
    key_pool = key_pools.get("dear")
    assert key_pool is not None
    key_pool.record_failure(
        key_pool.acquire(), ProviderError("x", provider="dear", failure=FailureKind.RATE_LIMIT, retry_after=9)
    )
    explained = made.explain("").candidates
    assert [candidate.eligible for candidate in explained] == [False, True, True, True]
    assert "not asked for another 9.0 s" in explained[0].why


def test_an_explanation_knows_of_the_limit_of_the_one_model(clock: ManualClock) -> None:
    made, _, key_pools = router(clock, "order")
    key_pool = key_pools.get("dear")
    assert key_pool is not None
    limited = ProviderError("x", provider="dear", failure=FailureKind.RATE_LIMIT, retry_after=9)
    key_pool.record_failure(key_pool.acquire(), limited, "m")
    assert [candidate.eligible for candidate in made.explain("").candidates] == [False, True, True, True]
    assert made.explain("dear/n").candidates[0].eligible


def test_a_key_goes_where_it_may_and_nowhere_else(clock: ManualClock) -> None:
    table = RoutingTable(entries=tuple(ProviderEntry(provider=name, models=("m",)) for name in NAMES), policy="order")
    key_pools = router(clock, "order")[2]
    allowed = {"cheap"}
    made = Router(
        table=lambda: table,
        policies={"order": Order()},
        key_pools=key_pools,
        fallback=False,
        allows=lambda candidate: candidate.provider in allowed,
    )
    assert [each.provider for each in made.route(question()).candidates] == ["cheap"]
    with pytest.raises(PermissionDenied, match="may not use model 'dear/m'") as caught:
        made.route(question(model="dear/m"))
    assert caught.value.reason == "MODEL_DENIED"


def test_a_plan_is_kept_only_as_long_as_its_table(clock: ManualClock) -> None:
    tables = [RoutingTable(entries=(ProviderEntry(provider=name, models=("m",)),)) for name in ("cheap", "dear")]
    key_pools = ApiKeyPools(rule=FailureRate(), clock=clock, mask=lambda key: key, on_revoked=lambda *_: None)
    made = Router(table=lambda: tables[0], policies={}, key_pools=key_pools)
    assert [providers(made, "m") for _ in range(2)] == [["cheap"]] * 2
    assert made.plan("cheap/m") is made.plan("cheap/m")
    tables.pop(0)
    assert providers(made, "m") == ["dear"]


def test_the_plans_of_the_256_names_asked_last_are_kept(clock: ManualClock) -> None:
    made = router(clock, "order")[0]
    first, second = made.plan("dear/m0"), made.plan("dear/m1")
    for number in range(2, 256):
        made.plan(f"dear/m{number}")
    assert made.plan("dear/m0") is first
    made.plan("dear/m256")
    assert made.plan("dear/m0") is first
    assert made.plan("dear/m1") is not second
    assert made.plan("dear/m1") == second


def test_a_plan_that_excludes_a_provider_is_not_kept(clock: ManualClock) -> None:
    made = router(clock, "order")[0]
    first, again = (made.plan("m", exclude=["dear"]) for _ in range(2))
    assert first is not again
    assert [each.provider for each in first.candidates] == [each.provider for each in again.candidates]
    assert [each.provider for each in first.candidates] == ["cheap", "unknown", "fallback"]


def test_a_router_without_a_policy_of_keys_lets_everybody_everywhere(clock: ManualClock) -> None:
    made = router(clock, "order")[0]
    assert [each.provider for each in made.route(question(model="m")).candidates] == [*NAMES, "fallback"]
