"""From a request to a run that is ready to begin."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from chat_stream_service.domain.conversations.personality import PersonalityStore, TemplateStore
from chat_stream_service.domain.engines.registry import EngineRegistry
from chat_stream_service.domain.model.conversation import title_from
from chat_stream_service.domain.model.conversation_store import ConversationStore, TurnStart
from chat_stream_service.domain.model.engine import Engine, PersonaSettings, Turn
from chat_stream_service.domain.model.event_log import EventLog, StreamHeader
from chat_stream_service.domain.model.message import Message, PromptMessage
from chat_stream_service.domain.model.picture import check_pictures, total_bytes
from chat_stream_service.domain.model.stream_request import StreamRequest
from chat_stream_service.domain.model.timeline import Timeline
from chat_stream_service.domain.stream.history import load_history
from chat_stream_service.domain.stream.pending_writes import PendingWrites
from chat_stream_service.domain.stream.picture_memory import PictureMemory, PictureReservation
from chat_stream_service.domain.stream.recording import Recording, RecordingLimits
from chat_stream_service.domain.stream.run import RunLimits, StreamRun
from chat_stream_service.domain.stream.statistics import StreamStatistics
from chat_stream_service.domain.stream.transcript import Transcript
from penstock_kit.clock import Clock
from penstock_kit.errors import NotFound

_PERSONALITY_GONE: Final = (
    "The personality of this conversation was deleted, so it is answered without one; choose another one for it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingStream:
    """The stream that the same request id began before."""

    stream_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _TurnInputs:
    """What was found out before a run can be made."""

    engine: Engine
    timeline: Timeline
    opening: TurnStart
    persona: PersonaSettings
    history: tuple[PromptMessage, ...]
    question: PromptMessage
    reservation: PictureReservation
    ahead: asyncio.Task[Any] | None
    notices: tuple[str, ...]

    def cancel(self) -> None:
        """Give up what was begun: there is to be no turn."""
        self.reservation.release()
        if self.ahead is not None:
            self.ahead.cancel()


class RunFactory:
    """Looks up all that a turn needs, opens its log and makes its run."""

    def __init__(
        self,
        *,
        event_log: EventLog,
        store: ConversationStore,
        engines: EngineRegistry,
        personalities: PersonalityStore,
        templates: TemplateStore,
        limits: RunLimits,
        pending_writes: PendingWrites,
        history_messages: int,
        picture_memory: PictureMemory,
        clock: Clock,
        new_id: Callable[[str], str],
        statistics: StreamStatistics,
    ) -> None:
        self._log = event_log
        self._store = store
        self._pending_writes = pending_writes
        self._picture_memory = picture_memory
        self._engines = engines
        self._personalities = personalities
        self._templates = templates
        self._limits = limits
        self._history_messages = history_messages
        self._clock = clock
        self._new_id = new_id
        self._statistics = statistics

    async def make(self, request: StreamRequest) -> StreamRun | ExistingStream:
        """Return the run of a request, its log open; or the stream that answers the same request id already.

        Raises NotFound for a conversation, engine, personality or template the owner does not have, and
        InvalidArgument for a request that can't be answered; ConversationBusy while another one is being answered.
        """
        prepared = await self._prepare(request)
        if prepared.opening.earlier_stream_id:
            prepared.cancel()
            return ExistingStream(stream_id=prepared.opening.earlier_stream_id)
        header = StreamHeader(
            stream_id=self._new_id("strm"),
            conversation_id=request.conversation_id,
            tenant_id=request.owner.tenant_id,
            user_id=request.owner.user_id,
            create_time=self._clock.now(),
            request_id=request.request_id,
        )
        try:
            begun = await self._log.open(header)
        except BaseException:
            prepared.cancel()
            raise
        if begun.stream_id != header.stream_id:
            prepared.cancel()
            return ExistingStream(stream_id=begun.stream_id)
        return self._run(request, prepared, header)

    async def _prepare(self, request: StreamRequest) -> _TurnInputs:
        timeline = Timeline(self._clock)
        engine = self._engines.get(request.engine)
        timeline.engine = engine.get_engine_info().name
        content = await self._content(request)
        request.check_content(content)
        shown = check_pictures(request.pictures, self._new_id)
        question = PromptMessage(role=request.role, content=content, pictures=shown)
        reservation = self._reserve(question)
        ahead = engine.look_ahead(request.owner, question)
        try:
            with timeline.measure("load_history"):
                opening = await self._store.open_turn(
                    request.owner,
                    request.conversation_id,
                    request_id=request.request_id,
                    history_limit=self._history_messages,
                )
                history = await load_history(
                    self._store, request.owner, opening.history, question=question, reservation=reservation
                )
            persona, notices = await self._persona(request, opening.conversation.personality_id)
        except BaseException:
            reservation.release()
            if ahead is not None:
                ahead.cancel()
            raise
        return _TurnInputs(
            engine=engine,
            timeline=timeline,
            opening=opening,
            persona=persona,
            history=history,
            question=question,
            reservation=reservation,
            ahead=ahead,
            notices=notices,
        )

    def _reserve(self, question: PromptMessage) -> PictureReservation:
        """Return the memory of the question's pictures; Unavailable without room, or while turns wait to be stored."""
        if question.pictures:
            self._pending_writes.check_empty()
        return self._picture_memory.reserve(total_bytes(question.pictures))

    async def _content(self, request: StreamRequest) -> str:
        if not request.template_id:
            return request.content
        template = await self._templates.get(request.owner, request.template_id)
        return template.filled(request.content, request.template_values)

    async def _persona(
        self, request: StreamRequest, default_personality: str
    ) -> tuple[PersonaSettings, tuple[str, ...]]:
        """Return how to speak, and what to tell of it: a conversation goes on when its personality is deleted."""
        personality_id = request.personality_id or default_personality
        if not personality_id:
            return PersonaSettings(), ()
        try:
            return (await self._personalities.get(request.owner, personality_id)).settings, ()
        except NotFound:
            if request.personality_id:
                raise
            return PersonaSettings(), (_PERSONALITY_GONE,)

    def _run(self, request: StreamRequest, prepared: _TurnInputs, header: StreamHeader) -> StreamRun:
        question = Message(
            id=self._new_id("msg"),
            conversation_id=header.conversation_id,
            role=request.role,
            content=prepared.question.content,
            create_time=header.create_time,
            stream_id=header.stream_id,
            status="completed",
            pictures=prepared.question.pictures,
        )
        transcript = Transcript(header, clock=self._clock, new_id=self._new_id)
        recording = Recording(
            header=header,
            question=question,
            title=title_from(prepared.question.content),
            transcript=transcript,
            store=self._store,
            pending_writes=self._pending_writes,
            limits=RecordingLimits(),
            clock=self._clock,
        )
        return StreamRun(
            header=header,
            turn=_turn(request, prepared, header),
            recording=recording,
            engine=prepared.engine,
            event_log=self._log,
            transcript=transcript,
            limits=self._limits,
            clock=self._clock,
            statistics=self._statistics,
            debug=request.debug,
            reservation=prepared.reservation,
        )


def _turn(request: StreamRequest, prepared: _TurnInputs, header: StreamHeader) -> Turn:
    return Turn(
        stream_id=header.stream_id,
        conversation_id=header.conversation_id,
        tenant_id=header.tenant_id,
        user_id=header.user_id,
        history=prepared.history,
        question=prepared.question,
        timeline=prepared.timeline,
        model=request.model or prepared.opening.conversation.model,
        persona=prepared.persona,
        use_tools=request.use_tools,
        summary=prepared.opening.summary,
        ahead=prepared.ahead,
        cache=request.cache,
        notices=prepared.notices,
    )
