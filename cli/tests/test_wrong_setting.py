"""All that is wrong with the settings is named at once, before anything is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_cli.setting_names import SETTING_NAMES
from penstock_cli.settings import CliSettings
from penstock_cli.wrong_setting import doubtful, meant_name, misspelt, overridden, quick_problems
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS


def run_up(folder: Path, **values: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "penstock_cli", "up"],
        env={"PATH": os.environ["PATH"], **values},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_up_names_all_wrong_settings_at_once_and_starts_nothing(tmp_path: Path) -> None:
    outcome = run_up(
        tmp_path,
        PENSTOCK_HTTP_PORT="eighty",
        PENSTOCK_GRACE_SECONDS="long",
        PENSTOCK_LOG_LEVEL="shouting",
        CHAT_MAX_ROUNDS="none",
        LLM_SERVICE_ADDRESS="10.0.0.1",
        PENSTOCK_HOM="elsewhere",
    )
    assert outcome.returncode == 2
    assert outcome.stdout == ""
    lines = outcome.stderr.splitlines()
    for name in ("PENSTOCK_HTTP_PORT", "PENSTOCK_GRACE_SECONDS", "PENSTOCK_LOG_LEVEL", "CHAT_MAX_ROUNDS"):
        assert sum(name in line for line in lines) == 1, outcome.stderr
    assert "LLM_SERVICE_ADDRESS" in outcome.stderr
    assert "PENSTOCK_HOM is no setting; did you mean PENSTOCK_HOME?" in outcome.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_only_the_services_find_wrong_is_named_in_one_list_at_the_end(tmp_path: Path) -> None:
    wrong = {"CHAT_MAX_ROUNDS": "none", "INGEST_MAX_BYTES": "few"}
    outcome = run_up(tmp_path, PENSTOCK_HTTP_PORT=str(free_port()), **wrong)
    assert outcome.returncode == 2
    assert "all services have ended" in outcome.stdout
    assert "CHAT_MAX_ROUNDS" in outcome.stderr
    assert "INGEST_MAX_BYTES" in outcome.stderr


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PENSTOCK_HTTP_PROT", "PENSTOCK_HTTP_PORT"),
        ("PENSTOK_HOME", "PENSTOCK_HOME"),
        ("PENSTOCK_BINDHOST", "PENSTOCK_BIND_HOST"),
        ("LLM_SERVICE_ADRESS", "LLM_SERVICE_ADDRESS"),
        ("CHATSTREAM_SERVICE_ADDRESS", "CHAT_STREAM_SERVICE_ADDRESS"),
        ("PENSTOCK_DEMO", "PENSTOCK_DEMO_LIVE"),
        ("PENSTOCK_PORT", "PENSTOCK_HTTP_PORT"),
        ("PENSTOCK_DATABASE_URL", "DATABASE_URL"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_one_that_was_meant(name: str, meant: str) -> None:
    assert misspelt([name]) == [f"{name} is no setting; did you mean {meant}?"]
    assert quick_problems(CliSettings(values={name: "1"})) == misspelt([name])


@pytest.mark.parametrize(
    "name", ["OPENAI_MODEL", "REDIS_URL_2", "LLM_SERVICE_SERVICE_PORT", "LLM_SERVICE_SERVICE_HOST"]
)
def test_a_name_that_may_be_another_programs_is_no_error(name: str) -> None:
    assert misspelt([name]) == []


def test_another_programs_name_near_a_setting_is_doubtful() -> None:
    assert doubtful(["OPENAI_MODEL"]) == ["OPENAI_MODEL is no setting and is ignored; did you mean OPENAI_MODELS?"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("OPENAI_KEY", "OPENAI_API_KEY"), ("openai_url", "OPENAI_BASE_URL"), ("LLM_FILE", "LLM_CONFIG_FILE")],
)
def test_a_setting_with_words_left_out_is_doubtful(name: str, meant: str) -> None:
    assert doubtful([name]) == [f"{name} is no setting and is ignored; did you mean {meant}?"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LLM_PROVIDERS_FILE", "LLM_CONFIG_FILE"),
        ("LLM_MODELS_FILE", "LLM_CONFIG_FILE"),
        ("CHAT_MCP_FILE", "CHAT_TOOLS_FILE"),
    ],
)
def test_a_file_that_nobody_reads_is_named_with_the_one_that_is_read(name: str, meant: str) -> None:
    assert doubtful([name]) == [f"{name} is no setting and is ignored; did you mean {meant}?"]
    assert misspelt([name]) == []


def test_a_file_that_another_setting_overrides_is_named() -> None:
    both = {"PENSTOCK_SERVICE_SECRET": "s" * 32, "PENSTOCK_SERVICE_SECRET_FILE": "/run/secrets/penstock"}
    assert overridden(CliSettings(values=both)) == [
        "PENSTOCK_SERVICE_SECRET_FILE is not read, for PENSTOCK_SERVICE_SECRET is set; unset one of them"
    ]
    for name, value in both.items():
        assert overridden(CliSettings(values={name: value})) == []


@pytest.mark.parametrize("name", ["NIX_SSL_CERT_FILE", "MYAPP_DATABASE_URL", "SHOP_PENSTOCK_HOME"])
def test_another_programs_own_name_for_the_same_thing_is_left_alone(name: str) -> None:
    assert misspelt([name]) == doubtful([name]) == []


@pytest.mark.parametrize(
    "name", ["HOME", "PATH", "LANG", "HOSTNAME", "PENSTOCK_FAVOURITE_COLOUR", "SSH_AUTH_SOCK", "PWD"]
)
def test_what_looks_like_no_setting_is_left_alone(name: str) -> None:
    assert meant_name(name) == ""


def test_a_setting_in_small_letters_is_a_setting() -> None:
    assert all(meant_name(name.lower()) == "" for name in SETTING_NAMES)
