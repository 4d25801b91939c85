"""Which reader reads which form of body; the libraries of the binary ones are loaded when they are needed."""

from collections.abc import Callable
from typing import assert_never

from feature_service.domain.ingest.plan import BodyFormat, BodyReader
from penstock_kit.errors import InvalidArgument


def body_reader(*, max_json_bytes: int) -> Callable[[BodyFormat], BodyReader]:
    """Return a function that makes a reader for one body of a format."""

    def make(body_format: BodyFormat) -> BodyReader:
        match body_format:
            case BodyFormat.CSV:
                from feature_service.adapters.body.csv_reader import CsvReader

                return CsvReader()
            case BodyFormat.JSON:
                from feature_service.adapters.body.json_reader import JsonReader

                return JsonReader(max_bytes=max_json_bytes)
            case BodyFormat.NDJSON:
                from feature_service.adapters.body.ndjson_reader import NdjsonReader

                return NdjsonReader()
            case BodyFormat.LINE_PROTOCOL:
                raise InvalidArgument("line protocol is read by points, not by rows", reason="FORMAT_INVALID")
            case BodyFormat.ARROW:
                from feature_service.adapters.body.arrow_reader import ArrowReader

                return ArrowReader()
            case BodyFormat.PARQUET:
                from feature_service.adapters.body.arrow_reader import ParquetReader

                return ParquetReader()
            case _:
                assert_never(body_format)

    return make
