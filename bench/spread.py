"""A load of many streams whose pieces come evenly and at no two streams at once."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.chat_delay import END, STAMP
from bench.load import Target, accepted, rest_of
from bench.measure import percentile

# What is measured begins when all streams are under way, and ends before the first of them does.
STARTING_SECONDS: Final = 4.0
MEASURED_SECONDS: Final = (4.5, 7.9)
STREAM_SECONDS: Final = 8
# Steps of the golden section fall evenly into the time between two pieces, however many there are.
GOLDEN: Final = 0.6180339887
PATIENCE_SECONDS: Final = 60.0
REFUSED: Final = 503
REFUSED_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Milliseconds from the upstream's write to our read, of the pieces sent while all streams were under way;
    `measured` counts what arrived in that time, `arrived` is per cent of all pieces of all streams."""

    delays: Sequence[float]
    measured: int
    arrived: float

    def delay(self, share: float) -> float:
        """A percentile of the delays."""
        return percentile(self.delays, share)


async def spread_streams(
    targets: Sequence[Target], *, pace: int, cpu: Callable[[], Mapping[str, float]]
) -> tuple[Arrivals, Mapping[str, float]]:
    """Read all streams to their ends; return what arrived, and by how much `cpu` grew while it was measured."""
    load = _Load(pace=pace, streams=len(targets))
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        meter = group.create_task(load.meter(cpu))
        for number, target in enumerate(targets):
            group.create_task(load.read(target, load.start_of(number)))
    return load.arrivals(), meter.result()


class _Load:
    """The readers of one load and what they have seen."""

    def __init__(self, *, pace: int, streams: int) -> None:
        self._pace = pace
        self._streams = streams
        self._begun = time.perf_counter() + 0.1
        self._earliest, self._latest = (self._begun + seconds for seconds in MEASURED_SECONDS)
        self._delays: list[float] = []
        self._count = 0
        self._measured = 0

    def start_of(self, number: int) -> float:
        """When a stream begins: a phase of its own, and no more beginnings at once than callers would make."""
        step = number * STARTING_SECONDS / self._streams
        return self._begun + step - step % (1 / self._pace) + (number * GOLDEN % 1) / self._pace

    async def meter(self, cpu: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
        """By how much the CPU grew while it was measured."""
        await asyncio.sleep(self._earliest - time.perf_counter())
        before, counted = cpu(), self._count
        await asyncio.sleep(self._latest - time.perf_counter())
        after = cpu()
        self._measured = self._count - counted
        return {name: after[name] - before[name] for name in before}

    async def read(self, target: Target, start: float) -> None:
        """Read one stream to its end."""
        await asyncio.sleep(start - time.perf_counter())
        while not await self._read(target):  # noqa: ASYNC110 - another attempt, not a wait for something here
            await asyncio.sleep(REFUSED_SECONDS)

    async def _read(self, target: Target) -> bool:
        """Return whether it was read: a stream that is refused, because too many begin at once, is asked for again."""
        rest = b""
        async with target.post() as answer:
            if answer.status == REFUSED:
                await rest_of(answer)
                return False
            await accepted(answer)
            while piece := await answer.read_some():
                # The last event of a chat holds the whole text again.
                text, end, _ = (rest + piece).partition(END)
                self._take(text)
                if end:
                    await rest_of(answer)
                    break
                # A stamp may be cut in two, but no event is read twice.
                rest = text[text.rfind(b"\n") + 1 :]
        return True

    def _take(self, text: bytes) -> None:
        now = time.perf_counter()
        for stamp in STAMP.findall(text):
            self._count += 1
            if self._earliest <= (sent := float(stamp)) <= self._latest:
                self._delays.append((now - sent) * 1000)

    def arrivals(self) -> Arrivals:
        """What arrived in all."""
        sent = self._streams * STREAM_SECONDS * self._pace
        return Arrivals(delays=self._delays, measured=self._measured, arrived=100 * self._count / sent)
