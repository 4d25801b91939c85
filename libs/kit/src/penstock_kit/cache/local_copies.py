"""Copies of cached values in the caller's own process: for a second at most, and less when a change is heard of."""

import asyncio
from functools import partial
from typing import Any, Final, NamedTuple

from penstock.cache.v1 import cache_pb2

from penstock_kit.clock import Clock
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import PenstockError
from penstock_kit.ids import new_id
from penstock_kit.supervision import supervise

MAX_COPY_SECONDS: Final = 1.0
"""How old a copy may be, whatever is heard: the bound on what a reader may miss of another's change."""
_MAX_COPIES: Final = 10_000
# Tenants whose changes are listened to; the others' copies have the bound alone.
_MAX_WATCHES: Final = 64
_RETRY_SECONDS: Final = 1.0
# The partition that all tenants share; no tenant's id has a NUL.
SHARED: Final = "\0shared"


class Copy(NamedTuple):
    """A copy: when it ends by the clock's monotonic(), its bytes, and the value where nobody can alter it."""

    end: float
    data: bytes
    negative: bool
    value: Any


class LocalCopies:
    """Copies by partition (a tenant's id, or SHARED) and key. What this process changes itself is dropped at once."""

    def __init__(self, stub: Any, *, clock: Clock, max_copies: int = _MAX_COPIES) -> None:
        self._stub = stub
        self._monotonic = clock.monotonic
        self._max_copies = max_copies
        self._copies: dict[str, dict[str, Copy]] = {}
        self._changes: dict[str, int] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}

    def get(self, partition: str, key: str) -> Copy | None:
        """Return the live copy of `key`."""
        copies = self._copies.get(partition)
        if copies is None:
            return None
        copy = copies.get(key)
        if copy is None or copy.end <= self._monotonic():
            return None
        return copy

    def begin(self, partition: str) -> int:
        """Return what :meth:`take` wants to know of the time before the value was read; begin to listen."""
        if partition not in self._watches and len(self._watches) < _MAX_WATCHES:
            self._watches[partition] = asyncio.create_task(supervise("copies", partial(self._watch, partition)))
        return self._changes.get(partition, 0)

    def take(self, partition: str, key: str, copy: Copy, begun: int) -> None:
        """Keep a copy, unless anything of the partition changed since `begun`."""
        if self._changes.get(partition, 0) != begun:
            return
        copies = self._copies.setdefault(partition, {})
        if len(copies) >= self._max_copies:
            copies.clear()
        copies[key] = copy

    def until(self, seconds: float) -> float:
        """Return the end of a copy that may live `seconds`, at most MAX_COPY_SECONDS."""
        return self._monotonic() + min(seconds, MAX_COPY_SECONDS)

    def drop(self, partition: str, *, keys: Any = (), prefixes: Any = (), everything: bool = False) -> None:
        """Drop copies by key or prefix, and refuse what is being read now."""
        self._changes[partition] = self._changes.get(partition, 0) + 1
        copies = self._copies.get(partition)
        if not copies:
            return
        if everything:
            copies.clear()
        for key in keys:
            copies.pop(key, None)
        for prefix in prefixes:
            for key in [key for key in copies if key.startswith(prefix)]:
                del copies[key]

    async def close(self) -> None:
        """Listen no more."""
        for task in self._watches.values():
            task.cancel()
        await asyncio.gather(*self._watches.values(), return_exceptions=True)

    async def _watch(self, partition: str) -> None:
        """Hear of changes until closed. While nothing is heard, copies end with their own life."""
        caller = Caller(user_id="") if partition == SHARED else Caller(user_id="", tenant_id=partition)
        kind = cache_pb2.PARTITION_SHARED if partition == SHARED else cache_pb2.PARTITION_TENANT
        request = cache_pb2.WatchInvalidationsRequest(partition=kind)
        while True:
            try:
                with use_context(CallContext(request_id=new_id("req"), caller=caller)):
                    async with self._stub.WatchInvalidations(request) as heard:
                        async for change in heard:
                            self.drop(partition, keys=change.keys, prefixes=change.prefixes, everything=change.reset)
            except PenstockError:
                await asyncio.sleep(_RETRY_SECONDS)
