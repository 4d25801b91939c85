"""A restore or a backup that is killed at any of its steps leaves what is whole, or what nobody takes for it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_cli.backup import backup
from penstock_cli.backup_draft import backup_draft
from penstock_cli.failure import CommandFailed
from penstock_cli.maintain import maintain
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.up import up
from penstock_cli.unfinished import Unfinished, require_whole
from penstock_kit.errors import FailedPrecondition
from penstock_kit.home import hold_home
from penstock_testkit.servers.process import wait_until
from penstock_testkit.waiting import HANG_SECONDS

KILLED = """
import json, os, shutil, sys
from pathlib import Path
from penstock_cli.backup import backup, restore
from penstock_cli.settings import CliSettings
from penstock_kit.home import unfinished_command

root = Path(sys.argv[1])
STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}

def fill(home, files):
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)

def state(home):
    found = {str(p.relative_to(home)): p.read_text() for p in sorted(home.rglob("*")) if p.is_file()}
    return {name: text for name, text in found.items() if not name.startswith((".", "before-", "penstock.lock"))}

def kept(home):
    parts = {}
    for folder in home.glob("before-*"):
        parts |= {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}
    return {name: text for name, text in parts.items() if not name.startswith(".")}

def forked(home, last):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    count = 0
    def hook(event, arguments):
        nonlocal count
        changes = event in STEPS or (event == "open" and arguments[2] & os.O_CREAT)
        if changes and str(home) in str(arguments[0]):
            count += 1
            if count == last:
                os._exit(9)
    sys.addaudithook(hook)
    restore(CliSettings(values={"PENSTOCK_HOME": str(home)}), root / "backup")
    os._exit(0)

NEW = {"admin.key": "new", "datasets/a": "new", "only-new": "new"}
OLD = {"admin.key": "old", "datasets/a": "old", "only-old": "old", "folder/b": "old"}
(root / "first").mkdir()
fill(root / "first", NEW)
backup(CliSettings(values={"PENSTOCK_HOME": str(root / "first")}), root / "backup")
restore(CliSettings(values={"PENSTOCK_HOME": str(root / "warm")}), root / "backup")  # loads what each fork needs
outcomes, last = [], 0
while True:
    last += 1
    home = root / f"home-{last}"
    fill(home, OLD)
    code = forked(home, last)
    blocked, now = bool(unfinished_command(home)), state(home)
    again = forked(home, 0)
    after = sorted(p.name for p in home.iterdir() if p.name.startswith("."))
    outcomes.append([code, blocked, now == OLD, now == NEW, again, state(home) == NEW, kept(home) == OLD, after])
    shutil.rmtree(home)
    if code == 0:
        break
print(json.dumps(outcomes))
"""


def test_a_restore_that_is_killed_at_any_step_is_made_whole_by_the_same_command(tmp_path: Path) -> None:
    """The second run of one that had ended keeps what the first has put there, so the last is looked at by itself."""
    told = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        env={"HOME": str(tmp_path)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        timeout=HANG_SECONDS,
        check=True,
    )
    *killed, whole = json.loads(told.stdout.splitlines()[-1])
    assert len(killed) >= 15
    assert whole[:4] == [0, False, False, True]
    for step, (code, blocked, is_old, is_new, again, restored, kept, left) in enumerate(killed, 1):
        assert code == 9, step
        assert blocked or is_old or is_new, f"step {step} left a mixture that starts"
        assert (again, restored, left) == (0, True, []), step
        assert kept or is_new, step
    assert any(blocked and not (is_old or is_new) for _, blocked, is_old, is_new, *_ in killed)


KILLED_BACKUP = """
import json, os, shutil, sys
from pathlib import Path
from penstock_cli.backup import backup, restore
from penstock_cli.settings import CliSettings

root = Path(sys.argv[1])
STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "fcntl.flock"}
home = CliSettings(values={"PENSTOCK_HOME": str(root / "home")})
for name in ("admin.key", "datasets/a", "folder/b"):
    (root / "home" / name).parent.mkdir(parents=True, exist_ok=True)
    (root / "home" / name).write_text(name)

