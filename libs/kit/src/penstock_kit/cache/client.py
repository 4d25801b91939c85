"""CacheClient: the cache service's RPCs as plain methods that go on without it.

While the service is away a read is a miss, a write is not stored, a deletion is remembered, and a
rate limit or counter is unknown (None). It is tried again every second; an outage is one log line.
Values are read and written again once every deletion was carried out.
What is wrong with a request itself (a key over 512 bytes) still raises.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import grpc.aio
from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2, cache_pb2_grpc

from penstock_kit.cache.local_copies import SHARED, LocalCopies
from penstock_kit.cache.outage import OUTAGE_KINDS, Outage
from penstock_kit.cache.pending_invalidations import PendingInvalidations
from penstock_kit.clock import Clock, SystemClock
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError

FREQUENT_CALLS: Final = tuple(
    f"penstock.cache.v1.CacheService/{name}"
    for name in ("Get", "Set", "GetMany", "AcquireLease", "Delete", "Invalidate", "TakeRateLimit", "Increment")
)
"""What a channel to cache-service may multiplex: alone a call takes 0.3 ms then instead of 0.5, among 64 a quarter."""
_TIMEOUT_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 1.0
_NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedValue:
    """A hit with `ttl` seconds of life left. `negative`: known not to exist. `refresh`: this reader should renew it.

    Give `generation` to :meth:`CacheClient.set` to have the write refused if anything changed since.
    """

    value: bytes
    negative: bool = False
    refresh: bool = False
    generation: int = 0
    ttl: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to fill a key (`token` is not empty), or what another filled (`hit`), or neither: it took too long."""

    token: str
    generation: int
    hit: CachedValue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateVerdict:
    """Whether a rate limit allowed it; times in seconds."""

    allowed: bool
    remaining: int
    retry_after: float
    reset_after: float


