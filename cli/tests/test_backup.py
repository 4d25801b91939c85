"""``penstock backup`` and ``restore`` on a home without a running system; with one: tests/e2e/test_backup.py."""

import json
import os
import re
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from chat_stream_service.settings import ChatSettings
from feature_service.settings import FeatureSettings
from gateway.settings import GatewaySettings
from llm_service.settings import LlmSettings
from penstock_cli.backup import MANIFEST, backup, restore
from penstock_cli.failure import CommandFailed
from penstock_cli.running_stores import named_stores
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import LOCK_FILE, Home, SuiteState, identify
from penstock_kit.database import sqlite_url
from penstock_kit.database.url import driver_url
from penstock_kit.errors import FailedPrecondition
from penstock_kit.home import hold_home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / "datasets" / "ds_1").mkdir(parents=True)
    (folder / "datasets" / "ds_1" / "data.npz").write_bytes(b"arrays")
    (folder / "admin.key").write_text("psk_test\n")
    (folder / "penstock.log").write_text("lines\n")
    (folder / "llm-calls-jrn_1.jsonl").write_text("{}\n")
    with closing(sqlite3.connect(folder / "chat.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE pair (a INTEGER, b INTEGER)")
    with duckdb.connect(str(folder / "telemetry.duckdb")) as telemetry:
        telemetry.execute("CREATE TABLE rows AS SELECT range AS n FROM range(1000)")
    return folder


def settings(home: Path) -> CliSettings:
    return CliSettings(values={"PENSTOCK_HOME": str(home)})


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def writer(home: Path) -> Iterator[None]:
    """Somebody who writes pairs, both halves in one transaction, as long as the test lasts."""
    done = threading.Event()

    def write() -> None:
        database = sqlite3.connect(home / "chat.db", timeout=30)
        number = 0
        while not done.is_set():
            number += 1
            with database:
                database.execute("INSERT INTO pair VALUES (?, ?)", (number, number))
        database.close()

    thread = threading.Thread(target=write)
    thread.start()
    yield
    done.set()
    thread.join()


@pytest.mark.usefixtures("writer")
def test_a_database_that_is_written_to_is_copied_as_it_is_at_one_moment(home: Path, tmp_path: Path) -> None:
    for number in range(20):
        target, bare = tmp_path / f"backup-{number}", tmp_path / f"bare-{number}"
        backup(settings(home), target)
        restore(settings(bare), target)
        with sqlite3.connect(bare / "chat.db") as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = copy.execute("SELECT a, b FROM pair ORDER BY a").fetchall()
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
        assert not (target / "chat.db-wal").exists()


def test_a_restored_home_holds_what_the_backup_holds_and_keeps_what_was_there(home: Path, tmp_path: Path) -> None:
    backup(settings(home), tmp_path / "backup")
    kept = files(tmp_path / "backup")
    kept.pop(MANIFEST)
    (home / "admin.key").write_text("psk_of_later\n")
    restore(settings(home), tmp_path / "backup")
    now = files(home)
    # The lock is this process's, and stays where it is.
    assert {name: content for name, content in now.items() if not name.startswith(("before-", LOCK_FILE))} == kept
    assert [content for name, content in now.items() if name.endswith("/admin.key")] == [b"psk_of_later\n"]
    assert "penstock.log" not in kept
    assert kept["llm-calls-jrn_1.jsonl"] == b"{}\n"
    with duckdb.connect(str(home / "telemetry.duckdb")) as telemetry:
        assert telemetry.execute("SELECT count(*) FROM rows").fetchone() == (1000,)


def test_a_backup_after_a_restore_does_not_grow_by_what_was_kept(home: Path, tmp_path: Path) -> None:
    backup(settings(home), tmp_path / "one")
    restore(settings(home), tmp_path / "one")
    backup(settings(home), tmp_path / "two")
    assert set(files(tmp_path / "one")) == set(files(tmp_path / "two"))


def test_only_the_owner_can_read_a_backup(home: Path, tmp_path: Path) -> None:
    backup(settings(home), tmp_path / "backup")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "backup").rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700


