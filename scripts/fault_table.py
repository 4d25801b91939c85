"""Runs the tests that provoke faults and prints what they measured: `make faults [TESTS=path]`.

With `--page` (`make faults PAGE=1`) the rows also go into docs/faults.md, in place of those of the same faults. Which
faults there are, and which tests show them, says tests/faults/fault_list.py.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.faults.fault_list import FAULTS, NOTED, Fault  # noqa: E402 - from the tree's own root

PAGE = ROOT / "docs" / "faults.md"
HEAD = "| Fault | Measured | Goal | Met |\n|---|---|---|---|\n"
Row = dict[str, object]


def main() -> int:
    """Run the tests named, those of all faults without; return pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        rows, outcomes = Path(folder) / "rows.jsonl", Path(folder) / "outcomes.xml"
        rows.touch()
        named = [argument for argument in sys.argv[1:] if argument != "--page"]
        tests = named or [*NOTED, *dict.fromkeys(test for fault in FAULTS for test in fault.tests)]
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not containers"]
        # The older family of reports is the one that has properties of a test.
        command += ["-o", "junit_family=xunit1", f"--junitxml={outcomes}", *tests]
        code = subprocess.call(command, cwd=ROOT, env={**os.environ, "PENSTOCK_FAULT_ROWS": str(rows)})
        noted: list[Row] = [json.loads(line) for line in rows.read_text().splitlines()]
        noted += listed(outcomes_of(outcomes.read_text()) if outcomes.exists() else {})
        print_table(noted)
    if "--page" in sys.argv:
        PAGE.write_text(page_with(PAGE.read_text(), noted))
    return code


def outcomes_of(report: str) -> Mapping[str, Sequence[tuple[bool, str]]]:
    """Return for each test function of a JUnit report, by file and name, whether its cases passed and their figures.

    A case that was skipped shows nothing, and is left out.
    """
    found: dict[str, list[tuple[bool, str]]] = defaultdict(list)
    for case in ElementTree.fromstring(report).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        passed = case.find("failure") is None and case.find("error") is None
        figures = [each.get("value", "") for each in case.iter("property") if each.get("name") == "figure"]
        function = case.get("name", "").partition("[")[0]
        found[f"{case.get('classname', '').replace('.', '/')}.py::{function}"].append((passed, "; ".join(figures)))
    return found


def listed(outcomes: Mapping[str, Sequence[tuple[bool, str]]]) -> list[Row]:
    """Return the rows of the faults of which a test was run."""
    return [row for fault in FAULTS if (row := row_of(fault, outcomes)) is not None]


def row_of(fault: Fault, outcomes: Mapping[str, Sequence[tuple[bool, str]]]) -> Row | None:
    """Return the row of a fault; met when every test of it was run and passed."""
    cases = {test: outcomes.get(test, ()) for test in fault.tests}
    every = [case for found in cases.values() for case in found]
    if not every:
        return None
    passed = sum(ok for ok, _ in every)
    figures = "; ".join(figure for _, figure in every if figure)
    figure = figures or f"as it must be, in {passed} of {len(every)} ways"
    met = passed == len(every) and all(cases.values())
    return {"fault": fault.name, "figure": figure, "goal": fault.goal, "met": met}


def page_with(page: str, rows: list[Row]) -> str:
    """Return the page with rows in its table, each in place of an earlier one of its fault."""
    before, table = page.split(HEAD)
    lines = {line.split(" | ")[0]: line for line in table.splitlines() if line.startswith("| ")}
    for row in rows:
        line = f"| {row['fault']} | {row['figure']} | {row['goal']} | {'yes' if row['met'] else '**no**'} |"
        lines[line.split(" | ", maxsplit=1)[0]] = line
    return f"{before}{HEAD}" + "".join(f"{line}\n" for line in lines.values())


def print_table(rows: list[Row]) -> None:
    """Print one line for each row noted."""
    cells = [("Fault", "Measured", "Goal", "Met")]
    cells += [(f"{row['fault']}", f"{row['figure']}", f"{row['goal']}", "yes" if row["met"] else "NO") for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
