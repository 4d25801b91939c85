"""Files of the home that somebody has put a link or a pipe in the place of are neither followed nor written."""

import os
from pathlib import Path

import pytest

from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import LOCK_FILE, LOG_FILE, STATE_FILE, Home, SuiteState, identify
from penstock_cli.supervisor.up import up, up_detached


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    file = tmp_path / "victim"
    file.write_text("precious")
    return file


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir(mode=0o700)
    return Home(tmp_path / "home")


def settings(home: Home) -> CliSettings:
    return CliSettings(values={"PENSTOCK_HOME": str(home.path), "PENSTOCK_HTTP_PORT": "23999"})


def test_a_link_in_the_place_of_the_lock_is_not_followed_when_the_command_starts(home: Home, victim: Path) -> None:
    (home.path / LOCK_FILE).symlink_to(victim)
    with pytest.raises(CommandFailed, match=r"penstock\.lock is a symbolic link"):
        up(settings(home))
    assert victim.read_text() == "precious"
    assert not home.locked


def test_a_dangling_link_makes_no_file_elsewhere(home: Home, tmp_path: Path) -> None:
    (home.path / LOCK_FILE).symlink_to(tmp_path / "made")
    with pytest.raises(CommandFailed, match="symbolic link"):
        home.lock()
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", [LOCK_FILE, LOG_FILE])
def test_a_pipe_is_not_waited_for(home: Home, name: str) -> None:
    os.mkfifo(home.path / name)
    with pytest.raises(CommandFailed, match="no plain file"):
        (home.lock if name == LOCK_FILE else lambda: up_detached(settings(home)))()


def test_a_link_in_the_place_of_the_log_is_not_appended_to(home: Home, victim: Path) -> None:
    (home.path / LOG_FILE).symlink_to(victim)
    with pytest.raises(CommandFailed, match="symbolic link"):
        up_detached(settings(home))
    assert victim.read_text() == "precious"


def test_a_link_in_the_place_of_the_state_is_replaced_and_not_written_through(home: Home, victim: Path) -> None:
    for name in (STATE_FILE, f"{STATE_FILE}.new"):
        (home.path / name).symlink_to(victim)
    home.write_state(SuiteState(supervisor=identify(os.getpid()), url="http://127.0.0.1:1"))
    assert victim.read_text() == "precious"
    assert not (home.path / STATE_FILE).is_symlink()
    assert home.read_state() is not None
