"""CSV bodies: any separator, a header line, one column with the time, rows of one device or of many."""

from collections.abc import Iterator, Sequence
from typing import IO, Final

from feature_service.adapters.body.csv_table import Columns, CsvTable, count_rows, guess_delimiter
from feature_service.adapters.body.csv_text import STRETCH, text_of
from feature_service.adapters.body.plain_blocks import PlainBlocks
from feature_service.domain.ingest.block import BlockReading, RawBlock, RowBlock, rows_of_block
from feature_service.domain.ingest.date_format import OrderCheck, iso_times, joined_times
from feature_service.domain.ingest.local_time import LocalClock
from feature_service.domain.ingest.plan import BodyTarget, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.text_cell import TextCells
from feature_service.domain.ingest.timestamp_cell import shown
from penstock_kit.errors import InvalidArgument

__all__ = ["CsvReader", "guess_delimiter"]

# A block ends at whichever comes first: it is held in memory several times over.
_BLOCK_ROWS: Final = 50_000
_BLOCK_CELLS: Final = 2_000_000
_BLOCK_MEGABYTES: Final = 16


class CsvReader:
    """Reads CSV in UTF-8 (with or without a byte order mark, any line ends) or in the encoding that is named.

    Stretches of UTF-8 without quotes are parsed at once, unless `careful`, with the same result as line by line.
    `stretch` is their size in bytes.
    """

    def __init__(self, *, careful: bool = False, stretch: int = STRETCH) -> None:
        self._careful = careful
        self._stretch = stretch

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return nothing: CSV says nothing of where it belongs."""
        return BodyTarget()

    def devices(self, body: IO[bytes], plan: IngestPlan) -> frozenset[str]:
        """Return the codes in the device column."""
        with text_of(body, plan.encoding, self._stretch) as text:
            table = CsvTable(text, plan, Rejections())
            return frozenset(filter(None, map(str.strip, self._device_cells(table))))

    def _device_cells(self, table: CsvTable) -> Iterator[str]:
        place, plain = table.columns.device or 0, self._plain(table)
        rows = table.rows()
        while True:
            if table.is_between_stretches and (found := plain.texts(place)) is not None:
                yield from found
            elif (numbered := next(rows, None)) is None:
                return
            elif len(numbered[1]) == table.columns.count:
                yield numbered[1][place]

    def rows(
        self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections
    ) -> Iterator[RowBlock]:
        """Yield blocks of good rows. A blank line is skipped; a row with too few or too many cells is refused.

        An error about the body as a whole says in its metadata how many rows the body has.
        """
        try:
            with text_of(body, plan.encoding, self._stretch) as text:
                yield from self._blocks(CsvTable(text, plan, rejections), plan, schema, rejections)
        except InvalidArgument as error:
            metadata = {**error.metadata, "rows_rejected": str(count_rows(body))}
            raise InvalidArgument(error.message, reason=error.reason, metadata=metadata) from None

    def _blocks(
        self, table: CsvTable, plan: IngestPlan, schema: FieldSchema, rejections: Rejections
    ) -> Iterator[RowBlock]:
        schema.require(table.columns.fields)
        cells = TextCells(decimal=plan.decimal, comma_separates=table.delimiter == ",")
        clock = LocalClock(plan.zone)
        reading = BlockReading(cells=cells, schema=schema, clock=clock, rejections=rejections, strict=not plan.partial)
        order = OrderCheck(order=plan.date_order) if plan.date_order and not plan.partial else None
        for block in _raw_blocks(table, self._plain(table), plan, reading, order):
            cells.compare(block.columns)
            yield rows_of_block(block, reading)
        if order is not None and order.is_wrong:
            raise _wrong_order(order)
        schema.decimals.update({name: "," for name in schema.seen if cells.decimal(name) == ","})
        reading.conclude()

    def _plain(self, table: CsvTable) -> PlainBlocks:
        return PlainBlocks(table, is_on=not self._careful)


def _wrong_order(order: OrderCheck) -> InvalidArgument:
    return InvalidArgument(
        f"date_order={order.order} is not that of the dates, see {shown(order.against)}: others would be stored with "
        "day and month exchanged; name the other order, or say partial=true to store what can be read so",
        reason="DATE_ORDER_INVALID",
    )


def _raw_blocks(
    table: CsvTable, plain: PlainBlocks, plan: IngestPlan, reading: BlockReading, order: OrderCheck | None
) -> Iterator[RawBlock]:
    """Yield blocks that end where a stretch ends, or before when they are large."""
    count = table.columns.count
    most = max(1, min(_BLOCK_ROWS, _BLOCK_CELLS // count))
    end = table.chunks + _BLOCK_MEGABYTES
    numbers: list[int] = []
    rows: list[list[str]] = []
    lines = table.rows()
    while True:
        if table.is_between_stretches or len(rows) == most or table.chunks >= end:
            if rows:
                yield _raw_block(numbers, rows, table.columns, plan, order)
            numbers, rows, end = [], [], table.chunks + _BLOCK_MEGABYTES
            yield from plain.blocks(plan, reading.schema, most)
        numbered = next(lines, None)
        if numbered is None:
            break
        line, row = numbered
        if len(row) != count:
            reading.rejections.add(line, f"the row has {len(row)} cells, the header has {count}")
            continue
        numbers.append(line)
        rows.append(row)
    if rows:
        yield _raw_block(numbers, rows, table.columns, plan, order)


def _raw_block(
    lines: list[int], rows: Sequence[list[str]], columns: Columns, plan: IngestPlan, order: OrderCheck | None
) -> RawBlock:
    cells = list(zip(*rows, strict=True))
    if order is not None:
        order.look(cells[columns.time])
    return RawBlock(
        lines=lines,
        times=_times(cells, columns, plan),
        columns={name: cells[index] for name, index in columns.fields.items()},
        devices=None if columns.device is None else cells[columns.device],
    )


def _times(cells: Sequence[Sequence[str]], columns: Columns, plan: IngestPlan) -> Sequence[str]:
    """The cells of the time; rewritten only when the caller says that they are not ISO 8601 in one column."""
    times = cells[columns.time]
    if columns.clock is not None:
        times = joined_times(times, cells[columns.clock])
    return iso_times(times, plan.date_order) if plan.date_order or columns.clock is not None else times
