"""The files of a home replaced by others, so that a kill at any moment leaves what the same command makes whole."""

import shutil
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from penstock_cli.backup_files import BEFORE, is_backup, open_plain, write_private
from penstock_cli.command_name import command_name
from penstock_cli.supervisor.state import LOCK_FILE
from penstock_cli.unfinished import Unfinished, end
from penstock_kit.home import UNFINISHED, ensure_home

_DRAFT: Final = ".restoring"
_SCRATCH: Final = ".penstock-restore-"
_STAYS: Final = frozenset({_DRAFT, LOCK_FILE, UNFINISHED})


class HomeSwap:
    """Replaces the files of `home`, which nobody else uses; `command` is what goes on when it is broken off.

    The home itself stays: it may be a volume; so does the lock, which this process holds.
    """

    def __init__(self, home: Path, *, command: str) -> None:
        self._home = home
        self._draft = home / _DRAFT
        self._replacing = False
        self._earlier = Unfinished.read(home)
        kept = f"{BEFORE}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        self._note = Unfinished(
            command=command,
            kept=self._earlier.kept if self._earlier else kept,
            there=self._earlier.there if self._earlier else [path.name for path in self._state()],
        )

    @contextmanager
    def scratch(self) -> Generator[Path]:
        """Give a folder in the home that is gone after the block, and with the next one after a kill."""
        for left in self._home.glob(f"{_SCRATCH}*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=ensure_home(self._home)) as scratch:
            yield Path(scratch)

    @contextmanager
    def draft(self, folder: Path, names: Sequence[str]) -> Generator[None]:
        """Copy the files of `folder` into the home, beside what is there; what is left of it goes with the block."""
        shutil.rmtree(self._draft, ignore_errors=True)
        try:
            self._draft.mkdir(mode=0o700, parents=True)
            for name in names:
                with open_plain(folder / name) as file:
                    write_private(file, self._draft / name)
            yield
        finally:
            shutil.rmtree(self._draft, ignore_errors=True)

    def begin(self) -> None:
        """Note in the home that it is not whole from now on."""
        self._note.begin(self._home)

    def broken_off(self, *, changed: bool) -> None:
        """Take the note away again when nothing is `changed` yet, else say what to do."""
        if not changed and not self._replacing and self._earlier is None:
            end(self._home)
        else:
            sys.stderr.write(f"broken off: run `{command_name()} {self._note.command}` again before a start\n")

    def replace(self) -> Path | None:
        """Put the files into the home; what was there is in a folder in it, which is returned, None without any.

        What an earlier attempt has put there already is none of what was there.
        """
        self._replacing = True
        kept = self._home / self._note.kept
        new = {path.name for path in self._draft.iterdir()}
        for path in self._state():
            is_ours = path.name in new and path.name not in self._note.there
            if is_ours or (kept / path.name).exists():
                _delete(path)
            else:
                kept.mkdir(mode=0o700, exist_ok=True)
                path.replace(kept / path.name)
        for path in self._draft.iterdir():
            path.replace(self._home / path.name)
        end(self._home)
        return kept if kept.exists() else None

    def _state(self) -> list[Path]:
        """Return what is in the home, but for what an earlier restore kept, backups, scratch and the lock."""
        ours = [path for path in self._home.iterdir() if path.name not in _STAYS]
        return [path for path in ours if not path.name.startswith((BEFORE, _SCRATCH)) and not is_backup(path)]


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
