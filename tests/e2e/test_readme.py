"""What the README says to type is typed, against a running system, and answers what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SECTION = README.partition("## Try it")[2].partition("## The parts")[0]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, system: RunningSystem) -> Path:
    """A clone as its reader sees it: `.venv` and `var` are there."""
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    (tmp_path / "var").symlink_to(system.home)
    return tmp_path


def run(folder: Path, system: RunningSystem, command: list[str]) -> str:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PENSTOCK_URL": system.url}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def here(text: str, system: RunningSystem) -> str:
    """The text with the address of the system that runs."""
    return re.sub(r"(http://)?(localhost|127\.0\.0\.1):8000", system.url, text)


def test_the_commands_print_what_the_readme_says(folder: Path, system: RunningSystem) -> None:
    script = "set -e\n" + here("\n".join(blocks("sh")), system)
    printed = run(folder, system, ["sh", "-c", script])
    for kind in ("tool_call", "tool_result", "message_chunk", "complete_state"):
        assert f'"type":"{kind}"' in printed
    assert '"rows_accepted":2' in printed
    assert "inlet pressure of pump-7 on 2026-01-31 is 2.2" in printed


def test_the_command_in_the_second_terminal_answers(folder: Path, system: RunningSystem) -> None:
    found = re.search(r"`(\.venv/bin/penstock chat \"[^\"]*\")`", SECTION)
    assert found is not None
    assert "mean current of WLD001" in run(folder, system, ["sh", "-c", found[1]])


def test_the_python_program_says_how_to_get_a_model(folder: Path, system: RunningSystem) -> None:
    (program,) = blocks("python")
    assert "OPENAI_API_KEY" in run(folder, system, [sys.executable, "-c", here(program, system)])


def test_the_question_in_chinese_is_answered_in_chinese(folder: Path, system: RunningSystem) -> None:
    found = re.search(r"answers in Chinese: `([^`]*)`", SECTION)
    assert found is not None
    assert "平均" in run(folder, system, [".venv/bin/penstock", "chat", found[1]])
