"""The page of faults takes rows that were measured anew."""

import importlib.util
import re
from pathlib import Path
from typing import Any

from tests.faults.fault_list import FAULTS, NOTED, Fault

ROOT = Path(__file__).parent.parent.parent


def fault_table() -> Any:
    spec = importlib.util.spec_from_file_location("fault_table", ROOT / "scripts" / "fault_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_row_takes_the_place_of_the_one_of_its_fault_and_leaves_the_others() -> None:
    table = fault_table()
    other = "| disk full | 0 lost | 0 lost | yes |"
    head = f"# Faults\n\n{table.HEAD}"
    page = f"{head}| Redis killed | 1 failed | 0 failed | **no** |\n{other}\n"
    row = {"fault": "Redis killed", "figure": "0 failed", "goal": "0 failed", "met": True}
    assert table.page_with(page, [row]) == f"{head}| Redis killed | 0 failed | 0 failed | yes |\n{other}\n"


def test_every_fault_names_tests_that_there_are() -> None:
    named = [(test, *test.split("::")) for fault in FAULTS for test in fault.tests]
    missing = [
        test
        for test, path, name in named
        if not (ROOT / path).exists() or not re.search(rf"def {name}\(", (ROOT / path).read_text())
    ]
    assert missing == []
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert all((ROOT / path).exists() for path in NOTED)


REPORT = """<testsuites><testsuite>
<testcase classname="tests.faults.test_a" name="test_one[x]">
<properties><property name="figure" value="3 ms"/></properties></testcase>
<testcase classname="tests.faults.test_a" name="test_one[y]">
<properties><property name="figure" value="4 ms"/></properties></testcase>
<testcase classname="a-service.tests.test_b" name="test_two"/>
<testcase classname="tests.faults.test_c" name="test_three"><failure message="no"/></testcase>
<testcase classname="tests.faults.test_d" name="test_four"><skipped/></testcase>
</testsuite></testsuites>"""


def row(*tests: str) -> Any:
    table = fault_table()
    return table.row_of(Fault(name="x", goal="y", tests=tests), table.outcomes_of(REPORT))


def test_a_row_has_the_figures_of_all_its_tests_and_is_met_when_all_of_them_passed() -> None:
    one, two = "tests/faults/test_a.py::test_one", "a-service/tests/test_b.py::test_two"
    assert row(one, two) == {"fault": "x", "figure": "3 ms; 4 ms", "goal": "y", "met": True}
    assert row(two)["figure"] == "as it must be, in 1 of 1 ways"
    assert not row(one, "tests/faults/test_c.py::test_three")["met"]


def test_what_was_not_run_is_not_met_and_a_fault_without_a_run_has_no_row() -> None:
    skipped = "tests/faults/test_d.py::test_four"
    assert row(skipped) is None
    assert not row("a-service/tests/test_b.py::test_two", skipped)["met"]
