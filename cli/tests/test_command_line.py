"""What the command says of itself, and to whom it speaks when nothing is set."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.banner import banner
from penstock_cli.supervisor.state import Home, SuiteState, identify
from penstock_client import Penstock
from penstock_testkit.servers.process import free_port, wait_until
from penstock_testkit.waiting import HANG_SECONDS

PENSTOCK = Path(sys.executable).with_name("penstock")


def run(folder: Path, *arguments: str, path: str = os.environ["PATH"], **values: str):
    return subprocess.run(
        [str(PENSTOCK), *arguments],
        env={"PATH": path, "LANG": "C.UTF-8", **values},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_the_version_is_an_option_and_a_command(tmp_path: Path) -> None:
    as_option, as_command = run(tmp_path, "--version"), run(tmp_path, "version")
    assert as_option.returncode == 0
    assert as_option.stdout.startswith("penstock 0.")
    assert as_option.stdout == as_command.stdout


def test_without_a_command_it_shows_its_commands(tmp_path: Path) -> None:
    outcome = run(tmp_path)
    assert "doctor" in outcome.stdout + outcome.stderr


def test_the_command_is_named_as_the_reader_can_type_it(tmp_path: Path) -> None:
    unreachable = {"PENSTOCK_URL": f"http://127.0.0.1:{free_port()}"}
    found = run(tmp_path, "key", "list", path=str(PENSTOCK.parent), **unreachable)
    assert "start it with `penstock up`" in found.stderr
    elsewhere = run(tmp_path, "key", "list", path="/usr/bin", **unreachable)
    assert f"start it with `{PENSTOCK} up`" in elsewhere.stderr
    below = run(PENSTOCK.parents[2], "key", "list", path="/usr/bin", **unreachable)
    assert "start it with `.venv/bin/penstock up`" in below.stderr


def test_the_banner_shows_a_command_that_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PENSTOCK.parents[2])
    monkeypatch.setenv("PATH", "/usr/bin")
    text = banner(CliSettings(values={"PENSTOCK_HOME": str(tmp_path)}), seconds=1.0, detached=True)
    assert '.venv/bin/penstock chat "What' in text
    assert ".venv/bin/penstock down stops it" in text


def test_the_banner_quotes_addresses_so_that_a_shell_takes_no_bracket_for_a_pattern(tmp_path: Path) -> None:
    text = banner(
        CliSettings(values={"PENSTOCK_HOME": str(tmp_path), "PENSTOCK_BIND_HOST": "::1"}), seconds=1.0, detached=True
    )
    asked = [line for line in text.splitlines() if "curl " in line]
    assert len(asked) == 2
    assert all('"http://[::1]:8000/api/v1/' in line for line in asked)


@pytest.mark.parametrize(("value", "shown"), [("", True), ("on", True), ("false", False), ("Off", False), ("0", False)])
def test_the_banner_names_the_password_only_where_passwords_count(tmp_path: Path, value: str, shown: bool) -> None:
    settings = CliSettings(values={"PENSTOCK_HOME": str(tmp_path), "PENSTOCK_PASSWORD_SIGN_IN": value})
    text = banner(settings, seconds=1.0)
    assert ("admin.password" in text) is shown
    assert ("single sign-on" in text) is not shown
    assert "admin.key" in text


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "localhost", "http://", "http://a:99999", "http://a b", "ftp://a"])
def test_what_is_no_address_of_a_gateway_is_refused_as_a_program_of_the_client_is(url: str) -> None:
    with pytest.raises(CommandFailed, match="PENSTOCK_URL: a gateway's address begins with http") as caught:
        _ = CliSettings(values={"PENSTOCK_URL": url}).url
    assert caught.value.exit_code == 2
    with pytest.raises(ValueError, match="a gateway's address begins with http") as told:
        Penstock(url)
    assert str(caught.value) == f"PENSTOCK_URL: {told.value}"


@pytest.mark.parametrize("command", [("key", "list"), ("chat", "hi"), ("doctor", "--url", "http://[::1")])
def test_every_command_that_asks_a_gateway_refuses_what_is_no_address(tmp_path: Path, command: tuple[str, ...]) -> None:
    outcome = run(tmp_path, *command, PENSTOCK_URL="http://[::1", PENSTOCK_API_KEY="psk_x")
    assert outcome.returncode == 2
    assert outcome.stderr.endswith("given: 'http://[::1'\n")
    assert "Traceback" not in outcome.stderr


def test_of_several_gateways_the_first_is_asked_and_a_conversation_may_go_to_the_others() -> None:
    settings = CliSettings(values={"PENSTOCK_URL": " http://10.0.0.1:8000/, http://[::1]:8000 ,"})
    assert settings.urls == ("http://10.0.0.1:8000", "http://[::1]:8000")
    assert settings.url == "http://10.0.0.1:8000"


def test_the_home_alone_says_where_its_system_runs(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write_state(SuiteState(supervisor=identify(os.getpid()), url="http://127.0.0.1:6123", ready=True))
    only_home = CliSettings(values={"PENSTOCK_HOME": str(tmp_path)})
    assert only_home.url == "http://127.0.0.1:6123"
    assert only_home.with_values({"PENSTOCK_HTTP_PORT": "7000"}).url == "http://127.0.0.1:7000"
    assert only_home.with_values({"PENSTOCK_URL": "http://far/"}).url == "http://far"
    home.write_state(SuiteState(supervisor=identify(2**22 + 1), url="http://127.0.0.1:6123", ready=True))
    assert only_home.url == "http://127.0.0.1:8000"


def test_a_key_file_that_holds_no_key_is_quoted_instead_of_sent(tmp_path: Path) -> None:
    (tmp_path / "admin.key").write_text("The administrator was made by another gateway.\n")
    settings = CliSettings(values={"PENSTOCK_HOME": str(tmp_path)})
    assert settings.api_key == ""
    assert settings.key_file_text == "The administrator was made by another gateway."


def test_a_dialogue_knows_help_and_exit_and_asks_nothing_else_that_begins_with_a_slash(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(PENSTOCK), "chat"],
        env={"PATH": os.environ["PATH"], "PENSTOCK_URL": f"http://127.0.0.1:{free_port()}", "TERM": "dumb"},
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    os.write(ours, b"/help\n/hlep\n/exit\n")
    wait_until(lambda: process.poll() is not None, seconds=HANG_SECONDS, what="the end of the dialogue")
    assert process.stderr is not None
    notes = process.stderr.read().decode()
    process.stderr.close()
    os.close(ours)
    assert process.returncode == 0
    assert "/new     begins another conversation" in notes
    assert "there is no /hlep; did you mean /help?" in notes
    assert "can't be reached" not in notes
