"""What was done here in Redis' place is owed to Redis, and settled as soon as it answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Protocol, Self, TypeVar

from penstock_kit.redis.link import RedisLink

# Keys that are settled one by one; what is owed under further ones is forgotten.
_MOST_OWED: Final = 10_000


class _Addable(Protocol):
    def __add__(self, other: Self, /) -> Self: ...


Debt = TypeVar("Debt", bound=_Addable)


class Settlement(Generic[Debt]):
    """Debts by key. `settle` pays one, and notes it anew when Redis does not answer.

    They are settled when the link comes back, and when a call was answered: a call that was merely too slow for its
    caller leaves the link up. What such a call had sent already takes effect by itself: an answer to a later one says
    that it did (`forgive` is told), and the end of the connection that it may be lost and is owed.
    """

    def __init__(
        self,
        link: RedisLink,
        *,
        settle: Callable[[str, Debt], Awaitable[None]],
        forgive: Callable[[str, Debt], Awaitable[None]],
    ) -> None:
        self._settle = settle
        self._forgive = forgive
        self._sent: list[tuple[str, Debt]] = []
        self._owed: dict[str, Debt] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        link.listen(self._on_link_change)

    def note(self, key: str, debt: Debt, *, sent: bool) -> None:
        """Note what was done here; `sent`: Redis was told, and did not answer in time."""
        if sent and len(self._sent) < _MOST_OWED:
            self._sent.append((key, debt))
        elif key in self._owed or len(self._owed) < _MOST_OWED:
            known = self._owed.get(key)
            self._owed[key] = debt if known is None else known + debt

    def on_answer(self) -> None:
        """Settle what is owed: Redis has answered."""
        if (self._owed or self._sent) and not self._tasks:
            (owed, self._owed), (sent, self._sent) = (self._owed, {}), (self._sent, [])
            task = asyncio.get_running_loop().create_task(self._settle_all(owed, sent))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _on_link_change(self, up: bool) -> None:
        sent, self._sent = self._sent, []
        for key, debt in sent:
            self.note(key, debt, sent=False)
        if up:
            self.on_answer()

    async def _settle_all(self, owed: dict[str, Debt], sent: Sequence[tuple[str, Debt]]) -> None:
        for key, debt in sent:
            await self._forgive(key, debt)
        for key, debt in owed.items():
            await self._settle(key, debt)
