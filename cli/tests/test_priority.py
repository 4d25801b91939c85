"""Commands that read everything while Penstock runs take no processor from it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from penstock_testkit.waiting import HANG_SECONDS

# The command line in a process of its own, and how nice that is in the end.
PROGRAM = """
import os, sys
from penstock_cli.main import run
try:
    run()
finally:
    print("nice", os.nice(0))
"""


def niceness_after(home: Path, *arguments: str) -> int:
    environment = {**os.environ, "PENSTOCK_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
        env=environment,
        cwd=home,
    )
    return int(done.stdout.rpartition("nice ")[2])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "chat.db")) as database:
        database.execute("CREATE TABLE pair (a INTEGER)")
    return folder


def test_a_backup_and_a_comparison_of_stores_come_behind_the_services(home: Path, tmp_path: Path) -> None:
    before = niceness_after(home, "version")
    assert niceness_after(home, "backup", str(tmp_path / "copy")) == min(19, before + 10)
    assert (tmp_path / "copy" / "chat.db").exists()
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    assert niceness_after(home, "migrate", "compare", "--to", nowhere) == min(19, before + 10)
