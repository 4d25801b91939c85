"""Which files of a home are its state, and which belong to a system that runs: each kind by its name."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from penstock_cli.backup_files import MANIFEST, digest, is_backup, open_plain, read_manifest, state_files
from penstock_cli.failure import CommandFailed

STATE = ("gateway.db", "chat.db", "datasets/ds_1/data.npz", "datasets/penstock.log", "note.txt", "a.db.txt", "logs.txt")
RUNNING = (
    "gateway.db-wal", "gateway.db-shm", "gateway.db-journal", "penstock.lock", "penstock.log", "penstock.log.1",
    "penstock.json", "penstock.json.new", "backup.json", "tmp/x", ".hidden", ".folder/x", "before-restore/gateway.db",
    "telemetry.duckdb", "telemetry.duckdb.wal", "half.partial", "datasets/ds_2/half.npz.partial",
    "datasets/index.db-wal",
)  # fmt: skip


@pytest.mark.parametrize("name", [*STATE, *RUNNING])
def test_a_file_is_in_a_backup_exactly_when_it_is_state(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    told: list[str] = []
    assert [found.relative_to(tmp_path).as_posix() for found in state_files(tmp_path, told)] == (
        [name] if name in STATE else []
    )
    assert told == []


def manifest_of(folder: Path, **parts: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps({"sha256": {"admin.key": "0" * 64}, **parts}))
    return folder


def test_state_comes_in_the_order_of_its_names_and_what_a_link_leads_to_under_the_links_name(tmp_path: Path) -> None:
    home, disk = tmp_path / "home", tmp_path / "disk"
    for path in (home / "b.db", home / "a.db", disk / "ds_1" / "x.npz"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (home / "datasets").symlink_to(disk)
    (home / "linked.db").symlink_to(home / "a.db")
    os.mkfifo(home / "pipe")
    (home / "pipe-link").symlink_to(home / "pipe")
    for other in (".hidden", "a.db.partial", "aa.db-wal", "telemetry.duckdb", "c.db"):
        (home / other).touch()
    told: list[str] = []
    names = [path.relative_to(home).as_posix() for path in state_files(home, told)]
    assert (names, told) == (["a.db", "b.db", "c.db", "datasets/ds_1/x.npz", "linked.db"], [])


def test_a_folder_is_named_that_cannot_be_read_and_a_link_that_leads_in_a_circle_or_nowhere(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"gone can't be read: No such file or directory"):
        list(state_files(tmp_path / "gone", []))
    link = tmp_path / "one" / "two" / "link"
    link.parent.mkdir(parents=True)
    for target, why in (
        ("one", "a link to a folder that it is in: delete it"),
        ("gone", "a link to what is not there"),
    ):
        link.symlink_to(tmp_path / target)
        with pytest.raises(CommandFailed, match=why):
            list(state_files(tmp_path, []))
        link.unlink()
    (tmp_path / "one" / "again").symlink_to(tmp_path / "one" / "two")  # twice in the backup, and no circle
    (tmp_path / "one" / "two" / "x").touch()
    names = [path.relative_to(tmp_path).as_posix() for path in state_files(tmp_path, [])]
    assert names == ["one/again/x", "one/two/x"]


def test_a_name_that_no_restore_takes_is_told_before_anything_is_copied(tmp_path: Path) -> None:
    (tmp_path / "a\nb").touch()
    with pytest.raises(CommandFailed, match=r"in its name: 'a\\nb'; rename it"):
        list(state_files(tmp_path, []))


def test_backups_in_a_home_are_told_and_left_out(tmp_path: Path) -> None:
    kept = manifest_of(tmp_path / "kept")
    (tmp_path / "other" / MANIFEST).mkdir(parents=True)  # a folder of that name makes none
    (tmp_path / "other" / "x").touch()
    told: list[str] = []
    assert [path.name for path in state_files(tmp_path, told)] == ["x"]
    assert told == [f"{kept} is a backup itself: it is not in this one"]
    assert [is_backup(tmp_path / name) for name in ("kept", "other", "none")] == [True, False, False]


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    files = {"datasets/ds_1/x.npz": "0" * 64, "telemetry.duckdb": "a" * 64, "telemetry.duckdb.wal": "f" * 64}
    written = {"sha256": files, "keys": {"JWT_SECRET": "mark"}, "version": 1}
    assert read_manifest(manifest_of(tmp_path / "one", **written)) == written
    assert read_manifest(manifest_of(tmp_path / "two")) == {"sha256": {"admin.key": "0" * 64}}
    (tmp_path / "link").symlink_to(tmp_path / "two")  # to the backup itself one may go by a link
    assert read_manifest(tmp_path / "link") == {"sha256": {"admin.key": "0" * 64}}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "files outside of it"),
        ("../x", "files outside of it"),
        ("a/../../x", "files outside of it"),
        ("a//b", "which is no name of a file"),
        ("a\tb", "which is no name of a file"),
        (".", "which is no name of a file"),
        ("penstock.lock", "which is no state of a home"),
        ("a.db-wal", "which is no state of a home"),
        ("tmp/x", "which is no state of a home"),
        ("telemetry.duckdb.bak", "which is no state of a home"),
    ],
)
def test_a_manifest_that_names_what_no_backup_holds_says_which_and_why(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(CommandFailed) as refused:
        read_manifest(manifest_of(tmp_path / "backup", sha256={name: "0" * 64}))
    assert f"{MANIFEST} names" in refused.value.message
    assert why in refused.value.message
    assert repr(name) in refused.value.message


@pytest.mark.parametrize("mark", ["0" * 63, "0" * 65, "0" * 63 + "G", "0" * 63 + "A", "", "0" * 64 + "\n"])
def test_a_file_of_a_manifest_has_the_sha_256_of_its_content(tmp_path: Path, mark: str) -> None:
    with pytest.raises(CommandFailed, match=r"'admin\.key' without its SHA-256"):
        read_manifest(manifest_of(tmp_path / "backup", sha256={"admin.key": mark}))


@pytest.mark.parametrize(("linked", "name"), [("a", "a/b/c"), ("a/b", "a/b/c"), ("a/b/c", "a/b/c")])
def test_no_link_on_the_way_to_a_file_of_a_manifest_is_followed(tmp_path: Path, linked: str, name: str) -> None:
    folder = manifest_of(tmp_path / "backup", sha256={name: "0" * 64})
    (folder / linked).parent.mkdir(parents=True, exist_ok=True)
    (folder / linked).symlink_to(tmp_path)
    with pytest.raises(CommandFailed, match=rf"'{linked}' in it is a symbolic link"):
        read_manifest(folder)


def test_only_a_plain_file_is_opened_and_hashed(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    os.mkfifo(tmp_path / "pipe")
    with open_plain(tmp_path / "plain") as file:
        assert file.read() == b"abc"
        assert not os.get_inheritable(file.fileno())
    assert digest(tmp_path / "plain") == hashlib.sha256(b"abc").hexdigest()
    open_files = len(list(Path("/dev/fd").iterdir()))
    for name in ("link", "pipe", "gone", "."):
        with pytest.raises(OSError):
            open_plain(tmp_path / name)
        assert digest(tmp_path / name) == ""
    assert len(list(Path("/dev/fd").iterdir())) == open_files
