"""The lines of a CSV body as rows of cells, each with the line it starts on."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import IO, Final, Protocol

from feature_service.domain.ingest.plan import IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.time_column import find_clock_column, find_time_column
from penstock_kit.errors import InvalidArgument

_DELIMITERS: Final = (",", ";", "\t", "|")
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE).fullmatch
_CHUNK: Final = 1024 * 1024
# Characters of the longest row, about: what lies between two rows is held in memory.
_MAX_ROW: Final = _CHUNK
# Encodings whose decoders take a time that grows with the square of the text, or that are none for files.
_UNFIT_ENCODINGS: Final = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})


class NumberedLines(Protocol):
    """What ``csv.reader`` returns."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column of a table is what: the time, the device when rows name theirs, and the fields by name.

    `clock` holds the time of day when `time` holds the date alone.
    """

    count: int
    time: int
    clock: int | None
    device: int | None
    fields: dict[str, int]


class CsvTable:
    """A CSV by the rules of RFC 4180, with any separator and line ends; a first line ``sep=;`` names the separator."""

    def __init__(self, text: io.TextIOWrapper, plan: IngestPlan, rejections: Rejections) -> None:
        head = text.readline()
        told = _SEPARATOR_LINE(head)
        self.delimiter = plan.delimiter or (told[1] if told else guess_delimiter(head))
        if told is None:
            text.seek(0)
        self._skipped = 1 if told else 0
        self._end = _End()
        self._feed = LineFeed(text)
        lines = chain(chain.from_iterable(self._feed), self._end)
        self._lines: NumberedLines = csv.reader(lines, delimiter=self.delimiter)
        self.columns = _columns(self._header(), plan, rejections)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row that is not blank with the line it starts on.

        Raises InvalidArgument CSV_INVALID for a quote that is never closed and for an endless cell or row.
        """
        lines, end, feed, before = self._lines, self._end, self._feed, self._skipped + 1
        while True:
            start = lines.line_num + before
            try:
                row = next(lines)
            except StopIteration:
                return
            except csv.Error as error:
                raise malformed(
                    f"line {start} of the CSV can't be read: {error}; is a quote left open?", start
                ) from None
            if end.reached:
                if row != [_End.MARK]:
                    raise malformed(f"a quote that is opened in line {start} of the CSV is never closed", start)
                return
            feed.row_began = feed.chunks
            if row:
                yield start, row

    @property
    def chunks(self) -> int:
        """Return how many stretches of about a megabyte were read."""
        return self._feed.chunks

    def _header(self) -> list[str]:
        _, row = next(self.rows(), (1, list[str]()))
        header = [name.strip().lstrip("\ufeff") for name in row]
        if len(header) < 2:
            raise malformed(
                "the CSV's first line must name at least a time column and one field, "
                f"separated by {self.delimiter!r}; it reads {self.delimiter.join(header)[:200]!r}",
                1 + self._skipped,
            )
        return header


class LineFeed:
    """The lines of a text in stretches of about a megabyte, as long as rows end: `row_began` is set at each."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.chunks = 0
        self.row_began = 0

    def __iter__(self) -> Iterator[list[str]]:
        while lines := self._text.readlines(_CHUNK):
            if self.chunks - self.row_began > 1:
                raise malformed(f"a row of the CSV is longer than {_MAX_ROW} characters; is a quote left open?", 0)
            self.chunks += 1
            yield lines


class _End:
    """A last line behind all others: a row that swallows it is one in which a quote was left open."""

    MARK: Final = "\x00the end\x00"

    def __init__(self) -> None:
        self.reached = False

    def __iter__(self) -> Iterator[str]:
        self.reached = True
        yield self.MARK


@contextmanager
def text_of(body: IO[bytes], encoding: str) -> Generator[io.TextIOWrapper]:
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
    text = _wrapped(body, encoding)
    try:
        yield text
    except UnicodeError as error:
        raise _undecodable(body, encoding, error) from None
    finally:
        text.detach()


def _require_line_ends(body: IO[bytes], encoding: str) -> None:
    """Raise InvalidArgument CSV_INVALID for a line that is longer than a row may be, before it is held in memory."""
    try:
        marks = tuple(f"x{end}".encode(encoding).removeprefix("x".encode(encoding)) for end in "\n\r")
    except (LookupError, ValueError):
        return
    body.seek(0)
    while len(chunk := body.read(_MAX_ROW)) == _MAX_ROW:
        if not any(mark in chunk for mark in marks):
            raise malformed(f"a line of the CSV is longer than {_MAX_ROW} bytes", 0)


def _wrapped(body: IO[bytes], encoding: str) -> io.TextIOWrapper:
    try:
        name = codecs.lookup(encoding).name
        if name in _UNFIT_ENCODINGS:
            raise LookupError(name)
        return io.TextIOWrapper(body, encoding="utf-8-sig" if name == "utf-8" else name, newline="")
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


def count_rows(body: IO[bytes]) -> int:
    """Return the lines of the body without its header."""
    body.seek(0)
    lines, last = 0, b"\n"
    while chunk := body.read(_CHUNK):
        lines, last = lines + chunk.count(b"\n"), chunk[-1:]
    return max(0, lines + (last != b"\n") - 1)


def malformed(message: str, line: int) -> InvalidArgument:
    """Return the error about a line that makes the whole body no CSV."""
    return InvalidArgument(message, reason="CSV_INVALID", metadata={"line": str(line)} if line else {})


def guess_delimiter(header: str) -> str:
    """Return the separator that is most frequent outside the quotes of the header line; a comma without any."""
    unquoted = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=unquoted.count)


def _columns(header: Sequence[str], plan: IngestPlan, rejections: Rejections) -> Columns:
    # pandas writes its index as a first column without a name.
    named = [(name, index) for index, name in enumerate(header) if name not in plan.ignored and (name or index)]
    if not header[0] and "" not in plan.ignored:
        rejections.note("the first column has no name and was left out, as an index")
    names = [name for name, _ in named]
    blank = [index for name, index in named if not name]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if blank or twice:
        wrong = f"column {blank[0] + 1} has no name" if blank else f"column {twice[0]!r} appears more than once"
        raise malformed(f"the CSV's header is wrong: {wrong}", 1)
    places = dict(named)
    clock = find_clock_column(names, plan.clock_column)
    time = find_time_column([name for name in names if name != clock], plan.timestamp_column)
    device = find_device_column(names, plan.device_column)
    return Columns(
        count=len(header),
        time=places[time],
        clock=places[clock] if clock else None,
        device=places[device] if device else None,
        fields={name: index for name, index in named if name not in {time, clock, device}},
    )


def find_device_column(names: Sequence[str], asked: str) -> str:
    """Return `asked`, empty when no column names the device. Raises InvalidArgument DEVICE_COLUMN_NOT_FOUND."""
    if asked and asked not in names:
        raise InvalidArgument(
            f"there is no column {asked!r} to name the devices; the columns are: {', '.join(names)}",
            reason="DEVICE_COLUMN_NOT_FOUND",
            metadata={"device_column": asked},
        )
    return asked


def _is_broken(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return True
    return False