class CacheClient:
    """Values, leases, counters and rate limits of the caller's tenant, or with `shared` of everybody."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        clock: Clock | None = None,
        timeout: float = _TIMEOUT_SECONDS,
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        self._stub: Any = cache_pb2_grpc.CacheServiceStub(channel)
        self._timeout = timeout
        clock = clock or SystemClock()
        self.copies = LocalCopies(self._stub, clock=clock)
        self._outage = Outage(clock=clock, retry_seconds=retry_seconds)
        self._pending = PendingInvalidations(self._send_again, retry_seconds=retry_seconds)

    async def close(self) -> None:
        """Listen to no changes any more; the channel is its opener's to close."""
        await self.copies.close()

    @property
    def is_away(self) -> bool:
        """Whether the service did not answer last time, or has not heard yet what was dropped meanwhile."""
        return self._outage.open or bool(self._pending)

    async def get(self, key: str, *, shared: bool = False) -> CachedValue | None:
        """Return the live value of `key`, None on a miss."""
        request = cache_pb2.GetRequest(key=key, partition=_partition(shared))
        response: cache_pb2.GetResponse | None = await self._call_for_value(self._stub.Get, request)
        return None if response is None else _hit(response)

    async def set(
        self,
        key: str,
        value: bytes = b"",
        *,
        ttl: float = 0.0,
        ttl_class: str = "",
        tags: Iterable[str] = (),
        negative: bool = False,
        generation: int | None = None,
        lease_token: str = "",
        only_if_absent: bool = False,
        shared: bool = False,
    ) -> bool:
        """Store a value for `ttl` seconds (or by class) and say whether it was stored."""
        request = cache_pb2.SetRequest(
            entry=cache_pb2.Entry(
                key=key, value=value, ttl=_duration(ttl), ttl_class=ttl_class, tags=tags, negative=negative
            ),
            partition=_partition(shared),
            only_if_absent=only_if_absent,
            generation=generation,
            lease_token=lease_token,
        )
        response: cache_pb2.SetResponse | None = await self._call_for_value(self._stub.Set, request)
        self.copies.drop(partition_name(shared=shared), keys=(key,))
        return response is not None and response.written

    async def get_many(self, keys: Iterable[str], *, shared: bool = False) -> dict[str, bytes]:
        """Return the live values among `keys` (at most 1,000); negative entries are left out."""
        request = cache_pb2.GetManyRequest(keys=keys, partition=_partition(shared))
        response: cache_pb2.GetManyResponse | None = await self._call_for_value(self._stub.GetMany, request)
        return {} if response is None else {each.key: each.value for each in response.entries if not each.negative}

    async def set_many(
        self, values: Mapping[str, bytes], *, ttl: float = 0.0, ttl_class: str = "", shared: bool = False
    ) -> int:
        """Store at most 1,000 values with one life, and return how many were stored."""
        entries = [
            cache_pb2.Entry(key=key, value=value, ttl=_duration(ttl), ttl_class=ttl_class)
            for key, value in values.items()
        ]
        request = cache_pb2.SetManyRequest(entries=entries, partition=_partition(shared))
        response: cache_pb2.SetManyResponse | None = await self._call_for_value(self._stub.SetMany, request)
        self.copies.drop(partition_name(shared=shared), keys=values)
        return 0 if response is None else response.written

    async def delete(self, *keys: str, shared: bool = False) -> int:
        """Drop keys, end their leases, and return how many were live. An absent cache is told when it is back."""
        request = cache_pb2.DeleteRequest(keys=keys, partition=_partition(shared))
        self.copies.drop(partition_name(shared=shared), keys=keys)
        response: cache_pb2.DeleteResponse | None = await self._drop(self._stub.Delete, request)
        self.copies.drop(partition_name(shared=shared), keys=keys)
        return 0 if response is None else response.deleted

    async def invalidate(self, *, prefix: str = "", tag: str = "", shared: bool = False) -> int:
        """Drop every key that begins with `prefix` and every key with `tag`, and return how many it were.

        An absent cache is told when it is back.
        """
        request = cache_pb2.InvalidateRequest(prefix=prefix, tag=tag, partition=_partition(shared))
        name, prefixes = partition_name(shared=shared), (prefix,) if prefix else ()
        self.copies.drop(name, prefixes=prefixes, everything=bool(tag))
        response: cache_pb2.InvalidateResponse | None = await self._drop(self._stub.Invalidate, request)
        self.copies.drop(name, prefixes=prefixes, everything=bool(tag))
        return 0 if response is None else response.deleted

    async def lease(self, key: str, *, seconds: float, wait: float, shared: bool = False) -> Lease | None:
        """Ask to fill `key` within `seconds`, or wait up to `wait` for whoever does; None while the cache is away."""
        request = cache_pb2.AcquireLeaseRequest(
            key=key, partition=_partition(shared), lease=_duration(seconds), wait=_duration(wait)
        )
        response: cache_pb2.AcquireLeaseResponse | None = await self._call_for_value(
            self._stub.AcquireLease, request, extra=wait
        )
        if response is None:
            return None
        hit = _hit(response.value) if response.HasField("value") else None
        return Lease(token=response.lease_token, generation=response.generation, hit=hit)

    async def increment(self, key: str, delta: int = 1, *, ttl: float = 0.0, shared: bool = False) -> int | None:
        """Add to a counter and return its value; None while the cache is away."""
        request = cache_pb2.IncrementRequest(key=key, delta=delta, ttl=_duration(ttl), partition=_partition(shared))
        response: cache_pb2.IncrementResponse | None = await self._call(self._stub.Increment, request)
        return None if response is None else response.value

    async def take(
        self, key: str, *, limit: int, window: float, cost: int = 1, correction: int = 0, shared: bool = False
    ) -> RateVerdict | None:
        """Take `cost` of a rate of `limit` per `window` seconds; None while the cache is away: the caller decides.

        `correction` is taken first in any case: what an earlier cost was too little, or too much when negative.
        """
        request = cache_pb2.TakeRateLimitRequest(
            key=key,
            cost=cost,
            limit=limit,
            window=_duration(window),
            partition=_partition(shared),
            correction=correction,
        )
        response: cache_pb2.TakeRateLimitResponse | None = await self._call(self._stub.TakeRateLimit, request)
        if response is None:
            return None
        return RateVerdict(
            allowed=response.allowed,
            remaining=response.remaining,
            retry_after=_seconds(response.retry_after),
            reset_after=_seconds(response.reset_after),
        )

    async def _drop(self, method: Callable[..., Awaitable[Any]], request: Any) -> Any:
        """Send what drops values, and keep it when nobody knows whether it arrived."""
        try:
            response = await self._call(method, request)
        except asyncio.CancelledError:
            self._pending.add(method, request)
            raise
        if response is None:
            self._pending.add(method, request)
        return response

    async def _send_again(self, method: Callable[..., Awaitable[Any]], request: Any) -> bool:
        """Send what drops values once more; return whether it need not be sent again."""
        try:
            return await self._call(method, request) is not None
        except PenstockError:
            return True  # a request that is wrong in itself stays so

    async def _call_for_value(self, method: Callable[..., Awaitable[Any]], request: Any, *, extra: float = 0.0) -> Any:
        """Call for a value, unless it may be one that should have been dropped."""
        return None if self._pending else await self._call(method, request, extra=extra)

    async def _call(self, method: Callable[..., Awaitable[Any]], request: Any, *, extra: float = 0.0) -> Any:
        """Return the response, None when there is none to be had."""
        if not self._outage.may_call():
            return None
        timeout = self._timeout + extra
        try:
            response = await method(request, timeout=timeout)
        except PenstockError as error:
            if error.kind not in OUTAGE_KINDS:
                self._outage.record_success()
                raise
            remaining = current_context().remaining()
            if remaining is None or remaining > 0:
                self._outage.record_failure(error)
            return None
        self._outage.record_success()
        return response


def partition_name(*, shared: bool) -> str:
    """Return the name of the current caller's partition, or of the shared one, among the local copies."""
    return SHARED if shared else current_context().caller.tenant_id


def _hit(response: cache_pb2.GetResponse) -> CachedValue | None:
    if not response.found:
        return None
    return CachedValue(
        value=response.value,
        negative=response.negative,
        refresh=response.refresh_advised,
        generation=response.generation,
        ttl=_seconds(response.ttl),
    )


def _partition(shared: bool) -> cache_pb2.Partition.ValueType:
    return cache_pb2.PARTITION_SHARED if shared else cache_pb2.PARTITION_TENANT


def _duration(seconds: float) -> Duration:
    whole = int(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * _NANOSECONDS))


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / _NANOSECONDS
