"""Shells complete the commands that there are."""

import subprocess

import pytest
from typer.main import get_command

from penstock_cli.app import app
from penstock_cli.completion import SHELLS, completion
from penstock_cli.failure import CommandFailed


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert completion(shell, get_command(app)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["do"], {"doctor", "down"}),
        (["key", ""], {"create", "list", "rotate", "revoke", "--help"}),
        (["key", "create", "--bud"], {"--budget", "--budget-period"}),
        (["doctor", "--u"], {"--url"}),
        (["key", "create", "a-name", "--day"], {"--days"}),
        (["nonsense", ""], {"--help", "--version"}),
    ],
)
def test_bash_offers_what_can_follow(typed: list[str], offered: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = " ".join(f"'{word}'" for word in ["penstock", *typed])
    asked = f'COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _penstock; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ["bash", "-c", f"{script('bash', capsys)}\n{asked}"], capture_output=True, text=True, check=True
    )
    assert offered <= set(done.stdout.split())
    assert all(word.startswith(typed[-1]) for word in done.stdout.split())


def test_zsh_and_fish_know_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    names = set(getattr(get_command(app), "commands", {}))
    for shell in SHELLS:
        text = script(shell, capsys)
        assert not [name for name in names if name not in text], shell


def test_another_shell_is_refused_by_name() -> None:
    with pytest.raises(CommandFailed, match=r"'tcsh'.*bash, zsh, fish"):
        completion("tcsh", get_command(app))
