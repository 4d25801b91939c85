"""Between penstock.cache.v1 messages and the domain's values."""

from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.cache.v1 import cache_pb2
from penstock.common.v1.common_pb2 import ComponentStatus

from cache_service.domain.cache import Cache, Lookup
from cache_service.domain.entry import ALWAYS, Condition, EntryInput
from cache_service.domain.invalidation import Invalidation
from cache_service.domain.partition import SHARED, Partition
from cache_service.domain.rate_limit import Verdict
from cache_service.domain.session import Session
from cache_service.domain.statistics import PrefixCount
from penstock_kit.errors import InvalidArgument

_NANOSECONDS = 1_000_000_000


def partition_from_proto(partition: int, tenant: str) -> Partition:
    """Return the shared partition or that of `tenant`; raises InvalidArgument for a number that is neither."""
    match partition:
        case cache_pb2.PARTITION_UNSPECIFIED | cache_pb2.PARTITION_TENANT:
            return Partition(tenant=tenant)
        case cache_pb2.PARTITION_SHARED:
            return SHARED
        case _:
            message = f"partition {partition} is unknown; use PARTITION_TENANT or PARTITION_SHARED"
            raise InvalidArgument(message, reason="PARTITION_INVALID")


def seconds_from_proto(duration: Duration) -> float:
    """Return the seconds of a Duration."""
    return duration.seconds + duration.nanos / _NANOSECONDS


def duration_to_proto(seconds: float) -> Duration:
    """Return seconds as a Duration; what is below zero is zero."""
    whole = int(seconds) if seconds > 0 else 0
    return Duration(seconds=whole, nanos=max(0, int((seconds - whole) * _NANOSECONDS)))


def entry_input_from_proto(entry: cache_pb2.Entry) -> EntryInput:
    """Return what the caller wants stored."""
    return EntryInput(
        key=entry.key,
        value=entry.value,
        ttl=seconds_from_proto(entry.ttl),
        ttl_class=entry.ttl_class,
        tags=tuple(entry.tags),
        negative=entry.negative,
    )


def condition_from_proto(request: cache_pb2.SetRequest) -> Condition:
    """Return when the write counts."""
    guarded = request.HasField("generation")
    if not guarded and not request.only_if_absent:
        return ALWAYS
    return Condition(only_if_absent=request.only_if_absent, generation=request.generation if guarded else None)


def lookup_to_proto(lookup: Lookup) -> cache_pb2.GetResponse:
    """Return the answer to a read."""
    entry = lookup.entry
    if entry is None:
        return cache_pb2.GetResponse(generation=lookup.generation)
    return cache_pb2.GetResponse(
        found=True,
        value=entry.value,
        negative=entry.negative,
        ttl=duration_to_proto(lookup.ttl),
        refresh_advised=lookup.refresh_advised,
        tier=lookup.tier,
        generation=lookup.generation,
    )


def lookups_to_proto(found: Sequence[Lookup], partition: Partition) -> cache_pb2.GetManyResponse:
    """Return found entries with the life each has left. They are made where they are to be: a copy costs as much."""
    response = cache_pb2.GetManyResponse()
    add, start = response.entries.add, len(partition.root)
    for lookup in found:
        entry = lookup.entry
        assert entry is not None
        tags = [tag[start:] for tag in entry.tags]
        made = add(key=entry.key[start:], value=entry.value, tags=tags, negative=entry.negative)
        seconds = max(0.0, lookup.ttl)
        made.ttl.seconds = whole = int(seconds)
        made.ttl.nanos = int((seconds - whole) * _NANOSECONDS)
    return response


def invalidation_to_proto(invalidation: Invalidation, partition: Partition) -> cache_pb2.WatchInvalidationsResponse:
    """Return an invalidation with the keys as the watcher's partition knows them."""
    return cache_pb2.WatchInvalidationsResponse(
        keys=[partition.local(key) for key in invalidation.keys],
        prefixes=[partition.local(prefix) for prefix in invalidation.prefixes],
        reset=invalidation.reset,
    )


def verdict_to_proto(verdict: Verdict) -> cache_pb2.TakeRateLimitResponse:
    """Return the verdict of a rate limit."""
    return cache_pb2.TakeRateLimitResponse(
        allowed=verdict.allowed,
        remaining=verdict.remaining,
        retry_after=None if verdict.allowed else duration_to_proto(verdict.retry_after),
        reset_after=duration_to_proto(verdict.reset_after),
    )


def session_to_proto(session: Session) -> cache_pb2.Session:
    """Return a session."""
    created, expires = Timestamp(), Timestamp()
    created.FromDatetime(session.create_time)
    expires.FromDatetime(session.expire_time)
    return cache_pb2.Session(
        id=session.id, user_id=session.user_id, data=session.data, create_time=created, expire_time=expires
    )


def stats_to_proto(cache: Cache, *, uptime: float) -> cache_pb2.GetStatsResponse:
    """Return the statistics since the start of the process, `uptime` seconds ago."""
    statistics, usage = cache.statistics, cache.usage()
    return cache_pb2.GetStatsResponse(
        backend=cache.backend_name,
        hits=statistics.hits,
        misses=statistics.misses,
        sets=statistics.sets,
        deletes=statistics.deletes,
        evictions=usage.evictions,
        expirations=usage.expirations,
        entries=usage.entries,
        bytes=usage.size,
        max_entries=usage.max_entries,
        max_bytes=usage.max_size,
        hit_rate=statistics.hit_rate,
        recent_hit_rate=statistics.recent_hit_rate(),
        recent_hit_rates=statistics.recent_hit_rates(),
        breaker_state=cache.state().breaker,
        prefixes=_prefixes_to_proto(statistics.prefixes()),
        uptime=duration_to_proto(uptime),
        errors=usage.errors,
    )


def status_to_proto(cache: Cache) -> cache_pb2.GetStatusResponse:
    """Return how the backend is; Redis that is away degrades the service, which goes on without it."""
    state = cache.state()
    component = ComponentStatus(
        name="memory" if state.breaker == "none" else "redis",
        state="ok" if state.breaker in {"none", "closed"} else "degraded",
        detail=state.detail,
    )
    return cache_pb2.GetStatusResponse(
        components=[component], backend=cache.backend_name, breaker_state=state.breaker, replicas=state.replicas
    )


def _prefixes_to_proto(rows: Sequence[PrefixCount]) -> list[cache_pb2.PrefixStats]:
    return [cache_pb2.PrefixStats(prefix=row.prefix, hits=row.hits, misses=row.misses) for row in rows]
