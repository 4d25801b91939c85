"""Runs the tests that provoke faults and prints what they measured: `make faults [TESTS=path]`.

With `--page` (`make faults PAGE=1`) the rows also go into docs/faults.md, in place of those of the same faults.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ("tests/faults",)
PAGE = ROOT / "docs" / "faults.md"
HEAD = "| Fault | Measured | Goal | Met |\n|---|---|---|---|\n"


def main() -> int:
    """Run the tests named, all of tests/faults without; return pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        rows.touch()
        tests = [argument for argument in sys.argv[1:] if argument != "--page"] or TESTS
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not containers", *tests]
        code = subprocess.call(command, cwd=ROOT, env={**os.environ, "PENSTOCK_FAULT_ROWS": str(rows)})
        noted = [json.loads(line) for line in rows.read_text().splitlines()]
        print_table(noted)
    if "--page" in sys.argv:
        PAGE.write_text(page_with(PAGE.read_text(), noted))
    return code


def page_with(page: str, rows: list[dict[str, object]]) -> str:
    """Return the page with rows in its table, each in place of an earlier one of its fault."""
    before, table = page.split(HEAD)
    lines = {line.split(" | ")[0]: line for line in table.splitlines() if line.startswith("| ")}
    for row in rows:
        line = f"| {row['fault']} | {row['figure']} | {row['goal']} | {'yes' if row['met'] else '**no**'} |"
        lines[line.split(" | ", maxsplit=1)[0]] = line
    return f"{before}{HEAD}" + "".join(f"{line}\n" for line in lines.values())


def print_table(rows: list[dict[str, object]]) -> None:
    """Print one line for each row noted."""
    cells = [("Fault", "Measured", "Goal", "Met")]
    cells += [(f"{row['fault']}", f"{row['figure']}", f"{row['goal']}", "yes" if row["met"] else "NO") for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
