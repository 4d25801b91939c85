"""The folder that holds all state of an installation (``PENSTOCK_HOME``)."""

import fcntl
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from penstock_kit.errors import FailedPrecondition
from penstock_kit.plain_file import read_plain_file

# Of every process that writes below the home: keys, passwords, conversations and logs are their owner's alone.
PRIVATE_UMASK: Final = 0o077
# The note of a command that replaces what is in a home: its first line is what to run when it was broken off.
UNFINISHED: Final = ".unfinished"
_LARGEST_NOTE: Final = 1024 * 1024
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


@contextmanager
def hold_home(path: Path, *, alone: bool = False) -> Generator[None]:
    """Share the home with others for the block; with `alone`, have it to oneself, as a restore needs it.

    The kernel gives it back however the process ends. A folder that is not there, or on a file system without locks, is
    nobody's. Raises FailedPrecondition (HOME_UNAVAILABLE) when somebody has it alone, or anybody has it and it is
    wanted `alone`; to share it, when a command was broken off that replaces what is in it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        _lock_folder(descriptor, path, alone=alone)
        if not alone:
            _require_whole(path)
        yield
    finally:
        os.close(descriptor)


def _lock_folder(descriptor: int, path: Path, *, alone: bool) -> None:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        who = "a process of Penstock uses" if alone else "a restore has"
        message = f"{who} {path.absolute()}: {'stop' if alone else 'wait for'} it first"
        raise FailedPrecondition(message, reason="HOME_UNAVAILABLE", metadata={"path": str(path)}) from None
    except OSError:  # a file system without locks
        return


def unfinished_command(path: Path) -> str:
    """Return the command that was broken off while it replaced what is in the home, empty when none was."""
    try:
        text = read_plain_file(path / UNFINISHED, most=_LARGEST_NOTE).decode(errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"? ({error.strerror})"
    return text.partition("\n")[0] or "?"


def _require_whole(path: Path) -> None:
    if command := unfinished_command(path):
        message = f"`penstock {command}` was broken off on {path.absolute()}: run it again before a start"
        raise FailedPrecondition(message, reason="HOME_UNAVAILABLE", metadata={"path": str(path)})


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
