"""Files of tests that take long come first in each of several processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_testkit.longest_first import FILE, file_of, read, written

TESTS = """
def test_one():
    pass

def test_two():
    pass
"""
ROOT = Path(__file__).parents[3]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three files of tests, of which the last is told to take longest."""
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for name in ("a", "b", "c"):
        (tmp_path / f"test_{name}.py").write_text(TESTS)
    (tmp_path / FILE).write_text("90 test_c.py\n20 test_gone.py\n")
    return tmp_path


def run(tree: Path, *arguments: str) -> list[str]:
    """Return the tests in the order that they ran in."""
    command = [sys.executable, "-m", "pytest", "-v", "-p", "penstock_testkit.longest_first", *arguments]
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environment = outside | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=True, env=environment)
    words = (word for line in done.stdout.splitlines() if "PASSED" in line for word in line.split())
    return [word.removeprefix("test_").replace(".py::test", "") for word in words if "::" in word]


IN_ONE_WORKER = ("-p", "xdist", "-n", "1", "--dist", "loadfile", "--no-loadscope-reorder")


def test_a_worker_runs_the_files_that_take_long_before_the_others(tree: Path) -> None:
    assert run(tree, *IN_ONE_WORKER) == ["c_one", "c_two", "a_one", "a_two", "b_one", "b_two"]


def test_one_process_and_a_tree_without_a_list_keep_the_order(tree: Path) -> None:
    in_order = ["a_one", "a_two", "b_one", "b_two", "c_one", "c_two"]
    assert run(tree) == in_order
    (tree / FILE).unlink()
    assert run(tree, *IN_ONE_WORKER) == in_order


@pytest.mark.parametrize("how", [(), IN_ONE_WORKER], ids=["one process", "a worker"])
def test_the_list_is_written_where_it_is_asked_for(tree: Path, how: tuple[str, ...]) -> None:
    before = (tree / FILE).read_text()
    run(tree, *how)
    assert (tree / FILE).read_text() == before
    run(tree, "--note-longest", *how)
    assert (tree / FILE).read_text() == "", "no file takes long"


def test_the_list_names_the_files_that_take_long_and_the_longest_first(tmp_path: Path) -> None:
    (tmp_path / "list").write_text(written({"quick.py": 9.9, "long.py": 10.2, "longest one.py": 200.0}))
    assert dict(read(tmp_path / "list")) == {"longest one.py": 200.0, "long.py": 10.0}
    assert (tmp_path / "list").read_text().splitlines()[0] == "200 longest one.py"


def test_the_list_of_this_tree_names_files_that_are_there() -> None:
    assert [name for name in read(ROOT / FILE) if not (ROOT / file_of(name)).is_file()] == []
