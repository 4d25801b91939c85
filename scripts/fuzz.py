"""Runs the tests that draw their examples, with new ones each time: `make fuzz [SECONDS=600] [TESTS=path]`.

One file after another, in an order drawn anew each round, until the time is over; the file that runs then runs to its
end. A test that names no number of examples gets 1,000. What fails is kept in .hypothesis, so that `make test` draws it
again on this machine, and is printed as a line to put above the test.
"""

import argparse
import random
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTEST = (sys.executable, "-m", "pytest", "-q", "-m", "not containers", "--hypothesis-profile=fuzz")
NO_TESTS_RAN = 5
DRAWS = re.compile(r"^(from|import) hypothesis\b", re.MULTILINE)


def main() -> int:
    """Run rounds until the bound; return 1 when a file failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("tests", nargs="*", type=Path, default=[ROOT])
    arguments = parser.parse_args()
    files = drawing_files(arguments.tests)
    failed, until, runs = set[Path](), time.monotonic() + arguments.seconds, 0
    while files and (not runs or time.monotonic() < until):
        for file in random.sample(files, len(files)):
            if runs and time.monotonic() >= until:
                break
            runs += 1
            if subprocess.call([*PYTEST, file], cwd=ROOT) not in (0, NO_TESTS_RAN):
                failed.add(file)
    print(f"{runs} runs of {len(files)} files" + "".join(f"\nfailed: {file}" for file in sorted(failed)))
    return 1 if failed or not files else 0


def drawing_files(places: Sequence[Path]) -> list[Path]:
    """Return the test files at or below `places` that have a test with drawn examples."""
    named = [path.resolve() for place in places for path in (place.rglob("test_*.py") if place.is_dir() else [place])]
    own = [path for path in named if not {".venv", "node_modules"} & set(path.parts)]
    return sorted({path for path in own if DRAWS.search(path.read_text())})


if __name__ == "__main__":
    sys.exit(main())
