"""The port to a shared cache: read through it, and forget what has changed."""

from collections.abc import Awaitable, Callable
from typing import Protocol


class Cache(Protocol):
    """Values by key within the caller's tenant. A cache that is down costs time at most, never an answer."""

    async def read(self, key: str, ttl_class: str, load: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the value of `key`, loaded and kept for its class's time (``catalogue``, ``template``) when absent."""
        ...

    async def forget(self, key: str) -> None:
        """Drop a value that has changed."""
        ...
