"""What the command says of a `.env` that can't be read, and of an address that is none."""

import os
import subprocess
import sys
from pathlib import Path

from penstock_testkit.waiting import HANG_SECONDS


def run(folder: Path, *arguments: str, **values: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "penstock_cli", *arguments],
        env={"PATH": os.environ["PATH"], "PENSTOCK_HOME": str(folder / "home"), **values},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_a_dotenv_in_another_encoding_is_named_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("PENSTOCK_HTTP_PORT=22\n".encode("utf-16"))
    outcome = run(tmp_path, "status")
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("penstock: .env is no text in UTF-8")
    assert "Traceback" not in outcome.stderr


def test_a_line_that_is_no_setting_is_named_once_and_required_by_the_doctor(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('PENSTOCK_LOG_LEVEL=info\nPENSTOCK_HTTP_PORT 22601\nOPENAI_API_KEY="sk-1\n')
    (tmp_path / ".env").chmod(0o600)
    outcome = run(tmp_path, "doctor", COLUMNS="200")
    assert outcome.stderr.count("line 2, 3: no NAME=value") == 1
    assert "could not parse" not in outcome.stderr
    (found,) = [line for line in outcome.stdout.splitlines() if "in line 2, 3: left out" in line]
    assert (outcome.returncode, found[0]) == (1, "✗")


def test_a_providers_address_without_its_scheme_is_told_before_the_start(tmp_path: Path) -> None:
    named = {"OPENAI_API_KEY": "sk-12345678901234567890", "COLUMNS": "200"}
    wrong = run(tmp_path, "doctor", OPENAI_BASE_URL="localhost:11434/v1", **named)
    assert wrong.returncode == 1
    assert "begin OPENAI_BASE_URL with http:// or https://" in wrong.stdout
    right = run(tmp_path, "doctor", OPENAI_BASE_URL="http://localhost:11434/v1", **named)
    assert "begin OPENAI_BASE_URL" not in right.stdout
