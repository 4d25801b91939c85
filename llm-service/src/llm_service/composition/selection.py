"""Who may answer: the vendors' keys, the lazy providers and the router over them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import random

import psutil

from llm_service.adapters.tracing import TracedProvider
from llm_service.configuration.configuration import Configuration
from llm_service.configuration.live import LiveConfiguration
from llm_service.domain.billing.price import PriceBook
from llm_service.domain.keys.key_balancing import KeyBalancedProvider, KeyBalancedTokenCounter
from llm_service.domain.keys.key_pools import ApiKeyPools
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider import Provider, TokenCounter
from llm_service.domain.model.route import Candidate
from llm_service.domain.model.server import server_of
from llm_service.domain.routing.health import ProviderMonitor
from llm_service.domain.routing.policy import Policy
from llm_service.domain.routing.policy_cost import CheapestFirst
from llm_service.domain.routing.policy_latency import FastestFirst
from llm_service.domain.routing.policy_order import Order
from llm_service.domain.routing.policy_weight import Weight
from llm_service.domain.routing.router import Router
from llm_service.domain.routing.timeout import TimeoutProvider, Timeouts
from llm_service.providers.registry import ProviderRegistry, ProviderServices
from llm_service.settings import LlmSettings
from penstock_kit.breaker import FailureRate
from penstock_kit.clock import Clock
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger
from penstock_kit.redaction import mask_secret
from penstock_kit.telemetry import Tracing

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Who answers: the router, the lazy providers, their keys and what is known of them."""

    router: Router
    registry: ProviderRegistry
    key_pools: ApiKeyPools
    monitor: ProviderMonitor


def build_selection(
    settings: LlmSettings,
    live: LiveConfiguration,
    *,
    prices: PriceBook,
    allows: Callable[[Candidate], bool],
    clock: Clock,
    tracing: Tracing,
) -> Selection:
    """Return the selection over the configuration in force, which it follows."""
    rule = FailureRate(calls=settings.breaker_calls, open_seconds=settings.breaker_seconds)
    key_pools = ApiKeyPools(rule=rule, clock=clock, mask=mask_secret, on_revoked=_alert)
    registry = _build_registry(settings, live.current.profiles, key_pools, clock, tracing)
    monitor = ProviderMonitor(clock)
    policies = _build_policies(live, prices, monitor)
    router = Router(
        table=lambda: live.current.routing,
        policies=policies,
        key_pools=key_pools,
        fallback=settings.fallback,
        allows=allows,
    )

    def follow(configuration: Configuration) -> None:
        key_pools.configure(configuration.profiles)
        registry.configure(configuration.profiles)

    live.subscribe(follow)
    return Selection(router=router, registry=registry, key_pools=key_pools, monitor=monitor)


def _build_policies(live: LiveConfiguration, prices: PriceBook, monitor: ProviderMonitor) -> dict[str, Policy]:
    """Return the policies by the names that settings, the file and requests have for them."""
    return {
        "order": Order(),
        "hedge": Order(),
        "weight": Weight(weight_of=lambda name: _weight(live.current, name), random=random),
        "cost": CheapestFirst(prices),
        "latency": FastestFirst(monitor),
    }


def rss_bytes() -> int:
    """Return the resident memory of this process."""
    return psutil.Process().memory_info().rss


def _build_registry(
    settings: LlmSettings, profiles: Sequence[ProviderProfile], key_pools: ApiKeyPools, clock: Clock, tracing: Tracing
) -> ProviderRegistry:
    """The lazy providers: each instance with timeouts, and in spans when traces are recorded; all keys joined."""
    timeouts = Timeouts(
        first_token=settings.first_token_timeout, idle=settings.idle_timeout, whole=settings.answer_timeout
    )

    def wrap(profile: ProviderProfile, provider: Provider) -> Provider:
        traced = TracedProvider(provider, name=profile.name, server=server_of(profile), tracer=tracing.tracer(__name__))
        return TimeoutProvider(traced if tracing.enabled else provider, name=profile.name, timeouts=timeouts)

    def join(profile: ProviderProfile, providers: Sequence[Provider]) -> Provider:
        return KeyBalancedProvider(providers, key_pool=lambda: key_pools.get(profile.name))

    def join_counters(profile: ProviderProfile, counters: Sequence[TokenCounter]) -> TokenCounter:
        return KeyBalancedTokenCounter(counters, key_pool=lambda: key_pools.get(profile.name))

    services = ProviderServices(clock=clock, new_id=new_id, connect_timeout=settings.connect_timeout)
    return ProviderRegistry(
        profiles, services=services, wrap=wrap, join=join, join_counters=join_counters, rss_bytes=rss_bytes
    )


def _weight(configuration: Configuration, provider: str) -> float:
    return next((profile.weight for profile in configuration.profiles if profile.name == provider), 1.0)


def _alert(provider: str, masked: str) -> None:
    log.error("provider key refused by its vendor, it is not used any more", provider=provider, key=masked)
