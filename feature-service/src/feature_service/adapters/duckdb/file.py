"""What lies where a DuckDB file should: another's lock on it, the stub that a full disk left, or something else."""

import contextlib
import fcntl
import stat
from pathlib import Path
from typing import Final

from penstock_kit.errors import FailedPrecondition
from penstock_kit.logging import get_logger

# DuckDB tells by text alone; a path in it may have any word.
_LOCKED: Final = "Could not set lock on file"
# A DuckDB file begins with three blocks of headers, of which the first has the sign at its ninth byte.
_HEADER_BYTES: Final = 3 * 4096
_SIGN: Final = b"DUCK"
_SIGN_PLACE: Final = 8

log = get_logger(__name__)


def is_lock_conflict(error: Exception) -> bool:
    """Whether DuckDB could not open a file because another process has it open."""
    return _LOCKED in str(error)


def begins_as_duckdb(head: bytes) -> bool:
    """Whether a file with this beginning is DuckDB's."""
    return head[_SIGN_PLACE : _SIGN_PLACE + len(_SIGN)] == _SIGN


def require_file(path: Path) -> None:
    """Raise FailedPrecondition TELEMETRY_INVALID for what is there and is no file: it may never end."""
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
            message = f"the telemetry file {path.name} is {what}: name a file in TELEMETRY_URL, or move it away"
            raise FailedPrecondition(message, reason="TELEMETRY_INVALID")


def remove_stub(path: Path) -> None:
    """Remove what a start of the file on a full disk left: it has no header, and would never be a database.

    What does not begin as DuckDB begins a file is another's, and stays. Of a link, the file that it is to is removed.
    """
    if not path.exists() or path.stat().st_size >= _HEADER_BYTES:
        return
    with path.open("rb+") as stub, contextlib.suppress(OSError):  # another process is just making it
        fcntl.lockf(stub, fcntl.LOCK_EX | fcntl.LOCK_NB)
        content = stub.read()
        if begins_as_duckdb(content) or not any(content):
            log.warning("removed a telemetry file that was never finished", file=path.name)
            path.resolve().unlink()
