"""Values in Redis, shared by replicas."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from cache_service.adapters.redis.entry_codec import Stored, decoded, encoded
from cache_service.adapters.redis.key import (
    BEGINNING,
    GENERATION,
    invalidated_key,
    invalidated_prefixes,
    invalidated_tag,
    segment_key,
    segments_key,
    tag_key,
    value_key,
)
from cache_service.adapters.redis.script_runner import ScriptRunner
from cache_service.adapters.redis.value_script import DELETE, DROP, NOTE_PREFIX, NOTE_TAG, RESET, SET
from cache_service.domain.backend import BackendState, Usage
from cache_service.domain.entry import Condition, Entry, Reading
from cache_service.domain.partition import segment_of, tenant_of
from penstock_kit.clock import Clock
from penstock_kit.logging import get_logger
from penstock_kit.redis.link import RedisLink

# Members of an index that one script looks at: it holds others up for less than a millisecond or so.
_SLICE: Final = 500
# Share of the server's memory beyond which no values are written.
_FULL: Final = 0.9

log = get_logger(__name__)


class RedisBackend:
    """A CacheBackend over Redis 7 or Valkey. Every method raises RedisUnavailable while Redis is away.

    A value that does not fit into a full Redis is not written; deleting and invalidating still work then.
    """

    def __init__(self, link: RedisLink, *, clock: Clock) -> None:
        self._link = link
        self._scripts = ScriptRunner(link)
        self._monotonic = clock.monotonic
        self.damaged = 0
        self.dropped = 0
        self._warned_of = ""
        self._usage = Usage(entries=0, size=0, max_entries=0, max_size=0, evictions=0, expirations=0)

    @property
    def name(self) -> str:
        """Always ``redis``."""
        return "redis"

    async def get(self, key: str) -> Reading:
        """Return the live entry of `key`, if any, with the current generation."""
        (data, generation, beginning), life = await self._link.run(
            [("MGET", value_key(key), GENERATION, BEGINNING), ("PTTL", value_key(key))]
        )
        entry = self._entry(key, data, int(beginning or 0), life)
        return Reading(entry, int(generation or 0), self.name)

    async def get_many(self, keys: Sequence[str]) -> list[Entry | None]:
        """Return the live entries in the order of `keys`."""
        if not keys:
            return []
        names = [value_key(key) for key in keys]
        (*found, beginning), *lives = await self._link.run(
            [("MGET", *names, BEGINNING), *(("PTTL", name) for name in names)]
        )
        start = int(beginning or 0)
        return [self._entry(key, data, start, life) for key, data, life in zip(keys, found, lives, strict=True)]

    async def set(self, entry: Entry, condition: Condition) -> bool:
        """Store `entry` if `condition` holds and there is room; where there is none, an older value is not kept."""
        if self._is_full():
            return await self._drop_unwritten(entry.key)
        life = round((entry.expire_at - self._monotonic()) * 1000)
        if life <= 0:
            return False
        tenant, segment = tenant_of(entry.key), segment_of(entry.key)
        keys = [value_key(entry.key), segment_key(segment), segments_key(tenant), invalidated_key(entry.key)]
        keys += [invalidated_prefixes(tenant), GENERATION, BEGINNING]
        for tag in entry.tags:
            keys += [tag_key(tag), invalidated_tag(tag)]
        since = "" if condition.generation is None else str(condition.generation)
        answer = await self._scripts.run(
            SET,
            keys,
            since,
            "1" if condition.only_if_absent else "0",
            entry.key,
            segment,
            life,
            encoded(entry),
            may_lack_room=True,
        )
        if isinstance(answer, Exception):
            return await self._drop_unwritten(entry.key)
        return bool(answer)

    async def delete(self, keys: Sequence[str]) -> list[str]:
        """Drop `keys`, and return those that were live."""
        if not keys:
            return []
        names = [GENERATION, BEGINNING]
        for key in keys:
            names += [value_key(key), invalidated_key(key)]
        live = await self._scripts.run(DELETE, names)
        return [key for key, was_live in zip(keys, live, strict=True) if was_live]

    async def invalidate(self, *, prefix: str = "", tag: str = "") -> list[str]:
        """Drop by prefix and by tag, slice by slice, and return the keys that were live."""
        dropped: dict[str, None] = {}
        if prefix:
            dropped |= dict.fromkeys(await self._drop_prefix(prefix))
        if tag:
            generation = await self._scripts.run(NOTE_TAG, [GENERATION, BEGINNING, invalidated_tag(tag)])
            dropped |= dict.fromkeys(await self._drop((tag_key(tag),), generation, tag=tag))
        return list(dropped)

    async def reset(self) -> None:
        """Drop everything, of all tenants, at once: what is there ends with its own life, and is never read again."""
        await self._scripts.run(RESET, [GENERATION, BEGINNING])

    async def sample(self) -> None:
        """Ask how much is held; :meth:`usage` tells what was found last."""
        keys, memory, counts = await self._link.run([("DBSIZE",), ("INFO", "memory"), ("INFO", "stats")])
        known = _information(memory) | _information(counts)
        self._warn_of_eviction(memory)
        self._usage = Usage(
            entries=int(keys),
            size=known.get("used_memory", 0),
            max_entries=0,
            max_size=known.get("maxmemory", 0),
            evictions=known.get("evicted_keys", 0),
            expirations=known.get("expired_keys", 0),
        )

    def _warn_of_eviction(self, memory: bytes) -> None:
        policy = memory.partition(b"maxmemory_policy:")[2].split(b"\r", 1)[0].decode()
        if policy in {"", "noeviction", self._warned_of}:
            return
        self._warned_of = policy
        log.warning("redis evicts keys, and may lose what an invalidation needs; set noeviction", policy=policy)

    def state(self) -> BackendState:
        """Return whether Redis is there."""
        return BackendState(breaker="closed" if self._link.up else "open", detail=self._link.error)

    async def close(self) -> None:
        """Leave the link to whoever opened it."""

    def usage(self) -> Usage:
        """Return what the server held when it was asked last: all its keys and its memory."""
        return self._usage

    def _is_full(self) -> bool:
        """Whether values must leave what room there is to limits, locks and sessions."""
        return self._usage.max_size > 0 and self._usage.size > self._usage.max_size * _FULL

    async def _drop_unwritten(self, key: str) -> bool:
        self.dropped += 1
        await self.delete((key,))
        return False

    async def _drop_prefix(self, prefix: str) -> list[str]:
        tenant = tenant_of(prefix)
        generation, *known = await self._scripts.run(
            NOTE_PREFIX, [GENERATION, BEGINNING, invalidated_prefixes(tenant), segments_key(tenant)], prefix
        )
        segment = segment_of(prefix)
        segments = [name.decode() for name in known]
        within = [segment] if segment != prefix else [name for name in segments if name.startswith(prefix)]
        return await self._drop(map(segment_key, within), generation, prefix=prefix)

    async def _drop(self, indexes: Iterable[str], generation: bytes, *, prefix: str = "", tag: str = "") -> list[str]:
        dropped: list[str] = []
        for index in indexes:
            at = 0
            while at >= 0:
                following, *members = await self._scripts.run(
                    DROP, [index, BEGINNING], generation, at, _SLICE, value_key(""), prefix, tag
                )
                dropped += [member.decode() for member in members]
                at = int(following)
        return dropped

    def _entry(self, key: str, data: bytes | None, beginning: int, life: Any) -> Entry | None:
        if data is None or life <= 0:
            return None
        stored: Stored | None = decoded(key, data)
        if stored is None:
            self.damaged += 1
            return None
        if stored.generation < beginning:
            return None
        return replace(stored.entry, expire_at=self._monotonic() + life / 1000)


def _information(answer: bytes) -> dict[str, int]:
    lines = (line.split(":", 1) for line in answer.decode().splitlines() if ":" in line)
    return {name: int(value) for name, value in lines if value.isdecimal()}
