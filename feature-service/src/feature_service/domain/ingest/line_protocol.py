"""InfluxDB's line protocol: ``measurement,tag=value field=1.5,count=2i,text="…" 1714557600000000000``.

The rules are InfluxDB's. A separator behind a backslash is none, however many backslashes there are; quotes count in
the values of fields alone, where ``\\"`` and ``\\\\`` are the escapes. What is read is bounded, and read once.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from feature_service.domain.ingest.timestamp_cell import shown
from feature_service.domain.model.device import MAX_FIELDS

MAX_OPEN: Final = 64 * 1024
"""Characters behind a line with an open quote in which its other quote is looked for."""

FieldValue = float | str

_NAME: Final = re.compile(r"[^,= ]*(?:(?<=\\)[,= ][^,= ]*)*")
_MEASUREMENT: Final = re.compile(r"[^, ]*(?:(?<=\\)[, ][^, ]*)*")
_QUOTED: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_REST_OF_QUOTED: Final = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BARE: Final = re.compile(r"[^, ]*")
_FLOAT: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
_INTEGER: Final = re.compile(r"[+-]?\d{1,20}[iu]", re.ASCII).fullmatch
_TIME: Final = re.compile(r"[+-]?\d{1,19}", re.ASCII).fullmatch
# What decoding leaves of bytes that are no UTF-8, and what no store can hold.
_UNSTORABLE: Final = re.compile("[\0\udc80-\udcff]").search
_TRUE: Final = frozenset({"t", "T", "true", "True", "TRUE"})
_FALSE: Final = frozenset({"f", "F", "false", "False", "FALSE"})
_INT_RANGES: Final = {"i": (-(2**63), 2**63), "u": (0, 2**64)}
_EXACT: Final = 2**53
# Lines that one point may have, for texts with line breaks.
_MOST_LINES: Final = 1000


class LineError(ValueError):
    """A line that is no point: what is wrong with it, and what would be right."""


class OpenQuoteError(LineError):
    """A line that ends within a text."""

    def __init__(self) -> None:
        super().__init__('a quote is left open: close it with ", and write one within the text as \\"')


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesTags:
    """What stands before the fields of a line: the measurement and its tags."""

    measurement: str
    tags: Mapping[str, str]


class Point(NamedTuple):
    """One line. `time` is in units of the body's precision; None: the line has none."""

    series: SeriesTags
    fields: Mapping[str, FieldValue]
    time: int | None


