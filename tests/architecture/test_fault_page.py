"""The page of faults takes rows that were measured anew."""

import importlib.util
from pathlib import Path
from typing import Any

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
