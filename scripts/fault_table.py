"""Runs the tests that provoke faults and prints what they measured: `make faults [TESTS=path]`."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ("tests/faults",)


def main() -> int:
    """Run the tests named, all of tests/faults without; return pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.jsonl"
        rows.touch()
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not containers", *(sys.argv[1:] or TESTS)]
        code = subprocess.call(command, cwd=ROOT, env={**os.environ, "PENSTOCK_FAULT_ROWS": str(rows)})
        print_table([json.loads(line) for line in rows.read_text().splitlines()])
    return code


def print_table(rows: list[dict[str, object]]) -> None:
    """Print one line for each row noted."""
    cells = [("Fault", "Measured", "Goal", "Met")]
    cells += [(f"{row['fault']}", f"{row['figure']}", f"{row['goal']}", "yes" if row["met"] else "NO") for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
