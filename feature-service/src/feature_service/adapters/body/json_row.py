"""Rows that are objects of JSON: which keys are what, and how they become blocks."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from feature_service.domain.ingest.block import RawBlock
from feature_service.domain.ingest.plan import IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.time_column import DEFAULT_TIME_COLUMN
from penstock_kit.errors import Unprocessable

_BLOCK_ROWS: Final = 50_000
# Cells of a block, also those that a row leaves out because it has other fields than its neighbours.
_BLOCK_CELLS: Final = 2_000_000
# Cells of a body, more than six times what it can spell out: what is beyond is made of rows with different fields.
_MAX_CELLS: Final = 50_000_000
Row = tuple[int, Mapping[str, Any]]


class RowKeys:
    """The keys of a row that are no fields: its time, its device, and what is to be left out."""

    def __init__(self, plan: IngestPlan) -> None:
        self.time = plan.timestamp_column or DEFAULT_TIME_COLUMN
        self.device = plan.device_column
        self.others = {self.time, *plan.ignored, *([self.device] if self.device else [])}


def is_acceptable(row: tuple[int, Any], keys: RowKeys, schema: FieldSchema, rejections: Rejections) -> bool:
    """Return whether a row is an object with fields that it may have; one that is not is refused."""
    number, values = row
    if not isinstance(values, dict):
        rejections.add(number, "the row is not an object")
        return False
    unknown = [name for name in cast("dict[str, Any]", values) if name not in keys.others and not schema.allows(name)]
    if unknown:
        rejections.add(number, schema.refusal(unknown))
    return not unknown


def blocks_of(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yield the rows in blocks, each bounded in the rows and in the cells that it makes."""
    block: list[Row] = []
    fields: set[str] = set()
    cells = 0
    for row in rows:
        block.append(row)
        fields.update(row[1])
        if cells + len(block) * len(fields) > _MAX_CELLS:
            raise Unprocessable(
                f"the rows have so many different fields that they make more than {_MAX_CELLS} cells; "
                "send rows with the same fields together, in several requests",
                reason="CELLS_LIMIT_EXCEEDED",
            )
        if len(block) == _BLOCK_ROWS or len(block) * len(fields) >= _BLOCK_CELLS:
            yield block
            cells += len(block) * len(fields)
            block, fields = [], set()
    if block:
        yield block


def raw_block(rows: list[Row], keys: RowKeys) -> RawBlock:
    """Return the rows as columns."""
    fields = dict.fromkeys(name for _, values in rows for name in values if name not in keys.others)
    return RawBlock(
        lines=[number for number, _ in rows],
        times=[values.get(keys.time) for _, values in rows],
        columns={field: [values.get(field) for _, values in rows] for field in fields},
        devices=[values.get(keys.device) for _, values in rows] if keys.device else None,
    )
