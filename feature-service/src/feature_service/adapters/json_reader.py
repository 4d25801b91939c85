"""JSON bodies: ``{"device_code", "model_code"?, "rows": [{"timestamp", field: value, …}, …]}``."""

from collections.abc import Iterator, Mapping
from typing import IO, Any, Final, cast

import orjson

from feature_service.domain.frame import Frame
from feature_service.domain.ingest.block import RawBlock, frame_of_block
from feature_service.domain.ingest.cell import JsonCells
from feature_service.domain.ingest.plan import BodyTarget, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.time_column import DEFAULT_TIME_COLUMN
from penstock_kit.errors import InvalidArgument, PayloadTooLarge

_BLOCK_ROWS: Final = 50_000
Row = tuple[int, Mapping[str, Any]]


class JsonReader:
    """Reads one JSON document of at most `max_bytes`. Lines are row numbers from 1."""

    def __init__(self, *, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._document: Mapping[str, Any] = {}

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return the codes in the document. Raises InvalidArgument MALFORMED_JSON."""
        self._document = self._parsed(body)
        return BodyTarget(device_code=self._code("device_code"), model_code=self._code("model_code"))

    def rows(self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections) -> Iterator[Frame]:
        """Yield blocks of good rows."""
        rows = self._document.get("rows")
        if not isinstance(rows, list):
            raise _malformed('"rows" must be a list of objects such as {"timestamp": "2024-05-01T10:00:00Z", …}')
        time_column = plan.timestamp_column or DEFAULT_TIME_COLUMN
        listed = cast("list[Any]", rows)
        for start in range(0, len(listed), _BLOCK_ROWS):
            numbered = enumerate(listed[start : start + _BLOCK_ROWS], start + 1)
            good = [row for row in numbered if _acceptable(row, time_column, schema, rejections)]
            block = _block(good, time_column)
            yield frame_of_block(block, cells=JsonCells(), schema=schema, zone=plan.zone, rejections=rejections)

    def _parsed(self, body: IO[bytes]) -> Mapping[str, Any]:
        data = body.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise PayloadTooLarge(
                f"a JSON body may have {self._max_bytes} bytes; send more rows as CSV, Arrow or Parquet, "
                "or in several requests",
                reason="BODY_TOO_LARGE",
            )
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise _malformed(str(error)) from None
        if not isinstance(document, dict):
            raise _malformed('the body must be an object with "device_code" and "rows"')
        return cast("dict[str, Any]", document)

    def _code(self, name: str) -> str:
        code = self._document.get(name) or ""
        if not isinstance(code, str):
            raise _malformed(f'"{name}" must be a string, it is {code!r}')
        return code


def _acceptable(row: tuple[int, Any], time_column: str, schema: FieldSchema, rejections: Rejections) -> bool:
    number, values = row
    if not isinstance(values, dict):
        rejections.add(number, "the row is not an object")
        return False
    unknown = [name for name in cast("dict[str, Any]", values) if name != time_column and not schema.allows(name)]
    if unknown:
        rejections.add(number, schema.refusal(unknown))
    return not unknown


def _block(rows: list[Row], time_column: str) -> RawBlock:
    fields = dict.fromkeys(name for _, values in rows for name in values if name != time_column)
    return RawBlock(
        lines=[number for number, _ in rows],
        times=[values.get(time_column) for _, values in rows],
        columns={field: [values.get(field) for _, values in rows] for field in fields},
    )


def _malformed(why: str) -> InvalidArgument:
    return InvalidArgument(f"the JSON body is wrong: {why}", reason="MALFORMED_JSON")
