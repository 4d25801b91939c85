"""Reasons every service may give about calls, messages and stores."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

SERVICE: Final = Section(
    title="Between services",
    rows=(
        Row(
            "SERVICE_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "no connection to another service; the message names service and address",
            "see whether it runs: `penstock status`",
        ),
        Row(
            "SERVICE_SECRET_INVALID",
            (
                ErrorKind.UNAUTHENTICATED,
                ErrorKind.UNAVAILABLE,
                ErrorKind.FAILED_PRECONDITION,
            ),
            "a caller without the installation's secret; at the gateway: a service has another one",
            "give all services the same `PENSTOCK_SERVICE_SECRET` or file",
        ),
        Row(
            "LOAD_LIMIT_EXCEEDED",
            (ErrorKind.UNAVAILABLE,),
            "more to do than can be done in time; the answer says when to come again",
            "come again later, or start another replica",
        ),
        Row(
            "VIEWER_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "500 dashboards are open at one gateway",
            "close one, or come again later",
        ),
        Row(
            "MESSAGE_LIMIT_EXCEEDED",
            (ErrorKind.PAYLOAD_TOO_LARGE,),
            "a gRPC message over 32 MiB",
            "ask for less",
        ),
        Row(
            "MESSAGE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "bytes that are not a message of the method's type",
            "build the client from the current protos",
        ),
        Row(
            "STORAGE_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "disk full, read-only, locked, damaged, or no connection",
            "mend the disk or the database; nothing half-written stays",
        ),
        Row(
            "VALUE_INVALID",
            (
                ErrorKind.INVALID_ARGUMENT,
                ErrorKind.UNPROCESSABLE,
            ),
            ("a value that no column holds or nothing can be computed with: a number beyond 64 bits, a NUL in a text"),
            "send a value in range",
        ),
        Row(
            "TIME_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a time that can't be read, or outside of the years 1 to 9999 in UTC",
            "write ISO 8601, such as `2026-01-31T08:00:00Z`",
        ),
        Row(
            "TIME_RANGE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "the end of a range is not after its start",
            "give the start (inclusive) and a later end (exclusive)",
        ),
        Row(
            "TIME_ZONE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a time zone that is not known",
            "write an IANA name, such as `Europe/Berlin`",
        ),
    ),
)
