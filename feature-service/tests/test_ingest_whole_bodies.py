"""Bodies as a whole over gRPC: stored altogether or not at all, counted, several at once, for several devices."""

import asyncio
import io
import time

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.body.staged_frames import FrameStage
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from penstock_kit.errors import InvalidArgument, NotFound, PenstockError, Unprocessable


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


async def ingest(service, body, *, body_format=pb.INGEST_FORMAT_CSV, **options):
    async def messages():
        yield pb.IngestRequest(options=pb.IngestOptions(format=body_format, **{"create": True, **options}))
        yield pb.IngestRequest(chunk=body)

    return await service.features.Ingest(messages())


async def stored_rows(service, device_code):
    """The rows of a device that are stored; None when there is no such device."""
    try:
        answer = await service.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code=device_code))
    except NotFound as error:
        return None if error.reason == "DEVICE_NOT_FOUND" else 0
    return answer.row_count


GOOD = b"timestamp,a,note\n" + b"".join(b"%d,%d,x\n" % (1_704_067_200 + row, row) for row in range(60_000))
SINK = io.BytesIO()
TABLE = pa.table({"timestamp": pa.array(range(60_000), pa.timestamp("s")), "a": np.arange(60_000.0)})
with pyarrow.ipc.new_stream(SINK, TABLE.schema) as writer:
    writer.write_table(TABLE, max_chunksize=20_000)
ARROW = SINK.getvalue()


