"""What every benchmark shares: percentiles, interleaved rounds and the record of a result."""

import platform
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number. `ratio` compares it with what `beside` names; `goal` is in words."""

    name: str
    value: float
    unit: str
    beside: str = ""
    ratio: float | None = None
    goal: str = ""


@dataclass(slots=True, kw_only=True)
class Report:
    """The figures of one benchmark."""

    title: str
    figures: list[Figure] = field(default_factory=list[Figure])
    note: str = ""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the sorted values lie, nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def interleaved(rounds: int, *runs: Callable[[], Awaitable[Sequence[float]]]) -> list[tuple[float, float]]:
    """Run each in turn, `rounds` times; return the median over rounds of each run's (p50, p99)."""
    found: list[list[tuple[float, float]]] = [[] for _ in runs]
    for _ in range(rounds):
        for index, run in enumerate(runs):
            values = await run()
            found[index].append((percentile(values, 0.5), percentile(values, 0.99)))
    return [(statistics.median(p50 for p50, _ in one), statistics.median(p99 for _, p99 in one)) for one in found]


def machine() -> str:
    """What the figures were taken on, in a line."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    cores = len([line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("processor")])
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return f"{model}, {cores} cores, {int(memory.split()[1]) // 1024**2 + 1} GiB, Python {platform.python_version()}"
