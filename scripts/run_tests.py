"""Runs the tests: `make test`, `make test SERVICE=llm-service`, `make test WORKERS=4`.

One process runs them. With more workers so many do, a file of tests each at a time, for most of the time is waiting;
then those that are marked `alone`, which measure, run in one process with nothing beside them. Each of the two runs
prints its own closing line, and the exit code is that of the first of them that failed. Parts that are named are one
process's.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
INTERRUPTED: Final = 2
NO_TESTS_RAN: Final = 5
# Servers that the environment names are shared by all workers, and each empties them for its tests.
SHARED: Final = ("TEST_REDIS_URL", "TEST_POSTGRES_URL")


def main() -> int:
    """Run the tests; return pytest's exit code."""
    # Ctrl-C is for pytest, which takes down what its tests have started; it is waited for.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1, help="processes that run tests beside each other")
    parser.add_argument(
        "--all", action="store_true", help="run the tests that need a Docker engine too, among the last"
    )
    parser.add_argument("parts", nargs="*", help="files or folders of tests; all without")
    arguments = parser.parse_args()
    among = "" if arguments.all else "not containers"
    if arguments.parts or arguments.workers < 2 or any(name in os.environ for name in SHARED):
        return pytest("-m", among, *arguments.parts)
    marks = ["alone", "containers"] if arguments.all else ["alone"]
    beside = pytest("-m", " and ".join(f"not {mark}" for mark in ("alone", "containers")), *workers(arguments.workers))
    if beside == INTERRUPTED:
        return beside
    alone = pytest("-m", joined(f"({' or '.join(marks)})", among), *marked_files(marks))
    return beside or (0 if alone == NO_TESTS_RAN else alone)


def workers(count: int) -> Sequence[str]:
    """Return what makes pytest run files of tests in so many processes."""
    return ["--numprocesses", str(count), "--dist", "loadfile"]


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


def pytest(*arguments: str) -> int:
    """Run pytest in the tree's root; return its exit code."""
    return subprocess.call([sys.executable, "-m", "pytest", "-q", *arguments], cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