def forked(folder, last):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    count = 0
    def hook(event, arguments):
        nonlocal count
        if event in STEPS or (event == "open" and arguments[2] & os.O_CREAT):
            count += 1
            if count == last:
                os._exit(9)
    sys.addaudithook(hook)
    backup(home, folder)
    os._exit(0)

def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

backup(home, root / "first")  # loads what each fork needs
outcomes, last = [], 0
while True:
    last += 1
    copies = root / f"copies-{last}"
    code = forked(copies / "monday", last)
    seen = [name for name in names(copies) if not name.startswith(".")]
    whole = not seen or restore(CliSettings(values={"PENSTOCK_HOME": str(copies / "home")}), copies / "monday") == 0
    shutil.rmtree(copies / "home", ignore_errors=True)
    again = forked(copies / "tuesday", 0)
    outcomes.append([code, seen, whole, again, names(copies)])
    shutil.rmtree(copies)
    if code == 0:
        break
print(json.dumps(outcomes))
"""


def test_a_backup_that_is_killed_at_any_step_is_none_and_is_gone_with_the_next_of_any_name(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", KILLED_BACKUP, str(tmp_path)],
        env={"HOME": str(tmp_path)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        timeout=HANG_SECONDS,
        check=True,
    )
    *killed, whole = json.loads(told.stdout.splitlines()[-1])
    assert len(killed) >= 8
    assert whole == [0, ["monday"], True, 0, ["monday", "tuesday"]]
    for step, (code, seen, restored, again, left) in enumerate(killed, 1):
        assert (code, seen in ([], ["monday"]), restored, again) == (9, True, True, 0), step
        assert left == [*seen, "tuesday"], step


def test_a_draft_that_a_backup_works_on_stays_and_the_same_backup_is_refused_meanwhile(tmp_path: Path) -> None:
    home = CliSettings(values={"PENSTOCK_HOME": str(tmp_path / "home")})
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "admin.key").write_text("key")
    told: list[str] = []
    with backup_draft(tmp_path / "one", told) as draft:
        with pytest.raises(CommandFailed, match="another process makes the backup"):
            backup(home, tmp_path / "one")
        backup(home, tmp_path / "two")
        assert draft.is_dir()
    assert told == []
    (tmp_path / "another's.partial").mkdir()
    (tmp_path / ".another's.partial").mkdir()
    with backup_draft(tmp_path / "three", told):
        assert told == [f"{draft} was left by a backup that was killed: it is deleted"]
    assert {path.name for path in tmp_path.glob("*.partial")} >= {"another's.partial", ".another's.partial"}


def test_nothing_starts_on_a_home_that_is_not_whole_and_each_says_the_next_step(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    Unfinished(command="restore /backups/monday", kept="before-1", there=["chat.db"]).begin(home)
    settings = CliSettings(values={"PENSTOCK_HOME": str(home)})
    for command in (up, maintain):
        with pytest.raises(
            CommandFailed, match=r"restore /backups/monday` was broken off on .*: run it again; .*before-1"
        ):
            command(settings)
    with pytest.raises(FailedPrecondition, match=r"`penstock restore /backups/monday` was broken off"), hold_home(home):
        pass
    require_whole(home, but_for="restore")


def test_a_command_that_is_told_to_stop_leaves_nothing_half_made_of_a_backup(tmp_path: Path) -> None:
    """SIGTERM, as of a shutdown, is taken as Ctrl-C is: what was begun is taken away, and the code says why."""
    (tmp_path / "home").mkdir()
    with (tmp_path / "home" / "large").open("wb") as file:
        file.truncate(8 * 1024**3)  # a hole, which takes seconds to copy and to read again
    with subprocess.Popen(
        [sys.executable, "-m", "penstock_cli", "backup", str(tmp_path / "copies" / "one")],
        env={"PENSTOCK_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        draft = tmp_path / "copies" / ".one.penstock.partial" / "large"
        wait_until(draft.exists, seconds=HANG_SECONDS, what="the copy to begin")
        os.kill(process.pid, signal.SIGTERM)
        _, said = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 143
    assert list((tmp_path / "copies").iterdir()) == []
    assert "Traceback" not in said
