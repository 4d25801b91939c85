"""One row of the table of reasons, and the grammar of their names."""

from dataclasses import dataclass
from typing import Final

from penstock_kit.errors.kind import ErrorKind

ENDINGS: Final[dict[str, str]] = {
    "_NOT_FOUND": "what was named is not there, or is another tenant's",
    "_INVALID": "a value is wrong, whatever the state; the message says what would be right",
    "_REQUIRED": "something that must be given or held is missing",
    "_EXISTS": "the name or id is taken",
    "_CONFLICT": "it contradicts something else in the request or in the state",
    "_LIMIT_EXCEEDED": "more, larger or faster than is allowed",
    "_DENIED": "the caller is known and may not",
    "_EXPIRED": "it was valid once",
    "_UNSUPPORTED": "this build, configuration or vendor does not do it; no value would help",
    "_UNAVAILABLE": "it is not to be had now; the same request may succeed later",
    "_TIMEOUT": "the time for it ran out",
    "_INTERRUPTED": "it began and broke off before its end",
    "_EMPTY": "it is there and holds nothing",
    "_FILTERED": "a moderation withheld it",
    "_FAILED": "it was tried and went wrong",
}
"""The endings a reason may have, and what each says: five for most, the others where none of the five would be true."""


@dataclass(frozen=True, slots=True)
class Row:
    """A reason: its name, the kinds it comes with, when it is said and what the caller can do about it."""

    reason: str
    kinds: tuple[ErrorKind, ...]
    when: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Reasons that are looked up together, under one heading; `note` stands above the table."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""
