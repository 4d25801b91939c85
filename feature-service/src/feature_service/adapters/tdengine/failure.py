"""What TDengine's answers about failures mean, in words for the caller."""

from typing import Final

from penstock_kit.errors import ResourceExhausted, Unavailable, Unprocessable

REASON: Final = "TELEMETRY_UNAVAILABLE"
NO_DATABASE: Final = frozenset({0x0388, 0x2616})
NO_TABLE: Final = frozenset({0x0362, 0x0618, 0x2603, 0x2662})
OUT_OF_KEEP: Final = 0x060B

_CODES: Final = {
    0x0357: "the server refuses the user or password",
    0x0303: "the user lacks a privilege there",
    0x2644: "the user lacks a privilege there",
    0x0388: "the server has no such database",
    0x2616: "the server has no such database",
    0x000B: "no connection to one of its nodes",
    0x0014: "one of its nodes is not ready",
    0x0603: "a table of it was just changed by another service; it is looked for again",
    0x0904: "one of its nodes is not ready",
    0x0914: "one of its nodes is not ready",
    0x0602: "its disk is full or it may not write there",
    0x0607: "its disk is full or it may not write there",
    0x0115: "its memory is full",
}
"""TDengine's codes (taoserror.h) without their high half, as the REST API gives them."""
_HTTP: Final = {
    401: "the server refuses the user or password",
    403: "the server refuses the user or the address of this machine",
    404: "there is no REST API of TDengine 3 at this address",
    503: "the server has no free connection",
}


class TDengineError(Exception):
    """TDengine refused a statement with `code`; its own text is kept out of what callers see."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"TDengine answered 0x{code:04x}: {text}")
        self.code = code


def unavailable(why: str) -> Unavailable:
    """Return that the store can't be used."""
    return Unavailable(f"the telemetry store (TDengine) can't be used: {why}", reason=REASON)


def of_code(code: int) -> Unavailable:
    """Return what a refusal means whose code nobody expected."""
    return unavailable(_CODES.get(code, f"it answered with its error 0x{code:04x}"))


def of_status(status: int) -> Unavailable:
    """Return what an answer means that is no result."""
    return unavailable(_HTTP.get(status, f"it answered with HTTP status {status}"))


def took_too_long(seconds: float) -> ResourceExhausted:
    """Return the refusal of a question that took more than `seconds`."""
    return ResourceExhausted(
        f"the question takes more than the {seconds:g} s the telemetry store may use for one; ask for a shorter range "
        "or fewer fields, or raise TELEMETRY_QUERY_SECONDS",
        reason="TELEMETRY_TIME_LIMIT_EXCEEDED",
    )


def too_wide(subject: str, limit: str) -> Unprocessable:
    """Return the refusal of more than a table holds."""
    return Unprocessable(
        f"{subject} does not fit into a table of TDengine: {limit}; give it to several devices, or keep telemetry in "
        "DuckDB or PostgreSQL",
        reason="FIELDS_LIMIT_EXCEEDED",
    )
