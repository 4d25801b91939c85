"""``@cached``: read-through over the cache service, without a stampede in the process or in the cluster."""

import asyncio
import functools
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, Protocol, TypeVar, cast

import orjson

from penstock_kit.cache.client import CacheClient, CachedValue, Lease, partition_name
from penstock_kit.cache.codec import Codec, JsonCodec
from penstock_kit.cache.flight import SingleFlight
from penstock_kit.cache.local_copies import SHARED, Copy
from penstock_kit.cache.shared_read import SharedReads
from penstock_kit.context import current_context, set_context
from penstock_kit.errors import PayloadTooLarge
from penstock_kit.logging import get_logger

P = ParamSpec("P")
T = TypeVar("T")

# What every reader may be handed: nobody can alter it.
_UNALTERABLE: Final = (str, bytes, int, float)
_MAX_PLAIN_KEY: Final = 200
_LOAD_SECONDS: Final = 10.0

log = get_logger(__name__)


class HasCache(Protocol):
    """An object whose methods are cached: its `cache` is used, None for no caching."""

    cache: CacheClient | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one function is cached; the fields are the arguments of :func:`cached`."""

    key_prefix: str
    ttl: float
    ttl_class: str
    tags: tuple[str, ...]
    shared: bool
    codec: Codec
    load_seconds: float
    local_seconds: float
    frozen: bool


def cached(
    *,
    key_prefix: str,
    ttl: float = 0.0,
    ttl_class: str = "",
    tags: Iterable[str] = (),
    shared: bool = False,
    client: CacheClient | None = None,
    codec: Codec | None = None,
    load_seconds: float = _LOAD_SECONDS,
    local_seconds: float = 0.0,
    frozen: bool = False,
) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """Keep what an async function returns for `ttl` seconds (or by `ttl_class`) under ``key_prefix[:arguments]``.

    ``@cached(ttl=3600, key_prefix="cards:all")`` on a method uses the object's `cache` attribute; on a
    function, give `client`. The arguments must be what orjson takes, dataclasses included; they are part of
    the key, and hashed when long.
    None is kept as a negative entry, briefly. Values are those of `codec` (JSON by default) and lie in
    the caller's tenant unless `shared`. Never cache what belongs to one user.

    At most one caller in the cluster loads a missing value, within `load_seconds`; the others wait for
    it. A value near its end is renewed behind the back of its readers. Without a cache the function is
    simply called. Drop the values with ``client.invalidate(prefix=key_prefix)`` or by tag.

    With `local_seconds` a value that was read is kept in this process for so long, a second at most: so old may it be
    when another process changed it, and what this process changes it reads at once. Whoever alters what is returned
    alters nothing that is kept. With `frozen` nobody can alter what the codec returns, and it is made once for all who
    read the copy.
    """
    rule = Rule(
        key_prefix=key_prefix,
        ttl=ttl,
        ttl_class=ttl_class,
        tags=tuple(tags),
        shared=shared,
        codec=codec or JsonCodec(),
        load_seconds=load_seconds,
        local_seconds=local_seconds,
        frozen=frozen,
    )

    def decorate(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        reader = _Reader(rule)

        @functools.wraps(function)
        async def read(*args: P.args, **kwargs: P.kwargs) -> T:
            cache = client if client is not None else _cache_of(args)
            if cache is None:
                return await function(*args, **kwargs)
            own = args if client is not None else args[1:]
            key = _key(key_prefix, own, kwargs)
            if local_seconds:
                # The way of a hit that costs no call: nothing is made for it.
                copy = cache.copies.get(SHARED if shared else current_context().caller.tenant_id, key)
                if copy is not None and (copy.value is not None or copy.negative):
                    return cast("T", copy.value)
            return await reader.read(cache, key, lambda: function(*args, **kwargs))

        return read

    return decorate


class _Reader:
    """Reads through for one function."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._flight = SingleFlight()
        self._reads = SharedReads()
        self._renewals: set[asyncio.Task[Any]] = set()

    async def read(self, cache: CacheClient, key: str, load: Callable[[], Awaitable[Any]]) -> Any:
        if not self._rule.local_seconds:
            return await self._read_shared(cache, key, load)
        partition = partition_name(shared=self._rule.shared)
        copy = cache.copies.get(partition, key)
        if copy is None:
            begun = cache.copies.begin(partition)
            return await self._read_shared(cache, key, load, partition=partition, begun=begun)
        return self._rule.codec.decode(copy.data)

    async def _read_shared(
        self, cache: CacheClient, key: str, load: Callable[[], Awaitable[Any]], *, partition: str = "", begun: int = -1
    ) -> Any:
        place = self._place(cache, key)
        hit: CachedValue | None = await self._reads.run(place, lambda: cache.get(key, shared=self._rule.shared))
        found, value = self._decoded(key, hit)
        if found and hit is not None and begun >= 0:
            cache.copies.take(partition, key, self._copy(cache, hit, value), begun)
        if not found:
            return await self._flight.run(place, lambda: self._fill(cache, key, load))
        if hit is not None and hit.refresh:
            self._renew(cache, key, load, hit.generation)
        return value

    def _copy(self, cache: CacheClient, hit: CachedValue, value: Any) -> Copy:
        return Copy(
            end=cache.copies.until(min(self._rule.local_seconds, hit.ttl)),
            data=hit.value,
            negative=hit.negative,
            value=value if self._rule.frozen or isinstance(value, _UNALTERABLE) else None,
        )

    async def _fill(self, cache: CacheClient, key: str, load: Callable[[], Awaitable[Any]]) -> Any:
        seconds = self._rule.load_seconds
        # The load belongs to all who wait for it: the deadline of the first of them is not theirs.
        set_context(current_context().until(time.monotonic() + 2 * seconds))
        lease = await cache.lease(key, seconds=seconds, wait=seconds, shared=self._rule.shared)
        found, value = self._decoded(key, lease.hit if lease else None)
        if found:
            return value
        try:
            value = await load()
        except BaseException:
            if lease is not None and lease.token:
                await cache.delete(key, shared=self._rule.shared)  # lets the next in line try
            raise
        if lease is not None:
            await self._store(cache, key, value, lease)
        return value

    def _renew(self, cache: CacheClient, key: str, load: Callable[[], Awaitable[Any]], generation: int) -> None:
        async def renew() -> None:
            set_context(current_context().until(time.monotonic() + 2 * self._rule.load_seconds))
            try:
                value = await load()
                await self._store(cache, key, value, Lease(token="", generation=generation))
            except Exception:
                log.warning("could not renew a cached value", key=key, exc_info=True)

        place = ("renew", *self._place(cache, key))
        task = asyncio.ensure_future(self._flight.run(place, renew))
        self._renewals.add(task)
        task.add_done_callback(self._renewals.discard)

    async def _store(self, cache: CacheClient, key: str, value: Any, lease: Lease) -> None:
        rule = self._rule
        data = b"" if value is None else rule.codec.encode(value)
        try:
            await cache.set(
                key,
                data,
                ttl=0.0 if value is None else rule.ttl,
                ttl_class="" if value is None else rule.ttl_class,
                tags=rule.tags,
                negative=value is None,
                generation=lease.generation,
                lease_token=lease.token,
                shared=rule.shared,
            )
        except PayloadTooLarge:
            log.warning("a value is too large to be cached", key=key, bytes=len(data))
            await cache.delete(key, shared=rule.shared)

    def _decoded(self, key: str, hit: CachedValue | None) -> tuple[bool, Any]:
        """Return (found, value); a value that can't be read, of an older version perhaps, is not found."""
        if hit is None:
            return False, None
        if hit.negative:
            return True, None
        try:
            return True, self._rule.codec.decode(hit.value)
        except ValueError as error:
            log.warning("a cached value can't be read", key=key, detail=str(error))
            return False, None

    def _place(self, cache: CacheClient, key: str) -> tuple[int, str, str]:
        tenant = "" if self._rule.shared else current_context().caller.tenant_id
        return id(cache), tenant, key


def _cache_of(args: tuple[Any, ...]) -> CacheClient | None:
    if not args or not hasattr(args[0], "cache"):
        raise TypeError("@cached needs a client=, or a method of an object with a `cache` attribute")
    return cast("HasCache", args[0]).cache


def _key(prefix: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    if not args and not kwargs:
        return prefix
    arguments = orjson.dumps([args, kwargs] if kwargs else args, option=orjson.OPT_SORT_KEYS).decode()
    if len(arguments) > _MAX_PLAIN_KEY:
        arguments = hashlib.blake2b(arguments.encode(), digest_size=16).hexdigest()
    return f"{prefix}:{arguments}"
