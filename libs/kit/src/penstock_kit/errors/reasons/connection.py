"""Reasons the gateway gives before a request reaches any route."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

CONNECTION: Final = Section(
    title="Connections",
    note=(
        "Said before a request reaches any route; the answer is the last on its connection. The status is"
        " that of the row's text where HTTP has one of its own."
    ),
    rows=(
        Row(
            "HTTP_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            (
                "not HTTP/1.1 as RFC 9112 wants it: two or no `Host`, two lengths, length and chunks, folded "
                "lines, bare CR or LF (400)"
            ),
            "mend the client or the proxy in front",
        ),
        Row(
            "REQUEST_TIMEOUT",
            (ErrorKind.DEADLINE_EXCEEDED,),
            (
                "the head took longer than `PENSTOCK_HEAD_SECONDS`, or the body came more slowly than "
                "`PENSTOCK_BODY_RATE` (408)"
            ),
            "send faster",
        ),
        Row(
            "HEAD_LIMIT_EXCEEDED",
            (ErrorKind.PAYLOAD_TOO_LARGE,),
            "a head over 64 KiB or 100 fields (431)",
            "send fewer or shorter fields",
        ),
        Row(
            "TRANSFER_ENCODING_UNSUPPORTED",
            (ErrorKind.UNIMPLEMENTED,),
            "a transfer coding other than `chunked` (501)",
            "use `chunked` or a length",
        ),
        Row(
            "CONNECTION_LIMIT_EXCEEDED",
            (ErrorKind.UNAVAILABLE,),
            "too many connections, and none that could give way (503)",
            "come again in a second",
        ),
        Row(
            "HTTP_VERSION_UNSUPPORTED",
            (ErrorKind.UNIMPLEMENTED,),
            "HTTP/0.9, HTTP/2.0 … (505)",
            "speak HTTP/1.1",
        ),
    ),
)
