"""A memory that tries again what it could not keep, and says so."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.memory import Memory, Note, RememberedTurn
from chat_stream_service.domain.stream.background import BackgroundJobs
from penstock_kit.errors import PenstockError, Unavailable
from penstock_kit.logging import get_logger

# Turns that wait to be kept; beyond that the oldest is given up.
_MOST_WAITING: Final = 200
_MOST_ATTEMPTS: Final = 10

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    turn: RememberedTurn
    attempts: int


class RetriedMemory:
    """The memory inside, with turns that it failed to keep tried again, in their order; see Memory."""

    def __init__(self, memory: Memory, *, background: BackgroundJobs) -> None:
        self._memory = memory
        self._background = background
        self._pending: deque[_Pending] = deque()
        self._given_up = 0
        self._retrying = False

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        """Return what fits the question."""
        return await self._memory.recall(owner, question)

    async def keep(self, turn: RememberedTurn) -> None:
        """Remember a turn; one that can't be kept now is tried again later, and raises all the same."""
        try:
            await self._memory.keep(turn)
        except Unavailable:
            self._enqueue(_Pending(turn=turn, attempts=1))
            raise

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        """Forget a conversation, what waits of it too."""
        self._pending = deque(late for late in self._pending if late.turn.conversation_id != conversation_id)
        await self._memory.forget(owner, conversation_id)

    async def health(self) -> EngineHealth:
        """Return the health of the memory inside, with how much waits to be kept and was given up."""
        health = await self._memory.health()
        waiting = f"{len(self._pending)} exchanges wait to be remembered" if self._pending else ""
        given_up = f"{self._given_up} were given up" if self._given_up else ""
        detail = "; ".join(filter(None, (health.detail, waiting, given_up)))
        return EngineHealth(healthy=health.healthy and not self._pending, detail=detail)

    async def retry_soon(self) -> None:
        """Have what waits tried again, behind everything else; a task."""
        if self._pending and not self._retrying:
            self._retrying = self._background.submit("remember again", self._retry)

    async def _retry(self) -> None:
        try:
            while self._pending and await self._retry_one(self._pending.popleft()):
                pass
        finally:
            self._retrying = False

    async def _retry_one(self, late: _Pending) -> bool:
        """Try one again; False when it failed once more, and the others would too."""
        try:
            await self._memory.keep(late.turn)
        except PenstockError as error:
            if late.attempts + 1 < _MOST_ATTEMPTS:
                self._pending.appendleft(_Pending(turn=late.turn, attempts=late.attempts + 1))
            else:
                self._give_up(error.reason)
            return False
        return True

    def _enqueue(self, late: _Pending) -> None:
        self._pending.append(late)
        if len(self._pending) > _MOST_WAITING:
            self._pending.popleft()
            self._give_up("too many wait")

    def _give_up(self, why: str) -> None:
        self._given_up += 1
        log.warning("a turn is not remembered", why=why, given_up=self._given_up)
