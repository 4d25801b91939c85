"""Questions that wait for the answer before them: in order, few at a time, not for ever."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from penstock_kit.errors import ResourceExhausted


@dataclass(slots=True)
class _ConversationQueue:
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class QuestionQueue:
    """Lets the questions of a conversation try one after another, those that came first before."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._queues: dict[str, _ConversationQueue] = {}

    @property
    def waiting(self) -> int:
        """How many wait, in all conversations."""
        return sum(line.waiting for line in self._queues.values())

    @asynccontextmanager
    async def turn(self, conversation_id: str) -> AsyncGenerator[None]:
        """Enter when it is this question's turn; ResourceExhausted (QUESTIONS_LIMIT_EXCEEDED) when too many wait."""
        line = self._queues.setdefault(conversation_id, _ConversationQueue())
        if line.waiting >= self._most:
            text = f"{line.waiting} questions wait in the conversation {conversation_id} already, no more than that do"
            raise ResourceExhausted(
                f"{text}; ask again when one is answered", reason="QUESTIONS_LIMIT_EXCEEDED", retry_after=1
            )
        line.waiting += 1
        try:
            async with line.gate:
                yield
        finally:
            line.waiting -= 1
            if not line.waiting:
                del self._queues[conversation_id]
