"""What an engine remembers with: turns of the user, and the summary of the conversation."""

from collections.abc import Sequence

from chat_stream_service.domain.memory.memory_statistics import MemoryStatistics
from chat_stream_service.domain.memory.summary import Summarizer
from chat_stream_service.domain.memory.turn_memory import TurnMemory
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth, Turn
from chat_stream_service.domain.model.memory import Note, RememberedTurn
from chat_stream_service.domain.model.message import PromptMessage, Role, words_of
from chat_stream_service.domain.stream.background import BackgroundJobs
from penstock_kit.clock import Clock
from penstock_kit.errors import NotFound


class EngineMemory:
    """Looks back before a turn, takes it in after it. Neither ever fails the turn."""

    def __init__(
        self,
        *,
        memory: TurnMemory,
        summarizer: Summarizer,
        background: BackgroundJobs,
        statistics: MemoryStatistics,
        clock: Clock,
    ) -> None:
        self._memory = memory
        self._summarizer = summarizer
        self._background = background
        self._statistics = statistics
        self._clock = clock

    async def recall(self, owner: Owner, question: PromptMessage) -> Sequence[Note]:
        """Return what may help to answer, within the memory's time; never raises."""
        self._statistics.turns += 1
        if question.role is not Role.USER:
            return ()
        return await self._memory.recall(owner, question.content)

    def keep(self, turn: Turn, answer: str, *, offline: bool = False) -> None:
        """Remember a turn, and bring the conversation's summary up to date when there is much to tell.

        `offline` says that the offline provider answered: no model is asked for the summary then.
        """
        if turn.question.role is Role.USER:
            self._memory.keep(_remembered(turn, answer, self._clock))
        told = (*turn.history, turn.question, PromptMessage(role=Role.ASSISTANT, content=answer))
        if self._summarizer.is_due(told):
            self._background.submit("summarise", lambda: self._summarise(turn, by_model=not offline))

    async def health(self) -> EngineHealth:
        """Return whether the memory works; never raises."""
        return await self._memory.health()

    async def _summarise(self, turn: Turn, *, by_model: bool) -> None:
        try:
            await self._summarizer.update(owner_of(turn), turn.conversation_id, by_model=by_model)
        except NotFound:
            return  # deleted meanwhile


def owner_of(turn: Turn) -> Owner:
    """Return whose turn it is."""
    return Owner(tenant_id=turn.tenant_id, user_id=turn.user_id)


def _remembered(turn: Turn, answer: str, clock: Clock) -> RememberedTurn:
    return RememberedTurn(
        owner=owner_of(turn),
        conversation_id=turn.conversation_id,
        stream_id=turn.stream_id,
        question=words_of(turn.question),
        answer=answer,
        create_time=clock.now(),
    )
