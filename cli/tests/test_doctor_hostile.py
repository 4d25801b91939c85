"""What `penstock doctor` meets in the place of a file: it ends, with a sentence, and reads nothing without end."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cli.tests.test_doctor import doctor, report

from penstock_cli.doctor.database_file import check_database_files
from penstock_cli.doctor.finding import Need
from penstock_cli.settings import CliSettings


def test_a_pipe_in_the_place_of_a_dotenv_is_refused_in_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    outcome = doctor(tmp_path)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("penstock: .env is a pipe")
    assert "write a file instead" in outcome.stderr


def test_a_dotenv_of_many_megabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PENSTOCK_A=1\n" * 200_000)
    outcome = doctor(tmp_path)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert "at most 262,144 are read" in outcome.stderr


@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_what_is_no_file_in_the_place_of_one_that_a_setting_names_is_told(tmp_path: Path, kind: str) -> None:
    named = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(named)
    else:
        named.symlink_to("/dev/zero")
    settings = ("PENSTOCK_SERVICE_SECRET_FILE", "LLM_CONFIG_FILE", "CHAT_TOOLS_FILE", "SSL_CERT_FILE")
    found = report(doctor(tmp_path, "--json", **dict.fromkeys(settings, str(named))))
    for finding in ("service secret", *settings[1:]):
        assert not found[finding]["ok"]
        assert "no file but a pipe, a socket or a device" in found[finding]["detail"]
    with_secret = report(doctor(tmp_path, "--json", OPENAI_API_KEY_FILE=str(named)))
    assert "no file but a pipe, a socket or a device" in with_secret["settings"]["detail"]


def test_pipes_in_the_home_are_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    for name in ("penstock.json", "admin.key", "admin.password"):
        os.mkfifo(tmp_path / "home" / name)
    outcome = doctor(tmp_path, "--json", PENSTOCK_HOME=str(tmp_path / "home"))
    assert (outcome.returncode, report(outcome)["PENSTOCK_HOME"]["ok"]) == (0, True)


def test_a_database_of_another_program_in_the_home_is_required_to_go(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "gateway.db")) as database:
        database.execute("CREATE TABLE users (name TEXT)")
    with closing(sqlite3.connect(tmp_path / "llm.db")) as database:
        database.execute("CREATE TABLE llm_service_schema (version_num TEXT)")
    found = list(check_database_files(CliSettings(values={"PENSTOCK_HOME": str(tmp_path)})))
    (wrong,) = [each for each in found if not each.ok]
    assert "holds tables of another program (users) and none of Penstock's" in wrong.detail
    assert (wrong.name, wrong.need) == ("gateway.db", Need.REQUIRED)
