"""Cold start to ready, and the memory of an idle system."""

import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from bench.measure import Figure, Report
from penstock_testkit.system import RunningSystem, start_system

ROUNDS = 5
DEMO_SECONDS = 60
SETTLE_SECONDS = 3
_SUPERVISOR = "supervisor"


async def run() -> Report:
    """Start the system a few times, the first one on an empty home with the demo data."""
    report = Report(title="Start and memory, whole suite idle")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        first = start_system(home)
        report.figures.append(
            Figure(name="first start, empty home, demo data", value=first.seconds_to_ready, unit="s to /ready")
        )
        wait_for_demo(first)
        first.stop()
        starts: list[float] = []
        for _ in range(ROUNDS):
            system = start_system(home)
            starts.append(system.seconds_to_ready)
            if len(starts) == ROUNDS:
                memory(system, report)
            system.stop()
    figure = Figure(name="start (median)", value=statistics.median(starts), unit="s to /ready", goal="≤ 3 s")
    report.figures.insert(1, figure)
    return report


def wait_for_demo(system: RunningSystem) -> None:
    """Wait until the loader beside the feature service has ended: an idle system has none."""
    end = time.monotonic() + DEMO_SECONDS
    while "demo loaded" not in system.output():
        if time.monotonic() > end:
            raise RuntimeError(f"no demo data after {DEMO_SECONDS} s:\n{system.output()[-2000:]}")
        time.sleep(0.1)


def memory(system: RunningSystem, report: Report) -> None:
    """Add PSS (shared pages divided among those that share them) and RSS of each process and of all."""
    time.sleep(SETTLE_SECONDS)
    supervisor = psutil.Process(system.process.pid)
    total_pss = total_rss = 0.0
    for process in [supervisor, *supervisor.children(recursive=True)]:
        full = process.memory_full_info()
        name = process_name(process)
        total_pss += full.pss / 1024**2
        total_rss += full.rss / 1024**2
        report.figures.append(Figure(name=f"{name} PSS", value=full.pss / 1024**2, unit="MB"))
        report.figures.append(Figure(name=f"{name} RSS", value=full.rss / 1024**2, unit="MB"))
    report.figures.append(Figure(name="all PSS", value=total_pss, unit="MB", goal="≤ 280 MB"))
    report.figures.append(Figure(name="all RSS", value=total_rss, unit="MB"))


def services_of(pid: int) -> dict[str, psutil.Process]:
    """The services below the supervisor `pid` by their packages.

    What a service runs for a while, such as a fork of itself, is none of them and may be gone already.
    """
    found: dict[str, psutil.Process] = {}
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found.setdefault(process_name(child), child)
    found.pop(_SUPERVISOR, None)
    return found


def process_name(process: psutil.Process) -> str:
    """The service's package, or "supervisor"."""
    words = process.cmdline()
    return words[words.index("-m") + 1] if "-m" in words else _SUPERVISOR
