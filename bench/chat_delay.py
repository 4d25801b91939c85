"""Many streams at once: how late their chunks are, and what each of them costs in memory."""

import asyncio
import re
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bench.load import Target, accepted, rest_of
from bench.measure import percentile
from bench.startup import services_of
from penstock_testkit.system import RunningSystem

STAMP = re.compile(rb"word\d+@(\d+\.\d+) ")
END = b"event: complete_state"
# The streams begin one after another, as callers do, and not in one moment; what is measured begins when all of them
# are under way.
SPREAD_SECONDS = 4.0
MEASURED_SECONDS = (4.5, 8.0)
SETTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Milliseconds from the upstream's write of each chunk to our read of it, by half second, while all streams were
    under way; and how many chunks came in all."""

    windows: Sequence[Sequence[float]]
    count: int

    def usual(self, share: float) -> float:
        """The percentile of the middle one of the half seconds: what else the machine does shows in few of them."""
        return statistics.median(percentile(window, share) for window in self.windows if window)

    def overall(self, share: float) -> float:
        """The percentile of all chunks."""
        return percentile([each for window in self.windows for each in window], share)


async def delays(targets: Sequence[Target]) -> Delays:
    """Read all of the targets, which are paced, to their ends."""
    begun = time.perf_counter()
    earliest, latest = (begun + seconds for seconds in MEASURED_SECONDS)
    windows: dict[int, list[float]] = defaultdict(list)
    count = 0

    async def read(target: Target, wait: float) -> None:
        nonlocal count
        await asyncio.sleep(wait)
        rest = b""
        async with target.post() as answer:
            await accepted(answer)
            while piece := await answer.read_some():
                now = time.perf_counter()
                # The last event holds the whole text again.
                text, end, _ = (rest + piece).partition(END)
                sent = [float(stamp) for stamp in STAMP.findall(text)]
                count += len(sent)
                for time_sent in sent:
                    if earliest <= time_sent <= latest:
                        windows[int(2 * time_sent)].append((now - time_sent) * 1000)
                if end:
                    await rest_of(answer)
                    return
                # A stamp may be cut in two, but no event is read twice.
                rest = text[text.rfind(b"\n") + 1 :] if b"\n" in text else text

    pause = SPREAD_SECONDS / len(targets)
    async with asyncio.timeout(30):
        await asyncio.gather(*(read(target, number * pause) for number, target in enumerate(targets)))
    return Delays(windows=list(windows.values()), count=count)


async def memory_per_stream(system: RunningSystem, chats: Sequence[Target]) -> dict[str, float]:
    """MB of resident memory by which the processes have grown for each stream, while all of them are open."""
    before = resident(system)
    opened = asyncio.Semaphore(50)
    release = asyncio.Event()
    all_ready = asyncio.Barrier(len(chats) + 1)

    async def reservation(chat: Target) -> None:
        async with AsyncExitStack() as stack:
            async with opened:
                answer = await accepted(await stack.enter_async_context(chat.post()))
                await answer.read_some()
            await all_ready.wait()
            await release.wait()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for chat in chats:
            group.create_task(reservation(chat))
        await all_ready.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        after = resident(system)
        release.set()
    grown = {name: (after[name] - before[name]) / len(chats) for name in before}
    pair = {name: grown[name] for name in ("gateway", "chat_stream_service")}
    return {"gateway and chat-stream-service": sum(pair.values()), **pair, "llm_service": grown["llm_service"]}


def resident(system: RunningSystem) -> dict[str, float]:
    """MB of resident memory by process."""
    services = services_of(system.process.pid)
    return {name: service.memory_info().rss / 1024**2 for name, service in services.items()}
