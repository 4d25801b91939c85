"""A text that not every store holds is refused with its row, in every format, whatever the store."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_service.adapters.body.body_reader import body_reader
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.ingest.schema import FieldSchema
from feature_service.domain.ingest.unfit_text import refuse_unfit

TIMES = [f"2024-05-01T00:00:0{second}Z" for second in range(4)]
TEXTS = ["fine", "a\x00b", "", "后 🙂"]


def csv_body():
    return "\n".join(
        ["timestamp,a,t", *(f"{time},1.5,{text}" for time, text in zip(TIMES, TEXTS, strict=True))]
    ).encode()


def ndjson_body():
    rows = zip(TIMES, TEXTS, strict=True)
    return "\n".join(json.dumps({"timestamp": time, "a": 1.5, "t": text or None}) for time, text in rows).encode()


def json_body():
    rows = [{"timestamp": time, "a": 1.5, "t": text or None} for time, text in zip(TIMES, TEXTS, strict=True)]
    return json.dumps({"device_code": "d", "rows": rows}).encode()


def table():
    return pa.table({"timestamp": TIMES, "a": [1.5] * 4, "t": TEXTS})


def arrow_body():
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table().schema) as writer:
        writer.write_table(table())
    return sink.getvalue()


def parquet_body():
    sink = io.BytesIO()
    pq.write_table(table(), sink)
    return sink.getvalue()


BODIES = {
    BodyFormat.CSV: csv_body,
    BodyFormat.JSON: json_body,
    BodyFormat.NDJSON: ndjson_body,
    BodyFormat.ARROW: arrow_body,
    BodyFormat.PARQUET: parquet_body,
}


@pytest.mark.parametrize("body_format", BODIES, ids=str)
def test_a_text_with_a_nul_costs_its_row_and_no_other(body_format):
    body, rejections = io.BytesIO(BODIES[body_format]()), Rejections()
    column = "device" if body_format is BodyFormat.NDJSON else ""
    if column:
        body = io.BytesIO(body.read().replace(b'"a"', b'"device": "d", "a"'))
    plan = IngestPlan(format=body_format, device_column=column)
    reader = body_reader(max_json_bytes=1_000_000)(body_format)
    reader.target(body)
    body.seek(0)
    blocks = list(reader.rows(body, plan, FieldSchema({}, is_open=True), rejections))
    texts = np.concatenate([block.frame.texts["t"] for block in blocks]).tolist()
    assert texts == ["fine", None, "后 🙂"]
    assert [refused.reason for refused in rejections.listed] == [
        "t: the text has a NUL or half a character, which no text can hold"
    ]


def test_half_a_character_is_refused_too():
    bad = {}
    refuse_unfit("t", ["x", "a\ud800", None, "y\x00"], bad)
    assert list(bad) == [1, 3]
