"""The tutorial is followed word by word, in one shell, against a system that was started for it alone."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS

ROOT: Final = Path(__file__).parents[2]
TUTORIAL: Final = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
START: Final = "make up\n"
BLOCKS: Final = re.findall(r"^```sh\n(.*?)^```", TUTORIAL, re.DOTALL | re.MULTILINE)
# What stands between the printed lines of two blocks.
NEXT_BLOCK: Final = "next block of the tutorial"
BACKUP: Final = "/tmp/penstock-backup"
# What each block prints, among other things; the first starts the system.
PRINTS: Final = (
    ("gateway", "cache-service", "is well", "The mean current of WLD001"),
    ('"rows_accepted":2', "mean pressure of pump-7 on 2026-01-31 is 2.2"),
    ("[asks ", "mean current of WLD001", "current_mean", "2 asked, 0 left"),
    ("psk_", "fallback/rules"),
    ("penstock-backup", "has stopped"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout as its reader sees it."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    (folder / "examples").symlink_to(ROOT / "examples")
    return folder


@pytest.fixture(scope="module")
def started(folder: Path) -> Iterator[RunningSystem]:
    """What the first block starts: all of it, with the home where the commands look for it."""
    system = start_system(folder / "var")
    yield system
    system.stop()


@pytest.fixture(scope="module")
def printed(folder: Path, started: RunningSystem) -> list[str]:
    """What each block after the first printed; one shell ran them all, for they use each other's variables."""
    script = f"\necho '{NEXT_BLOCK}'\n".join(BLOCKS[1:])
    script = script.replace("http://127.0.0.1:8000", started.url).replace(BACKUP, str(folder / "penstock-backup"))
    done = subprocess.run(
        ["sh", "-c", "set -e\n" + script],
        cwd=folder, env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder)},
        capture_output=True, text=True, timeout=HANG_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split(NEXT_BLOCK)


def test_the_first_command_starts_what_the_others_talk_to() -> None:
    assert BLOCKS[0] == START
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^up: .*\n\t@\$\(BIN\)/penstock up$", makefile, re.MULTILINE)


@pytest.mark.parametrize("number", range(len(PRINTS)))
def test_each_block_prints_what_its_words_promise(printed: list[str], number: int) -> None:
    assert len(printed) == len(PRINTS)
    for text in PRINTS[number]:
        assert text in printed[number]


def test_at_its_end_there_is_a_backup_and_nothing_runs(
    folder: Path, started: RunningSystem, printed: list[str]
) -> None:
    assert (folder / "penstock-backup").is_dir()
    assert started.process.wait(timeout=HANG_SECONDS) == 0
    assert printed
