"""The lines of a CSV body as rows of cells, each with the line it starts on."""

import codecs
import csv
import io
import re
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
        self._lines: NumberedLines = csv.reader(chain(text, self._end), delimiter=self.delimiter)
        self.columns = _columns(self._header(), plan, rejections)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row that is not blank with the line it starts on.

        Raises InvalidArgument MALFORMED_CSV for a quote that is never closed and for an endless cell.
        """
        lines, end, before = self._lines, self._end, self._skipped + 1
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
            if row:
                yield start, row

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

    Raises InvalidArgument ENCODING_INVALID for an encoding that is none, and INVALID_ENCODING for a byte that is no
    text in it, also from the block.
    """
    body.seek(0)
    start = body.read(2)
    body.seek(0)
    if not encoding:
        encoding = "utf-16" if start in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "utf-8"
    text = _wrapped(body, encoding)
    try:
        yield text
    except UnicodeError as error:
        raise _undecodable(body, encoding, error) from None
    finally:
        text.detach()


def _wrapped(body: IO[bytes], encoding: str) -> io.TextIOWrapper:
    try:
        name = codecs.lookup(encoding).name
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
        reason="INVALID_ENCODING",
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
    return InvalidArgument(message, reason="MALFORMED_CSV", metadata={"line": str(line)})


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
    twice = sorted({name for name in names if names.count(name) > 1})
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
