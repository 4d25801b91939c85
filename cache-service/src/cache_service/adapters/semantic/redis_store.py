"""Answers of the semantic cache in Redis, where replicas share them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cache_service.adapters.redis.key import NAMESPACE
from cache_service.adapters.redis.script_runner import ScriptRefused, ScriptRunner
from cache_service.domain.semantic.entry import SemanticEntry, digest_of
from cache_service.domain.semantic.store import SemanticLimits, SemanticStoreAway, StoredVector
from penstock_kit.redis.link import RedisLink, RedisUnavailable
from penstock_kit.redis.script import Script

# The order of storing: microseconds of Redis' clock, never twice the same.
_SEQUENCE: Final = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
if now <= last then now = last + 1 end
local text = string.format('%.0f', now)
redis.call('SET', KEYS[1], text, 'PX', 86400000)
return text
""")
# A writer takes its place before it writes: another's of so long before may still come.
_OVERLAP_US: Final = 2_000_000
_INDEX_SLACK_MS: Final = 60_000
_SWEEP: Final = 500
_FIELDS: Final = ("n", "p", "q", "v", "a", "m", "c", "x")


class RedisSemanticStore:
    """A SemanticStore over replicas. Its keys carry digests, never a tenant's name or a question."""

    name = "redis"

    def __init__(self, link: RedisLink, *, limits: SemanticLimits, longest_ttl: float) -> None:
        self._link = link
        self._scripts = ScriptRunner(link)
        self._limits = limits
        self._index_ms = round(longest_ttl * 1000) + _INDEX_SLACK_MS

    async def put(self, entry: SemanticEntry, ttl: float) -> int:
        """Store an entry; return how many others had to go for it."""
        sequence = (await self._sequence()).decode()
        entries, tenant, partition = (
            _entries_key(entry.tenant),
            _partitions_key(entry.tenant),
            _partition_key(entry.partition),
        )
        values = [item for pair in zip(_FIELDS, _values(entry), strict=True) for item in pair]
        answers = await self._run(
            [
                ("HSET", _entry_key(entry.id), *values),
                ("PEXPIRE", _entry_key(entry.id), max(1, round(ttl * 1000))),
                ("ZADD", partition, sequence, entry.id),
                ("PEXPIRE", partition, self._index_ms),
                ("ZADD", entries, sequence, entry.id),
                ("PEXPIRE", entries, self._index_ms),
                ("ZADD", tenant, sequence, entry.partition),
                ("PEXPIRE", tenant, self._index_ms),
                ("ZCARD", partition),
                ("ZCARD", entries),
                ("ZCARD", tenant),
            ],
            transaction=True,
        )
        return await self._evict(entry, *answers[-3:])

    async def list_after(self, tenant: str, partition: str, after: int, limit: int) -> Sequence[StoredVector]:
        """Return what was stored in a partition after a sequence, and again what was shortly before it."""
        key, least = _partition_key(partition), max(0, after - _OVERLAP_US)
        (newest,) = await self._run([("ZRANGE", key, -1, -1, "WITHSCORES")])
        if not newest or int(float(_pairs(newest)[0][1])) <= after:
            return ()
        (found,) = await self._run([("ZRANGE", key, f"({least}", "+inf", "BYSCORE", "LIMIT", 0, limit, "WITHSCORES")])
        rows = [(each.decode(), int(float(score))) for each, score in _pairs(found)]
        if rows and rows[-1][1] <= after:  # the overlap alone fills a batch
            (found,) = await self._run(
                [("ZRANGE", key, f"({after}", "+inf", "BYSCORE", "LIMIT", 0, limit, "WITHSCORES")]
            )
            rows = [(each.decode(), int(float(score))) for each, score in _pairs(found)]
        vectors = await self._run([("HGET", _entry_key(each), "v") for each, _ in rows], large=True) if rows else ()
        gone = [each for (each, _), vector in zip(rows, vectors, strict=True) if vector is None]
        if gone:
            await self._run([("ZREM", key, *gone), ("ZREM", _entries_key(tenant), *gone)])
        return [
            StoredVector(id=each, sequence=sequence, vector=vector or b"")
            for (each, sequence), vector in zip(rows, vectors, strict=True)
            if vector is not None
        ]

    async def read(self, ids: Sequence[str]) -> Sequence[SemanticEntry | None]:
        """Return the live entries in the order of `ids`."""
        answers = await self._run([("HMGET", _entry_key(each), *_FIELDS) for each in ids])
        return [_entry(each, answer) for each, answer in zip(ids, answers, strict=True)]

    async def delete(self, tenant: str, ids: Sequence[str]) -> int:
        """Delete entries of the tenant."""
        found = [each for each in await self.read(ids) if each is not None and each.tenant == tenant]
        return await self._forget(tenant, found)

    async def delete_questions(self, tenant: str, prefix: str) -> int:
        """Delete entries whose question begins so, some hundred at a time."""
        deleted, after, folded = 0, 0, prefix.casefold()
        while True:
            command = ("ZRANGE", _entries_key(tenant), f"({after}", "+inf", "BYSCORE", "LIMIT", 0, _SWEEP, "WITHSCORES")
            rows = _pairs((await self._run([command]))[0])
            if not rows:
                return deleted
            after = int(float(rows[-1][1]))
            entries = await self.read([each.decode() for each, _ in rows])
            found = [each for each in entries if each is not None and each.question.casefold().startswith(folded)]
            deleted += await self._forget(tenant, found)

    async def close(self) -> None:
        """Do nothing: nothing is held open here."""

    async def _evict(self, entry: SemanticEntry, in_partition: int, in_tenant: int, partitions: int) -> int:
        gone: list[str] = []
        for key, count, most in (
            (_partition_key(entry.partition), in_partition, self._limits.partition_entries),
            (_entries_key(entry.tenant), in_tenant, self._limits.tenant_entries),
        ):
            if count > most:
                (found,) = await self._run([("ZRANGE", key, 0, count - most - 1)])
                gone += [each.decode() for each in found]
        if partitions > self._limits.tenant_partitions:
            last = partitions - self._limits.tenant_partitions - 1
            (found,) = await self._run([("ZRANGE", _partitions_key(entry.tenant), 0, last)])
            for partition in found:
                (held,) = await self._run([("ZRANGE", _partition_key(partition.decode()), 0, -1)])
                gone += [each.decode() for each in held]
            await self._run([("ZREM", _partitions_key(entry.tenant), *found)])
        if not gone:
            return 0
        entries = await self.read(gone)
        # What expired is in the indexes until it is met.
        await self._run([("ZREM", _partition_key(entry.partition), *gone), ("ZREM", _entries_key(entry.tenant), *gone)])
        return await self._forget(entry.tenant, [each for each in entries if each is not None])

    async def _forget(self, tenant: str, entries: Sequence[SemanticEntry]) -> int:
        if not entries:
            return 0
        commands: list[tuple[Any, ...]] = [("UNLINK", *(_entry_key(each.id) for each in entries))]
        commands += [("ZREM", _partition_key(each.partition), each.id) for each in entries]
        commands.append(("ZREM", _entries_key(tenant), *(each.id for each in entries)))
        return (await self._run(commands, transaction=True))[0]

    async def _sequence(self) -> bytes:
        try:
            return await self._scripts.run(_SEQUENCE, [f"{NAMESPACE}ms"])
        except (RedisUnavailable, ScriptRefused) as error:
            raise SemanticStoreAway(f"{error}") from error

    async def _run(self, commands: Sequence[Any], *, transaction: bool = False, large: bool = False) -> list[Any]:
        try:
            answers = await self._link.run(commands, transaction=transaction, lane="large" if large else "")
        except RedisUnavailable as error:
            raise SemanticStoreAway(f"{error}") from error
        for answer in answers:
            if isinstance(answer, Exception):
                raise SemanticStoreAway(f"{answer}") from answer
        return answers