def test_a_damaged_backup_changes_nothing(home: Path, tmp_path: Path) -> None:
    backup(settings(home), tmp_path / "backup")
    before = files(home)
    (tmp_path / "backup" / "chat.db").write_bytes(b"something else")
    with pytest.raises(CommandFailed, match=r"is damaged: chat\.db; nothing was changed"):
        restore(settings(home), tmp_path / "backup")
    (tmp_path / "backup" / "chat.db").unlink()
    with pytest.raises(CommandFailed, match="damaged"):
        restore(settings(home), tmp_path / "backup")
    assert files(home) == before


def test_what_is_no_backup_is_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="is no backup"):
        restore(settings(home), tmp_path)
    manifest = {"sha256": {"../outside": "0"}}
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(CommandFailed, match="names files outside"):
        restore(settings(home), tmp_path)


def test_nothing_is_overwritten_and_nothing_half_made_stays(home: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(CommandFailed, match="is there already"):
        backup(settings(home), tmp_path / "there")
    (home / "chat.db").write_bytes(b"no database, but long enough to be looked at" * 100)
    with pytest.raises(CommandFailed, match=r"chat\.db can't be copied: file is not a database"):
        backup(settings(home), tmp_path / "backup")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "there"]


def test_a_home_that_runs_is_not_replaced(home: Path, tmp_path: Path) -> None:
    backup(settings(home), tmp_path / "backup")
    lock = Home(home).lock()
    with pytest.raises(CommandFailed, match="stop it first"):
        restore(settings(home), tmp_path / "backup")
    os.close(lock)


def test_nothing_starts_on_a_home_while_it_is_restored(home: Path, tmp_path: Path) -> None:
    backup(settings(home), tmp_path / "backup")
    refused: dict[str, str] = {}

    def restored() -> None:
        with pytest.raises(CommandFailed, match=r"another process has .*chat\.db open"):
            restore(settings(home), tmp_path / "backup")

    serving = sqlite3.connect(home / "chat.db")
    serving.execute("SELECT count(*) FROM pair").fetchall()
    restoring = threading.Thread(target=restored)
    restoring.start()  # it waits two seconds for the database that is open
    while restoring.is_alive() and len(refused) < 2:
        if Home(home).locked:  # it may be over between any two of these steps
            try:
                os.close(Home(home).lock())
            except CommandFailed as error:
                if "restore" in error.message:  # it has not said yet what it is, in its first moment
                    refused["command"] = error.message
            try:
                with hold_home(home):
                    pass
            except FailedPrecondition as error:
                refused["service"] = error.message
    restoring.join()
    serving.close()
    assert re.search(r"`.*restore` works on .*; wait for it", refused["command"])
    assert "a restore has" in refused["service"]


def test_the_lock_of_a_home_stays_where_it_is(home: Path, tmp_path: Path) -> None:
    backup(settings(home), tmp_path / "backup")
    os.close(Home(home).lock())
    before = (home / LOCK_FILE).stat().st_ino
    restore(settings(home), tmp_path / "backup")
    assert (home / LOCK_FILE).stat().st_ino == before
    assert not Home(home).locked
    assert list(home.glob(f"before-*/{LOCK_FILE}")) == []


def test_a_home_that_a_single_service_uses_is_not_replaced(home: Path, tmp_path: Path) -> None:
    backup(settings(home), tmp_path / "backup")
    before = {name: content for name, content in files(home).items() if name != LOCK_FILE}
    with hold_home(home), pytest.raises(CommandFailed, match=r"a process of Penstock uses .*: stop it first"):
        restore(settings(home), tmp_path / "backup")
    assert {name: content for name, content in files(home).items() if name != LOCK_FILE} == before


@pytest.mark.parametrize("name", ["what?", "no #1", "100%41", "mode=ro&x", "ü ß"])
def test_a_home_of_any_name_is_copied_whole(home: Path, tmp_path: Path, name: str) -> None:
    with closing(sqlite3.connect(home / "chat.db")) as database, database:
        database.execute("INSERT INTO pair VALUES (1, 2)")
    named = home.rename(tmp_path / name)
    backup(settings(named), tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup" / "chat.db")) as copy:
        assert copy.execute("SELECT * FROM pair").fetchall() == [(1, 2)]
    restore(settings(tmp_path / f"{name}-2"), tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / f"{name}-2" / "chat.db")) as copy:
        assert copy.execute("SELECT * FROM pair").fetchall() == [(1, 2)]


