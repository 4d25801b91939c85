"""docs/operations.md says what is: commands, files of a home, sentences; its blocks do what they are for."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import takewhile
from pathlib import Path
from typing import Final

import httpx
import typer.main
from typer.core import TyperGroup

from penstock_cli.app import app
from penstock_testkit.servers.process import free_port
from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "operations.md").read_text("utf-8")
BLOCKS: Final = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
BACKUP_BLOCK: Final = next(block for block in BLOCKS if "penstock down && " in block)
WHEELS_BLOCK: Final = next(block for block in BLOCKS if "pip install" in block)
COMMANDS: Final = typer.main.get_group(app)
# The first lines of the page are about these.
ABOVE: Final = {"up", "down"}
# SQLite's own beside a database, and what a start leaves while it works.
BESIDE: Final = ("*.db-wal", "*.db-shm", "telemetry.duckdb.wal")

# Of the services behind the gateway, which have a page of metrics each.
OF_SERVICES: Final = {
    "penstock_retention_deleted_total",
    "penstock_loop_standing_lag_seconds",
    "penstock_overload_share",
}


def table(heading: str) -> list[list[str]]:
    """Return the cells of the table whose first line that is."""
    after = PAGE.partition(f"{heading}\n")[2].splitlines()
    rows = list(takewhile(lambda line: line.startswith("|"), after))[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def commands(group: TyperGroup, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{before}{name} ")
        elif not command.hidden:
            yield f"{before}{name}"


def penstock(folder: Path, *words: str, **values: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "penstock_cli", *words]
    environment = {"PATH": "/usr/bin:/bin", **values}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )


def listed_commands() -> Iterator[str]:
    """Yield the commands of the table: a group's are told with its name before the first alone."""
    group = ""
    for first, _ in table("| command | what it does |"):
        for text in re.findall(r"`([^`]*)`", first):
            words = text.removeprefix("penstock ").split()
            if not text.startswith("penstock "):
                yield f"{group} {words[0]}"
                continue
            group = words[0] if isinstance(COMMANDS.commands[words[0]], TyperGroup) else ""
            yield " ".join(words[: 2 if group else 1])


def test_every_command_is_in_the_table_and_every_command_of_the_table_is_there() -> None:
    there, listed = set(commands(COMMANDS)), set(listed_commands())
    assert there - listed == ABOVE
    assert listed - there == set()


def test_every_file_of_a_home_is_in_the_table(system: RunningSystem) -> None:
    patterns = [text for first, _ in table("| file | what |") for text in re.findall(r"`([^`]*)`", first)]
    patterns = [pattern.replace("…", "*").rstrip("/") for pattern in patterns]
    names = [path.name for path in system.home.iterdir() if not path.name.startswith(".")]
    assert names
    assert [name for name in names if not any(fnmatch(name, pattern) for pattern in (*patterns, *BESIDE))] == []


def test_what_is_named_to_see_whether_all_is_well_answers(system: RunningSystem) -> None:
    section = PAGE.partition("## Is it well?")[2].partition("\n## ")[0]
    paths = re.findall(r"`GET (/[^` ]*)`", section)
    assert len(paths) >= 4
    for path in paths:
        answer = httpx.get(f"{system.url}{path}", headers={"x-api-key": system.key}, timeout=HANG_SECONDS)
        assert answer.status_code == 200, path
    metrics = httpx.get(f"{system.url}/metrics", headers={"x-api-key": system.key}, timeout=HANG_SECONDS).text
    for name in re.findall(r"`((?:event_loop|penstock)_\w+)`", PAGE):
        if name not in OF_SERVICES:
            assert name in metrics, name


def test_what_keeps_it_from_starting_is_said_in_the_words_of_the_table(system: RunningSystem, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = [
            penstock(tmp_path, "up", PENSTOCK_HTTP_PORT=port, PENSTOCK_HOME=str(tmp_path / "home")).stderr,
            penstock(tmp_path, "up", PENSTOCK_HOME=str(tmp_path / "file" / "home")).stderr,
            penstock(tmp_path, "up", PENSTOCK_HOME=str(system.home)).stderr,
        ]
    rows = table("| it says | do |")
    for (words, _), text in zip(rows, said, strict=True):
        assert re.search(re.escape(words).replace("…", ".+"), text), (words, text)


def test_what_installs_the_wheels_lets_pip_resolve_nothing_for_the_list_is_whole() -> None:
    """A pip before 23.3 refuses `google-auth[requests]` under hashes, though google-auth is in the list."""
    installs = [part for part in re.split(r"&&|\n", WHEELS_BLOCK) if "pip install" in part]
    assert len(installs) == 2
    assert all("--no-deps" in part for part in installs)
    assert "--require-hashes" in installs[0]


def test_the_commands_of_backup_and_restore_bring_a_system_back(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    system = start_system(tmp_path / "var", demo=False)
    key, port = system.key, str(free_port())
    backup, restore = BACKUP_BLOCK.strip().splitlines()
    backup = re.sub(r"/backups/.*", str(tmp_path / "backup"), backup)
    restore = re.sub(r"/backups/\S+", str(tmp_path / "backup"), restore)
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PENSTOCK_HTTP_PORT": port, "DEMO_DATA": "false"}
    try:
        done = subprocess.run(
            ["sh", "-c", f"set -e\n{backup}\n{restore}"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/keys", headers={"x-api-key": key}, timeout=HANG_SECONDS)
        assert answer.status_code == 200
    finally:
        penstock(tmp_path, "down", PENSTOCK_HOME=str(tmp_path / "var"))
        system.stop()
