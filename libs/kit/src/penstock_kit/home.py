"""The folder that holds all state of an installation (``PENSTOCK_HOME``)."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from penstock_kit.errors import FailedPrecondition

# Of every process that writes below the home: keys, passwords, conversations and logs are their owner's alone.
PRIVATE_UMASK: Final = 0o077
_FOLDER: Final = 0o700
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def ensure_home(path: Path) -> Path:
    """Create the folder when it is missing, close it to others, and return it, absolute.

    Raises FailedPrecondition (HOME_INVALID) naming the path and PENSTOCK_HOME when files can't be made there.
    """
    absolute = path.expanduser().absolute()
    try:
        absolute.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        close_home(absolute)
    except OSError as error:
        raise _unwritable(absolute, error.strerror or str(error)) from None
    if not os.access(absolute, os.W_OK | os.X_OK):
        raise _unwritable(absolute, "no write permission")
    return absolute


def close_home(path: Path) -> None:
    """Take the rights of group and others from a home that is open to them, and from what is in it.

    A home made by an earlier version is closed whole, once: inside a closed one nobody else gets anywhere. What belongs
    to another user is left alone, such as a volume that the cluster mounts for a group, and so is what is in a folder
    that is not for Penstock alone: somebody's own home, or a checkout.
    """
    if not _is_open(path):
        return
    if not _is_for_more(path):
        for inner in _inside(path):
            if _is_open(inner):
                inner.chmod(stat.S_IMODE(inner.lstat().st_mode) & ~_OTHERS)
    path.chmod(_FOLDER)


def _is_for_more(path: Path) -> bool:
    own = Path("~").expanduser()
    return path.resolve() in {own.resolve(), *own.resolve().parents} or (path / ".git").exists()


def _inside(path: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            yield Path(folder) / name


def _is_open(path: Path) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    mine = status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode)
    return mine and bool(status.st_mode & _OTHERS)


def _unwritable(path: Path, why: str) -> FailedPrecondition:
    message = f"cannot write to {path}: {why}; make it writable or set PENSTOCK_HOME to a folder that is"
    return FailedPrecondition(message, reason="HOME_INVALID", metadata={"path": str(path)})
