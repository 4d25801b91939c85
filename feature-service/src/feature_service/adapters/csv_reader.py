"""CSV bodies: any separator, a header line, one column with the time."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import IO, Final, Protocol

from feature_service.domain.frame import Frame
from feature_service.domain.ingest.block import RawBlock, frame_of_block
from feature_service.domain.ingest.cell import TextCells
from feature_service.domain.ingest.plan import BodyTarget, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.time_column import find_time_column
from penstock_kit.errors import InvalidArgument

_BLOCK_ROWS: Final = 50_000
_DELIMITERS: Final = (",", ";", "\t", "|")


class NumberedLines(Protocol):
    """What ``csv.reader`` returns."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


class CsvReader:
    """Reads UTF-8 CSV (with or without a byte order mark, any line ends) by the rules of RFC 4180."""

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return nothing: CSV says nothing of where it belongs."""
        return BodyTarget()

    def rows(self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections) -> Iterator[Frame]:
        """Yield blocks of good rows. A blank line is skipped; a row with too few or too many cells is refused."""
        text = io.TextIOWrapper(body, encoding="utf-8-sig", newline="")
        try:
            yield from self._frames(text, plan, schema, rejections)
        except UnicodeDecodeError as error:
            raise InvalidArgument(
                f"the CSV is not UTF-8: {error.reason} near byte {error.start} of a block; save it as UTF-8",
                reason="INVALID_ENCODING",
            ) from None
        finally:
            text.detach()

    def _frames(
        self, text: io.TextIOWrapper, plan: IngestPlan, schema: FieldSchema, rejections: Rejections
    ) -> Iterator[Frame]:
        head = text.readline()
        delimiter = plan.delimiter or guess_delimiter(head)
        text.seek(0)
        lines = csv.reader(text, delimiter=delimiter)
        header = _header(lines, delimiter)
        time_index = header.index(find_time_column(header, plan.timestamp_column))
        schema.require(name for index, name in enumerate(header) if index != time_index)
        for block in _blocks(lines, header, time_index, rejections):
            yield frame_of_block(block, cells=TextCells(), schema=schema, zone=plan.zone, rejections=rejections)


def guess_delimiter(header: str) -> str:
    """Return the separator that is most frequent outside the quotes of the header line; a comma without any."""
    unquoted = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=unquoted.count)


def _header(lines: NumberedLines, delimiter: str) -> list[str]:
    no_cells: list[str] = []
    header = [name.strip() for name in next(lines, no_cells)]
    if len(header) < 2:
        raise InvalidArgument(
            f"the CSV's first line must name at least a time column and one field, separated by {delimiter!r}; "
            f"it reads {delimiter.join(header)[:200]!r}",
            reason="MALFORMED_CSV",
            metadata={"line": "1"},
        )
    blank = [index for index, name in enumerate(header, 1) if not name]
    twice = sorted({name for name in header if header.count(name) > 1})
    if blank or twice:
        wrong = f"column {blank[0]} has no name" if blank else f"column {twice[0]!r} appears more than once"
        raise InvalidArgument(f"the CSV's header is wrong: {wrong}", reason="MALFORMED_CSV", metadata={"line": "1"})
    return header


def _blocks(lines: NumberedLines, header: Sequence[str], time_index: int, rejections: Rejections) -> Iterator[RawBlock]:
    numbers: list[int] = []
    rows: list[list[str]] = []
    for line, row in _numbered(lines):
        if len(row) != len(header):
            rejections.add(line, f"the row has {len(row)} cells, the header has {len(header)}")
            continue
        numbers.append(line)
        rows.append(row)
        if len(rows) == _BLOCK_ROWS:
            yield _block(numbers, rows, header, time_index)
            numbers, rows = [], []
    if rows:
        yield _block(numbers, rows, header, time_index)


def _numbered(lines: NumberedLines) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank with the line it starts on."""
    while True:
        start = lines.line_num + 1
        try:
            row = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidArgument(
                f"line {start} of the CSV can't be read: {error}", reason="MALFORMED_CSV", metadata={"line": str(start)}
            ) from None
        if row:
            yield start, row


def _block(lines: list[int], rows: list[list[str]], header: Sequence[str], time_index: int) -> RawBlock:
    columns = list(zip(*rows, strict=True))
    return RawBlock(
        lines=lines,
        times=columns[time_index],
        columns={name: columns[index] for index, name in enumerate(header) if index != time_index},
    )
