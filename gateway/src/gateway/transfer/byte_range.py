"""The header ``Range`` (RFC 9110): which bytes of a file are wanted."""

import re
from dataclasses import dataclass
from typing import Final

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """From `offset` on (negative: so many before the end), `length` bytes at most; 0: to the end."""

    offset: int
    length: int


def byte_range(header: str | None) -> ByteRange | None:
    """Return the one range that the header asks for; None for none, several, or what is no range: the whole file."""
    found = _RANGE(header.replace(" ", "")) if header else None
    if found is None:
        return None
    first, last = found.groups()
    if not first:
        return ByteRange(offset=-int(last), length=0) if last and int(last) else None
    if last and int(last) < int(first):
        return None
    return ByteRange(offset=int(first), length=int(last) - int(first) + 1 if last else 0)