def test_every_service_keeps_its_file_in_a_home_of_any_name(tmp_path: Path) -> None:
    home = tmp_path / "what? no #1 100%41"
    urls = [
        GatewaySettings(_env_file=None, home=home).store_url(),
        LlmSettings(_env_file=None, home=home).database,
        ChatSettings(_env_file=None, home=home).database,
        FeatureSettings(_env_file=None, home=home).records_url,
    ]
    assert [Path(driver_url(url).database or "") for url in urls] == [
        home / name for name in ("gateway.db", "llm.db", "chat.db", "feature.db")
    ]


def test_a_database_without_tables_is_no_backup(home: Path, tmp_path: Path) -> None:
    (home / "llm.db").touch()
    with pytest.raises(CommandFailed, match=r"llm\.db can't be copied: it has no tables"):
        backup(settings(home), tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_damaged_home_is_replaced_and_one_that_a_service_has_open_is_not(home: Path, tmp_path: Path) -> None:
    backup(settings(home), tmp_path / "backup")
    serving = sqlite3.connect(home / "chat.db")
    serving.execute("SELECT count(*) FROM pair").fetchall()
    with pytest.raises(CommandFailed, match=r"another process has .*chat\.db open"):
        restore(settings(home), tmp_path / "backup")
    serving.close()
    (home / "chat.db").write_bytes(b"damaged" * 1000)
    (home / "telemetry.duckdb").write_bytes(b"damaged" * 1000)
    restore(settings(home), tmp_path / "backup")
    with sqlite3.connect(home / "chat.db") as restored:
        assert restored.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with duckdb.connect(str(home / "telemetry.duckdb")) as telemetry:
        assert telemetry.execute("SELECT count(*) FROM rows").fetchone() == (1000,)


def changed(folder: Path, **parts: object) -> None:
    """Write into the manifest of a backup what a stranger would."""
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, **parts}))


@pytest.mark.parametrize(
    "name",
    [
        "penstock.json",
        "penstock.json.new",
        "penstock.lock",
        "penstock.log",
        "before-x/admin.key",
        ".restoring",
        ".x/y",
        "tmp/x",
        "backup.json",
        "telemetry.duckdb.tmp/x",
        "chat.db-wal",
        "datasets//x",
        "./x",
        "",
        ".",
        "a\x00b",
        "a\x1b[31mb",
        "a\u202eb",
        "a\nb",
    ],
)
def test_a_name_that_no_backup_lists_is_not_restored(home: Path, tmp_path: Path, name: str) -> None:
    backup(settings(home), tmp_path / "backup")
    before = files(home)
    changed(tmp_path / "backup", sha256={name: "0" * 64})
    with pytest.raises(CommandFailed, match=r"is no backup of ours: backup\.json names") as refused:
        restore(settings(home), tmp_path / "backup")
    assert refused.value.message.isprintable()
    assert files(home) == before


@pytest.mark.parametrize(
    "text",
    [
        '{"sha256": [1, 2]}',
        '{"sha256": {"a": 1}}',
        '{"sha256": {}, "keys": [1]}',
        '{"sha256": {}, "keys": {"a": 1}}',
        "[" * 200000,
        "[]",
        "null",
        "",
        '{"sha256": "x"}',
    ],
)
def test_a_manifest_of_another_shape_is_no_backup(home: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(CommandFailed, match="there is no readable"):
        restore(settings(home), tmp_path)
    changed_mark = {"sha256": {"admin.key": "abc"}}
    (tmp_path / MANIFEST).write_text(json.dumps(changed_mark))
    with pytest.raises(CommandFailed, match=r"'admin\.key' without its SHA-256"):
        restore(settings(home), tmp_path)


def test_a_link_in_a_backup_is_not_followed(home: Path, tmp_path: Path) -> None:
    backup(settings(home), tmp_path / "backup")
    for name in ("admin.key", "datasets"):
        there, away = tmp_path / "backup" / name, tmp_path / f"away-{name}"
        there.rename(away)
        there.symlink_to(away)
        with pytest.raises(CommandFailed, match=f"'{name}' in it is a symbolic link"):
            restore(settings(home), tmp_path / "backup")
        there.unlink()
        away.rename(there)
    (tmp_path / "backup" / "admin.key").unlink()
    os.mkfifo(tmp_path / "backup" / "admin.key")
    with pytest.raises(CommandFailed, match=r"is damaged: admin\.key"):
        restore(settings(home), tmp_path / "backup")


def test_what_lies_behind_a_link_to_a_folder_is_in_the_backup(home: Path, tmp_path: Path) -> None:
    (home / "datasets").rename(tmp_path / "disk")
    (home / "datasets").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "ds_1" / "kept-wal").write_bytes(b"x")
    backup(settings(home), tmp_path / "backup")
    assert (tmp_path / "backup" / "datasets" / "ds_1" / "data.npz").read_bytes() == b"arrays"
    assert (tmp_path / "backup" / "datasets" / "ds_1" / "kept-wal").read_bytes() == b"x"


