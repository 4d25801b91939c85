"""The lines of a CSV body as rows of cells, each with the line it starts on."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import IO, Final, Protocol

from feature_service.adapters.body.csv_text import MAX_ROW, CsvText, malformed
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

    @property
    def places(self) -> frozenset[int]:
        """The columns that are used."""
        own = {
            self.time,
            *([] if self.clock is None else [self.clock]),
            *([] if self.device is None else [self.device]),
        }
        return frozenset(own.union(self.fields.values()))


class CsvTable:
    """A CSV by the rules of RFC 4180, with any separator and line ends; a first line ``sep=;`` names the separator."""

    def __init__(self, text: CsvText, plan: IngestPlan, rejections: Rejections) -> None:
        head = text.readline()
        told = _SEPARATOR_LINE(head)
        self.delimiter = plan.delimiter or (told[1] if told else guess_delimiter(head))
        if told is None:
            text.seek(0)
        self._text = text
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
        lines, end, feed = self._lines, self._end, self._feed
        while True:
            start = lines.line_num + self._skipped + 1
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
    def is_between_stretches(self) -> bool:
        """Whether the last row ends where a stretch of the text ends, and none is begun."""
        return self._lines.line_num == self._feed.lines and self._text.is_between_stretches

    def next_stretch(self) -> bytes:
        """Return the next stretch of whole lines in UTF-8, empty at the end; it stays the next one."""
        return self._text.next_stretch()

    def skip_stretch(self, lines: int) -> int:
        """Leave the next stretch out, which has this many lines; return the number of its first."""
        self._text.skip_stretch()
        first = self._lines.line_num + self._skipped + 1
        self._skipped += lines
        return first

    @property
    def chunks(self) -> int:
        """Return how many chunks of about a megabyte were read line by line."""
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
    """The lines of a text in chunks of about a megabyte, as long as rows end: `row_began` is set at each."""

    def __init__(self, text: CsvText) -> None:
        self._text = text
        self.chunks = 0
        self.lines = 0
        self.row_began = 0

    def __iter__(self) -> Iterator[list[str]]:
        while lines := self._text.readlines(_CHUNK):
            if self.chunks - self.row_began > 1:
                raise malformed(f"a row of the CSV is longer than {MAX_ROW} characters; is a quote left open?", 0)
            self.chunks += 1
            self.lines += len(lines)
            yield lines


class _End:
    """A last line behind all others: a row that swallows it is one in which a quote was left open."""

    MARK: Final = "\x00the end\x00"

    def __init__(self) -> None:
        self.reached = False

    def __iter__(self) -> Iterator[str]:
        self.reached = True
        yield self.MARK


def count_rows(body: IO[bytes]) -> int:
    """Return the lines of the body without its header."""
    body.seek(0)
    lines, last = 0, b"\n"
    while chunk := body.read(_CHUNK):
        lines, last = lines + chunk.count(b"\n"), chunk[-1:]
    return max(0, lines + (last != b"\n") - 1)


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
        wrong = (
            f"column {blank[0] + 1} has no name: give it one or leave it out"
            if blank
            else f"column {twice[0]!r} appears more than once"
        )
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
