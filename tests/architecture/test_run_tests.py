"""How `make test` runs the tests: many beside each other, those that measure alone, and all of them count."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_testkit.servers.process import wait_until
from penstock_testkit.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[2]
# No plugin but the one that runs workers: the others take a second to import in each process.
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p xdist"}
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
    """Return the exit code and pytest's closing lines, without the time that each names."""
    command = [sys.executable, tree / "scripts" / "run_tests.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    closing = [line for line in done.stdout.splitlines() if " in " in line and line.endswith("s")]
    return done.returncode, [line.partition(" in ")[0].strip("= ") for line in closing]


def test_what_measures_runs_after_the_others_in_a_process_of_its_own_and_both_say_how_they_ended(tree: Path) -> None:
    assert run(tree, "--workers", "2") == (0, ["2 passed", "1 passed, 1 deselected"])


def test_with_all_of_them_those_that_need_an_engine_are_among_the_last(tree: Path) -> None:
    assert run(tree, "--workers", "2", "--all") == (0, ["2 passed", "2 passed, 1 deselected"])


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
    assert "1 deselected" not in printed
