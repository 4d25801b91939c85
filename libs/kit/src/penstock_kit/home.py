"""The folder that holds all state of an installation (``PENSTOCK_HOME``)."""

import os
from pathlib import Path

from penstock_kit.errors import FailedPrecondition


def ensure_home(path: Path) -> Path:
    """Create the folder when it is missing and return it, absolute.

    Raises FailedPrecondition (HOME_UNWRITABLE) naming the path and PENSTOCK_HOME when files can't be made there.
    """
    absolute = path.expanduser().absolute()
    try:
        absolute.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(absolute, error.strerror or str(error)) from None
    if not os.access(absolute, os.W_OK | os.X_OK):
        raise _unwritable(absolute, "no write permission")
    return absolute


def _unwritable(path: Path, why: str) -> FailedPrecondition:
    message = f"cannot write to {path}: {why}; make it writable or set PENSTOCK_HOME to a folder that is"
    return FailedPrecondition(message, reason="HOME_UNWRITABLE", metadata={"path": str(path)})
