"""Turns at something scarce: who asks a lot waits behind who asks a little."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypeAlias

_Queues: TypeAlias = OrderedDict[str, deque[asyncio.Future[None]]]


class FairTurns:
    """Lets at most `parallel` be inside; of those that wait, the subjects take turns, each with its oldest.

    A subject that waits a thousand times delays another by one turn, not by a thousand. Preferred ones come before all
    others.
    """

    def __init__(self, parallel: int) -> None:
        self._free = parallel
        self._preferred: _Queues = OrderedDict()
        self._others: _Queues = OrderedDict()

    @asynccontextmanager
    async def turn(self, subject: str, *, preferred: bool = False) -> AsyncGenerator[None]:
        """Wait for a turn of `subject` and have it within the block."""
        await self._acquire(subject, self._preferred if preferred else self._others)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, subject: str, queues: _Queues) -> None:
        if self._free:  # then nobody waits
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        queues.setdefault(subject, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()  # it was given at the same moment
            else:
                _leave(queues, subject, turn)
            raise

    def _release(self) -> None:
        queues = self._preferred or self._others
        if not queues:
            self._free += 1
            return
        subject, waiting = queues.popitem(last=False)
        waiting.popleft().set_result(None)
        if waiting:
            queues[subject] = waiting  # behind all others that wait


def _leave(queues: _Queues, subject: str, turn: "asyncio.Future[None]") -> None:
    waiting = queues[subject]
    waiting.remove(turn)
    if not waiting:
        del queues[subject]
