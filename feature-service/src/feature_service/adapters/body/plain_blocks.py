"""Blocks of a CSV whose next stretch is plain, so that it is parsed at once."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from feature_service.domain.ingest.block import RawBlock
from feature_service.domain.ingest.plan import IngestPlan
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.model.series import FieldKind

if TYPE_CHECKING:
    from feature_service.adapters.body.csv_table import CsvTable
    from feature_service.adapters.body.plain_csv import PlainRows


class PlainBlocks:
    """Parses the stretches of a table that are plain; none when not `is_on`."""

    def __init__(self, table: "CsvTable", *, is_on: bool) -> None:
        self._table = table
        self._is_on = is_on

    def blocks(self, plan: IngestPlan, schema: FieldSchema, most: int) -> Iterator[RawBlock]:
        """Yield the rows of the stretches that follow and are plain, in blocks of at most `most`."""
        columns = self._table.columns
        if columns.clock is not None or plan.date_order is not None:
            return
        used = sorted(columns.places)
        while self._table.is_between_stretches:
            numbers = frozenset(
                index for name, index in columns.fields.items() if schema.kind(name) is not FieldKind.TEXT
            )
            rows = self._rows(numbers, used)
            if rows is None:
                return
            first = self._table.skip_stretch(len(rows))
            for start, stop in pairwise([*range(0, len(rows), most), len(rows)]):
                yield self._block(rows, first, slice(start, stop))

    def texts(self, place: int) -> Sequence[str] | None:
        """Return the distinct cells of a column in the next stretch, and leave that behind; None when not plain."""
        rows = self._rows(frozenset(), [place])
        if rows is None:
            return None
        self._table.skip_stretch(len(rows))
        return rows.texts(place)

    def _rows(self, numbers: frozenset[int], used: Sequence[int]) -> "PlainRows | None":
        stretch = self._table.next_stretch() if self._is_on else b""
        if not stretch:
            return None
        from feature_service.adapters.body.plain_csv import is_plain, read_plain

        delimiter = self._table.delimiter
        if not is_plain(stretch, delimiter):
            return None
        return read_plain(stretch, delimiter=delimiter, count=self._table.columns.count, numbers=numbers, used=used)

    def _block(self, rows: "PlainRows", first: int, part: slice) -> RawBlock:
        columns = self._table.columns
        return RawBlock(
            lines=range(first + part.start, first + part.stop),
            times=rows.time_column(columns.time, part),
            columns={name: rows.column(index, part) for name, index in columns.fields.items()},
            devices=None if columns.device is None else rows.column(columns.device, part),
        )
