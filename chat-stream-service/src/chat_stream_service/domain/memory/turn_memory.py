"""Memory as a turn uses it: it never costs the turn more than its share of time, and never the answer."""

import asyncio
from collections.abc import Sequence
from typing import Final

from chat_stream_service.domain.memory.memory_statistics import KeepOutcome, MemoryStatistics, RecallOutcome
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.memory import Memory, Note, RememberedTurn
from chat_stream_service.domain.model.search_term import search_terms
from chat_stream_service.domain.stream.background import BackgroundJobs
from penstock_kit.breaker import Breaker
from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger

# Of the time for recall, what the whole memory gets before its quick part is asked too.
_FIRST_SHARE: Final = 0.4
# A recall that comes too late may go on for so long (seconds): it fills the cache for next time.
_LATE_SECONDS: Final = 10.0

log = get_logger(__name__)


class TurnMemory:
    """Recalls within `recall_seconds`, else goes on without; keeps turns in the background.

    `quick` is asked when the whole memory takes its time, and its notes are used when that comes too late. A memory
    that fails or is slow again and again is not asked for a while.
    """

    def __init__(
        self,
        memory: Memory,
        *,
        quick: Memory | None = None,
        recall_seconds: float,
        breaker: Breaker,
        background: BackgroundJobs,
        statistics: MemoryStatistics,
        clock: Clock,
    ) -> None:
        self._memory = memory
        self._quick = quick
        self._recall_seconds = recall_seconds
        self._breaker = breaker
        self._background = background
        self._statistics = statistics
        self._clock = clock

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        """Return what fits the question, nothing when memory is slow or fails; never raises."""
        if not search_terms(question, most=1):
            # "How are you?" is about nothing that could be looked up.
            self._statistics.recalled(RecallOutcome.EMPTY, seconds=0.0)
            return ()
        if not self._breaker.try_acquire():
            self._statistics.recalled(RecallOutcome.SKIPPED, seconds=0.0)
            return ()
        began = self._clock.monotonic()
        outcome, notes = await self._recall_in_time(owner, question)
        self._statistics.recalled(outcome, seconds=self._clock.monotonic() - began, notes=len(notes))
        return notes

    def keep(self, turn: RememberedTurn) -> None:
        """Have a turn remembered soon."""

        async def keep() -> None:
            try:
                await self._memory.keep(turn)
            except Exception as error:  # noqa: BLE001 - without a traceback, whose values hold what was said
                self._statistics.kept[KeepOutcome.FAILED] += 1
                log.warning("turn not remembered", engine=self._statistics.engine, error=type(error).__name__)
                return
            self._statistics.kept[KeepOutcome.KEPT] += 1

        if not self._background.submit(f"remember for {self._statistics.engine}", keep):
            self._statistics.kept[KeepOutcome.DROPPED] += 1

    async def health(self) -> EngineHealth:
        """Return whether memory works; never raises."""
        return await self._memory.health()

    async def _recall_in_time(self, owner: Owner, question: str) -> tuple[RecallOutcome, Sequence[Note]]:
        whole = asyncio.create_task(self._memory.recall(owner, question))
        try:
            share = 1.0 if self._quick is None else _FIRST_SHARE
            done, _ = await asyncio.wait({whole}, timeout=self._recall_seconds * share)
            if not done and self._quick is not None:
                return await self._with_quick(whole, asyncio.create_task(self._quick.recall(owner, question)))
            return self._take_result(whole)
        except asyncio.CancelledError:
            whole.cancel()
            raise

    async def _with_quick(
        self, whole: asyncio.Task[Sequence[Note]], quick: asyncio.Task[Sequence[Note]]
    ) -> tuple[RecallOutcome, Sequence[Note]]:
        await asyncio.wait({whole, quick}, timeout=self._recall_seconds * (1 - _FIRST_SHARE))
        if whole.done():
            self._finish_in_background(quick)
            return self._take_result(whole)
        self._finish_in_background(whole)
        return self._take_result(quick)

    def _take_result(self, task: asyncio.Task[Sequence[Note]]) -> tuple[RecallOutcome, Sequence[Note]]:
        """Return what a recall brought, by now."""
        if not task.done():
            self._finish_in_background(task)
            self._on_failure("memory is too slow", detail=f"more than {self._recall_seconds:g} s")
            return RecallOutcome.SLOW, ()
        error = task.exception()
        if error is not None:
            self._on_failure("memory failed", detail=_describe(error))
            return RecallOutcome.FAILED, ()
        self._breaker.record_success()
        notes = task.result()
        return (RecallOutcome.HIT if notes else RecallOutcome.EMPTY), notes

    def _on_failure(self, event: str, *, detail: str) -> None:
        if self._breaker.record_failure():
            log.warning(f"{event}, going on without it", engine=self._statistics.engine, detail=detail)

    def _finish_in_background(self, task: asyncio.Task[Sequence[Note]]) -> None:
        """Let a late recall go on for a while, so that what it found is there the next time."""
        self._background.add_task(task, seconds=_LATE_SECONDS)


def _describe(error: BaseException) -> str:
    """Return what a failure says in a log: only errors of ours, for a driver's hold the question they failed with."""
    return error.message if isinstance(error, PenstockError) else type(error).__name__
