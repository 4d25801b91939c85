import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from penstock_kit.errors import FailedPrecondition
from penstock_kit.home import ensure_home
from penstock_kit.settings import GrpcServiceSettings, load, mask_secret, masked


class DemoSettings(GrpcServiceSettings):
    port: int = Field(default=50051, ge=0, le=65535, alias="DEMO_PORT")
    openai_api_key: str = Field(default="", alias="OPENAI_API_KEY")
    gemini: SecretStr = Field(default=SecretStr(""), alias="GEMINI_API_KEY")
    database_url: str = Field(default="", alias="DATABASE_URL")
    timeout: float = Field(alias="DEMO_TIMEOUT", default=1.0)


@contextmanager
def environment(folder: Path, **values: str) -> Iterator[None]:
    """The process environment is the input under test, so it is set for real and put back."""
    before, cwd = dict(os.environ), Path.cwd()
    os.environ.update(values)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(before)


def test_values_come_from_the_environment_then_the_env_file_then_the_default(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DEMO_PORT=1111\nPENSTOCK_HOME=/srv/penstock\nSOMETHING_ELSE=1\n")
    with environment(tmp_path, DEMO_PORT="2222"):
        settings = load(DemoSettings)
    assert settings.port == 2222
    assert settings.home == Path("/srv/penstock")
    assert settings.log_level == "info"


def test_an_empty_value_counts_as_unset(tmp_path: Path) -> None:
    with environment(tmp_path, DEMO_PORT=""):
        assert load(DemoSettings).port == 50051


def test_settings_are_frozen(tmp_path: Path) -> None:
    with environment(tmp_path):
        settings = load(DemoSettings)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_a_field_name_alone_is_not_an_environment_name(tmp_path: Path) -> None:
    with environment(tmp_path, HOME="/root", HOST="example.com", PORT="1", LOG_LEVEL="debug"):
        settings = load(DemoSettings)
    assert (settings.home, settings.host, settings.port) == (Path("var"), "127.0.0.1", 50051)
    assert settings.log_level == "info"


def test_overrides_win_over_the_environment(tmp_path: Path) -> None:
    with environment(tmp_path, DEMO_PORT="2222"):
        assert load(DemoSettings, port=3333).port == 3333


def test_each_wrong_setting_is_one_line_with_its_name_and_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with environment(tmp_path, DEMO_PORT="seventy", DEMO_TIMEOUT="soon"), pytest.raises(SystemExit) as exit_info:
        load(DemoSettings)
    assert exit_info.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 2
    assert "DEMO_PORT" in lines[0]
    assert "seventy" in lines[0]
    assert "DEMO_TIMEOUT" in lines[1]


def test_secrets_are_shown_masked(tmp_path: Path) -> None:
    with environment(
        tmp_path,
        OPENAI_API_KEY="sk-1234567890abcd23",
        GEMINI_API_KEY="AIzaSyA-very-long-key",
        DATABASE_URL="postgresql://penstock:hunter2@db:5432/penstock",
    ):
        shown = masked(load(DemoSettings))
    assert shown["OPENAI_API_KEY"] == "sk-1…cd23"
    assert shown["GEMINI_API_KEY"] == "AIza…-key"
    assert shown["DATABASE_URL"] == "postgresql://penstock:****@db:5432/penstock"
    assert shown["DEMO_PORT"] == 50051
    assert shown["PENSTOCK_HOME"] == "var"


@pytest.mark.parametrize("secret", ["", "a", "sk-12345678"])
def test_a_short_secret_is_hidden_whole(secret: str) -> None:
    assert mask_secret(secret) == "****"


def test_home_is_created_when_missing(tmp_path: Path) -> None:
    home = ensure_home(tmp_path / "a" / "b")
    assert home.is_dir()
    assert home.is_absolute()


def test_an_unwritable_home_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FailedPrecondition, match="PENSTOCK_HOME") as caught:
        ensure_home(tmp_path / "file" / "var")
    assert caught.value.reason == "HOME_INVALID"
    assert str(tmp_path / "file" / "var") in caught.value.message


def test_a_secret_may_lie_in_a_file_without_the_newline_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "gemini").write_text("AIza-of-the-file\n")
    (tmp_path / "openai").write_bytes(b"sk-of-the-file\r\n")
    with environment(tmp_path, GEMINI_API_KEY_FILE="gemini", OPENAI_API_KEY_FILE=str(tmp_path / "openai")):
        settings = load(DemoSettings)
    assert settings.gemini.get_secret_value() == "AIza-of-the-file"
    assert settings.openai_api_key == "sk-of-the-file"
    (tmp_path / ".env").write_text("GEMINI_API_KEY_FILE=gemini\n")
    with environment(tmp_path):
        assert load(DemoSettings).gemini.get_secret_value() == "AIza-of-the-file"


def test_a_secrets_file_that_is_empty_missing_or_set_twice_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").write_text("\n")
    wrong = {"GEMINI_API_KEY_FILE": "empty", "OPENAI_API_KEY_FILE": "missing"}
    with environment(tmp_path, **wrong), pytest.raises(SystemExit) as stopped:
        load(DemoSettings)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "setting GEMINI_API_KEY_FILE: the file is empty" in said
    assert "setting OPENAI_API_KEY_FILE: the file can't be read: No such file or directory" in said
    (tmp_path / "full").write_text("AIza-secret")
    both = {"GEMINI_API_KEY_FILE": "full", "GEMINI_API_KEY": "AIza-other"}
    with environment(tmp_path, **both), pytest.raises(SystemExit):
        load(DemoSettings)
    said = capsys.readouterr().err
    assert "GEMINI_API_KEY is set too; set one of them" in said
    assert "AIza" not in said


def test_what_is_no_secret_is_not_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("1")
    with environment(tmp_path, DEMO_PORT_FILE="port"):
        assert load(DemoSettings).port == 50051


def test_the_addresses_that_kubernetes_sets_for_a_service_are_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with environment(tmp_path, DEMO_PORT="tcp://10.0.0.1:80"), pytest.raises(SystemExit):
        load(DemoSettings)
    assert "setting DEMO_PORT" in capsys.readouterr().err
