"""Files of tests that take long come first where several processes run them: a pytest plugin.

A process takes one file at a time; one that takes minutes and comes last is waited for by all the others.
`tests/longest.txt` says how many seconds each takes of those that take long; ``pytest --note-longest`` writes it anew.
What it does not name comes behind those that it does, in the order that it was collected in. One process keeps the
order that it has.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

FILE: Final = Path("tests") / "longest.txt"
# Seconds from which a file is worth a line.
LONG: Final = 10.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """Have an option that writes the seconds of this run."""
    parser.addoption("--note-longest", action="store_true", help=f"write {FILE}: which files of tests took longest")


def pytest_configure(config: pytest.Config) -> None:
    """Take the times where they are asked for, in the process that hears of all tests."""
    if config.getoption("--note-longest") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Stopwatch(config.rootpath), "longest_files")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In one of several processes: put the tests of files that take long before the others, whole files at a time."""
    if hasattr(config, "workerinput"):
        seconds = read(config.rootpath / FILE)
        items.sort(key=lambda item: -seconds.get(file_of(item.nodeid), 0.0))


class Stopwatch:
    """Adds up what the tests of each file took."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seconds = Counter[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add what one part of a test took."""
        self._seconds[file_of(report.nodeid)] += report.duration  # type: ignore[assignment]

    def pytest_sessionfinish(self) -> None:
        """Write the files that took longest."""
        (self._root / FILE).write_text(written(self._seconds))


def file_of(test: str) -> str:
    """Return the file of a test's id."""
    return test.partition("::")[0]


def read(path: Path) -> Mapping[str, float]:
    """Return the seconds of each file that is named; nothing where there is no such list."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {name: float(seconds) for seconds, name in (line.split(maxsplit=1) for line in lines)}


def written(seconds: Mapping[str, float]) -> str:
    """Return the list of the files that take long, the longest first."""
    long = sorted(((took, name) for name, took in seconds.items() if took >= LONG), reverse=True)
    return "".join(f"{took:.0f} {name}\n" for took, name in long)
