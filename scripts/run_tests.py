"""Runs the tests: `make test`, `make test SERVICE=llm-service`, `make test WORKERS=4`, `make test WORKERS=0`.

One process runs them. With more workers so many do, or as many as the machine bears, a file of tests each at a time,
for most of the time is waiting; then those that are marked `alone`, which measure, run in one process with nothing
beside them. Each of the two runs prints pytest's own closing line; in the end stand the failures of both and a line
that adds the two up. The exit code is that of the first of them that failed. Parts that are named are one process's,
and pytest's closing line is the only one.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
INTERRUPTED: Final = 2
NO_TESTS_RAN: Final = 5
# Servers that the environment names are shared by all workers, and each empties them for its tests.
SHARED: Final = ("TEST_REDIS_URL", "TEST_POSTGRES_URL")
# Five processes keep two processors busy; each holds up to 2 GiB with what it starts; each collects all tests first.
WORKERS_PER_PROCESSOR: Final = 2.5
WORKER_BYTES: Final = 2 * 1024**3
MOST_WORKERS: Final = 10
CLOSING: Final = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in ([\d.]+)s")
COLOURS: Final = re.compile(r"\x1b\[[\d;]*m")
# What the second run left out for the first is no news.
UNTOLD: Final = "deselected"


def main() -> int:
    """Run the tests; return pytest's exit code."""
    # Ctrl-C is for pytest, which takes down what its tests have started; it is waited for.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1, help="processes beside each other; 0: what the machine bears")
    parser.add_argument("--note-longest", action="store_true", help="write tests/longest.txt (with several processes)")
    parser.add_argument(
        "--all", action="store_true", help="run the tests that need a Docker engine too, among the last"
    )
    parser.add_argument("parts", nargs="*", help="files or folders of tests; all without")
    arguments = parser.parse_args()
    among = "" if arguments.all else "not containers"
    count = arguments.workers or fitting_workers(processors(), available_bytes())
    if arguments.parts or count < 2 or any(name in os.environ for name in SHARED):
        return subprocess.call(pytest("-m", among, *arguments.parts), cwd=ROOT)
    marks = ["alone", "containers"] if arguments.all else ["alone"]
    print(f"== {count} processes run the tests", flush=True)
    noting = ["--note-longest"] if arguments.note_longest else []
    unmarked = joined(*(f"not {mark}" for mark in ("alone", "containers")))
    beside = run(pytest("-m", unmarked, *workers(count), *noting))
    if beside.code == INTERRUPTED:
        return beside.code
    print("\n== one process runs those that measure, with nothing beside them", flush=True)
    alone = run(pytest("-m", joined(f"({' or '.join(marks)})", among), *marked_files(marks)))
    print("\n== both together", *beside.failures, *alone.failures, closing(beside, alone), sep="\n")
    return beside.code or (0 if alone.code == NO_TESTS_RAN else alone.code)


@dataclass(slots=True)
class Run:
    """What a run of pytest ended with: its exit code, the lines of what failed, and what its closing line counts."""

    code: int = 0
    failures: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def hear(self, line: str) -> None:
        """Take from a line of pytest's what it says of the whole run."""
        plain = COLOURS.sub("", line).rstrip()
        if "short test summary info" in plain:  # what stood above it were a test's own words
            self.failures.clear()
        elif plain.startswith(("FAILED ", "ERROR ")):
            self.failures.append(plain)
        elif found := CLOSING.match(plain):
            words = (each.split() for each in found[1].split(", "))
            self.counted = Counter({what: int(number) for number, what in words if what != UNTOLD})
            self.seconds = float(found[2])


def run(command: Sequence[str]) -> Run:
    """Run pytest in the tree's root; pass on what it prints, as it prints it."""
    heard, line = Run(), b""
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    # pytest compiles files of tests in a way of its own, a third of collecting them: what one process did, others find.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen([*command, *colour], cwd=ROOT, stdout=subprocess.PIPE, env=environment) as running:
        assert running.stdout is not None
        while printed := os.read(running.stdout.fileno(), 65536):
            sys.stdout.buffer.write(printed)
            sys.stdout.buffer.flush()
            *lines, line = (line + printed).split(b"\n")
            for each in lines:
                heard.hear(each.decode(errors="replace"))
    heard.code = running.returncode
    return heard


def closing(*runs: Run) -> str:
    """Return the line that adds up the closing lines of several runs, in pytest's own form."""
    total = sum((each.counted for each in runs), Counter[str]())
    told = sorted(total, key=lambda what: (not what.startswith(("fail", "err")), what != "passed"))
    counts = ", ".join(f"{total[what]} {what}" for what in told)
    return f"{counts or 'no tests ran'} in {sum(each.seconds for each in runs):.2f}s"


def fitting_workers(processors: int, free: int) -> int:
    """Return how many processes a machine bears of so many processors and bytes of free memory."""
    return max(1, min(int(WORKERS_PER_PROCESSOR * processors), free // WORKER_BYTES, MOST_WORKERS))


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_bytes(told: Path = Path("/proc/meminfo")) -> int:
    """Return how much memory is free or can be made so; where the system does not tell, that of a usual machine."""
    try:
        lines = dict(line.split(":", 1) for line in told.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 8 * 1024**3


def workers(count: int) -> Sequence[str]:
    """Return what makes pytest run files of tests in so many processes, the files in the order that they come in."""
    return ["--numprocesses", str(count), "--dist", "loadfile", "--no-loadscope-reorder"]


def joined(*expressions: str) -> str:
    """Return the expression of marks that all of these make, of which some may be empty."""
    return " and ".join(each for each in expressions if each)


def marked_files(marks: Sequence[str], root: Path = ROOT) -> list[str]:
    """Return the files of tests below `root` that mention one of the marks, so that no other has to be imported."""
    mention = re.compile(rf"\bmark\.({'|'.join(marks)})\b")
    tests = [path for folder in test_folders(root) for path in folder.rglob("test_*.py")]
    return sorted(str(path.relative_to(root)) for path in tests if mention.search(path.read_text()))


def test_folders(root: Path) -> Sequence[Path]:
    """Return the folders that pyproject.toml lists as those of tests."""
    import tomllib

    options = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    return [root / folder for folder in options["testpaths"]]


def pytest(*arguments: str) -> Sequence[str]:
    """Return the command that runs pytest so."""
    return [sys.executable, "-m", "pytest", "-q", *arguments]


if __name__ == "__main__":
    sys.exit(main())