@pytest.mark.parametrize(
    ("body", "body_format", "before"),
    [
        (GOOD + b"1704199999,\xff,x\n", pb.INGEST_FORMAT_CSV, 50_000),
        (GOOD + b'1704199999,1,"open\n', pb.INGEST_FORMAT_CSV, 50_000),
        (GOOD + b"1704199999,1," + b"x" * 200_000 + b"\n", pb.INGEST_FORMAT_CSV, 50_000),
        (ARROW[:-8], pb.INGEST_FORMAT_ARROW, 60_000),
        (ARROW[: len(ARROW) // 2], pb.INGEST_FORMAT_ARROW, 20_000),
    ],
    ids=["a bad byte", "an open quote", "an endless cell", "a stream without its end", "half a stream"],
)
async def test_a_body_that_breaks_off_leaves_nothing_unless_it_may_be_partial(service, body, body_format, before):
    with pytest.raises(InvalidArgument):
        await ingest(service, body, body_format=body_format, device_code="d", model_code="m")
    assert await stored_rows(service, "d") is None
    assert (await service.metadata.ListDataModels(pb.ListDataModelsRequest())).total == 0
    answer = await ingest(service, body, body_format=body_format, device_code="d", model_code="m", partial=True)
    assert answer.rows_accepted >= before
    assert await stored_rows(service, "d") == answer.rows_accepted
    assert answer.rows_rejected == 1
    assert list(answer.notes) == ["the body breaks off; what could be read before that is stored"]


@pytest.mark.parametrize(
    ("body", "body_format"),
    [
        (b"timestamp,a\n" + b"1704067200,\xff\n" * 3, pb.INGEST_FORMAT_CSV),
        (b"timestamp,a\n1704067200," + b"x" * 200_000 + b"\n", pb.INGEST_FORMAT_CSV),
        (ARROW[:400], pb.INGEST_FORMAT_ARROW),
    ],
    ids=["a bad byte", "an endless cell", "a stream of a head"],
)
async def test_a_body_that_breaks_off_before_its_first_good_row_is_refused_although_it_may_be_partial(
    service, body, body_format
):
    with pytest.raises(InvalidArgument):
        await ingest(service, body, body_format=body_format, device_code="d", model_code="m", partial=True)
    assert await stored_rows(service, "d") is None
    assert (await service.metadata.ListDataModels(pb.ListDataModelsRequest())).total == 0


async def test_a_field_that_turns_text_refuses_the_whole_body_although_rows_before_were_good(service):
    body = GOOD.replace(b",x\n", b",1\n", 50_000)
    await ingest(service, b"timestamp,note\n1704067200,5\n", device_code="d")
    with pytest.raises(InvalidArgument, match="field 'note' holds numbers"):
        await ingest(service, body, device_code="d")
    assert await stored_rows(service, "d") == 1


async def test_rows_that_overwrite_earlier_ones_of_the_body_are_counted(service):
    body = b"timestamp,a\n" + b"".join(b"%d,1\n" % (1_704_067_200 + row % 55_000) for row in range(60_000))
    answer = await ingest(service, body, device_code="d")
    assert (answer.rows_accepted, answer.rows_merged) == (60_000, 5_000)
    assert [note for note in answer.notes if note.startswith("5000 rows have a time that the body gave before")]
    assert await stored_rows(service, "d") == 55_000
    again = await ingest(service, GOOD, device_code="d")
    assert (again.rows_accepted, again.rows_merged) == (60_000, 0), "rows stored before are no merge of this body"
    assert list(again.notes) == []


async def test_a_field_tells_what_it_holds_and_whether_that_was_guessed(service):
    answer = await ingest(service, b"timestamp;temp;code\n2024-01-01;12,5;007\n", device_code="d")
    assert [(field.name, field.type, field.guessed, field.decimal) for field in answer.ingested_fields] == [
        ("temp", "number", True, ","),
        ("code", "text", True, ""),
    ]
    rows = orjson.dumps({"device_code": "j", "rows": [{"timestamp": 0, "a": 1.5, "b": "x"}]})
    answer = await ingest(service, rows, body_format=pb.INGEST_FORMAT_JSON)
    assert [(field.name, field.type, field.guessed) for field in answer.ingested_fields] == [
        ("a", "number", False),
        ("b", "text", False),
    ]


async def test_first_bodies_of_one_device_and_model_may_come_all_at_once(service):
    bodies = [f"timestamp,v,n{number}\n{1_704_067_200 + number},1,2\n".encode() for number in range(12)]
    answers = await asyncio.gather(*(ingest(service, body, device_code="d", model_code="m") for body in bodies))
    assert [answer.rows_accepted for answer in answers] == [1] * 12
    wanted = {"v", *(f"n{number}" for number in range(12))}
    device = (await service.metadata.GetDevice(pb.GetDeviceRequest(device_code="d"))).device
    model = (await service.metadata.GetDataModel(pb.GetDataModelRequest(model_code="m"))).model
    assert (set(device.fields), {field.field_code for field in model.fields}) == (wanted, wanted)
    assert await stored_rows(service, "d") == 12


async def test_a_body_may_have_rows_of_many_devices(service):
    body = b"timestamp,device,a,b\n2024-01-01,d1,1,\n2024-01-01,d2,2,x\n2024-01-01,d1,3,\n2024-01-02,d2,4,y\n"
    answer = await ingest(service, body, device_column="device", model_code="m")
    assert (answer.device_code, answer.model_code, answer.rows_accepted, answer.rows_merged) == ("", "m", 4, 1)
    assert [(device.device_code, device.rows_accepted) for device in answer.devices] == [("d1", 2), ("d2", 2)]
    assert (await stored_rows(service, "d1"), await stored_rows(service, "d2")) == (1, 2)
    first = (await service.metadata.GetDevice(pb.GetDeviceRequest(device_code="d1"))).device
    assert (list(first.fields), first.model_code) == (["a"], "m")


async def test_one_unknown_device_refuses_the_body_of_many(service):
    await ingest(service, b"timestamp,a\n2024-01-01,1\n", device_code="d1")
    body = b"timestamp,device,a\n2024-01-02,d1,1\n2024-01-02,d9,2\n"
    with pytest.raises(NotFound, match="unknown device 'd9'"):
        await ingest(service, body, device_column="device", create=False)
    assert await stored_rows(service, "d1") == 1
    with pytest.raises(InvalidArgument, match="name one of them"):
        await ingest(service, body, device_column="device", device_code="d1")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["1201", None], r"texts such as '1201' \(a number stands without quotes\); correct them"),
        (["1201", "fast", "2"], "texts such as 'fast'; correct them"),
    ],
)
async def test_texts_for_a_number_field_are_told_with_one_of_them(service, values, told):
    await ingest(service, b"timestamp,a\n2024-01-01,1\n", device_code="d1")
    rows = [{"timestamp": f"2024-01-0{day}", "a": value} for day, value in enumerate(values, start=2)]
    body = orjson.dumps({"device_code": "d1", "rows": rows})
    with pytest.raises(InvalidArgument, match=f"field 'a' holds numbers, .* {told}"):
        await ingest(service, body, body_format=pb.INGEST_FORMAT_JSON)
    assert await stored_rows(service, "d1") == 1


async def test_the_devices_of_one_body_are_limited(service):
    body = b"timestamp,device,a\n" + b"".join(b"2024-01-01,d%d,1\n" % number for number in range(1001))
    with pytest.raises(Unprocessable, match="rows of 1001 devices, at most 1000") as caught:
        await ingest(service, body, device_column="device")
    assert caught.value.reason == "DEVICES_LIMIT_EXCEEDED"


async def test_a_field_of_both_kinds_in_the_devices_of_a_body_is_told_before_anything_is_stored(service):
    await ingest(service, b"timestamp,a\n2024-01-01,1\n", device_code="d1")
    await ingest(service, b"timestamp,a\n2024-01-01,x\n", device_code="d2")
    body = b"timestamp,device,a\n2024-01-02,d1,1\n2024-01-02,d2,2\n"
    with pytest.raises(InvalidArgument, match="field 'a' holds texts in device 'd2' and numbers in another") as caught:
        await ingest(service, body, device_column="device")
    assert caught.value.reason == "FIELD_TYPE_CONFLICT"
    assert await stored_rows(service, "d1") == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"decimal": ";"}, "DECIMAL_INVALID"), ({"device_column": "unit"}, "DEVICE_COLUMN_NOT_FOUND")],
)
async def test_options_that_make_no_sense_are_refused(service, options, reason):
    with pytest.raises(PenstockError) as caught:
        await ingest(service, b"timestamp,a\n2024-01-01,1\n", **options)
    assert caught.value.reason == reason


