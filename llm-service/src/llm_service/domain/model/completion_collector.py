"""Collects whole completions, which are returned before their calls are settled."""

import asyncio
from typing import Final

from llm_service.domain.model.completion import Completion, CompletionFold
from llm_service.domain.model.provider import EventStream
from penstock_kit.logging import get_logger

# For what follows the last event: writing to a cache, closing what is left of an upstream call.
_SECONDS: Final = 30.0

log = get_logger(__name__)


class CompletionCollector:
    """Folds streams of events into completions.

    An answer is there as soon as `Finished` came. What its stream does after that (settling, the ledger's row, the
    cache) is done in a task of its own while the answer is on its way; `drain` waits for these.
    """

    def __init__(self) -> None:
        self._ending: set[asyncio.Task[None]] = set()

    async def collect(self, stream: EventStream) -> Completion:
        """Return the whole answer of `stream`; raise what it raises."""
        fold = CompletionFold()
        try:
            async for batch in stream:
                fold.add(batch)
                if fold.is_complete:
                    break
            completion = fold.completion()
        except BaseException:
            await stream.aclose()
            raise
        task = asyncio.create_task(_end(stream))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return completion

    async def drain(self) -> None:
        """Return when nothing is left to be done for the answers given so far."""
        if self._ending:
            await asyncio.wait(self._ending)


async def _end(stream: EventStream) -> None:
    await asyncio.sleep(0)  # the answer goes first
    try:
        async with asyncio.timeout(_SECONDS):
            async for _ in stream:
                pass
    except Exception:
        log.exception("a call did not end well after its answer was complete")
    finally:
        await stream.aclose()
