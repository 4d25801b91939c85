"""Rows of `make faults`: a test that provokes a fault notes what it measured and what it should be."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

FILE_SETTING: Final = "PENSTOCK_FAULT_ROWS"
"""Environment variable naming the file that rows are appended to, a JSON object a line; unset: they are not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """What became of one fault: `figure` was measured, `goal` is what it must be, `met` whether it is."""

    fault: str
    figure: str
    goal: str
    met: bool


NoteFault = Callable[[FaultRow], None]
# Notes in a few words what a test has measured, for the row of its fault.
Measured = Callable[[str], None]


def append_row(row: FaultRow) -> None:
    """Append a row to the file of FILE_SETTING, if there is one."""
    path = os.environ.get(FILE_SETTING)
    if path:
        with Path(path).open("a") as file:
            file.write(json.dumps(asdict(row)) + "\n")
