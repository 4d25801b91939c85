"""The closed list of error kinds and the one table that maps each to gRPC and HTTP."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ErrorKind(StrEnum):
    """The sixteen kinds of failure, named as the gRPC codes are; an error's `reason` distinguishes within a kind."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNPROCESSABLE = "UNPROCESSABLE"
    CANCELLED = "CANCELLED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    UNAVAILABLE = "UNAVAILABLE"
    BAD_UPSTREAM = "BAD_UPSTREAM"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """How a kind is transported: gRPC status code (number), HTTP status, title, and whether a retry may succeed."""

    grpc: int
    http: int
    title: str
    retryable: bool = False


# Numbers, not grpc.StatusCode: domain code raises errors and must not load gRPC to do so.
# BAD_UPSTREAM travels as UNKNOWN and not as UNAVAILABLE, because clients and proxies repeat
# UNAVAILABLE on their own, and a provider call that was made must not be made twice.
KIND_TABLE: Final[dict[ErrorKind, KindRow]] = {
    ErrorKind.INVALID_ARGUMENT: KindRow(grpc=3, http=400, title="Invalid argument"),
    ErrorKind.UNAUTHENTICATED: KindRow(grpc=16, http=401, title="Not authenticated"),
    ErrorKind.PERMISSION_DENIED: KindRow(grpc=7, http=403, title="Permission denied"),
    ErrorKind.NOT_FOUND: KindRow(grpc=5, http=404, title="Not found"),
    ErrorKind.ALREADY_EXISTS: KindRow(grpc=6, http=409, title="Already exists"),
    ErrorKind.FAILED_PRECONDITION: KindRow(grpc=9, http=412, title="Precondition failed"),
    ErrorKind.ABORTED: KindRow(grpc=10, http=409, title="Conflict", retryable=True),
    ErrorKind.RESOURCE_EXHAUSTED: KindRow(grpc=8, http=429, title="Limit reached"),
    ErrorKind.PAYLOAD_TOO_LARGE: KindRow(grpc=8, http=413, title="Payload too large"),
    ErrorKind.UNPROCESSABLE: KindRow(grpc=3, http=422, title="Cannot be processed"),
    ErrorKind.CANCELLED: KindRow(grpc=1, http=499, title="Cancelled"),
    ErrorKind.DEADLINE_EXCEEDED: KindRow(grpc=4, http=504, title="Deadline exceeded", retryable=True),
    ErrorKind.UNAVAILABLE: KindRow(grpc=14, http=503, title="Unavailable", retryable=True),
    ErrorKind.BAD_UPSTREAM: KindRow(grpc=2, http=502, title="Upstream failed", retryable=True),
    ErrorKind.UNIMPLEMENTED: KindRow(grpc=12, http=501, title="Not implemented"),
    ErrorKind.INTERNAL: KindRow(grpc=13, http=500, title="Internal error"),
}

# For peers that send a bare code without our details.
_KIND_BY_CODE: Final[dict[int, ErrorKind]] = {
    1: ErrorKind.CANCELLED,
    2: ErrorKind.INTERNAL,
    3: ErrorKind.INVALID_ARGUMENT,
    4: ErrorKind.DEADLINE_EXCEEDED,
    5: ErrorKind.NOT_FOUND,
    6: ErrorKind.ALREADY_EXISTS,
    7: ErrorKind.PERMISSION_DENIED,
    8: ErrorKind.RESOURCE_EXHAUSTED,
    9: ErrorKind.FAILED_PRECONDITION,
    10: ErrorKind.ABORTED,
    11: ErrorKind.INVALID_ARGUMENT,
    12: ErrorKind.UNIMPLEMENTED,
    13: ErrorKind.INTERNAL,
    14: ErrorKind.UNAVAILABLE,
    15: ErrorKind.INTERNAL,
    16: ErrorKind.UNAUTHENTICATED,
}


def grpc_code(kind: ErrorKind) -> int:
    """Return the number of the gRPC status code that carries `kind`."""
    return KIND_TABLE[kind].grpc


def http_status(kind: ErrorKind) -> int:
    """Return the HTTP status that carries `kind` (499 for a cancelled call)."""
    return KIND_TABLE[kind].http


def title(kind: ErrorKind) -> str:
    """Return the title of `kind` for problem+json, the same for every occurrence."""
    return KIND_TABLE[kind].title


def kind_from_grpc_code(code: int) -> ErrorKind:
    """Return the kind a bare gRPC code stands for; an unknown number is INTERNAL."""
    return _KIND_BY_CODE.get(code, ErrorKind.INTERNAL)
