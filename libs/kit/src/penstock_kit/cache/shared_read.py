"""Shared reads: of all who ask for the same key at the same time, a few ask for all."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from penstock_kit.context import CallContext, current_context, set_context

Read = Callable[[], Awaitable[Any]]


class SharedReads:
    """Runs at most one read per key at a time. Whoever comes while one is under way shares the next one.

    A read under way may have been answered before something happened that its late caller knows of, so it is not
    theirs: the next one, which begins after they asked, is. Who is alone pays nothing for it, and who leaves takes
    nothing from the others.
    """

    def __init__(self) -> None:
        self._next: dict[Hashable, tuple[asyncio.Future[Any], Read, CallContext] | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, key: Hashable, read: Read) -> Any:
        """Return or raise what a read of `key` did that began after this was called."""
        if key not in self._next:
            self._next[key] = None
            try:
                return await read()
            finally:
                self._go_on(key)
        following = self._next[key]
        if following is None:
            following = self._next[key] = asyncio.get_running_loop().create_future(), read, current_context()
        return await asyncio.shield(following[0])

    def _go_on(self, key: Hashable) -> None:
        """Begin the read that others wait for, on behalf of the first of them and without its deadline."""
        following = self._next.pop(key)
        if following is not None:
            self._next[key] = None
            task = asyncio.get_running_loop().create_task(self._read(key, *following))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _read(self, key: Hashable, shared: "asyncio.Future[Any]", read: Read, context: CallContext) -> None:
        set_context(context.unlimited())
        try:
            answer = await read()
        except Exception as error:  # noqa: BLE001 - it is theirs who wait
            shared.set_exception(error)
            shared.exception()  # they may have left
        else:
            shared.set_result(answer)
        finally:
            shared.cancel()  # does nothing to one that has its answer
            self._go_on(key)
