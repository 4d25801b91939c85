"""The port to whatever holds the values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cache_service.domain.entry import Condition, Entry, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a backend holds and has thrown out: `size` in bytes of values, zero limits for unlimited.

    `errors` counts values that could not be read or found no room, and calls that Redis did not answer.
    """

    entries: int
    size: int
    max_entries: int
    max_size: int
    evictions: int
    expirations: int
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendState:
    """How a backend is: `breaker` is ``closed``, ``open`` or ``half_open``, and ``none`` without Redis.

    `replicas` share it, this one included.
    """

    breaker: str
    detail: str
    replicas: int = 1


class CacheBackend(Protocol):
    """Holds entries by full key until they expire, are evicted, deleted or invalidated.

    A write is guarded by a generation: it is refused when its key, one of its tags or a prefix of
    its key was invalidated, or its key rewritten, after the generation was read. Refusing more
    often than that is allowed, refusing less is not. The contract suite is
    ``penstock_testkit.contracts.cache_backend``.
    """

    @property
    def name(self) -> str:
        """``memory``, ``redis`` or ``two_tier``."""
        ...

    async def get(self, key: str) -> Reading:
        """Return the live entry of `key`, if any, with the current generation."""
        ...

    async def get_many(self, keys: Sequence[str]) -> list[Entry | None]:
        """Return the live entries in the order of `keys`."""
        ...

    async def set(self, entry: Entry, condition: Condition) -> bool:
        """Store `entry` if `condition` holds, and say whether it did. An expired entry is not kept."""
        ...

    async def delete(self, keys: Sequence[str]) -> list[str]:
        """Drop `keys`, and return those that were live."""
        ...

    async def invalidate(self, *, prefix: str = "", tag: str = "") -> list[str]:
        """Drop every key that begins with `prefix`, and every key with `tag`; return those that were live.

        Both are full; an empty one selects nothing.
        """
        ...

    def usage(self) -> Usage:
        """Return what is held, as it was looked at last."""
        ...

    def state(self) -> BackendState:
        """Return how it is."""
        ...

    async def close(self) -> None:
        """End what runs for it."""
        ...
