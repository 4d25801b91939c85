"""NDJSON bodies: an object a line, ``{"timestamp": …, "device_code": …, field: value, …}``, of one device or more."""

from collections.abc import Iterator
from typing import IO, Any, Final, cast

import orjson

from feature_service.adapters.body.json_row import RowKeys, blocks_of, is_acceptable, raw_block
from feature_service.domain.ingest.block import BlockReading, RowBlock, rows_of_block
from feature_service.domain.ingest.cell import JsonCells
from feature_service.domain.ingest.local_time import LocalClock
from feature_service.domain.ingest.plan import BodyTarget, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from penstock_kit.errors import InvalidArgument

# Bytes of the longest line: it is held in memory whole.
_MAX_LINE: Final = 1024 * 1024


class NdjsonReader:
    """Reads a line at a time; one that is no JSON object is refused alone, by its number."""

    def target(self, body: IO[bytes]) -> BodyTarget:
        """Return nothing: every row names its own device."""
        return BodyTarget()

    def devices(self, body: IO[bytes], plan: IngestPlan) -> frozenset[str]:
        """Return the codes that rows have under the name of the device column."""
        rows = (cast("dict[str, Any]", row) for _, row in _lines(body) if isinstance(row, dict))
        codes = (row.get(plan.device_column) for row in rows)
        return frozenset(code.strip() for code in codes if isinstance(code, str)) - {""}

    def rows(
        self, body: IO[bytes], plan: IngestPlan, schema: FieldSchema, rejections: Rejections
    ) -> Iterator[RowBlock]:
        """Yield blocks of good rows. Raises InvalidArgument JSON_INVALID for a line of more than a megabyte."""
        keys = RowKeys(plan)
        reading = BlockReading(
            cells=JsonCells(),
            schema=schema,
            clock=LocalClock(plan.zone),
            rejections=rejections,
            strict=not plan.partial,
        )
        good = (row for row in _lines(body, rejections) if is_acceptable(row, keys, schema, rejections))
        for rows in blocks_of(good):
            yield rows_of_block(raw_block(rows, keys), reading)
        reading.conclude()


def _lines(body: IO[bytes], rejections: Rejections | None = None) -> Iterator[tuple[int, Any]]:
    """The number and the value of each line that is not blank and is JSON; the others are refused."""
    body.seek(0)
    number = 0
    while line := body.readline(_MAX_LINE + 1):
        number += 1
        if len(line) > _MAX_LINE:
            raise InvalidArgument(
                f"line {number} is longer than {_MAX_LINE} bytes; a line is one row",
                reason="JSON_INVALID",
                metadata={"line": str(number)},
            )
        if not line.strip():
            continue
        try:
            yield number, orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if rejections is not None:
                rejections.add(number, f"the line is no JSON: {error}")
