"""Between a look and a lease, and between a value and the end of its lease, nobody fills a key a second time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cache_service.composition.services import build_services
from cache_service.composition.stores import Stores, memory_stores
from cache_service.domain.cache import Cache
from cache_service.domain.entry import EntryInput
from cache_service.domain.partition import Partition
from cache_service.settings import CacheSettings
from penstock_testkit.clock import ManualClock

TENANT = Partition(tenant="t")
KEY = TENANT.full("k")


class Told:
    """A store that does something of the test's own before each call of one method."""

    def __init__(self, store: Any, method: str, before: Callable[[], Any]) -> None:
        self._store = store
        self._method = method
        self._before = before

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._store, name)
        if name != self._method:
            return inner

        async def told(*arguments: Any, **named: Any) -> Any:
            await self._before()
            return await inner(*arguments, **named)

        return told


def stores_of(clock: ManualClock) -> tuple[CacheSettings, Stores]:
    made: Any = CacheSettings
    settings = made(_env_file=None, CACHE_SEMANTIC_STORE="memory")
    return settings, memory_stores(settings, clock)


def cache_over(settings: CacheSettings, clock: ManualClock, stores: Stores, **changed: Any) -> Cache:
    return build_services(settings, replace(stores, **changed), clock).cache


async def test_a_lease_lasts_until_its_value_is_there(clock: ManualClock) -> None:
    settings, stores = stores_of(clock)
    granted: list[str | None] = []

    async def another_asks() -> None:
        granted.append(await stores.leases.grant(KEY, 10.0))

    cache = cache_over(settings, clock, stores, backend=Told(stores.backend, "set", another_asks))
    lease = await cache.lease(TENANT, "k", seconds=10.0, wait=0.0)
    assert await cache.set(TENANT, EntryInput(key="k", value=b"v"), lease_token=lease.token)
    assert granted == [None]
    assert await stores.leases.remaining(KEY) == 0


async def test_a_lease_of_a_key_that_another_filled_meanwhile_is_given_back(clock: ManualClock) -> None:
    settings, stores = stores_of(clock)
    other = cache_over(settings, clock, stores)

    async def another_fills() -> None:
        await other.set(TENANT, EntryInput(key="k", value=b"theirs"))

    cache = cache_over(settings, clock, stores, leases=Told(stores.leases, "grant", another_fills))
    lease = await cache.lease(TENANT, "k", seconds=10.0, wait=0.0)
    assert lease.token == ""
    assert lease.lookup.entry is not None
    assert lease.lookup.entry.value == b"theirs"
    assert await stores.leases.remaining(KEY) == 0
