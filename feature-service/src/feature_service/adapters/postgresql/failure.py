"""Which failures of PostgreSQL mean that the store can't answer now, or not this, in words for the caller."""

import os
from typing import Final

from penstock_kit.errors import InvalidArgument, PenstockError, ResourceExhausted, Unavailable, Unprocessable

REASON: Final = "TELEMETRY_UNAVAILABLE"

# SQLSTATE classes and codes (appendix A of PostgreSQL's manual); the longest prefix that fits counts.
_AWAY: Final = {
    "08": "the connection was lost",
    "08P01": "a pooler before it refuses the connection's settings; let ignore_startup_parameters name them, as "
    "docs/telemetry-stores.md does",
    "57P": "the server is shutting down or starting",
    "53": "the server is out of a resource (memory, locks or connections)",
    "40": "another load wrote the same rows at the same moment; send this one again",
    "55P03": "another load holds a lock; send this one again",
    "25006": "the server is read-only",
    "25P03": "the server ended a transaction that waited too long",
    "28": "the server refuses the user or password",
    "3D": "the server has no such database",
    "42501": "the user lacks a privilege there",
    "42P01": "a table of it is not there; it is looked for again",
    **dict.fromkeys(
        ("26000", "42P05"),
        "a pooler before it gives each transaction another connection, on which no statement is prepared; "
        "use pool_mode = session",
    ),
}
_FULL: Final = ("53100",)
_CANCELLED: Final = "57014"
_OVERFLOW: Final = ("22003",)
_TEXT: Final = ("22021", "22P05")


def is_lost(error: BaseException) -> bool:
    """Return whether the connection went, so that the same question may succeed over another."""
    state = sqlstate_of(error)
    if state is not None:
        return state.startswith(("08", "57P")) and state != "08P01"
    return isinstance(error, OSError) or (_is_of_driver(error) and "clos" in str(error).lower())


def sqlstate_of(error: BaseException) -> str | None:
    """Return the server's code of the failure, None when it is not the server's."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def telemetry_error(error: BaseException, seconds: float) -> PenstockError | None:
    """Return what `error` is for the caller, None for a defect; a question may take `seconds`.

    Nothing of the server's own text is passed on: it may quote values, hosts and users.
    """
    match error:
        case TimeoutError():
            return _unavailable("it does not answer in time, or all its connections are busy")
        case UnicodeEncodeError():
            return _unfit()
        case OSError():
            return _unavailable(f"no connection ({os.strerror(error.errno) if error.errno else type(error).__name__})")
        case _:
            state = sqlstate_of(error)
            return _by_state(state, seconds) if state else _by_driver(error)


def _by_state(state: str, seconds: float) -> PenstockError | None:
    if state in _FULL:
        text = "the disk of the telemetry store is full: free space; nothing of this was stored, and reading goes on"
        return Unavailable(text, reason="STORAGE_UNAVAILABLE")
    if state == _CANCELLED:
        return took_too_long(seconds)
    if state in _OVERFLOW:
        return Unprocessable("the values are too large to compute with", reason="VALUE_INVALID")
    if state in _TEXT:
        return _unfit()
    fitting = (prefix for prefix in _AWAY if state.startswith(prefix))
    why = _AWAY.get(max(fitting, key=len, default=""))
    return None if why is None else _unavailable(why)


def took_too_long(seconds: float) -> ResourceExhausted:
    """Return the refusal of a question that took more than `seconds`."""
    return ResourceExhausted(
        f"the question takes more than the {seconds:g} s the telemetry store may use for one; ask for a shorter range "
        "or fewer fields, or raise TELEMETRY_QUERY_SECONDS",
        reason="TELEMETRY_TIME_LIMIT_EXCEEDED",
    )


def _by_driver(error: BaseException) -> PenstockError | None:
    return _unavailable("the connection was lost") if is_lost(error) else None


def _is_of_driver(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] == "asyncpg"


def _unavailable(why: str) -> Unavailable:
    return Unavailable(f"the telemetry store (PostgreSQL) can't be used: {why}", reason=REASON)


def _unfit() -> InvalidArgument:
    return InvalidArgument("a text with a NUL or half a character can't be stored", reason="VALUE_INVALID")
