"""`penstock doctor` reads a home where it may read and not write, such as a copy on a read-only mount."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import duckdb
import pytest

from penstock_testkit.waiting import HANG_SECONDS

LOOK: Final = """
import sys
from penstock_cli.doctor.database_file import check_database_files
from penstock_cli.settings import CliSettings
for finding in check_database_files(CliSettings(values={"PENSTOCK_HOME": sys.argv[1]}), seconds=60.0):
    print(finding.name, finding.ok, finding.detail, sep="|")
"""
# The superuser may write anywhere; in a user namespace without a name it may what its files' modes let their owner do.
AS_OWNER: Final = ["unshare", "-U"] if os.geteuid() == 0 else []
pytestmark = pytest.mark.skipif(
    bool(AS_OWNER)
    and (
        not shutil.which("unshare")
        or subprocess.run([*AS_OWNER, "true"], capture_output=True, check=False).returncode != 0
    ),
    reason="no user namespace can be made here, and the superuser may write anywhere",
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home that nothing can be made in, with records in WAL mode and telemetry."""
    home = tmp_path / "home"
    home.mkdir()
    with closing(sqlite3.connect(home / "chat.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE chat_stream_service_schema (version_num TEXT)")
        database.commit()
    with duckdb.connect(str(home / "telemetry.duckdb")) as database:
        database.execute("CREATE TABLE rows AS SELECT range AS at FROM range(1_000)")
    home.chmod(0o500)
    yield home
    home.chmod(0o700)


def found(home: Path) -> dict[str, tuple[bool, str]]:
    done = subprocess.run(
        [*AS_OWNER, sys.executable, "-c", LOOK, str(home)],
        capture_output=True, text=True, timeout=HANG_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = (line.split("|", 2) for line in done.stdout.splitlines())
    return {name: (ok == "True", detail) for name, ok, detail in rows}


def test_files_of_a_home_that_cannot_be_written_are_read_and_whole(home: Path) -> None:
    findings = found(home)
    assert findings["chat.db"] == (True, "0.0 MB, whole")
    assert findings["telemetry.duckdb"] == (True, "0.5 MB, whole")
    assert sorted(path.name for path in home.iterdir()) == ["chat.db", "telemetry.duckdb"]


def test_a_damaged_file_is_named_there_too(home: Path) -> None:
    with (home / "chat.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 4096)
    ok, said = found(home)["chat.db"]
    assert not ok
    assert "is damaged" in said


def test_a_log_that_waits_to_be_taken_in_is_told_and_the_file_not_called_damaged(home: Path) -> None:
    log = home / "chat.db-wal"
    home.chmod(0o700)
    with closing(sqlite3.connect(home / "chat.db")) as database:
        database.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY)")
        database.commit()
        kept = log.read_bytes()
    log.write_bytes(kept)
    home.chmod(0o500)
    ok, said = found(home)["chat.db"]
    assert ok, said
    assert "not read: its folder can't be written, and chat.db-wal waits to be taken in" in said


@pytest.mark.parametrize("name", ["chat.db", "telemetry.duckdb"])
def test_a_file_that_may_not_be_read_is_told_and_not_called_damaged(home: Path, name: str) -> None:
    (home / name).chmod(0o000)
    ok, said = found(home)[name]
    assert not ok
    assert said == f"{home / name} can't be read: Permission denied"
