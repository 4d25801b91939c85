"""All rows of a device as one file, made block by block."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.export.rows import RowsWriter, write_rows
from feature_service.domain.model.frame import Frame
from feature_service.domain.query.telemetry_queries import History, RowsFormat
from penstock_kit.errors import InvalidArgument, NotFound
from penstock_testkit.waiting import HANG_SECONDS

ROWS, FIELDS = 10_500, 100
START = pd.Timestamp("2026-01-01", tz="UTC")


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


def table(rows=ROWS, fields=FIELDS):
    random = np.random.default_rng(3)
    found = pd.DataFrame({"timestamp": pd.date_range(START, periods=rows, freq="1s")})
    values = pd.DataFrame(random.integers(0, 100, (rows, fields)) / 4, columns=[f"f{n}" for n in range(fields)])
    return pd.concat([found, values, pd.DataFrame({"note": np.where(np.arange(rows) % 2, 'say "so"', None)})], axis=1)


async def ingest(service, found):
    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d1", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        body = found.to_csv(index=False).encode()
        for start in range(0, len(body), 1_000_000):
            yield pb.IngestRequest(chunk=body[start : start + 1_000_000])

    await service.features.Ingest(messages(), timeout=HANG_SECONDS)


async def export(service, **asked):
    request = pb.ExportRowsRequest(device_code="d1", **asked)
    async with service.features.ExportRows(request, timeout=HANG_SECONDS) as answer:
        return [message async for message in answer]


async def test_a_file_has_all_rows_of_a_range_that_is_read_in_several_blocks(service_on_duckdb):
    service, found = service_on_duckdb, table()
    await ingest(service, found)
    csv, arrow = await export(service, format="csv"), await export(service, format="arrow")
    assert csv[0].content_type == "text/csv; charset=utf-8"
    assert [message.filename for message in csv[:2]] == ["d1_rows.csv", ""]
    text = b"".join(message.chunk for message in csv)
    read = pd.read_csv(io.BytesIO(text), parse_dates=["timestamp"])
    pd.testing.assert_frame_equal(read[found.columns], found, check_dtype=False)
    assert text.count(b"timestamp") == 1
    batches = pa.ipc.open_file(b"".join(message.chunk for message in arrow))
    assert batches.num_record_batches > 1
    assert batches.read_all().to_pandas()["f7"].tolist() == found["f7"].tolist()
    assert max(len(message.chunk) for message in csv + arrow) <= 256 * 1024


async def test_a_range_and_some_fields_are_a_smaller_file(service):
    await ingest(service, table(rows=300, fields=3))
    asked = pb.ExportRowsRequest(device_code="d1", fields=["f1"], format="csv")
    asked.start_time.FromDatetime((START + pd.Timedelta(seconds=10)).to_pydatetime())
    asked.end_time.FromDatetime((START + pd.Timedelta(seconds=12)).to_pydatetime())
    async with service.features.ExportRows(asked) as answer:
        text = b"".join([message.chunk async for message in answer]).decode()
    assert text.splitlines()[0] == '"timestamp","f1"'
    assert [line.partition(",")[0] for line in text.splitlines()[1:]] == [
        '"2026-01-01T00:00:10.000000Z"',
        '"2026-01-01T00:00:11.000000Z"',
    ]


@pytest.mark.parametrize(
    ("asked", "kind", "reason"),
    [
        ({"format": "csv", "fields": ["nix"]}, InvalidArgument, "FIELD_NOT_FOUND"),
        ({"format": "xlsx"}, InvalidArgument, "FORMAT_INVALID"),
        ({}, InvalidArgument, "FORMAT_INVALID"),
        ({"format": "csv", "device_code": "d9"}, NotFound, "DEVICE_NOT_FOUND"),
    ],
)
async def test_what_can_not_be_exported_is_refused_before_the_first_byte(service_on_duckdb, asked, kind, reason):
    await ingest(service_on_duckdb, table(rows=10, fields=2))
    with pytest.raises(kind) as caught:
        async with service_on_duckdb.features.ExportRows(
            pb.ExportRowsRequest(**{"device_code": "d1", **asked})
        ) as call:
            await anext(aiter(call))
    assert caught.value.reason == reason


async def test_a_range_without_rows_is_no_empty_file(service_on_duckdb):
    await ingest(service_on_duckdb, table(rows=10, fields=2))
    asked = pb.ExportRowsRequest(device_code="d1", format="csv")
    asked.start_time.FromDatetime((START + pd.Timedelta(days=2)).to_pydatetime())
    with pytest.raises(NotFound, match="there are 10 from"):
        async with service_on_duckdb.features.ExportRows(asked) as call:
            await anext(aiter(call))


@pytest.mark.parametrize("form", list(RowsFormat))
def test_blocks_make_the_file_that_the_rows_make_together(form):
    times = np.datetime64("2026-01-01", "us") + np.arange(90) * np.timedelta64(1, "s")
    whole = Frame(timestamps=times, numbers={"a": np.arange(90.0)}, texts={"b": np.array(["x", None, "ü"] * 30)})
    writer = RowsWriter(form)
    blocks = (History(frame=whole.cut(slice(at, at + 40)), truncated=False, units={"a": "A"}) for at in (0, 40, 80))
    made = b"".join([*(writer.write(block) for block in blocks), writer.end()])
    expected = write_rows(History(frame=whole, truncated=False, units={"a": "A"}), form)
    if form is RowsFormat.CSV:
        assert made == expected
    else:
        assert pa.ipc.open_file(made).read_all().equals(pa.ipc.open_file(expected).read_all())
