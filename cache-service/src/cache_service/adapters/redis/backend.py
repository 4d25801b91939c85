"""Values in Redis, shared by replicas."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from cache_service.adapters.redis.entry_codec import STAGED_HEAD, Stored, decoded, encoded, is_plain
from cache_service.adapters.redis.key import (
    BEGINNING,
    GENERATION,
    RUN,
    invalidated_key,
    invalidated_prefixes,
    invalidated_tag,
    segment_key,
    segments_key,
    staging_key,
    tag_key,
    value_key,
)
from cache_service.adapters.redis.script_runner import ScriptRunner
from cache_service.adapters.redis.value_script import ADOPT, DELETE, DROP, NOTE_PREFIX, NOTE_TAG, RESET, SET
from cache_service.domain.backend import BackendState, Usage
from cache_service.domain.entry import Condition, Entry, Reading
from cache_service.domain.partition import segment_of, tenant_of
from penstock_kit.clock import Clock
from penstock_kit.logging import get_logger
from penstock_kit.redis.link import RedisLink, RedisUnavailable

# Members of an index that one script looks at: it holds others up for less than a millisecond or so.
_SLICE: Final = 250
# Values from here on have a connection of their own, and are encoded and decoded beside the event loop.
LARGE_BYTES: Final = 64 * 1024
_LARGE_COMPRESSED_BYTES: Final = 16 * 1024
_STAGED_MS: Final = 10_000
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
        self._dropping: set[asyncio.Task[None]] = set()
        self._warned_of = ""
        self._usage = Usage(entries=0, size=0, max_entries=0, max_size=0, evictions=0, expirations=0)

    @property
    def name(self) -> str:
        """Always ``redis``."""
        return "redis"

    async def get(self, key: str) -> Reading:
        """Return the live entry of `key`, if any, with the current generation."""
        name, asked = value_key(key), self._monotonic()
        # The life first: a key that comes in between is none, rather than one without a value.
        (generation, beginning), life, data = await self._link.run(
            [("MGET", GENERATION, BEGINNING), ("PTTL", name), ("GETRANGE", name, 0, LARGE_BYTES - 1)]
        )
        if len(data) == LARGE_BYTES:
            asked = self._monotonic()
            life, data = await self._link.run([("PTTL", name), ("GET", name)], lane="large")
        entry = await self._entry(key, data if life > 0 else None, int(beginning or 0), asked + life / 1000)
        return Reading(entry, int(generation or 0), self.name)

    async def get_many(self, keys: Sequence[str]) -> list[Entry | None]:
        """Return the live entries in the order of `keys`."""
        return [reading.entry for reading in await self.read_many(keys)]

    async def read_many(self, keys: Sequence[str]) -> list[Reading]:
        """Return what :meth:`get` returns for each key, read at once."""
        if not keys:
            return []
        names, asked = [value_key(key) for key in keys], self._monotonic()
        (generation, beginning, *found), *lives = await self._link.run(
            [("MGET", GENERATION, BEGINNING, *names), *(("PTTL", name) for name in names)], lane="many"
        )
        since, start = int(generation or 0), int(beginning or 0)
        return [
            Reading(await self._entry(key, data, start, asked + life / 1000), since, self.name)
            for key, data, life in zip(keys, found, lives, strict=True)
        ]

    async def set(self, entry: Entry, condition: Condition) -> bool:
        """Store `entry` if `condition` holds and there is room; where there is none, an older value is not kept."""
        if self._is_full():
            return await self._drop_unwritten(entry.key)
        life = round((entry.expire_at - self._monotonic()) * 1000)
        if life <= 0:
            return False
        is_large = len(entry.value) >= LARGE_BYTES
        data = await asyncio.to_thread(encoded, entry) if is_large else encoded(entry)
        staged = staging_key(secrets.token_hex(8)) if is_large else value_key(entry.key)
        try:
            answer = await self._scripts.run(
                SET,
                _keys_of(entry, staged),
                "" if condition.generation is None else str(condition.generation),
                "1" if condition.only_if_absent else "0",
                entry.key,
                segment_of(entry.key),
                life,
                b"" if is_large else data,
                # Redis takes a value that is an argument of its own as it comes in; through a script it is copied.
                before=[("SET", staged, STAGED_HEAD + data, "PX", _STAGED_MS)] if is_large else (),
                lane="large" if is_large else "",
                may_lack_room=True,
            )
        except RedisUnavailable as away:
            if is_large and away.sent:
                self._drop_late(entry.key)
            raise
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

    async def adopt(self) -> bool:
        """Drop everything if the server was started, or another took its place, since any replica called this last.

        It may hold values that are older than what was acknowledged before it went. Return whether it is another one.
        """
        (information,) = await self._link.run([("INFO", "server")])
        run_id = information.partition(b"run_id:")[2].split(b"\r", 1)[0]
        return await self._scripts.run(ADOPT, [GENERATION, BEGINNING, RUN], run_id) == 1

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

    def _drop_late(self, key: str) -> None:
        """Drop a large value when it has arrived whose caller left: what was invalidated meanwhile stays so."""

        async def drop() -> None:
            with suppress(RedisUnavailable):
                await self._scripts.run(
                    DELETE, [GENERATION, BEGINNING, value_key(key), invalidated_key(key)], lane="large"
                )

        task = asyncio.get_running_loop().create_task(drop())
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

    async def _drop_unwritten(self, key: str) -> bool:
        self.dropped += 1
        await self.delete((key,))
        return False

    async def _drop_prefix(self, prefix: str) -> list[str]:
        tenant = tenant_of(prefix)
        keys = [GENERATION, BEGINNING, invalidated_prefixes(tenant)]
        generation = await self._scripts.run(NOTE_PREFIX, keys, prefix)
        segment = segment_of(prefix)
        within = [segment] if segment != prefix else await self._segments(tenant, prefix)
        return await self._drop(map(segment_key, within), generation, prefix=prefix)

    async def _segments(self, tenant: str, prefix: str) -> Iterable[str]:
        """Return the tenant's segments that begin with `prefix`, read slice by slice."""
        found: dict[str, None] = {}
        cursor, more = b"0", True
        while more:
            ((cursor, members),) = await self._link.run([("ZSCAN", segments_key(tenant), cursor, "COUNT", _SLICE)])
            found |= dict.fromkeys(
                name for name in (member.decode() for member in members[::2]) if name.startswith(prefix)
            )
            more = cursor != b"0"
        return found

    async def _drop(self, indexes: Iterable[str], generation: bytes, *, prefix: str = "", tag: str = "") -> list[str]:
        dropped: list[str] = []
        for index in indexes:
            cursor, more = b"0", True
            while more:
                cursor, *members = await self._scripts.run(
                    DROP, [index, BEGINNING], generation, cursor, _SLICE, value_key(""), prefix, tag
                )
                dropped += [member.decode() for member in members]
                more = cursor != b"0"
        return dropped

    async def _entry(self, key: str, data: bytes | None, beginning: int, expire_at: float) -> Entry | None:
        if data is None or expire_at <= self._monotonic():
            return None
        is_large = len(data) >= (LARGE_BYTES if is_plain(data) else _LARGE_COMPRESSED_BYTES)
        stored: Stored | None = await asyncio.to_thread(decoded, key, data) if is_large else decoded(key, data)
        if stored is None:
            # It must not stand in the way of a write that asks what is there.
            self.damaged += 1
            await self._link.run([("UNLINK", value_key(key))])
            return None
        if stored.generation < beginning:
            return None
        return replace(stored.entry, expire_at=expire_at)


def _keys_of(entry: Entry, staged: str) -> list[str]:
    tenant, segment = tenant_of(entry.key), segment_of(entry.key)
    keys = [value_key(entry.key), segment_key(segment), segments_key(tenant), invalidated_key(entry.key)]
    keys += [invalidated_prefixes(tenant), GENERATION, BEGINNING, staged]
    for tag in entry.tags:
        keys += [tag_key(tag), invalidated_tag(tag)]
    return keys


def _information(answer: bytes) -> dict[str, int]:
    lines = (line.split(":", 1) for line in answer.decode().splitlines() if ":" in line)
    return {name: int(value) for name, value in lines if value.isdecimal()}
