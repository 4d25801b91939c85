"""The files of records are brought to the newest schema before the services start, in a process that ends."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from penstock_cli.supervisor.record_schemas import FILES
from penstock_kit.database.migrate import newest_revision, version_table
from penstock_testkit.waiting import HANG_SECONDS


def make(home: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *options, "-m", "penstock_cli.supervisor.record_schemas"],
        env={"PATH": os.environ["PATH"], "PENSTOCK_HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_every_file_of_records_has_the_newest_schema_and_is_its_owners_alone(tmp_path: Path) -> None:
    made = make(tmp_path)
    assert (made.returncode, made.stdout.count("schema migrated")) == (0, len(FILES)), made.stdout + made.stderr
    for package, file in FILES.items():
        found = find_spec(package)
        assert found is not None
        assert found.origin is not None
        migrations = Path(found.origin).parent / "migrations"
        with closing(sqlite3.connect(tmp_path / file)) as database:
            revision = database.execute(f"SELECT version_num FROM {version_table(migrations)}").fetchone()
        assert revision == (newest_revision(migrations),)
        assert (tmp_path / file).stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_made_is_left_to_its_service_and_the_others_are_made(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").mkdir()
    made = make(tmp_path)
    assert made.returncode == 0, made.stderr
    assert {path.name for path in tmp_path.glob("*.db") if path.is_file()} == set(FILES.values()) - {"gateway.db"}


def test_a_damaged_file_is_left_to_its_service_without_a_word_and_the_others_are_made(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"no database at all" * 100)
    made = make(tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.count("schema migrated") == len(FILES) - 1


def test_where_nothing_is_behind_alembic_is_not_even_loaded(tmp_path: Path) -> None:
    make(tmp_path)
    looked = make(tmp_path, "-X", "importtime")
    assert (looked.returncode, looked.stdout) == (0, "")
    assert " penstock_kit.database\n" in looked.stderr
    assert "alembic" not in looked.stderr
