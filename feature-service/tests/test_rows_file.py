"""Rows of a device as files, which pandas and polars read in one line."""

import io

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import InvalidArgument, NotFound

CSV = """timestamp,current,state,timestamp.zone,empty
2026-01-01T00:00:00.000001Z,1.5,"good, or so",7,
2026-01-01T00:00:01Z,,"=1+1",8,
2026-01-01T00:00:02Z,3,"ß ""日本"" x",9,
"""


@pytest.fixture
async def loaded(service):
    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk=CSV.encode())

    await service.features.Ingest(messages())
    model = pb.DataModel(model_code="m", fields=[pb.Field(field_code="current", unit="A")])
    await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
    return service


async def history(service, **fields):
    return await service.features.QueryHistory(pb.QueryHistoryRequest(device_code="d", **fields))


TIMES = pd.to_datetime(
    ["2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"], format="ISO8601"
)
STATES = ["good, or so", "=1+1", 'ß "日本" x']


async def test_an_arrow_file_is_read_by_pandas_and_polars_in_one_line(loaded):
    answer = await history(loaded, format="arrow")
    assert (answer.content_type, answer.truncated) == ("application/vnd.apache.arrow.file", False)
    assert not answer.HasField("rows")
    frame = pd.read_feather(io.BytesIO(answer.file))
    assert frame.timestamp.tolist() == TIMES.tolist()
    assert frame.current.fillna(-1).tolist() == [1.5, -1, 3]
    assert frame.state.tolist() == STATES
    polars = pl.read_ipc(io.BytesIO(answer.file))
    assert polars["current"].to_list() == [1.5, None, 3.0]
    assert polars["state"].to_list() == STATES


async def test_an_arrow_file_tells_units_and_whether_there_is_more(loaded):
    answer = await history(loaded, format="arrow", fields=["current"], limit=2)
    schema = pa.ipc.open_file(answer.file).schema
    assert schema.field("current").metadata == {b"unit": b"A"}
    assert schema.metadata == {b"penstock.truncated": b"true"}
    assert answer.truncated


async def test_a_csv_file_has_the_same_rows(loaded):
    answer = await history(loaded, format="csv", fields=["state", "current"])
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.file.decode().splitlines()[:2] == [
        '"timestamp","current","state"', '"2026-01-01T00:00:00.000001Z",1.5,"good, or so"'
    ]  # fmt: skip
    frame = pd.read_csv(io.BytesIO(answer.file), parse_dates=["timestamp"])
    assert frame.timestamp.tolist() == TIMES.tolist()
    assert frame.state.tolist() == STATES
    assert frame.current.fillna(-1).tolist() == [1.5, -1, 3]


async def test_what_is_wrong_is_said_as_for_json(loaded):
    with pytest.raises(InvalidArgument, match="format is 'xml'; it must be one of: arrow, csv"):
        await history(loaded, format="xml")
    with pytest.raises(NotFound):
        await loaded.features.QueryHistory(pb.QueryHistoryRequest(device_code="none", format="csv"))