class PointParser:
    """Parses the lines of one text; what comes before the fields is remembered, as it repeats."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._series: dict[str, SeriesTags] = {}
        self._is_doubtful = _UNSTORABLE(text) is not None

    def points(self) -> Iterator[tuple[int, Point | LineError]]:
        """Yield each point with the number of its first line, or why that line is none.

        Blank lines and comments are left out. A line break within a text does not end its line; after one that is
        refused reading goes on with the next.
        """
        text = self._text
        start, number, size = 0, 1, len(text)
        while start < size:
            end = text.find("\n", start)
            end = size if end < 0 else end
            line = text[start:end].strip(" \r\t")
            if line and not line.startswith("#"):
                try:
                    yield number, self.point(line)
                except OpenQuoteError as error:
                    found = self._continued(start, end)
                    yield number, error if found is None else found[0]
                    if found is not None:
                        number += text.count("\n", end, found[1])
                        end = found[1]
                except LineError as error:
                    yield number, error
            start, number = end + 1, number + 1

    def point(self, line: str) -> Point:
        """Return the point of one line. Raises LineError."""
        if self._is_doubtful and _UNSTORABLE(line):
            raise LineError("the line has a byte that is no UTF-8, or a NUL, which no text can hold")
        if '"' not in line and "\\" not in line:
            head, _, rest = line.partition(" ")
            fields, _, time = rest.partition(" ")
            if fields and fields.isascii() and " " not in time:
                return Point(series=self._head(head), fields=_plain_fields(fields), time=_time(time))
        return self._scanned(line)

    def _continued(self, start: int, end: int) -> tuple[Point, int] | None:
        """The point of a line that goes on behind `end`, and where that ends; None when it is none."""
        text = self._text
        for _ in range(_MOST_LINES):
            closing = _REST_OF_QUOTED.match(text, end, min(len(text), start + MAX_OPEN))
            if closing is None:
                return None
            end = text.find("\n", closing.end())
            end = len(text) if end < 0 else end
            try:
                return self.point(text[start:end].strip(" \r\t")), end
            except OpenQuoteError:
                continue
            except LineError:
                return None
        return None

    def _scanned(self, line: str) -> Point:
        end = _head_end(line)
        series = self._head(line[:end])
        while line.startswith(" ", end):
            end += 1
        fields, end = _scan_fields(line, end)
        return Point(series=series, fields=fields, time=_time(line[end:].strip()))

    def _head(self, head: str) -> SeriesTags:
        found = self._series.get(head)
        if found is None:
            found = self._series[head] = series_of(head)
        return found


def _head_end(line: str) -> int:
    """Where the measurement and the tags end."""
    found = _MEASUREMENT.match(line)
    end = found.end() if found else 0
    while line.startswith(",", end):
        end = _skip_name(line, end + 1)
        if line.startswith("=", end):
            end = _skip_name(line, end + 1)
    return end


def _skip_name(line: str, start: int) -> int:
    found = _NAME.match(line, start)
    return found.end() if found else start


def series_of(head: str) -> SeriesTags:
    """Return the measurement and the tags that stand before the fields of a line. Raises LineError."""
    found = _MEASUREMENT.match(head)
    end = found.end() if found else 0
    if end == 0:
        raise LineError("there is no measurement: a line begins with its name")
    tags: dict[str, str] = {}
    measurement = _unescape(head[:end], ", ")
    while end < len(head):
        name, value, end = _tag(head, end)
        if name in tags:
            raise LineError(f"tag {shown(name)} is given twice")
        if len(tags) == MAX_FIELDS:
            raise _too_many("tags")
        tags[name] = value
    return SeriesTags(measurement=measurement, tags=tags)


def _tag(head: str, comma: int) -> tuple[str, str, int]:
    equals = _skip_name(head, comma + 1)
    end = _skip_name(head, equals + 1)
    name, value = _unescape(head[comma + 1 : equals], ",= "), _unescape(head[equals + 1 : end], ",= ")
    if not head.startswith("=", equals) or head.startswith("=", end) or not name or not value:
        raise LineError(f"tag {shown(head[comma + 1 : end])} is not written as name=value")
    return name, value, end


def _plain_fields(text: str) -> dict[str, FieldValue]:
    """The fields of a text without quotes and escapes."""
    fields: dict[str, FieldValue] = {}
    if text.count(",") >= MAX_FIELDS:
        raise _too_many("fields")
    for pair in text.split(","):
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise _no_field(pair)
        fields[name] = _number(name, value)
    return fields


def _scan_fields(line: str, end: int) -> tuple[dict[str, FieldValue], int]:
    """The fields from `end` on, and where they end."""
    fields: dict[str, FieldValue] = {}
    while True:
        start, end = end, _skip_name(line, end)
        name = _unescape(line[start:end], ",= ")
        if not name or not line.startswith("=", end):
            raise _no_field(line[start : end + 1])
        if len(fields) == MAX_FIELDS:
            raise _too_many("fields")
        fields[name], end = _scan_value(name, line, end + 1)
        if not line.startswith(",", end):
            break
        end += 1
    if end < len(line) and line[end] != " ":
        raise LineError(
            f"field {shown(name)} is followed by {shown(line[end:])}; after a text comes a comma or a space"
        )
    return fields, end


def _scan_value(name: str, line: str, start: int) -> tuple[FieldValue, int]:
    if line.startswith('"', start):
        found = _QUOTED.match(line, start)
        if found is None:
            raise OpenQuoteError
        return _unescape(found[0][1:-1], '"\\'), found.end()
    bare = _BARE.match(line, start)
    value = bare[0] if bare else ""
    return _number(name, value), start + len(value)


def _number(name: str, text: str) -> float:
    """The number of a value that is no text. Raises LineError for one that a double can't hold as it is."""
    if _FLOAT(text):
        value = float(text)
        if value in {float("inf"), float("-inf")}:
            raise LineError(f"field {shown(name)} is {shown(text)}, which is too large for a float")
        return value
    if _INTEGER(text):
        return _integer(name, text)
    if text in _TRUE or text in _FALSE:
        return float(text in _TRUE)
    raise LineError(
        f"field {shown(name)} is {shown(text)}, which is no value: write 1.5, 3i, 3u, true or a text in quotes"
    )


def _integer(name: str, text: str) -> float:
    whole = int(text[:-1])
    low, high = _INT_RANGES[text[-1]]
    if not low <= whole < high:
        raise LineError(f"field {shown(name)} is {text}, which is out of the range of 64 bits")
    value = float(whole)
    if abs(whole) > _EXACT and int(value) != whole:
        raise LineError(
            f"field {shown(name)} is {text}, which a double does not hold; send it as a text to keep every digit"
        )
    return value


def _time(text: str) -> int | None:
    if not text:
        return None
    if not _TIME(text):
        raise LineError(f"timestamp {shown(text)} is no whole number")
    return int(text)


def _unescape(text: str, escaped: str) -> str:
    if "\\" not in text:
        return text
    if '"' in escaped:
        return re.sub(r'\\(["\\])', r"\1", text)
    for mark in escaped:
        text = text.replace(f"\\{mark}", mark)
    return text


def _too_many(what: str) -> LineError:
    return LineError(f"the point has more than the {MAX_FIELDS} {what} that a device may have")


def _no_field(text: str) -> LineError:
    if not text.strip():
        return LineError("the line has no field: measurement,tag=value field=value timestamp")
    return LineError(f"field {shown(text)} is not written as name=value")
