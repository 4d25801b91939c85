"""Runs Locust for a bounded time, and watches what it takes of the machine itself."""

import json
import os
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from bench.load_test.prepare import Place

ROOT: Final = Path(__file__).parents[2]
LOCUST: Final = ROOT / ".venv-load" / "bin" / "locust"
# Names that are no requests of their own, or come before the load.
SPANS: Final = frozenset({"stream, first event", "stream, last event", "sign-in", "new conversation"})
USERS: Final = Path(__file__).parent / "users.py"
_SAMPLE_SECONDS: Final = 1.0
# What Locust may take beyond the time of the load: to start, and to let the last requests end.
_MARGIN_SECONDS: Final = 120
_SIGN_IN_SECONDS: Final = 300
_SIGN_INS_A_SECOND: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Who comes: so many people, readers of streams and askers of models, for `seconds`; `wait` between requests."""

    title: str
    people: int
    readers: int
    modellers: int
    seconds: int
    wait: str = "1-3"
    processes: int = 1


@dataclass(slots=True, kw_only=True)
class Measured:
    """What came of it: milliseconds by name with the second in which each ended, failures, and the generator's CPU.

    `cpu` is the largest share of one processor that a process of the generator took, on the mean; `seconds` from the
    first to the last request.
    """

    load: Load
    taken: dict[str, list[tuple[int, float]]] = field(default_factory=dict[str, list[tuple[int, float]]])
    failures: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    cpu: float = 0.0
    seconds: float = 0.0

    @property
    def requests(self) -> int:
        """All requests of the load itself; the two ends of a stream are one."""
        return sum(len(taken) for name, taken in self.taken.items() if name not in SPANS)

    @property
    def failed(self) -> int:
        """All failures."""
        return sum(counts.total() for counts in self.failures.values())


def run(place: Place, load: Load) -> Measured:
    """Let them come, and return what was measured."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(_command(place, load), env=_environment(place, load, Path(folder)), cwd=folder)
        try:
            _await_start(process, Path(folder), load)
            shares = _watch(process, load.seconds)
        finally:
            _end(process)
        measured = Measured(load=load, cpu=max(shares, default=0.0))
        for file in Path(folder).glob("*.json"):
            _add(measured, json.loads(file.read_text()))
    seconds = [second for name, taken in measured.taken.items() if name not in SPANS for second, _ in taken]
    measured.seconds = max(seconds) - min(seconds) + 1 if seconds else 0.0
    return measured


def _command(place: Place, load: Load) -> Sequence[str]:
    users = load.people + load.readers + load.modellers
    command = [str(LOCUST), "--headless", "--only-summary", "--locustfile", str(USERS), "--host", place.url]
    command += ["--users", str(users), "--spawn-rate", str(_SIGN_INS_A_SECOND)]
    command += ["--stop-timeout", "30", "--exit-code-on-error", "0", "--loglevel", "WARNING"]
    if load.processes > 1:
        command += ["--processes", str(load.processes)]
    kinds = {"Person": load.people, "Reader": load.readers, "Modeller": load.modellers}
    return [*command, *(kind for kind, count in kinds.items() if count)]


def _environment(place: Place, load: Load, folder: Path) -> Mapping[str, str]:
    counts = {"LOAD_PEOPLE": load.people, "LOAD_READERS": load.readers, "LOAD_MODELLERS": load.modellers}
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **{name: str(count) for name, count in counts.items()},
        "LOAD_EXPECTED": str(sum(counts.values()) // load.processes),
        "LOAD_FOLDER": str(folder),
        "LOAD_USERNAME": "admin",
        "LOAD_PASSWORD": place.password,
        "LOAD_EXTRACTION": json.dumps(place.extraction),
        "LOAD_WAIT": load.wait,
    }


def _await_start(process: "subprocess.Popen[bytes]", folder: Path, load: Load) -> None:
    """Return when everybody has signed in."""
    end = time.monotonic() + _SIGN_IN_SECONDS
    while len(list(folder.glob("*.started"))) < load.processes:
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"not everybody could sign in within {_SIGN_IN_SECONDS} s")
        time.sleep(_SAMPLE_SECONDS / 10)


def _watch(process: "subprocess.Popen[bytes]", seconds: int) -> Sequence[float]:
    """Let the load go on for `seconds`, then end it; return each process's mean share of a processor meanwhile."""
    spent: dict[int, list[float]] = defaultdict(list)
    began = time.monotonic()
    for _ in range(seconds):
        _sample(process.pid, spent)
        time.sleep(_SAMPLE_SECONDS)
    _sample(process.pid, spent)
    took = time.monotonic() - began
    process.terminate()
    process.wait(timeout=_MARGIN_SECONDS)
    return [(times[-1] - times[0]) / took for times in spent.values() if len(times) == seconds + 1]


def _sample(pid: int, spent: dict[int, list[float]]) -> None:
    try:
        root = psutil.Process(pid)
        for each in (root, *root.children(recursive=True)):
            times = each.cpu_times()
            spent[each.pid].append(times.user + times.system)
    except psutil.NoSuchProcess:
        pass


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _add(measured: Measured, written: Mapping[str, Mapping[str, object]]) -> None:
    for name, taken in written["taken"].items():
        measured.taken.setdefault(name, []).extend(taken)  # pyright: ignore[reportArgumentType]
    for name, counts in written["failures"].items():
        measured.failures.setdefault(name, Counter()).update(counts)  # pyright: ignore[reportArgumentType]