def test_what_can_not_be_in_a_backup_is_named(home: Path, tmp_path: Path) -> None:
    link = home / "datasets" / "link"
    for target, why in (
        (home / "datasets", "datasets/link is a link to a folder that it is in"),
        (tmp_path / "gone", "datasets/link is a link to what is not there"),
    ):
        link.symlink_to(target)
        with pytest.raises(CommandFailed, match=why):
            backup(settings(home), tmp_path / "backup")
        link.unlink()
    (home / "datasets" / "a\x1bb").touch()
    with pytest.raises(CommandFailed, match=r"'datasets/a\\x1bb'; rename it"):
        backup(settings(home), tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_backups_inside_the_home_do_not_hold_one_another(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup(settings(home), home / "one")
    backup(settings(home), home / "datasets" / "two")
    backup(settings(home), home / "three")
    assert set(files(home / "one")) == set(files(home / "three")) == set(files(home / "datasets" / "two"))
    assert f"{home / 'one'} is a backup itself: it is not in this one" in capsys.readouterr().out
    restore(settings(home), home / "one")
    assert (home / "one" / MANIFEST).is_file()
    assert (home / "admin.key").read_text() == "psk_test\n"


def test_a_database_that_a_setting_names_elsewhere_is_in_the_backup_and_a_restore_says_where_it_goes(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "chat.db").rename(tmp_path / "other.db")
    monkeypatch.setenv("CHAT_STREAM_SERVICE_DATABASE_URL", sqlite_url(tmp_path / "other.db"))
    backup(settings(home), tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup" / "chat.db")) as copy:
        assert copy.execute("SELECT count(*) FROM pair").fetchone() == (0,)
    before = files(home)
    with pytest.raises(CommandFailed, match=r"the settings name .*other\.db, and a restore writes .*home/chat\.db"):
        restore(settings(home), tmp_path / "backup")
    assert files(home) == before
    monkeypatch.delenv("CHAT_STREAM_SERVICE_DATABASE_URL")
    restore(settings(home), tmp_path / "backup")
    assert (home / "chat.db").is_file()


def test_a_shell_that_was_told_of_other_stores_than_the_suite_that_runs_makes_no_backup_that_lacks_them(
    home: Path, tmp_path: Path
) -> None:
    told = {"PENSTOCK_HOME": str(home), "TELEMETRY_URL": "postgresql://penstock:secret-word@localhost:5432/plant"}
    running = SuiteState(
        supervisor=identify(os.getpid()), url="http://127.0.0.1:1", stores=named_stores(CliSettings(values=told))
    )
    Home(home).write_state(running)
    with pytest.raises(CommandFailed) as refused:
        backup(settings(home), tmp_path / "backup")
    telemetry = "TELEMETRY_URL is postgresql://penstock:****@localhost:5432/plant there and not set here"
    assert telemetry in str(refused.value)
    assert not (tmp_path / "backup").exists()
    assert "secret-word" not in (home / "penstock.json").read_text()

    Home(home).write_state(replace(running, stores={}))
    assert backup(settings(home), tmp_path / "backup") == 0
    Home(home).write_state(replace(running, stores=None))
    assert backup(settings(home), tmp_path / "of-an-earlier-version") == 0
    Home(home).write_state(replace(running, supervisor=identify(2**22 + 1)))
    assert backup(settings(home), tmp_path / "of-one-that-has-ended") == 0
