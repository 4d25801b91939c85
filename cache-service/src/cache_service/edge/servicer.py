"""The RPCs of penstock.cache.v1.CacheService."""

# The methods bear the names of the RPCs.
# ruff: noqa: N802

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from penstock.cache.v1 import cache_pb2, cache_pb2_grpc

from cache_service.domain.cache import Cache
from cache_service.domain.counter import CounterStore
from cache_service.domain.limit import require_not_negative
from cache_service.domain.lock import Locks
from cache_service.domain.partition import Partition
from cache_service.domain.rate_limit import Rate, RateLimitStore
from cache_service.domain.semantic.cache import SemanticCache
from cache_service.domain.semantic.embedder import Embedder
from cache_service.domain.session import Sessions
from cache_service.edge import convert
from cache_service.edge.convert import seconds_from_proto
from cache_service.edge.semantic import SemanticRpcs
from penstock_kit.clock import Clock
from penstock_kit.context import current_context
from penstock_kit.errors import Unimplemented
from penstock_kit.role import require_operator


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheServices:
    """What the servicer calls."""

    cache: Cache
    counters: CounterStore
    rate_limits: RateLimitStore
    locks: Locks
    sessions: Sessions
    semantic: SemanticCache
    embedder: Embedder | None = None


class CacheServicer(SemanticRpcs, cache_pb2_grpc.CacheServiceServicer):
    """Each RPC converts, calls the domain and converts back; errors are the interceptor's."""

    def __init__(self, *, services: CacheServices, clock: Clock) -> None:
        SemanticRpcs.__init__(self, services.semantic, services.embedder)
        self._cache = services.cache
        self._counters = services.counters
        self._rate_limits = services.rate_limits
        self._locks = services.locks
        self._sessions = services.sessions
        self._monotonic = clock.monotonic
        self._start = clock.monotonic()

    async def Get(self, request: cache_pb2.GetRequest, context: Any) -> cache_pb2.GetResponse:
        """Read one value."""
        return convert.lookup_to_proto(await self._cache.get(_partition(request.partition), request.key))

    async def Set(self, request: cache_pb2.SetRequest, context: Any) -> cache_pb2.SetResponse:
        """Write one value."""
        written = await self._cache.set(
            _partition(request.partition),
            convert.entry_input_from_proto(request.entry),
            convert.condition_from_proto(request),
            lease_token=request.lease_token,
        )
        return cache_pb2.SetResponse(written=written)

    async def Delete(self, request: cache_pb2.DeleteRequest, context: Any) -> cache_pb2.DeleteResponse:
        """Delete keys."""
        deleted = await self._cache.delete(_partition(request.partition), request.keys)
        return cache_pb2.DeleteResponse(deleted=deleted)

    async def GetMany(self, request: cache_pb2.GetManyRequest, context: Any) -> cache_pb2.GetManyResponse:
        """Read many values."""
        partition = _partition(request.partition)
        return convert.lookups_to_proto(await self._cache.get_many(partition, request.keys), partition)

    async def SetMany(self, request: cache_pb2.SetManyRequest, context: Any) -> cache_pb2.SetManyResponse:
        """Write many values."""
        inputs = [convert.entry_input_from_proto(entry) for entry in request.entries]
        written = await self._cache.set_many(_partition(request.partition), inputs)
        return cache_pb2.SetManyResponse(written=written)

    async def Invalidate(self, request: cache_pb2.InvalidateRequest, context: Any) -> cache_pb2.InvalidateResponse:
        """Delete by prefix, tag or both; what all tenants share, for operators."""
        if request.partition == cache_pb2.PARTITION_SHARED:
            require_operator("drop what all tenants share")
        partition = _partition(request.partition)
        deleted = await self._cache.invalidate(partition, prefix=request.prefix, tag=request.tag)
        return cache_pb2.InvalidateResponse(deleted=deleted)

    async def WatchInvalidations(
        self, request: cache_pb2.WatchInvalidationsRequest, context: Any
    ) -> AsyncIterator[cache_pb2.WatchInvalidationsResponse]:
        """Stream invalidations until the caller leaves; the first message is a reset."""
        partition = _partition(request.partition)
        async with self._cache.watch(partition, request.prefix) as watcher:
            while True:
                yield convert.invalidation_to_proto(await watcher.next(), partition)

    async def AcquireLease(
        self, request: cache_pb2.AcquireLeaseRequest, context: Any
    ) -> cache_pb2.AcquireLeaseResponse:
        """Give the value or the right to fill it."""
        lease = await self._cache.lease(
            _partition(request.partition),
            request.key,
            seconds=seconds_from_proto(request.lease),
            wait=seconds_from_proto(request.wait),
        )
        return cache_pb2.AcquireLeaseResponse(
            lease_token=lease.token,
            value=convert.lookup_to_proto(lease.lookup) if lease.lookup.entry else None,
            generation=lease.lookup.generation,
        )

    async def Increment(self, request: cache_pb2.IncrementRequest, context: Any) -> cache_pb2.IncrementResponse:
        """Add to a counter."""
        ttl = seconds_from_proto(request.ttl)
        require_not_negative(ttl, "ttl")
        key = _partition(request.partition).full(request.key)
        return cache_pb2.IncrementResponse(value=await self._counters.increment(key, request.delta, ttl))

    async def TakeRateLimit(
        self, request: cache_pb2.TakeRateLimitRequest, context: Any
    ) -> cache_pb2.TakeRateLimitResponse:
        """Take from a rate limit."""
        key = _partition(request.partition).full(request.key)
        rate = Rate(limit=request.limit, window=seconds_from_proto(request.window))
        verdict = await self._rate_limits.take(key, request.cost, rate, correction=request.correction)
        return convert.verdict_to_proto(verdict)

    async def AcquireLock(self, request: cache_pb2.AcquireLockRequest, context: Any) -> cache_pb2.AcquireLockResponse:
        """Take a lock, waiting for it if asked to."""
        name = _partition(request.partition).full(request.name, "lock name")
        wait = seconds_from_proto(request.wait)
        require_not_negative(wait, "wait")
        grant = await self._locks.acquire(name, ttl=seconds_from_proto(request.ttl), wait=wait)
        if grant is None:
            return cache_pb2.AcquireLockResponse(acquired=False)
        return cache_pb2.AcquireLockResponse(acquired=True, token=grant.token, fencing_token=grant.fencing_token)

    async def RenewLock(self, request: cache_pb2.RenewLockRequest, context: Any) -> cache_pb2.RenewLockResponse:
        """Extend a held lock."""
        name = _partition(request.partition).full(request.name, "lock name")
        held = await self._locks.renew(name, token=request.token, ttl=seconds_from_proto(request.ttl))
        return cache_pb2.RenewLockResponse(held=held)

    async def ReleaseLock(self, request: cache_pb2.ReleaseLockRequest, context: Any) -> cache_pb2.ReleaseLockResponse:
        """Give a held lock back."""
        name = _partition(request.partition).full(request.name, "lock name")
        return cache_pb2.ReleaseLockResponse(released=await self._locks.release(name, token=request.token))

    async def PutSession(self, request: cache_pb2.PutSessionRequest, context: Any) -> cache_pb2.PutSessionResponse:
        """Create or replace a session of the caller, or of the user it names."""
        session = await self._sessions.put(
            _tenant(),
            session_id=request.session.id,
            user_id=request.session.user_id or current_context().caller.user_id,
            data=request.session.data,
            ttl=seconds_from_proto(request.ttl),
        )
        return cache_pb2.PutSessionResponse(session=convert.session_to_proto(session))

    async def GetSession(self, request: cache_pb2.GetSessionRequest, context: Any) -> cache_pb2.GetSessionResponse:
        """Read a session and extend it if asked to."""
        session = await self._sessions.get(_tenant(), session_id=request.id, extend=seconds_from_proto(request.extend))
        if session is None:
            return cache_pb2.GetSessionResponse(found=False)
        return cache_pb2.GetSessionResponse(found=True, session=convert.session_to_proto(session))

    async def DeleteSession(
        self, request: cache_pb2.DeleteSessionRequest, context: Any
    ) -> cache_pb2.DeleteSessionResponse:
        """End a session."""
        deleted = await self._sessions.delete(_tenant(), session_id=request.id)
        return cache_pb2.DeleteSessionResponse(deleted=deleted)

    async def Warmup(self, request: cache_pb2.WarmupRequest, context: Any) -> cache_pb2.WarmupResponse:
        """Refuse: a cache does not know how its values are made."""
        require_operator("warm the cache up")
        message = "the owners of values warm them: call penstock.common.v1.WarmupService of the services that own them"
        raise Unimplemented(message, reason="WARMUP_UNSUPPORTED")

    async def GetStats(self, request: cache_pb2.GetStatsRequest, context: Any) -> cache_pb2.GetStatsResponse:
        """Tell the statistics since the start, over all tenants."""
        require_operator("see the cache's statistics")
        return convert.stats_to_proto(self._cache, uptime=self._monotonic() - self._start)

    async def GetStatus(self, request: cache_pb2.GetStatusRequest, context: Any) -> cache_pb2.GetStatusResponse:
        """Tell how the backend is."""
        return convert.status_to_proto(self._cache)


def _tenant() -> Partition:
    return Partition(tenant=current_context().caller.tenant_id)


def _partition(partition: int) -> Partition:
    return convert.partition_from_proto(partition, current_context().caller.tenant_id)
