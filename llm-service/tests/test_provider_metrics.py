"""What /metrics says of providers, their keys and the budgets: each figure under its own name."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from llm_service.adapters.prometheus import BudgetMetrics, ConfigurationMetrics, ProviderMetrics
from llm_service.adapters.sql_budget import SqlBudgets
from llm_service.domain.billing.budget import Budget, BudgetPeriod, BudgetScope
from llm_service.domain.keys.key_balancing import KeyBalancedProvider
from llm_service.domain.keys.key_pool import ApiKeyPool
from llm_service.domain.keys.key_pools import ApiKeyPools
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import FALLBACK_PROFILE, ProviderProfile
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.main import MIGRATIONS
from llm_service.providers.registry import ProviderRegistry, ProviderServices
from llm_service.testing import ScriptedProvider, collected, question
from penstock_kit.breaker import ConsecutiveFailures
from penstock_kit.database import open_database, sqlite_url
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import lay_out


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def monitor(clock: ManualClock) -> ProviderMonitor:
    return ProviderMonitor(clock)


@pytest.fixture
def providers(clock: ManualClock, new_id: Callable[[str], str], profile: ProviderProfile) -> ProviderRegistry:
    services = ProviderServices(clock=clock, new_id=new_id, connect_timeout=60)
    return ProviderRegistry(
        (profile, FALLBACK_PROFILE), services=services, wrap=lambda _, provider: provider, rss_bytes=lambda: 0
    )


@pytest.fixture
def key_pool(
    registry: CollectorRegistry,
    clock: ManualClock,
    profile: ProviderProfile,
    providers: ProviderRegistry,
    monitor: ProviderMonitor,
) -> ApiKeyPool:
    rule = ConsecutiveFailures(failures=1, open_seconds=10)
    pools = ApiKeyPools(rule=rule, clock=clock, mask=str, on_revoked=lambda *_: None)
    pools.configure([profile])
    ProviderMetrics(registry, providers, monitor, pools)
    pool = pools.get("openai")
    assert pool is not None
    return pool


def value(registry: CollectorRegistry, name: str, provider: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"penstock_llm_{name}", {"provider": provider, **labels})


@pytest.mark.usefixtures("key_pool")
async def test_attempts_failures_and_loading_are_told_of_each_provider(
    registry: CollectorRegistry, monitor: ProviderMonitor, providers: ProviderRegistry
) -> None:
    for _ in range(3):
        monitor.record_start("openai")
    monitor.record_failure("openai", FailureKind.RATE_LIMIT)
    await providers.get("fallback")
    assert (value(registry, "attempts_total", "openai"), value(registry, "attempts_total", "fallback")) == (3, 0)
    for kind in FailureKind:
        told = value(registry, "failures_total", "openai", kind=kind.value)
        assert told == (1 if kind is FailureKind.RATE_LIMIT else 0)
    loaded = [value(registry, "provider_loaded", name) for name in ("openai", "fallback")]
    assert loaded == [0, 1]


async def test_a_breaker_is_told_as_closed_open_and_half_open_and_keys_by_their_state(
    registry: CollectorRegistry, clock: ManualClock, key_pool: ApiKeyPool
) -> None:
    inner = ScriptedProvider(failures=[FailureKind.SERVER, FailureKind.AUTH])
    provider = KeyBalancedProvider([inner], key_pool=lambda: key_pool)

    def told() -> list[float | None]:
        states = [value(registry, "keys", "openai", state=state) for state in ("live", "dead")]
        return [value(registry, "breaker_open", "openai"), *states]

    assert told() == [0, 1, 0]
    with pytest.raises(ProviderError):
        await collected(provider.stream(question()))
    assert told() == [1, 1, 0]
    clock.advance(10)
    assert told() == [0.5, 1, 0]
    with pytest.raises(ProviderError):
        await collected(provider.stream(question()))
    assert told()[1:] == [0, 1]


def test_a_wrong_configuration_is_told_until_it_is_right_again(registry: CollectorRegistry) -> None:
    errors = ["providers.yaml: line 3"]
    ConfigurationMetrics(registry, lambda: errors[0])
    assert registry.get_sample_value("penstock_llm_configuration_ok") == 0
    errors[0] = ""
    assert registry.get_sample_value("penstock_llm_configuration_ok") == 1


async def test_the_spent_share_of_a_budget_is_told_and_no_more_once_it_is_deleted(
    registry: CollectorRegistry, clock: ManualClock, tmp_path: Path
) -> None:
    url = sqlite_url(tmp_path / "llm.db")
    await lay_out(url, MIGRATIONS)
    database = open_database(url)
    budgets = SqlBudgets(database, clock)
    running = asyncio.create_task(budgets.run())
    BudgetMetrics(registry, budgets)
    budget = Budget(
        id="b1", tenant_id="t", scope=BudgetScope.KEY, subject="k", period=BudgetPeriod.DAY, limit=Decimal(4)
    )
    labels = {"budget": "b1", "scope": "key", "period": "day"}
    await budgets.put(budget)
    await budgets.reserve("r1", [budget], want=Decimal(1), least=Decimal(1))
    await budgets.reserve("r2", [budget], want=Decimal(2), least=Decimal(1))
    budgets.settle("r1", [budget], Decimal(1), clock.now())
    await budgets.flush()
    told = registry.get_sample_value("penstock_llm_budget_spent_ratio", labels)
    assert told == 0.25, "what is reserved is not spent"
    await budgets.delete("t", "b1")
    assert registry.get_sample_value("penstock_llm_budget_spent_ratio", labels) is None
    budgets.close()
    await running
    await database.close()
