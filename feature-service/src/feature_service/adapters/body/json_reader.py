"""JSON bodies: ``{"device_code"?, "model_code"?, "rows": [{"timestamp", field: value, …}, …]}``."""

from collections.abc import Iterator, Mapping
from typing import IO, Any, Final, cast

import orjson

from feature_service.adapters.body.json_row import RowKeys, blocks_of, is_acceptable, raw_block
from feature_service.domain.ingest.block import BlockReading, RowBlock, rows_of_block
from feature_service.domain.ingest.cell import JsonCells
from feature_service.domain.ingest.local_time import LocalClock
from feature_service.domain.ingest.plan import BodyTarget, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from penstock_kit.errors import InvalidArgument, PayloadTooLarge

_KEYS: Final = ("device_code", "model_code", "rows")


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
        keys = RowKeys(plan)
        reading = BlockReading(
            cells=JsonCells(),
            schema=schema,
            clock=LocalClock(plan.zone),
            rejections=rejections,
            strict=not plan.partial,
        )
        good = (row for row in enumerate(listed, 1) if is_acceptable(row, keys, schema, rejections))
        for rows in blocks_of(good):
            yield rows_of_block(raw_block(rows, keys), reading)
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


def _malformed(why: str) -> InvalidArgument:
    return InvalidArgument(f"the JSON body is wrong: {why}", reason="JSON_INVALID")
