"""A memory that tries again what it could not keep, and says so."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.memory import Exchange, Memory, Note
from chat_stream_service.domain.stream.background import Background
from penstock_kit.errors import PenstockError, Unavailable
from penstock_kit.logging import get_logger

# Exchanges that wait to be kept; beyond that the oldest is given up.
_MOST_WAITING: Final = 200
_MOST_ATTEMPTS: Final = 10

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Late:
    exchange: Exchange
    attempts: int


class RetriedMemory:
    """The memory inside, with exchanges that it failed to keep tried again, in their order; see Memory."""

    def __init__(self, memory: Memory, *, background: Background) -> None:
        self._memory = memory
        self._background = background
        self._late: deque[_Late] = deque()
        self._given_up = 0
        self._retrying = False

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        """Return what fits the question."""
        return await self._memory.recall(owner, question)

    async def keep(self, exchange: Exchange) -> None:
        """Remember an exchange; one that can't be kept now is tried again later, and raises all the same."""
        try:
            await self._memory.keep(exchange)
        except Unavailable:
            self._wait(_Late(exchange=exchange, attempts=1))
            raise

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        """Forget a conversation, what waits of it too."""
        self._late = deque(late for late in self._late if late.exchange.conversation_id != conversation_id)
        await self._memory.forget(owner, conversation_id)

    async def health(self) -> EngineHealth:
        """Return the health of the memory inside, with how much waits to be kept and was given up."""
        health = await self._memory.health()
        waiting = f"{len(self._late)} exchanges wait to be remembered" if self._late else ""
        given_up = f"{self._given_up} were given up" if self._given_up else ""
        detail = "; ".join(filter(None, (health.detail, waiting, given_up)))
        return EngineHealth(healthy=health.healthy and not self._late, detail=detail)

    async def retry_soon(self) -> None:
        """Have what waits tried again, behind everything else; a chore."""
        if self._late and not self._retrying:
            self._retrying = self._background.submit("remember again", self._retry)

    async def _retry(self) -> None:
        try:
            while self._late and await self._kept(self._late.popleft()):
                pass
        finally:
            self._retrying = False

    async def _kept(self, late: _Late) -> bool:
        """Try one again; False when it failed once more, and the others would too."""
        try:
            await self._memory.keep(late.exchange)
        except PenstockError as error:
            if late.attempts + 1 < _MOST_ATTEMPTS:
                self._late.appendleft(_Late(exchange=late.exchange, attempts=late.attempts + 1))
            else:
                self._give_up(error.reason)
            return False
        return True

    def _wait(self, late: _Late) -> None:
        self._late.append(late)
        if len(self._late) > _MOST_WAITING:
            self._late.popleft()
            self._give_up("too many wait")

    def _give_up(self, why: str) -> None:
        self._given_up += 1
        log.warning("an exchange is not remembered", why=why, given_up=self._given_up)
