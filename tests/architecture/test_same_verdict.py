"""A commit gets the same verdict each time in CI; by hand the tests look at new examples."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRAWS = """
import sys
import time
from hypothesis import given, settings, strategies as st

drawn = []

@given(st.integers())
def test_it_draws(value):
    drawn.append(value)

def test_it_tells():
    print("drawn", len(drawn), hash(tuple(drawn)))

@given(st.integers())
@settings(max_examples=1)
def test_an_example_may_take_long(value):
    time.sleep(0.3)
"""


def drawn_in(folder: Path, *options: str, **environment: str) -> list[str]:
    """Run the file of `folder` in a pytest of its own with the workspace's set-up; return what it says it drew."""
    (folder / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    (folder / "test_drawing.py").write_text(DRAWS)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "--rootdir", str(folder), *options]
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTEST_ADDOPTS"}}
    command.append(str(folder / "test_drawing.py"))
    done = subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    line = next(line for line in done.stdout.splitlines() if "drawn" in line)
    return line[line.index("drawn") :].split()


def test_in_ci_the_same_examples_are_drawn_each_time(tmp_path: Path) -> None:
    first, second = (drawn_in(tmp_path, CI="true") for _ in range(2))
    assert first == second


def test_by_hand_other_examples_are_drawn_each_time(tmp_path: Path) -> None:
    first, second = (drawn_in(tmp_path) for _ in range(2))
    assert first[1] == second[1] == "100"
    assert first[2] != second[2]


def test_the_fuzz_profile_draws_more_and_other_examples_even_in_ci(tmp_path: Path) -> None:
    first, second = (drawn_in(tmp_path, "--hypothesis-profile=fuzz", CI="true") for _ in range(2))
    assert first[1] == second[1] == "1000"
    assert first[2] != second[2]


def test_what_ci_runs_is_told_that_it_is_in_ci_and_walks_sets_in_one_order(tmp_path: Path) -> None:
    for folder in (".ci", "bin", "scripts"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    programs = [tmp_path / "scripts" / name for name in ("client-envs", "load-env", "monitoring-tools")]
    for program in (tmp_path / "bin" / "make", *programs):
        program.write_text('#!/bin/sh\necho "$CI $PYTHONHASHSEED" >>told\n')
        program.chmod(0o755)
    bare = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTHONHASHSEED"}}
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([tmp_path / ".ci" / "run"], check=True, env=bare | {"PATH": path}, capture_output=True)
    assert (tmp_path / "told").read_text().splitlines() == ["true 0"] * 5


@pytest.mark.parametrize(("law", "code"), [("value == value", 0), ("value != 150", 1)])
def test_make_fuzz_tells_whether_a_drawn_example_breaks_a_law(tmp_path: Path, law: str, code: int) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    test = tmp_path / "test_law.py"
    test.write_text(
        "from hypothesis import given, strategies as st\n\n\n"
        f"@given(st.integers(100, 200))\ndef test_law(value):\n    assert {law}\n"
    )
    (tmp_path / "test_plain.py").write_text("def test_that_draws_nothing():\n    raise AssertionError\n")
    command = [sys.executable, ROOT / "scripts" / "fuzz.py", "--seconds", "0", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout
    assert "1 runs of 1 files" in done.stdout
    assert (f"failed: {test}" in done.stdout) == bool(code)


def test_no_plugin_is_imported_that_no_test_uses(pytestconfig: pytest.Config) -> None:
    assert not pytestconfig.pluginmanager.has_plugin("schemathesis"), "it takes a second of a processor, each time"
