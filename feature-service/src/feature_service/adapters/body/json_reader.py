"""JSON bodies: ``{"device_code"?, "model_code"?, "rows": [{"timestamp", field: value, …}, …]}``."""

from collections.abc import Iterator, Mapping
from typing import IO, Any, Final, cast

import orjson

from feature_service.domain.ingest.block import BlockReading, RawBlock, RowBlock, rows_of_block
from feature_service.domain.ingest.cell import JsonCells
from feature_service.domain.ingest.local_time import LocalClock
from feature_service.domain.ingest.plan import BodyTarget, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.time_column import DEFAULT_TIME_COLUMN
from penstock_kit.errors import InvalidArgument, PayloadTooLarge, Unprocessable

_BLOCK_ROWS: Final = 50_000
# Cells of a block, also those that a row leaves out because it has other fields than its neighbours.
_BLOCK_CELLS: Final = 2_000_000
# Cells of a body, more than six times what it can spell out: what is beyond is made of rows with different fields.
_MAX_CELLS: Final = 50_000_000
_KEYS: Final = ("device_code", "model_code", "rows")
Row = tuple[int, Mapping[str, Any]]


class JsonReader:
    """Reads one JSON document of at most `max_bytes`. Lines are row numbers from 1."""

    def __init__(self, *, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._document: Mapping[str, Any] = {}

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return the codes in the document. Raises InvalidArgument JSON_INVALID."""
        self._document = self._parsed(body)
        return BodyTarget(device_code=self._code("device_code"), model_code=self._code("model_code"))

    def devices(self, body: IO[bytes], plan: IngestPlan) -> frozenset[str]:
        """Return the codes that rows have under the name of the device column."""
        rows = (cast("dict[str, Any]", row) for row in self._rows() if isinstance(row, dict))
        codes = (row.get(plan.device_column) for row in rows)
        return frozenset(code.strip() for code in codes if isinstance(code, str)) - {""}

    def rows(
        self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections
    ) -> Iterator[RowBlock]:
        """Yield blocks of good rows.

        Raises Unprocessable CELLS_LIMIT_EXCEEDED for rows that have too many different fields between them.
        """
        listed = self._rows()
        keys = _RowKeys(plan)
        reading = BlockReading(
            cells=JsonCells(),
            schema=schema,
            clock=LocalClock(plan.zone),
            rejections=rejections,
            strict=not plan.partial,
        )
        good = (row for row in enumerate(listed, 1) if _acceptable(row, keys, schema, rejections))
        for rows in _blocks(good):
            yield rows_of_block(_block(rows, keys), reading)
        reading.conclude()

    def _rows(self) -> list[Any]:
        rows = self._document.get("rows")
        if not isinstance(rows, list):
            raise _malformed('"rows" must be a list of objects such as {"timestamp": "2024-05-01T10:00:00Z", …}')
        return cast("list[Any]", rows)

    def _parsed(self, body: IO[bytes]) -> Mapping[str, Any]:
        data = body.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise PayloadTooLarge(
                f"a JSON body may have {self._max_bytes} bytes; send more rows as CSV, Arrow or Parquet, "
                "or in several requests",
                reason="BODY_LIMIT_EXCEEDED",
            )
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise _malformed(str(error)) from None
        if not isinstance(document, dict):
            raise _malformed('the body must be an object with "device_code" and "rows"')
        named = cast("dict[str, Any]", document)
        unknown = [name for name in named if name not in _KEYS]
        if unknown:
            raise _malformed(f"unknown field {unknown[0]!r}; it may have {', '.join(_KEYS)}")
        return named

    def _code(self, name: str) -> str:
        code = self._document.get(name) or ""
        if not isinstance(code, str):
            raise _malformed(f'"{name}" must be a string, it is {code!r}')
        return code


class _RowKeys:
    """The keys of a row that are no fields: its time, its device, and what is to be left out."""

    def __init__(self, plan: IngestPlan) -> None:
        self.time = plan.timestamp_column or DEFAULT_TIME_COLUMN
        self.device = plan.device_column
        self.others = {self.time, *plan.ignored, *([self.device] if self.device else [])}


def _acceptable(row: tuple[int, Any], keys: _RowKeys, schema: FieldSchema, rejections: Rejections) -> bool:
    number, values = row
    if not isinstance(values, dict):
        rejections.add(number, "the row is not an object")
        return False
    unknown = [name for name in cast("dict[str, Any]", values) if name not in keys.others and not schema.allows(name)]
    if unknown:
        rejections.add(number, schema.refusal(unknown))
    return not unknown


def _blocks(rows: Iterator[Row]) -> Iterator[list[Row]]:
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


def _block(rows: list[Row], keys: _RowKeys) -> RawBlock:
    fields = dict.fromkeys(name for _, values in rows for name in values if name not in keys.others)
    return RawBlock(
        lines=[number for number, _ in rows],
        times=[values.get(keys.time) for _, values in rows],
        columns={field: [values.get(field) for _, values in rows] for field in fields},
        devices=[values.get(keys.device) for _, values in rows] if keys.device else None,
    )


def _malformed(why: str) -> InvalidArgument:
    return InvalidArgument(f"the JSON body is wrong: {why}", reason="JSON_INVALID")
