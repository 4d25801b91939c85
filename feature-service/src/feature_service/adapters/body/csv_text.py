"""The text of a CSV body: in UTF-8 by stretches of whole lines, in any other encoding line by line."""

import codecs
import io
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO, Final, Protocol

from penstock_kit.errors import InvalidArgument

MAX_ROW: Final = 1024 * 1024
"""Characters of the longest row, about: what lies between two rows is held in memory."""

STRETCH: Final = 4 * 1024 * 1024
"""Bytes of a stretch: rows enough to be worth while, few enough to be held several times over."""

# Encodings whose decoders take a time that grows with the square of the text, or that are none for files.
_UNFIT_ENCODINGS: Final = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})


class CsvText(Protocol):
    """A text that is read by lines, or left out by stretches of lines where it is read in such."""

    @property
    def is_between_stretches(self) -> bool:
        """Whether all lines of the stretches that were begun were read."""
        ...

    def next_stretch(self) -> bytes:
        """Return the next stretch of whole lines, empty at the end; asked between stretches."""
        ...

    def skip_stretch(self) -> None:
        """Leave the next stretch out."""
        ...

    def readline(self) -> str:
        """Return the next line with its end."""
        ...

    def readlines(self, hint: int = -1, /) -> list[str]:
        """Return the next lines, about `hint` characters; none at the end."""
        ...

    def seek(self, place: int, /) -> object:
        """Go to the start."""
        ...

    def detach(self) -> object:
        """Leave the body open."""
        ...


class EncodedText(io.TextIOWrapper):
    """A text in any encoding, which has no stretches."""

    @property
    def is_between_stretches(self) -> bool:
        """Return False: every line is read as one."""
        return False

    def next_stretch(self) -> bytes:
        """Return nothing."""
        return b""

    def skip_stretch(self) -> None:
        """Do nothing."""


class Utf8Text:
    """A text in UTF-8, in stretches of about `stretch` bytes that end where a line ends; the first is one line."""

    def __init__(self, body: IO[bytes], *, stretch: int = STRETCH) -> None:
        self._body = body
        self._stretch = stretch
        self._lines = io.StringIO()
        self._left = 0
        self._next: bytes | None = None
        self._is_head = True
        self.seek(0)

    @property
    def is_between_stretches(self) -> bool:
        """Whether all lines of the stretches that were begun were read."""
        return self._left == 0

    def next_stretch(self) -> bytes:
        """Return the next stretch, empty at the end."""
        if self._next is None:
            self._next = self._read()
        return self._next

    def skip_stretch(self) -> None:
        """Leave the next stretch out."""
        self._next = None

    def readline(self) -> str:
        """Return the next line with its end, empty at the end of the text."""
        self._fill()
        line = self._lines.readline()
        self._left -= len(line)
        return line

    def readlines(self, hint: int = -1, /) -> list[str]:
        """Return the next lines, about `hint` characters of them and of one stretch; none at the end."""
        self._fill()
        lines = self._lines.readlines(hint)
        self._left -= sum(map(len, lines))
        return lines

    def seek(self, place: int, /) -> None:
        """Go to the start."""
        self._body.seek(place)
        if self._body.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            self._body.seek(place)
        self._left, self._next, self._is_head = 0, None, True

    def detach(self) -> None:
        """Do nothing: the body stays open."""

    def _fill(self) -> None:
        if self._left == 0:
            text, self._next = _decode(self.next_stretch())
            self._lines, self._left = io.StringIO(text, newline=""), len(text)

    def _read(self) -> bytes:
        is_head, self._is_head = self._is_head, False
        stretch = b"" if is_head else self._body.read(self._stretch)
        stretch += self._body.readline(MAX_ROW)
        if not stretch or stretch.endswith(b"\n") or not self._body.read(1):
            return stretch
        self._body.seek(-1, io.SEEK_CUR)
        return self._cut(stretch)

    def _cut(self, stretch: bytes) -> bytes:
        """A stretch that ends within a long line, or whose lines end with a carriage return alone, at a line's end."""
        end = max(stretch.rfind(b"\n"), stretch.rfind(b"\r", 0, -1)) + 1
        if end == 0:
            raise malformed(f"a line of the CSV is longer than {MAX_ROW} bytes", 0)
        self._body.seek(end - len(stretch), io.SEEK_CUR)
        return stretch[:end]


@contextmanager
def text_of(body: IO[bytes], encoding: str, stretch: int = STRETCH) -> Generator[CsvText]:
    """Open the body as text: in `encoding`, or in what a byte order mark says, or in UTF-8; it stays open at the end.

    Raises InvalidArgument ENCODING_INVALID for an encoding that is none, and ENCODING_INVALID for a byte that is no
    text in it, also from the block.
    """
    body.seek(0)
    start = body.read(2)
    if not encoding:
        encoding = "utf-16" if start in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "utf-8"
    _require_line_ends(body, encoding)
    body.seek(0)
    text = _wrapped(body, encoding, stretch)
    try:
        yield text
    except UnicodeError as error:
        raise _undecodable(body, encoding, error) from None
    finally:
        text.detach()


def _decode(stretch: bytes) -> tuple[str, bytes | None]:
    """The text before the line with a byte that is none, and what is left over with it, None for nothing.

    Raises UnicodeDecodeError when it is in the first line.
    """
    try:
        return stretch.decode(), None
    except UnicodeDecodeError as error:
        end = stretch.rfind(b"\n", 0, error.start) + 1
        if end == 0:
            raise
        return stretch[:end].decode(), stretch[end:]


def _require_line_ends(body: IO[bytes], encoding: str) -> None:
    """Raise InvalidArgument CSV_INVALID for a line that is longer than a row may be, before it is held in memory."""
    try:
        marks = tuple(f"x{end}".encode(encoding).removeprefix("x".encode(encoding)) for end in "\n\r")
    except (LookupError, ValueError):
        return
    body.seek(0)
    while len(chunk := body.read(MAX_ROW)) == MAX_ROW:
        if not any(mark in chunk for mark in marks):
            raise malformed(f"a line of the CSV is longer than {MAX_ROW} bytes", 0)


def _wrapped(body: IO[bytes], encoding: str, stretch: int) -> CsvText:
    try:
        name = codecs.lookup(encoding).name
        if name in _UNFIT_ENCODINGS:
            raise LookupError(name)
        return Utf8Text(body, stretch=stretch) if name == "utf-8" else EncodedText(body, encoding=name, newline="")
    except (LookupError, ValueError):
        raise InvalidArgument(
            f"encoding {encoding!r} is unknown; write a name such as utf-8, utf-16, latin-1 or cp1252",
            reason="ENCODING_INVALID",
        ) from None


def _undecodable(body: IO[bytes], encoding: str, error: UnicodeError) -> InvalidArgument:
    """The error about a byte that is no text, with its line when the text was to be UTF-8."""
    line = 0
    if encoding.lower() in {"utf-8", "utf8"}:
        body.seek(0)
        line = next((number for number, raw in enumerate(body, 1) if _is_broken(raw)), 0)
    why = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
    return InvalidArgument(
        f"the CSV is not {encoding.upper()}{f', see line {line}' if line else ''}: {why}; "
        "save it as UTF-8 or name its encoding",
        reason="ENCODING_INVALID",
        metadata={"line": str(line)} if line else {},
    )


def malformed(message: str, line: int) -> InvalidArgument:
    """Return the error about a line that makes the whole body no CSV."""
    return InvalidArgument(message, reason="CSV_INVALID", metadata={"line": str(line)} if line else {})


def _is_broken(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return True
    return False
