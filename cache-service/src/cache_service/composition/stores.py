"""The stores of cache-service: in memory, or in Redis with what this process does while that is away."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from cache_service.adapters.degrading.backend import TwoTierBackend
from cache_service.adapters.degrading.leases import DegradingLeases, ReadableSessions, RefusingLocks
from cache_service.adapters.degrading.limits import DegradingCounters, DegradingRateLimits
from cache_service.adapters.degrading.local_copies import Copies
from cache_service.adapters.memory.backend import MemoryBackend
from cache_service.adapters.memory.counter import MemoryCounterStore, MemoryRateLimitStore
from cache_service.adapters.memory.lock import MemoryLeaseStore, MemoryLockStore
from cache_service.adapters.memory.session import MemorySessionStore
from cache_service.adapters.redis.backend import RedisBackend
from cache_service.adapters.redis.counter import RedisCounterStore
from cache_service.adapters.redis.lease import RedisLeaseStore
from cache_service.adapters.redis.lock import RedisLockStore
from cache_service.adapters.redis.membership import Membership
from cache_service.adapters.redis.rate_limit import RedisRateLimitStore
from cache_service.adapters.redis.refresh_claims import RedisRefreshClaims
from cache_service.adapters.redis.script_runner import ScriptRunner
from cache_service.adapters.redis.session import RedisSessionStore
from cache_service.adapters.redis.signals import RedisSignals
from cache_service.adapters.sampler import sample_periodically
from cache_service.adapters.sweeper import Sweepable
from cache_service.domain.backend import CacheBackend
from cache_service.domain.counter import CounterStore
from cache_service.domain.lease import LeaseStore
from cache_service.domain.lock import LockStore
from cache_service.domain.rate_limit import RateLimitStore
from cache_service.domain.refresh import RefreshClaims
from cache_service.domain.session import SessionStore
from cache_service.domain.signals import LocalSignals, Signals
from cache_service.settings import CacheSettings
from penstock_kit.clock import Clock
from penstock_kit.redis.link import RedisLink
from penstock_kit.redis.subscriber import Subscriber
from penstock_kit.supervision import supervise

# What an outage may cost a caller; whether it is one is found out by the sign of life.
_REDIS_WAIT_SECONDS: Final = 0.032


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Every store behind its port, and what wants sweeping."""

    backend: CacheBackend
    counters: CounterStore
    rate_limits: RateLimitStore
    locks: LockStore
    leases: LeaseStore
    sessions: SessionStore
    signals: Signals
    claims: RefreshClaims | None
    sweepables: Sequence[Sweepable]
    link: RedisLink | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    backend: MemoryBackend
    counters: MemoryCounterStore
    rate_limits: MemoryRateLimitStore
    locks: MemoryLockStore
    leases: MemoryLeaseStore
    sessions: MemorySessionStore

    @property
    def sweepables(self) -> list[Sweepable]:
        """What ends by time."""
        return [self.backend, self.counters, self.rate_limits, self.sessions]


def memory_stores(settings: CacheSettings, clock: Clock) -> Stores:
    """Return the stores of a replica that is alone."""
    memory = _memory(settings, clock)
    return Stores(
        backend=memory.backend,
        counters=memory.counters,
        rate_limits=memory.rate_limits,
        locks=memory.locks,
        leases=memory.leases,
        sessions=memory.sessions,
        signals=LocalSignals(),
        claims=None,
        sweepables=memory.sweepables,
    )


@asynccontextmanager
async def open_stores(
    settings: CacheSettings, clock: Clock, *, redis_wait_seconds: float = _REDIS_WAIT_SECONDS
) -> AsyncGenerator[Stores]:
    """Give the stores that the settings ask for, with what runs for them, until the end of the block.

    A caller waits for Redis for `redis_wait_seconds` at most, and is then served without it.
    """
    url = settings.redis_url.get_secret_value()
    if not url:
        yield memory_stores(settings, clock)
        return
    link = RedisLink(url, clock=clock, wait_seconds=redis_wait_seconds)
    subscriber = Subscriber(link, silence_seconds=1.0)
    membership = Membership(link, replica=secrets.token_hex(8))
    signals = RedisSignals(link, subscriber, replica=secrets.token_hex(8))
    redis = RedisBackend(link, clock=clock)
    memory = _memory(settings, clock)
    copies = Copies(clock=clock, max_entries=settings.local_entries, max_size=settings.local_bytes)
    backend = TwoTierBackend(
        link=link,
        redis=redis,
        memory=memory.backend,
        copies=copies,
        signals=signals,
        membership=membership,
        clock=clock,
    )
    locks = RedisLockStore(ScriptRunner(link), new_token=new_token)
    sessions = ReadableSessions(redis=RedisSessionStore(link, clock=clock), memory=memory.sessions)
    stores = _redis_stores(link, memory, backend, signals, membership, locks=locks, sessions=sessions)
    await membership.beat()
    running = {
        "membership": membership.run,
        "subscriber": subscriber.run,
        "signals": signals.run,
        "samples": partial(sample_periodically, redis),
    }
    tasks = [asyncio.create_task(supervise(name, work)) for name, work in running.items()]
    try:
        yield stores
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await locks.close()
        await sessions.close()
        await membership.leave()
        await backend.close()
        await link.close()


def _redis_stores(
    link: RedisLink,
    memory: _Memory,
    backend: TwoTierBackend,
    signals: RedisSignals,
    membership: Membership,
    *,
    locks: LockStore,
    sessions: SessionStore,
) -> Stores:
    scripts = ScriptRunner(link)
    return Stores(
        backend=backend,
        counters=DegradingCounters(link=link, redis=RedisCounterStore(scripts), memory=memory.counters),
        rate_limits=DegradingRateLimits(
            link=link,
            redis=RedisRateLimitStore(scripts),
            memory=memory.rate_limits,
            replicas=lambda: membership.count,
        ),
        locks=RefusingLocks(locks),
        leases=DegradingLeases(redis=RedisLeaseStore(scripts, new_token=new_token), memory=memory.leases),
        sessions=sessions,
        signals=signals,
        claims=RedisRefreshClaims(link),
        sweepables=[*memory.sweepables, backend],
        link=link,
    )


def _memory(settings: CacheSettings, clock: Clock) -> _Memory:
    return _Memory(
        backend=MemoryBackend(clock=clock, max_entries=settings.max_entries, max_size=settings.max_bytes),
        counters=MemoryCounterStore(clock=clock, max_entries=settings.max_counters),
        rate_limits=MemoryRateLimitStore(clock=clock, max_entries=settings.max_counters),
        locks=MemoryLockStore(clock=clock, new_token=new_token, max_locks=settings.max_locks),
        leases=MemoryLeaseStore(clock=clock, new_token=new_token, max_leases=settings.max_locks),
        sessions=MemorySessionStore(clock=clock, max_sessions=settings.max_sessions),
    )


def new_token() -> str:
    """Return an unguessable token."""
    return secrets.token_urlsafe(16)
