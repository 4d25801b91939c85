"""A memory that is not there: the engine that wants it answers without, and its health says what is missing."""

from collections.abc import Sequence

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.memory import Note, RememberedTurn


class AbsentMemory:
    """Recalls nothing and keeps nothing; `detail` says what would be right. See Memory."""

    def __init__(self, detail: str) -> None:
        self._detail = detail

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        """Return nothing."""
        return ()

    async def keep(self, turn: RememberedTurn) -> None:
        """Do nothing."""

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        """Do nothing."""

    async def health(self) -> EngineHealth:
        """Return that it is not there, and why."""
        return EngineHealth(healthy=False, detail=self._detail)

    async def close(self) -> None:
        """Do nothing."""
