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


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


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


async def test_the_newest_rows_come_as_a_file_with_the_device_of_each(loaded):
    async def messages():
        yield pb.IngestRequest(
            options=pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="e", model_code="m", create=True)
        )
        yield pb.IngestRequest(chunk=b"timestamp,current,device_code\n2026-01-01T00:00:01.5Z,2,x\n")

    await loaded.features.Ingest(messages())
    asked = pb.QueryRealtimeRequest(model_code="m", fields=["current", "device_code"], page_size=3)
    table = (await loaded.features.QueryRealtime(asked)).rows
    asked.format = "arrow"
    answer = await loaded.features.QueryRealtime(asked)
    assert (answer.content_type, answer.total) == ("application/vnd.apache.arrow.file", 4)
    assert not answer.HasField("rows")
    frame = pd.read_feather(io.BytesIO(answer.file))
    assert list(frame.columns) == ["timestamp", "device_code", "current", "fields.device_code"]
    assert frame.device_code.tolist() == list(table.device_codes) == ["d", "e", "d"]
    assert frame.current.fillna(-1).tolist() == [3, 2, -1]
    assert pa.ipc.open_file(answer.file).schema.metadata == {b"penstock.truncated": b"true"}
    asked.format, asked.page = "csv", 2
    lines = (await loaded.features.QueryRealtime(asked)).file.decode().splitlines()
    assert lines == [
        '"timestamp","device_code","current","fields.device_code"',
        '"2026-01-01T00:00:00.000001Z","d",1.5,',
    ]


async def test_a_page_of_no_rows_is_a_file_without_rows(loaded):
    asked = pb.QueryRealtimeRequest(model_code="m", page=9, format="arrow")
    frame = pd.read_feather(io.BytesIO((await loaded.features.QueryRealtime(asked)).file))
    assert (len(frame), list(frame.columns)[:2]) == (0, ["timestamp", "device_code"])


async def test_an_unknown_form_of_the_newest_rows_is_refused(loaded):
    with pytest.raises(InvalidArgument, match="format is 'xml'; it must be one of: arrow, csv"):
        await loaded.features.QueryRealtime(pb.QueryRealtimeRequest(model_code="m", format="xml"))
