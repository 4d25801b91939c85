import subprocess
import sys
from pathlib import Path

import pytest

from penstock_testkit.memory import MOST_PARAMETER_BYTES, held_bytes
from penstock_testkit.vendors.reply import Reply

FILE = """
import duckdb
import gc
import pytest

RESTED = not gc.isenabled()

@pytest.mark.parametrize("size", [2_000_000, 6_000_000])
def test_that_makes_its_data(size):
    assert bytes(size)

@pytest.mark.parametrize("body", [bytes(2_000_000), bytes(6_000_000)], ids=["small", "large"])
def test_that_has_its_data(body):
    pass

def test_that_looks_at_the_collector():
    assert gc.get_freeze_count() > 10_000
    assert len(gc.get_objects()) < gc.get_freeze_count()

def test_that_looks_at_when_the_collector_worked():
    assert RESTED
    assert gc.isenabled()
"""


def test_large_parameters_are_refused_and_the_collector_rests_while_tests_are_collected_and_leaves_them_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_file.py").write_text(FILE)
    command = [sys.executable, "-m", "pytest", "-p", "penstock_testkit.memory", "-p", "no:cacheprovider", "-rA"]
    ran = subprocess.run([*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False)
    outcomes = [
        line.split(" - ")[0] for line in ran.stdout.splitlines() if line.startswith(("PASSED", "FAILED", "ERR"))
    ]
    assert sorted(outcomes) == [
        "ERROR test_file.py::test_that_has_its_data[large]",
        "PASSED test_file.py::test_that_has_its_data[small]",
        "PASSED test_file.py::test_that_looks_at_the_collector",
        "PASSED test_file.py::test_that_looks_at_when_the_collector_worked",
        "PASSED test_file.py::test_that_makes_its_data[2000000]",
        "PASSED test_file.py::test_that_makes_its_data[6000000]",
    ]
    assert "leaked" not in ran.stderr, "DuckDB counts what is still there at the end"
    assert f"its parameter 'body' holds 6000000 bytes until the last test has run, {MOST_PARAMETER_BYTES}" in ran.stdout


@pytest.mark.parametrize(
    ("value", "held"),
    [("abc", 3), (b"abc", 3), (["abc", (b"de", 7)], 5), ({"a": "bc"}, 2), (Reply(raw=b"abc"), 3), (7, 0), (None, 0)],
)
def test_what_a_parameter_holds_is_counted_in_what_it_is_made_of(value: object, held: int) -> None:
    assert held_bytes(value) == held