async def test_an_unknown_field_of_a_json_document_is_refused_by_its_name(service):
    body = orjson.dumps({"device_code": "d", "row": [], "rows": []})
    with pytest.raises(InvalidArgument, match="unknown field 'row'; it may have device_code, model_code, rows"):
        await ingest(service, body, body_format=pb.INGEST_FORMAT_JSON)


async def test_rows_of_json_may_name_their_device(service):
    rows = [{"timestamp": 0, "unit": "d1", "a": 1}, {"timestamp": 0, "unit": "d2", "a": 2}, {"timestamp": 0, "a": 3}]
    body = orjson.dumps({"rows": rows})
    answer = await ingest(service, body, body_format=pb.INGEST_FORMAT_JSON, device_column="unit")
    assert (answer.rows_accepted, answer.rows_rejected) == (2, 1)
    assert [device.device_code for device in answer.devices] == ["d1", "d2"]


def test_rows_put_aside_come_back_as_they_were_from_memory_and_from_disk(tmp_path):
    texts = np.array(["x", None, "ß\n😀"], dtype=object)
    frames = [
        Frame(
            timestamps=(np.arange(3) + 10 * number).astype("datetime64[us]"),
            numbers={"n": np.array([1.5, np.nan, number])},
            texts={"t": texts},
        )
        for number in range(4)
    ]
    size = 3 * (8 + 8 + 64)
    for in_memory in (0, 2 * size, 10 * size):
        with FrameStage(tmp_path, in_memory=in_memory) as stage:
            for number, frame in enumerate(frames):
                stage.add(SeriesKey(tenant_id="t", device_code=f"d{number}"), frame)
            found = list(stage.frames())
        assert [key.device_code for key, _ in found] == ["d0", "d1", "d2", "d3"]
        for (_, rows), frame in zip(found, frames, strict=True):
            pd.testing.assert_frame_equal(pd.DataFrame(rows.numbers), pd.DataFrame(frame.numbers))
            assert rows.texts["t"].tolist() == texts.tolist()
            assert rows.timestamps.tolist() == frame.timestamps.tolist()
    assert list(tmp_path.iterdir()) == []


EXACT = 2**53


def json_body(values):
    return orjson.dumps(
        {"device_code": "d", "rows": [{"timestamp": at, "id": value} for at, value in enumerate(values, 1_700_000_000)]}
    )


def csv_body(values):
    lines = "\n".join(f"{at},{value}" for at, value in enumerate(values, 1_700_000_000))
    return f"timestamp,id\n{lines}\n".encode()


def arrow_body(values):
    times = pa.array(range(1_700_000_000, 1_700_000_000 + len(values)), pa.int64())
    table = pa.table({"timestamp": times, "id": pa.array(values, pa.int64())})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("make", "body_format"),
    [
        (json_body, pb.INGEST_FORMAT_JSON),
        (csv_body, pb.INGEST_FORMAT_CSV),
        (arrow_body, pb.INGEST_FORMAT_ARROW),
    ],
)
async def test_whole_numbers_that_no_double_holds_are_counted_and_told(service, make, body_format):
    options = {"device_code": "d", "body_format": body_format, "create": True}
    exact = await ingest(service, make([EXACT, -EXACT, EXACT + 2, 2**62, 1]), **options)
    assert list(exact.notes) == []
    answer = await ingest(service, make([EXACT + 1, -EXACT - 1, EXACT + 2, 2**62 + 1, 1]), **options)
    assert list(answer.notes) == [
        "whole numbers beyond 2^53 were rounded to the nearest that a double holds: 3 of 'id'; "
        "send them as texts to keep every digit"
    ]
    assert answer.rows_accepted == 5


async def test_a_rounded_number_of_a_row_that_is_refused_is_not_counted(service):
    body = f"timestamp,a,id\n1700000000,1,{EXACT + 1}\n1700000001,2,1\n1700000002,x,{EXACT + 1}\n".encode()
    answer = await ingest(service, body, device_code="d", create=True)
    assert (answer.rows_accepted, answer.rows_rejected) == (2, 1)
    (note,) = answer.notes
    assert "1 of 'id'" in note


async def test_rows_that_are_older_than_rows_are_kept_are_told(service_that_keeps_a_month):
    now = int(time.time())
    old = await ingest(service_that_keeps_a_month, b"timestamp,a\n1704067200,1\n%d,2\n" % now, device_code="W")
    assert (old.rows_accepted, len(old.notes)) == (2, 1)
    assert "are older than TELEMETRY_DAYS and will be deleted" in old.notes[0]
    new = await ingest(service_that_keeps_a_month, b"timestamp,a\n%d,1\n" % (now - 29 * 86_400), device_code="W")
    assert list(new.notes) == []
