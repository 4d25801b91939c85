"""The folder in which a backup is made: nobody takes it for one, and what a killed one leaves goes with the next."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from penstock_cli.backup_files import DRAFT_ENDING
from penstock_cli.failure import CommandFailed

_ENDING: Final = f".penstock{DRAFT_ENDING}"


@contextmanager
def backup_draft(folder: Path, told: list[str]) -> Generator[Path]:
    """Make a folder beside `folder` for what will be there; the block renames it, or fails, and it is taken away.

    It is locked meanwhile, which ends with the process: drafts beside it that nobody holds are of backups that were
    killed, and are deleted, which is said in `told`. Raises CommandFailed while another process makes the same backup.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder.with_name(f".{folder.name}{_ENDING}")
    for left in sorted(folder.parent.glob(f".*{_ENDING}")):
        if left.is_dir() and not left.is_symlink() and _removed(left) and left != draft:
            told.append(f"{left} was left by a backup that was killed: it is deleted")
    with contextlib.suppress(FileExistsError):
        draft.mkdir(mode=0o700)
    descriptor = _locked(draft)
    if descriptor is None:
        raise CommandFailed(f"another process makes the backup {folder}: wait for it, or name another folder")
    try:
        yield draft
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    finally:
        os.close(descriptor)


def _removed(left: Path) -> bool:
    """Delete a draft that no process holds; return whether that was done."""
    try:
        descriptor = _locked(left)
    except OSError:
        return False  # another user's, which is no matter of ours
    if descriptor is None:
        return False
    try:
        shutil.rmtree(left, ignore_errors=True)
    finally:
        os.close(descriptor)
    return not left.exists()


def _locked(folder: Path) -> int | None:
    """Return a descriptor that holds the folder until it is closed, None where another process holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
