"""How `make test` runs the tests: many beside each other, those that measure alone, and all of them count."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock_testkit.servers.process import wait_until
from penstock_testkit.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[2]


def _run_tests() -> Any:
    spec = importlib.util.spec_from_file_location("run_tests", ROOT / "scripts" / "run_tests.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclass looks for it
    spec.loader.exec_module(module)
    return module


run_tests = _run_tests()
# No plugin but the one that runs workers: the others take a second to import in each process.
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p xdist -p penstock_testkit.longest_first"}
SETTINGS = """
[tool.pytest.ini_options]
addopts = ["--strict-markers"]
testpaths = ["part", "other"]
markers = ["alone: measures", "containers: needs an engine"]
"""
BESIDE = """
import os

def test_it_runs_in_a_worker():
    assert ("PYTEST_XDIST_WORKER" in os.environ) is {in_worker}
"""
ALONE = """
import os
import pytest

@pytest.mark.alone
def test_it_measures():
    assert "PYTEST_XDIST_WORKER" not in os.environ
    assert {passes}

def test_of_the_same_file_that_measures_nothing():
    pass
"""
HANGING = """
import threading
from pathlib import Path
import pytest

@pytest.fixture
def system():
    Path("started").touch()
    yield
    Path("stopped").touch()

def test_it_waits(system):
    threading.Event().wait()
"""
CONTAINERS = """
import pytest

@pytest.mark.containers
def test_with_an_engine():
    pass
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A workspace of two parts."""
    for folder in ("scripts", "part", "other"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "scripts" / "run_tests.py", tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "part" / "test_beside.py").write_text(BESIDE.format(in_worker=True))
    (tmp_path / "part" / "test_alone.py").write_text(ALONE.format(passes=True))
    (tmp_path / "other" / "test_containers.py").write_text(CONTAINERS)
    return tmp_path


def environment() -> dict[str, str]:
    """Return that of a shell: whether this test runs in a worker is nothing to those that it starts."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    return outside | BARE


def run(tree: Path, *arguments: str) -> tuple[int, list[str]]:
    """Return the exit code and the closing lines, without the time that each names."""
    done = run_and_listen(tree, *arguments)
    closing = [line for line in done.stdout.splitlines() if re.search(r" in [\d.]+s", line)]
    return done.returncode, [line.partition(" in ")[0].strip("= ") for line in closing]


def run_and_listen(tree: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, tree / "scripts" / "run_tests.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment())


def test_what_measures_runs_after_the_others_in_a_process_of_its_own_and_a_last_line_adds_both_up(tree: Path) -> None:
    assert run(tree, "--workers", "2") == (0, ["2 passed", "1 passed, 1 deselected", "3 passed"])


def test_with_all_of_them_those_that_need_an_engine_are_among_the_last(tree: Path) -> None:
    assert run(tree, "--workers", "2", "--all") == (0, ["2 passed", "2 passed, 1 deselected", "4 passed"])


@pytest.mark.parametrize(
    ("processors", "gib", "workers"), [(2, 16, 5), (4, 64, 10), (64, 256, 10), (2, 5, 2), (2, 1, 1), (1, 16, 2)]
)
def test_the_processes_are_as_many_as_the_processors_and_the_free_memory_bear(
    processors: int, gib: int, workers: int
) -> None:
    assert run_tests.fitting_workers(processors, gib * 1024**3) == workers
    assert run_tests.processors() >= 1


@pytest.mark.parametrize(
    ("told", "kib"), [("MemTotal: 9 kB\nMemAvailable:   5000 kB\n", 5000), ("MemTotal: 9 kB\n", 8 * 1024**2)]
)
def test_the_free_memory_is_what_the_system_tells(tmp_path: Path, told: str, kib: int) -> None:
    (tmp_path / "meminfo").write_text(told)
    assert run_tests.available_bytes(tmp_path / "meminfo") == kib * 1024


def test_what_one_process_has_compiled_is_there_for_the_others(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert run(tree, "--workers", "2")[0] == 0
    assert sorted(path.name.partition(".")[0] for path in tree.rglob("*pytest*.pyc")) == [
        "test_alone",
        "test_beside",
        "test_containers",
    ]


def test_the_first_of_the_two_notes_which_files_take_long(tree: Path) -> None:
    (tree / "tests").mkdir()
    assert run(tree, "--workers", "2", "--note-longest")[0] == 0
    assert (tree / "tests" / "longest.txt").read_text() == "", "none of these does"


def test_what_failed_in_either_stands_at_the_end_again(tree: Path) -> None:
    (tree / "part" / "test_beside.py").write_text(BESIDE.format(in_worker=False))
    (tree / "part" / "test_alone.py").write_text(ALONE.format(passes=False))
    done = run_and_listen(tree, "--workers", "2")
    *_, first, second, last = done.stdout.splitlines()
    assert first.startswith("FAILED part/test_beside.py::test_it_runs_in_a_worker")
    assert second.startswith("FAILED part/test_alone.py::test_it_measures")
    assert last.startswith("2 failed, 1 passed in ")


@pytest.mark.parametrize(("failing", "closing"), [("test_beside", "1 failed, 1 passed"), ("test_alone", "1 failed")])
def test_a_failure_of_either_is_one_of_the_run(tree: Path, failing: str, closing: str) -> None:
    failed = {"test_beside": BESIDE.format(in_worker=False), "test_alone": ALONE.format(passes=False)}[failing]
    (tree / "part" / f"{failing}.py").write_text(failed)
    code, lines = run(tree, "--workers", "2")
    assert code == 1
    assert any(line.startswith(closing) for line in lines)


@pytest.mark.parametrize("arguments", [("part",), ("--workers", "1")])
def test_a_part_or_one_worker_is_one_process(tree: Path, arguments: tuple[str, ...]) -> None:
    (tree / "part" / "test_beside.py").write_text(BESIDE.format(in_worker=False))
    code, lines = run(tree, *arguments)
    assert (code, len(lines)) == (0, 1)
    assert "processes" not in lines[0]
    assert lines[0].startswith("3 passed")


def test_a_run_without_any_that_measures_is_none_that_failed(tree: Path) -> None:
    (tree / "part" / "test_alone.py").unlink()
    assert run(tree, "--workers", "2")[0] == 0


def test_who_interrupts_it_leaves_nothing_running_and_no_second_run(tree: Path) -> None:
    (tree / "part" / "test_beside.py").write_text(HANGING)
    command = [sys.executable, tree / "scripts" / "run_tests.py", "--workers", "2"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), start_new_session=True)
    wait_until((tree / "started").exists, seconds=HANG_SECONDS, what="the test")
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    printed, _ = running.communicate(timeout=HANG_SECONDS)
    assert running.returncode == 2
    assert (tree / "stopped").exists()
    assert "one process runs" not in printed