def _entry_key(entry_id: str) -> str:
    return f"{NAMESPACE}me:{entry_id}"


def _partition_key(partition: str) -> str:
    return f"{NAMESPACE}mp:{partition}"


def _entries_key(tenant: str) -> str:
    return f"{NAMESPACE}mt:{digest_of(tenant)}"


def _partitions_key(tenant: str) -> str:
    return f"{NAMESPACE}mq:{digest_of(tenant)}"


def _pairs(answer: Sequence[Any]) -> list[tuple[bytes, Any]]:
    """Members with their scores, whether the server nests them or not."""
    if answer and isinstance(answer[0], list | tuple):
        return [(each[0], each[1]) for each in answer]
    return list(zip(answer[::2], answer[1::2], strict=True))


def _values(entry: SemanticEntry) -> Sequence[bytes | str]:
    times = (f"{entry.create_time.timestamp():.6f}", f"{entry.expire_time.timestamp():.6f}")
    return (entry.tenant, entry.partition, entry.question, entry.vector, entry.value, entry.model, *times)


def _entry(entry_id: str, fields: Sequence[bytes | None]) -> SemanticEntry | None:
    """The entry, None for one that is gone or that another release wrote in another form."""
    tenant, partition, question, vector, value, model, created, expires = fields
    if None in (tenant, partition, question, vector, value, model, created, expires):
        return None
    create_time = datetime.fromtimestamp(float(created or 0), UTC)
    return SemanticEntry(
        id=entry_id,
        tenant=(tenant or b"").decode(),
        partition=(partition or b"").decode(),
        question=(question or b"").decode(),
        vector=vector or b"",
        value=value or b"",
        model=(model or b"").decode(),
        create_time=create_time,
        expire_time=create_time + timedelta(seconds=float(expires or 0) - float(created or 0)),
    )
