"""Single flight: of all who ask for the same at the same time, one does the work."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any


class _Flight:
    __slots__ = ("task", "waiters")

    def __init__(self, task: "asyncio.Task[Any]") -> None:
        self.task = task
        self.waiters = 0


class SingleFlight:
    """Runs at most one load per key in this process. A caller who leaves does not take the load from the others."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def run(self, key: Hashable, load: Callable[[], Awaitable[Any]]) -> Any:
        """Return what `load` returns or raises; join the load of `key` under way, if there is one.

        The load runs in the context of its first caller, and is cancelled when the
        last one has left.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(_await(load)))
            flight.task.add_done_callback(lambda _: self._on_done(key, flight))
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if flight.waiters == 0 and not flight.task.done():
                self._on_done(key, flight)
                flight.task.cancel()

    def _on_done(self, key: Hashable, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if flight.task.done() and not flight.task.cancelled():
            flight.task.exception()  # somebody may have left before it failed


async def _await(load: Callable[[], Awaitable[Any]]) -> Any:
    return await load()
