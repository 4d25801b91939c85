"""Which failures of a driver mean that the store can't answer now, in words for the caller."""

import sqlite3
from typing import Any, Final

from sqlalchemy import exc

from penstock_kit.errors import InvalidArgument, PenstockError, Unavailable

REASON: Final = "STORAGE_UNAVAILABLE"
VALUE_REASON: Final = "VALUE_INVALID"

# PostgreSQL's class for data that no column of the type holds: a NUL in a text, a number beyond 64 bits.
_DATA_EXCEPTION: Final = "22"

# Primary result codes of SQLite (https://sqlite.org/rescode.html).
_SQLITE: Final = {
    5: "another process holds its write lock",
    6: "a table is locked",
    8: "it is read-only: check the permissions of the file and its folder",
    10: "the disk reports an input/output error",
    11: "the file is damaged: restore a backup",
    13: "the disk is full: free space, nothing was changed",
    14: "the file cannot be opened: check that its folder exists and is writable",
    26: "the file is not a SQLite database",
}
# SQLSTATE classes and codes of PostgreSQL (appendix A of its manual).
_POSTGRESQL: Final = {
    "08P01": "a pooler before it refuses the connection's settings: let ignore_startup_parameters name them",
    "26000": "a pooler before it gives each transaction another connection: use pool_mode = session",
    "42P05": "a pooler before it gives each transaction another connection: use pool_mode = session",
    "08": "the connection was lost",
    "53": "the server is out of a resource (disk, memory or connections)",
    "55000": "the server takes no connections to the database now",
    "57P": "the server is shutting down or starting",
    "25006": "the server is read-only",
    "28": "the server refuses the user or password",
    "3D": "the server has no such database",
}
# Those of a server that goes or comes.
_RESTARTING: Final = ("08", "57P")


def storage_error(error: Exception, store: str) -> PenstockError | None:
    """Return what `error` is for the caller; None for a defect.

    Unavailable (STORAGE_UNAVAILABLE) when `store` can't answer, InvalidArgument (VALUE_INVALID) when it was given a
    value that it can't hold.
    """
    if _is_unfit(error):
        text = f"a value cannot be kept in the database {store}: a number beyond 64 bits, or a NUL or half a character"
        return InvalidArgument(f"{text} in a text", reason=VALUE_REASON)
    why = _why(error)
    return None if why is None else Unavailable(f"the database {store} cannot be used: {why}", reason=REASON)


def _is_unfit(error: Exception) -> bool:
    # SQLite's driver raises these as they are; PostgreSQL's has a code.
    if isinstance(error, OverflowError | UnicodeEncodeError):
        return True
    original = error.orig if isinstance(error, exc.DBAPIError) else None
    for each in (original, getattr(original, "__cause__", None)):
        state = getattr(each, "sqlstate", None)
        if isinstance(state, str):
            return state.startswith(_DATA_EXCEPTION)
    return False


def passes_by_itself(error: Exception) -> bool:
    """Return whether `error`, met when connecting, is what a server does that restarts."""
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    for each in (original, getattr(original, "__cause__", None)):
        state = getattr(each, "sqlstate", None)
        if isinstance(state, str):
            return state.startswith(_RESTARTING)
        if isinstance(each, OSError):
            return True
    return (original is not error or _is_of_driver(error)) and _is_closed(original)


def _is_of_driver(error: BaseException) -> bool:
    """Return whether it is PostgreSQL's driver's own: SQLAlchemy does not wrap what a connection that was made just now
    meets while it is prepared."""
    return type(error).__module__.partition(".")[0] == "asyncpg"


def _is_closed(original: object) -> bool:
    # The driver has neither a number nor a class for it.
    return "closed" in str(original).lower()


def _why(error: Exception) -> str | None:
    match error:
        case exc.TimeoutError():
            return "all its connections are busy"
        case exc.DBAPIError():
            return _driver_why(error.orig)
        case sqlite3.Error():
            return _driver_why(error)
        case _ if _is_of_driver(error):
            return _driver_why(error)
        case OSError():
            return f"no connection ({error.strerror or error or type(error).__name__})"
        case _:
            return None


def _driver_why(original: Any) -> str | None:
    # SQLAlchemy wraps the exceptions of asynchronous drivers; the driver's own is the cause.
    for error in (original, getattr(original, "__cause__", None)):
        code = getattr(error, "sqlite_errorcode", None)
        if isinstance(code, int):
            return _SQLITE.get(code & 0xFF)
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return next((text for prefix, text in _POSTGRESQL.items() if state.startswith(prefix)), None)
        if isinstance(error, OSError):
            return f"no connection ({error.strerror or error})"
    return "the connection was lost" if _is_closed(original) else None
