"""The home and what is in it are their owner's alone."""

import os
import stat
from pathlib import Path

import pytest

from penstock_kit.errors import FailedPrecondition
from penstock_kit.home import close_home, ensure_home, hold_home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_home_is_open_to_its_owner_alone(tmp_path: Path) -> None:
    assert mode(ensure_home(tmp_path / "var")) == 0o700


def test_a_home_from_before_is_closed_with_everything_in_it(tmp_path: Path) -> None:
    home, outside = tmp_path / "var", tmp_path / "outside"
    outside.write_text("x")
    outside.chmod(0o644)
    (home / "datasets" / "d1").mkdir(parents=True)
    for name in ("admin.key", "chat.db", "datasets/d1/X.npy"):
        (home / name).write_text("x")
        (home / name).chmod(0o664)
    (home / "run.sh").write_text("x")
    (home / "run.sh").chmod(0o755)
    (home / "link").symlink_to(outside)
    home.chmod(0o755)
    ensure_home(home)
    assert {name: mode(home / name) for name in ("admin.key", "chat.db", "datasets/d1/X.npy", "run.sh")} == {
        "admin.key": 0o600, "chat.db": 0o600, "datasets/d1/X.npy": 0o600, "run.sh": 0o700,
    }  # fmt: skip
    assert [mode(home / name) for name in (".", "datasets", "datasets/d1")] == [0o700] * 3
    assert mode(outside) == 0o644


@pytest.mark.parametrize("shared", ["own home", "checkout"])
def test_a_folder_that_holds_more_than_penstock_is_closed_and_its_files_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: str
) -> None:
    home = tmp_path / "work"
    (home / (".git" if shared == "checkout" else "letters")).mkdir(parents=True)
    (home / "notes").write_text("x")
    (home / "notes").chmod(0o644)
    home.chmod(0o755)
    if shared == "own home":
        monkeypatch.setenv("HOME", str(home))
    close_home(home)
    assert (mode(home), mode(home / "notes")) == (0o700, 0o644)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a folder of another user")
def test_a_folder_of_another_user_is_left_alone(tmp_path: Path) -> None:
    home = tmp_path / "volume"
    home.mkdir()
    home.chmod(0o775)
    os.chown(home, 4711, 4711)
    close_home(home)
    assert mode(home) == 0o775


def test_a_home_is_shared_by_many_and_had_alone_by_one(tmp_path: Path) -> None:
    with hold_home(tmp_path), hold_home(tmp_path):
        with pytest.raises(FailedPrecondition, match="stop it first") as caught, hold_home(tmp_path, alone=True):
            pass
        assert caught.value.reason == "HOME_UNAVAILABLE"
    with hold_home(tmp_path, alone=True):
        for alone in (False, True):
            with pytest.raises(FailedPrecondition, match=str(tmp_path)), hold_home(tmp_path, alone=alone):
                pass
    with hold_home(tmp_path, alone=True), hold_home(tmp_path / "missing", alone=True):
        pass
