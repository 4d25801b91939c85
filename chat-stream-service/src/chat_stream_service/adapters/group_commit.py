"""Writes that wait for the store go into it together.

A transaction costs as much as dozens of rows in it, and SQLite has one at a time. What comes while one is under way is
the next one, as in the group commit of databases: alone a write waits for nothing, and many wait for two transactions,
however many they are.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any, Final, Generic, TypeVar

from penstock_kit.errors import Unavailable

Item = TypeVar("Item")

_MOST: Final = 128


class GroupCommit(Generic[Item]):
    """Gathers items for `write`, which stores all it is given or nothing. No more than `most` are given at once.

    When some are refused each is tried alone, so that one costs no other; when the store is away all fail with it.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[None]], *, most: int = _MOST) -> None:
        self._write = write
        self._most = most
        self._waiting: deque[tuple[Item, asyncio.Future[None]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> None:
        """Return when the item is stored; raises what `write` raises of it.

        Who gives up waiting takes an item back that is not being written yet.
        """
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        self._waiting.append((item, stored))
        if self._working is None:
            # In nobody's name: it works for many callers.
            self._working = loop.create_task(self._work(), context=Context())
        await stored

    async def _work(self) -> None:
        try:
            while self._waiting:
                taken = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                await self._store([each for each in taken if not each[1].done()])
        finally:
            self._working = None

    async def _store(self, group: Sequence[tuple[Item, asyncio.Future[Any]]]) -> None:
        if not group:
            return
        try:
            await self._write([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            if len(group) > 1 and not isinstance(error, Unavailable):
                for each in group:
                    await self._store([each])
                return
            for _, stored in group:
                if not stored.done():
                    stored.set_exception(error)
        else:
            for _, stored in group:
                if not stored.done():
                    stored.set_result(None)
