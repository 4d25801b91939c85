"""Load by the clock: questions that come when they are due, however long the answers before them take."""

import asyncio
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

# Seconds between two looks at how late this process is woken.
_BEAT: Final = 0.01
# Questions that are open at most; what would be more is not asked.
_MOST_OPEN: Final = 400
_LOOK_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a question. `whole` says that nothing is missing; `retry_after` that a refusal says when to come."""

    status: int
    whole: bool = True
    retry_after: bool = False


Ask = Callable[[], Awaitable[Answer]]


@dataclass(slots=True, kw_only=True)
class Seen:
    """What came of many questions; `seconds` are those of the ones that were answered, `refused` of the others.

    `late` is by how many seconds whoever asked was woken too late: a part of all other times that is not the system's.
    """

    statuses: Counter[int] = field(default_factory=Counter[int])
    seconds: list[float] = field(default_factory=list[float])
    refused: list[float] = field(default_factory=list[float])
    late: list[float] = field(default_factory=list[float])
    cut: int = 0
    without_time: int = 0

    @property
    def answered(self) -> int:
        """How many were answered."""
        return self.statuses[200]

    @property
    def p99(self) -> float:
        """Seconds within which 99 of 100 answers came."""
        return _quantile(self.seconds, 0.99)

    @property
    def refused_p50(self) -> float:
        """Seconds within which half of the refusals came, 0 without any."""
        return _quantile(self.refused, 0.5)

    @property
    def refused_p99(self) -> float:
        """Seconds within which 99 of 100 refusals came, 0 without any."""
        return _quantile(self.refused, 0.99)

    @property
    def late_p99(self) -> float:
        """Seconds that 99 of 100 wake-ups of whoever asked were late by at most."""
        return _quantile(self.late, 0.99)

    def all_in_milliseconds(self) -> str:
        """Return how long answers and refusals took and how late whoever asked was woken, for people."""
        shown = (f"{_quantile(times, 0.5) * 1000:.0f}/{_quantile(times, 0.99) * 1000:.0f}" for times in self._times)
        return "answered {}, refused {}, woken late {} ms (p50/p99)".format(*shown)

    @property
    def _times(self) -> tuple[list[float], list[float], list[float]]:
        return self.seconds, self.refused, self.late

    async def watch_lateness(self) -> None:
        """Note how late this process is woken, until cancelled."""
        while True:
            asleep = time.monotonic()
            await asyncio.sleep(_BEAT)
            self.late.append(time.monotonic() - asleep - _BEAT)

    async def ask(self, ask: Ask) -> None:
        """Ask once and note what came of it."""
        began = time.monotonic()
        answer = await ask()
        self.statuses[answer.status] += 1
        if answer.status == 200:
            self.seconds.append(time.monotonic() - began)
            self.cut += not answer.whole
        else:
            self.refused.append(time.monotonic() - began)
            self.without_time += not answer.retry_after


def _quantile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[int(len(seconds) * share)] if seconds else 0.0


async def ask_from_beside(url: str, key: str, question: Mapping[str, object], *, seconds: float) -> Seen:
    """Ask one question after another from a process that does nothing else; return what came of it."""
    arguments = (url, key, json.dumps(question), str(seconds))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.probe", *arguments, stdout=asyncio.subprocess.PIPE
    )
    found = json.loads((await process.communicate())[0])
    statuses = Counter({200: len(found["answered"]), 503: len(found["refused"])})
    return Seen(statuses=statuses, seconds=found["answered"], refused=found["refused"], late=found["late"])


async def measure_capacity(ask: Ask, *, callers: int, seconds: float) -> tuple[float, Seen]:
    """Return how many questions a second are answered when so many callers ask one after another, and what they saw."""
    seen, end = Seen(), time.monotonic() + seconds

    async def call() -> None:
        while time.monotonic() < end:
            await seen.ask(ask)

    began = time.monotonic()
    await asyncio.gather(*(call() for _ in range(callers)))
    return seen.answered / (time.monotonic() - began), seen


async def ask_by_the_clock(ask: Ask, *, rate: float, seconds: float) -> Seen:
    """Ask `rate` questions a second and return what came of them when the last has its answer."""
    seen, open_ones = Seen(), set[asyncio.Task[None]]()
    watch = asyncio.create_task(seen.watch_lateness())
    began = time.monotonic()
    for number in itertools.count():
        due = number / rate
        if due >= seconds:
            break
        if (early := due - (time.monotonic() - began)) > _LOOK_SECONDS:
            await asyncio.sleep(early)
        if len(open_ones) < _MOST_OPEN:
            task = asyncio.create_task(seen.ask(ask))
            open_ones.add(task)
            task.add_done_callback(open_ones.discard)
    await asyncio.gather(*open_ones)
    watch.cancel()
    return seen


async def ask_now_and_then(ask: Ask, *, pause: float) -> Seen:
    """Ask again and again with a pause, until cancelled, and return what came of it."""
    seen = Seen()
    try:
        while True:
            await seen.ask(ask)
            await asyncio.sleep(pause)
    except asyncio.CancelledError:
        return seen
