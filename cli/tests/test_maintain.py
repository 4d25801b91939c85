"""`penstock maintain` does what it can beside what runs."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from penstock_cli.backup import backup, is_held
from penstock_cli.failure import CommandFailed
from penstock_cli.maintain import maintain
from penstock_cli.migrate.command import check
from penstock_cli.migrate.record_set import load_record_set
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import Home
from penstock_kit.database import migrate, sqlite_url
from penstock_testkit.waiting import HANG_SECONDS

HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def telemetry(tmp_path: Path) -> Path:
    """A telemetry file that nobody holds."""
    file = tmp_path / "telemetry.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE readings AS SELECT range AS value FROM range(1000)")
    return file


@pytest.fixture
def holder(telemetry: Path) -> Iterator[None]:
    """Another process has the file open, as a running feature-service has."""
    command = [sys.executable, "-c", HOLDER, str(telemetry)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.communicate("", timeout=HANG_SECONDS)


def test_telemetry_that_nobody_holds_is_checkpointed(telemetry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert maintain(CliSettings(values={"PENSTOCK_HOME": str(telemetry.parent)})) == 0
    assert "→" in capsys.readouterr().out


@pytest.mark.usefixtures("holder")
def test_telemetry_that_a_service_holds_is_left_to_it(telemetry: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert maintain(CliSettings(values={"PENSTOCK_HOME": str(telemetry.parent)})) == 0
    assert "running feature-service" in capsys.readouterr().out


def test_telemetry_of_a_home_that_is_being_started_is_left_to_its_service(
    telemetry: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service has not opened the file yet: whoever opens it now would keep the service from it."""
    held = Home(telemetry.parent).lock()
    try:
        assert maintain(CliSettings(values={"PENSTOCK_HOME": str(telemetry.parent)})) == 0
        assert "belongs to the running feature-service" in capsys.readouterr().out
    finally:
        os.close(held)
    assert maintain(CliSettings(values={"PENSTOCK_HOME": str(telemetry.parent)})) == 0
    assert "→" in capsys.readouterr().out


def test_every_database_and_file_that_the_settings_name_is_kept_up(
    tmp_path: Path, telemetry: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "other.db"
    home.mkdir()
    asyncio.run(migrate(sqlite_url(elsewhere), load_record_set("llm-service").migrations))
    for name in ("gateway", "chat-stream-service", "feature-service"):
        records = load_record_set(name)
        asyncio.run(migrate(sqlite_url(home / records.file), records.migrations))
    values = {"PENSTOCK_HOME": str(home), "LLM_SERVICE_DATABASE_URL": sqlite_url(elsewhere)}
    values["TELEMETRY_URL"] = f"duckdb:///{telemetry}"
    for setting, value in values.items():
        monkeypatch.setenv(setting, value)
    assert maintain(CliSettings(values=values)) == 0
    done = {line.split()[0] for line in capsys.readouterr().out.splitlines() if "→" in line}
    assert done == {"gateway.db", "LLM_SERVICE_DATABASE_URL", "chat.db", "feature.db", "telemetry.duckdb"}


@pytest.mark.parametrize(
    ("setting", "commands"), [("LLM_SERVICE_DATABASE_URL", (maintain, backup)), ("TELEMETRY_URL", (backup,))]
)
def test_a_url_that_is_none_is_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, commands: tuple[Callable[..., int], ...]
) -> None:
    monkeypatch.setenv(setting, "postgresql://u:p@h/x?options=1")
    settings = CliSettings(values={"PENSTOCK_HOME": str(tmp_path)})
    for command in commands:
        words = [tmp_path / "backup"] if command is backup else []
        with pytest.raises(CommandFailed, match=r"_URL .* 'options' is not understood"):
            command(settings, *words)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("duckdb:///notes.txt", "does not begin as a DuckDB file does: name another in TELEMETRY_URL"),
        ("duckdb:///home", "the telemetry file home is a folder"),
        ("duckdb:///pipe", "the telemetry file pipe is a pipe, a socket or a device"),
        ("duckdb://notes.txt", "is not the URL of a telemetry store; write duckdb:///path/to/file or postgresql://"),
        ("sqlite:///notes.txt", "is not the URL of a telemetry store; write duckdb:///path/to/file or postgresql://"),
    ],
)
def test_what_is_no_telemetry_is_refused_by_what_it_is_and_left_as_it_was(
    tmp_path: Path, url: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "notes.txt").write_text("a shopping list")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    values = {"PENSTOCK_HOME": "home", "TELEMETRY_URL": url, "TELEMETRY_DAYS": "1"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = CliSettings(values=values)
    with pytest.raises(CommandFailed, match=said):
        maintain(settings)
    with pytest.raises(CommandFailed, match=said):
        check(settings, to="postgresql://a:b@127.0.0.1:1/x", source="", services=[])
    assert (tmp_path / "notes.txt").read_text() == "a shopping list"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["home", "notes.txt", "pipe"]
    assert capsys.readouterr().out == "", "nothing was begun"


def test_a_path_with_the_word_lock_in_it_is_not_taken_for_a_locked_file(tmp_path: Path) -> None:
    folder = tmp_path / "blocks"
    folder.mkdir()
    (folder / "telemetry.duckdb").write_bytes(bytes(8) + b"DUCK" + bytes(20_000))
    with pytest.raises(CommandFailed, match="blocks/telemetry"):
        is_held(folder / "telemetry.duckdb")
