"""Reasons of tools that a model calls."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

TOOL: Final = Section(
    title="Tools",
    note="The model is told; the turn goes on.",
    rows=(
        Row(
            "TOOL_ARGUMENTS_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "arguments that do not fit the tool's schema",
            "the model calls again",
        ),
        Row(
            "INTERVAL_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "an interval that is none",
            "write `30s`, `1m`, `1h` or `1d`",
        ),
        Row(
            "TOOL_TIMEOUT",
            (ErrorKind.DEADLINE_EXCEEDED,),
            "the tool did not answer in time",
            "raise the tool's time",
        ),
        Row(
            "TOOL_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "the tool's server can't be reached, or rests after failures",
            "start it",
        ),
        Row(
            "TOOL_FAILED",
            (
                ErrorKind.BAD_UPSTREAM,
                ErrorKind.FAILED_PRECONDITION,
            ),
            "the tool answered that it failed",
            "see the tool's log",
        ),
        Row(
            "TOOL_REQUEST_INVALID",
            (ErrorKind.FAILED_PRECONDITION,),
            "the tool refused the call (4xx)",
            "see the arguments",
        ),
        Row(
            "TOOL_REDIRECT_INVALID",
            (ErrorKind.BAD_UPSTREAM,),
            "a redirect too many, to another scheme, or of a body to another host",
            "name the address itself",
        ),
        Row(
            "TOOL_ANSWER_INVALID",
            (ErrorKind.BAD_UPSTREAM,),
            "an answer that is no text, or an encoding that was not asked for",
            "let the tool answer JSON or text",
        ),
        Row(
            "TOOL_ANSWER_LIMIT_EXCEEDED",
            (ErrorKind.FAILED_PRECONDITION,),
            "an answer larger than is read",
            "let the tool answer less",
        ),
        Row(
            "URL_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a URL that can't be read, or that names no host",
            "write it as https://example.com/hook, a host beyond ASCII as xn--…",
        ),
        Row(
            "HOST_INVALID",
            (ErrorKind.PERMISSION_DENIED,),
            "a host that is oddly written",
            "write it plainly",
        ),
        Row(
            "HOST_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "a host without an address, or one that is not found in time",
            "see the name",
        ),
        Row(
            "ADDRESS_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "the host's address is of an inner network",
            "allow the host by its address",
        ),
    ),
)
