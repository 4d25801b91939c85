"""One answer being made: an engine's turn, written to the log with exactly one end."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum

from chat_stream_service.domain.model.engine import Engine, ModelSelected, RoundFinished, Turn, TurnEvent
from chat_stream_service.domain.model.event import ChatEvent, CompleteState, ErrorEvent, EventBody, MessageChunk
from chat_stream_service.domain.model.event_log import EventLog, StreamHeader, StreamTakenOver
from chat_stream_service.domain.stream.event_fold import EventFold
from chat_stream_service.domain.stream.picture_memory import PictureReservation
from chat_stream_service.domain.stream.recording import Recording
from chat_stream_service.domain.stream.statistics import StreamStatistics
from chat_stream_service.domain.stream.terminal_event import completed, failed, shut_down, stopped, timed_out
from chat_stream_service.domain.stream.transcript import Transcript
from penstock_kit.clock import Clock
from penstock_kit.errors import Internal, PenstockError
from penstock_kit.idle_timeout import IdleTimeout
from penstock_kit.logging import get_logger

log = get_logger(__name__)


class StopCause(StrEnum):
    """Why a running answer is ended from outside; the finish reason of what it leaves."""

    USER = "stopped"
    ABANDONED = "disconnected"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """Seconds: an answer in all, and without anything new."""

    total: float = 600.0
    idle: float = 120.0


class StreamRun:
    """Produces one stream. Readers have no hand in it: they read the log.

    Whatever happens (engine failure, time limit, stop, a store that is down) the log gets one terminal event.
    """

    def __init__(
        self,
        *,
        header: StreamHeader,
        turn: Turn,
        recording: Recording,
        engine: Engine,
        event_log: EventLog,
        transcript: Transcript,
        limits: RunLimits,
        clock: Clock,
        statistics: StreamStatistics,
        debug: bool,
        reservation: PictureReservation,
    ) -> None:
        self.header = header
        self._turn = turn
        self._recording = recording
        self._engine = engine
        self._log = event_log
        self._transcript = transcript
        self._limits = limits
        self._clock = clock
        self._statistics = statistics
        self._debug = debug
        self._reservation = reservation
        self._fold = EventFold()
        self._cause: StopCause | None = None
        self._work: asyncio.Task[None] | None = None
        self._deadline = 0.0

    def stop(self, cause: StopCause) -> bool:
        """Ask the run to end; returns False when it is ending already."""
        if self._cause is not None or (self._work is not None and self._work.done()):
            return False
        self._cause = cause
        if self._work is not None:
            self._work.cancel()
        return True

    async def produce(self) -> None:
        """Run the turn to its end; returns when the terminal event is in the log."""
        self._statistics.on_stream_start()
        self._recording.begin()
        try:
            body = await self._run_engine()
            await self._log.settle(self.header.stream_id)
            await self._append([await self._recording.end(body, sequence=self._fold.sequence + 1)])
        except StreamTakenOver as error:
            # Its readers have an end, written by the replica that took it over.
            log.warning("stream given up", stream_id=self.header.stream_id, detail=error.message)
        finally:
            self._recording.close()
            self._reservation.release()
            self._statistics.on_stream_end(self._fold.status)

    async def _run_engine(self) -> CompleteState | ErrorEvent:
        """Follow the engine to its end and return the terminal event that follows from it."""
        if self._cause is None:
            self._work = asyncio.create_task(self._follow_engine())
        try:
            if self._work is not None:
                await self._work
        except asyncio.CancelledError:
            if self._cause is None:
                raise
        except TimeoutError:
            was_idle = asyncio.get_running_loop().time() < self._deadline
            return timed_out(self._fold, total=self._limits.total, idle=self._limits.idle, was_idle=was_idle)
        except StreamTakenOver:
            raise
        except PenstockError as error:
            return failed(error, self._fold)
        except Exception:
            log.exception("engine failed", stream_id=self.header.stream_id)
            return failed(Internal("the engine failed; the service log has it", reason="ENGINE_FAILED"), self._fold)
        if self._cause is StopCause.SHUTDOWN:
            return shut_down(self._fold)
        if self._cause is not None:
            body = stopped(self._fold, self._transcript, finish_reason=self._cause.value)
        else:
            body = completed(self._fold, self._transcript)
        return replace(body, notices=(*self._turn.notices, *body.notices))

    async def _follow_engine(self) -> None:
        now = asyncio.get_running_loop().time
        self._deadline = now() + self._limits.total
        answers = self._engine.generate_response(self._turn)
        self._turn = replace(self._turn, ahead=None)  # what was looked up is the engine's, and of no more use then
        async with asyncio.timeout(None) as limit, aclosing(answers) as answer:
            with IdleTimeout(limit, deadline=self._deadline) as idle:
                idle.start(self._limits.idle)
                async for batch in answer:
                    idle.start(self._limits.idle)
                    await self._publish(batch)

    async def _publish(self, batch: Sequence[TurnEvent]) -> None:
        bodies: list[EventBody] = []
        for event in batch:
            self._transcript.add(event)
            if not isinstance(event, ModelSelected | RoundFinished):
                bodies.append(event)
        if bodies:
            await self._append(bodies)

    async def _append(self, bodies: Sequence[EventBody]) -> None:
        """Give the bodies their sequences and write them to the log."""
        first = self._fold.sequence + 1
        now = self._clock.now()
        debug = self._turn.timeline.debug() if self._debug else None
        events = [
            ChatEvent(
                stream_id=self.header.stream_id,
                conversation_id=self.header.conversation_id,
                sequence=sequence,
                create_time=now,
                body=body,
                debug=debug,
            )
            for sequence, body in enumerate(bodies, first)
        ]
        await self._log.append(events)
        if first == 1:
            self._recording.on_first_event()
            self._statistics.on_first_event(self._turn.timeline.elapsed())
        self._fold.add_events(events)
        self._statistics.on_events(len(events), sum(isinstance(body, MessageChunk) for body in bodies))
