"""`penstock doctor` reads the files that hold records and telemetry."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from penstock_cli.doctor.database_file import check_database_files
from penstock_cli.doctor.finding import Finding
from penstock_cli.settings import CliSettings

PAGE = 4096


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a file of records and one of telemetry, larger than what is read at opening."""
    with closing(sqlite3.connect(tmp_path / "chat.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE chat_stream_service_schema (version_num TEXT)")
        database.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, content TEXT)")
        database.executemany(
            "INSERT INTO messages (content) VALUES (?)", [(f"message {n} " * 50,) for n in range(2000)]
        )
        database.commit()
    with duckdb.connect(str(tmp_path / "telemetry.duckdb")) as database:
        database.execute("CREATE TABLE rows AS SELECT range AS at, hash(range) AS value FROM range(400_000)")
    return tmp_path


def found(home: Path, *, seconds: float = 60.0, **values: str) -> dict[str, Finding]:
    settings = CliSettings(values={"PENSTOCK_HOME": str(home), **values})
    return {finding.name: finding for finding in check_database_files(settings, seconds=seconds)}


def overwrite(file: Path, at: int, length: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(b"\xa5" * length)


def test_files_that_are_whole_are_said_to_be_and_stay_as_they_were(home: Path) -> None:
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    findings = found(home)
    assert {name: finding.ok for name, finding in findings.items()} == {"chat.db": True, "telemetry.duckdb": True}
    assert all(finding.detail.endswith("MB, whole") for finding in findings.values())
    assert {name: (home / name).read_bytes() for name in before} == before


@pytest.mark.parametrize("name", ["chat.db", "telemetry.duckdb"])
@pytest.mark.parametrize(
    ("place", "said"),
    [
        (Path.mkdir, "is a folder, no file"),
        (os.mkfifo, "is no file but a pipe"),
        (lambda path: path.symlink_to("/dev/zero"), "is no file but a pipe, a socket or a device"),
        (lambda path: path.symlink_to(path), "can't be looked at: Too many levels of symbolic links"),
        (lambda path: path.symlink_to(path.parent / "gone" / "file"), "gone, which is no folder"),
    ],
    ids=["folder", "pipe", "device", "loop", "nowhere"],
)
def test_what_is_no_file_in_the_place_of_one_is_told_and_not_opened(
    tmp_path: Path, name: str, place: Callable[[Path], None], said: str
) -> None:
    place(tmp_path / name)
    finding = found(tmp_path)[name]
    assert (finding.ok, finding.need) == (False, "required")
    assert finding.detail.startswith(f"{tmp_path / name} ")
    assert said in finding.detail
    assert "restore FOLDER" in finding.remedy


def test_a_link_to_a_file_that_a_start_will_make_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "chat.db").symlink_to(tmp_path / "elsewhere.sqlite")
    assert found(tmp_path) == {}


@pytest.mark.parametrize(("at", "length"), [(0, 100), (20 * PAGE, 40 * PAGE)], ids=["head", "middle"])
def test_a_damaged_file_of_records_is_named_with_what_to_do(home: Path, at: int, length: int) -> None:
    overwrite(home / "chat.db", at, length)
    damaged = found(home)["chat.db"]
    assert (damaged.ok, damaged.need) == (False, "required")
    assert damaged.detail.startswith(f"{home / 'chat.db'} is damaged: ")
    assert "restore FOLDER" in damaged.remedy


@pytest.mark.parametrize(
    ("at", "length"), [(0, 100), (PAGE, 2 * PAGE), (3 * 262_144, 262_144)], ids=["head", "second", "rows"]
)
def test_a_damaged_file_of_telemetry_is_named(home: Path, at: int, length: int) -> None:
    overwrite(home / "telemetry.duckdb", at, length)
    damaged = found(home)["telemetry.duckdb"]
    assert not damaged.ok, damaged
    assert "is damaged" in damaged.detail


def test_a_cut_file_of_records_is_damaged(home: Path) -> None:
    file = home / "chat.db"
    file.write_bytes(file.read_bytes()[: 50 * PAGE])
    assert not found(home)["chat.db"].ok


def test_a_file_is_read_for_so_long_and_no_longer(home: Path) -> None:
    findings = found(home, seconds=0.0)
    assert all(finding.ok for finding in findings.values())
    assert "no fault in what could be read in 0 s" in findings["chat.db"].detail


def test_a_file_that_is_locked_whole_is_not_called_damaged(home: Path) -> None:
    with closing(sqlite3.connect(home / "chat.db", isolation_level=None)) as database:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("BEGIN EXCLUSIVE")
        finding = found(home)["chat.db"]
    assert finding.ok
    assert "another process has locked it" in finding.detail


def test_the_file_that_a_setting_names_elsewhere_is_read_too(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "talks.db"
    (home / "chat.db").replace(elsewhere)
    overwrite(elsewhere, 0, 100)
    monkeypatch.setenv("CHAT_STREAM_SERVICE_DATABASE_URL", f"sqlite:///{elsewhere}")
    assert not found(home)["talks.db"].ok


def test_the_files_of_the_home_are_read_though_a_setting_is_wrong(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overwrite(home / "chat.db", 0, 100)
    monkeypatch.setenv("PENSTOCK_LOG_LEVEL", "shouting")
    assert not found(home)["chat.db"].ok


def test_of_thousands_of_files_that_are_not_penstocks_some_are_read_and_the_rest_is_counted(home: Path) -> None:
    for number in range(3_000):
        (home / f"a{number}.db").touch()
    findings = found(home)
    assert findings["chat.db"].detail.endswith("MB, whole")
    assert findings["telemetry.duckdb"].ok
    assert sum(name.startswith("a") for name in findings) == 20
    finding = findings["other files"]
    assert (finding.ok, finding.need) == (False, "recommended")
    assert finding.detail.startswith(f"2,980 further files of {home} end in .db")
    assert "PENSTOCK_HOME" in finding.remedy


def test_a_few_files_that_are_not_penstocks_are_read_as_its_own_are(home: Path) -> None:
    for number in range(20):
        (home / f"a{number}.db").touch()
    findings = found(home)
    assert "other files" not in findings
    assert len(findings) == 22
