"""What a spread piece costs: CPU by process and delay, at a model's pace, beside the bare relay.

Models send small pieces evenly. Here every stream sends 20 a second (10, where there are a thousand streams) and their
phases are spread evenly over the time between two pieces, so that no two pieces come at the same moment. CPU is what
the kernel counted for our processes; that of the upstream and of the load's own client is not in it.
"""

import os
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil

from bench.chat import ChatBench
from bench.completions import http_client, system_in_front_of, upstream
from bench.load import Target
from bench.measure import Figure, Report
from bench.relay import relay
from bench.spread import Arrivals, spread_streams
from bench.startup import services_of
from penstock_testkit.system import RunningSystem

# Streams, the upstream's way to send, and the pieces a second of each.
LOADS: Final = ((20, "paced", 20), (200, "paced", 20), (500, "paced", 20), (1000, "slow", 10))
GOALS: Final = {
    ("chat", 200): ("≤ 150 µs", "≤ 15 ms", "≤ 30 ms"),
    ("completions", 200): ("≤ 120 µs", "", ""),
    ("chat", 1000): ("", "", "≤ 100 ms"),
}
# The streams whose memory is told: the first of a fresh system, as its processes keep what they needed once.
MOST: Final = 1000
ROUNDS: Final = 3
NOTE: Final = (
    "Every stream sends its pieces evenly, and no two streams send at the same moment. CPU is what the kernel counted "
    "(schedstat of every thread) for all of the processes that a piece passes, divided by the pieces that arrived "
    "meanwhile; the upstream and the client are not counted. Memory is what all of them hold more while the streams "
    "are under way than before (proportional set size). Delays are from the upstream's write to the reader's read. "
    "Medians of {rounds} interleaved rounds."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one load cost: µs of CPU a piece by process, how late its pieces came, and the MB its streams took."""

    arrivals: Arrivals
    cpu: Mapping[str, float]
    memory: float

    @property
    def all_cpu(self) -> float:
        """µs of CPU a piece over all processes."""
        return sum(self.cpu.values())


async def run() -> Report:
    """Measure completions, chat and the bare relay at each load, in interleaved rounds."""
    report = Report(title="A spread piece: CPU by process and delay", note=NOTE.format(rounds=rounds()))
    with upstream() as base_url, relay(base_url) as relay_url, system_in_front_of(base_url) as system:
        async with http_client() as client:
            bench = ChatBench(client, f"{base_url}/chat/completions", relay_url, system)
            await bench.warm_up()
            if any(streams == MOST for streams, _, _ in loads()):
                report.figures.append(await memory_row(PieceBench(bench, system)))
            for streams, model, pace in loads():
                await measure(report, PieceBench(bench, system), streams, model, pace)
    return report


def rounds() -> int:
    """How often each load is run; BENCH_ROUNDS says another number."""
    return int(os.environ.get("BENCH_ROUNDS", ROUNDS))


def loads() -> Sequence[tuple[int, str, int]]:
    """The loads; BENCH_STREAMS picks some of them by their number of streams."""
    wanted = os.environ.get("BENCH_STREAMS", "")
    return [load for load in LOADS if not wanted or str(load[0]) in wanted.split(",")]


class PieceBench:
    """One system and its floor, under a load of spread pieces."""

    def __init__(self, bench: ChatBench, system: RunningSystem) -> None:
        self._bench = bench
        self._system = system

    async def completions(self, streams: int, model: str, pace: int) -> Cost:
        """Through gateway and llm-service."""
        return await self._cost([self._bench.completion(model)] * streams, pace, self._ours())

    async def chat(self, streams: int, model: str, pace: int) -> Cost:
        """Through gateway, chat-stream-service and llm-service."""
        return await self._cost([await self._bench.chat(model) for _ in range(streams)], pace, self._ours())

    async def relayed(self, streams: int, model: str, pace: int) -> Cost:
        """Through the bare relay."""
        return await self._cost([self._bench.relayed(model)] * streams, pace, relay_processes())

    async def _cost(self, targets: Sequence[Target], pace: int, processes: Mapping[str, int]) -> Cost:
        before, read, held = megabytes(processes), 0, 0.0

        def meter() -> Mapping[str, float]:
            nonlocal read, held
            used, read = cpu_seconds(processes), read + 1
            if read > 1:  # behind what is measured, as the reading takes the processes some milliseconds
                held = megabytes(processes)
            return used

        arrivals, used = await spread_streams(targets, pace=pace, cpu=meter)
        cpu = {name: 1e6 * each / arrivals.measured for name, each in used.items()}
        return Cost(arrivals=arrivals, cpu=cpu, memory=held - before)

    def _ours(self) -> Mapping[str, int]:
        return {name: service.pid for name, service in services_of(self._system.process.pid).items()}


def relay_processes() -> Mapping[str, int]:
    """The relay's processes by their parts."""
    found = {tuple(child.cmdline()[1:4]): child.pid for child in psutil.Process().children()}
    return {words[2]: pid for words, pid in found.items() if words[:2] == ("-m", "bench.relay")}


def cpu_seconds(processes: Mapping[str, int]) -> dict[str, float]:
    """Seconds of CPU that each process's threads have used, to the nanosecond."""
    return {name: sum(map(thread_seconds, Path(f"/proc/{pid}/task").iterdir())) for name, pid in processes.items()}


def megabytes(processes: Mapping[str, int]) -> float:
    """Proportional memory of processes."""
    return sum(psutil.Process(pid).memory_full_info().pss for pid in processes.values()) / 1024**2


def thread_seconds(task: Path) -> float:
    """Seconds of CPU of a thread; none when it has ended meanwhile."""
    try:
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


async def measure(report: Report, bench: PieceBench, streams: int, model: str, pace: int) -> None:
    """Add the rows of one load."""
    ways: dict[str, Callable[[int, str, int], Awaitable[Cost]]] = {
        "completions": bench.completions,
        "chat": bench.chat,
        "bare relay": bench.relayed,
    }
    found: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(rounds()):
        for name, way in ways.items():
            found[name].append(await way(streams, model, pace))
    for name in ("completions", "chat"):
        report.figures += rows(name, streams, pace, found[name], found["bare relay"])


async def memory_row(bench: PieceBench) -> Figure:
    """What the first streams of a fresh system take."""
    cost = await bench.chat(MOST, "slow", 10)
    name = f"chat, {MOST:,} streams × 10/s, the first of a fresh system: memory a stream"
    return Figure(name=name, value=cost.memory / MOST, unit="MB", goal="≤ 0.1 MB")


def rows(name: str, streams: int, pace: int, ours: Sequence[Cost], floor: Sequence[Cost]) -> list[Figure]:
    """The rows of one way under one load."""
    head = f"{name}, {streams:,} streams × {pace}/s"
    cpu_goal, p50_goal, p99_goal = GOALS.get((name, streams), ("", "", ""))

    def row(what: str, unit: str, of: Callable[[Cost], float], goal: str = "") -> Figure:
        beside = f"bare relay: {middle(floor, of):.2f} {unit}" if of is not arrived else ""
        return Figure(name=f"{head}: {what}", value=middle(ours, of), unit=unit, beside=beside, goal=goal)

    by_process = ", ".join(
        f"{process} {middle(ours, lambda cost, process=process: cost.cpu[process]):.0f}"
        for process in ours[0].cpu
        if middle(ours, lambda cost, process=process: cost.cpu[process]) >= 1
    )
    cpu = row("CPU a piece", "µs", lambda cost: cost.all_cpu, cpu_goal)
    return [
        replace(cpu, beside=f"{cpu.beside}; ours: {by_process}"),
        row("delay p50", "ms", lambda cost: cost.arrivals.delay(0.5), p50_goal),
        row("delay p99", "ms", lambda cost: cost.arrivals.delay(0.99), p99_goal),
        row("pieces that arrived", "%", arrived, "100"),
    ]


def arrived(cost: Cost) -> float:
    """Per cent of the pieces sent that arrived."""
    return cost.arrivals.arrived


def middle(costs: Sequence[Cost], of: Callable[[Cost], float]) -> float:
    """The median over the rounds."""
    return statistics.median(of(cost) for cost in costs)
