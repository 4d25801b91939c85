"""NDJSON bodies: one row a line, of one device or of many."""

import orjson
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import InvalidArgument, NotFound

ROWS = [
    {"timestamp": "2024-05-01T10:00:00Z", "device_code": "a", "v": 1},
    {"timestamp": "2024-05-01T10:00:00Z", "device_code": "b", "v": 2.5, "note": "x"},
    {"timestamp": "2024-05-01T10:00:01Z", "device_code": "a", "v": None},
]


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


@pytest.fixture
def ingest(service, as_tenant):
    async def send(body, **options):
        def messages():
            given = {"format": pb.INGEST_FORMAT_NDJSON, "create": True, **options}
            yield pb.IngestRequest(options=pb.IngestOptions(**given))
            yield pb.IngestRequest(chunk=body if isinstance(body, bytes) else b"\n".join(map(orjson.dumps, body)))

        with as_tenant("t"):
            return await service.features.Ingest(messages())

    return send


@pytest.fixture
def values(service, as_tenant):
    async def read(device):
        with as_tenant("t"):
            found = await service.features.QueryHistory(pb.QueryHistoryRequest(device_code=device))
        return {column.name: list(column.numbers) or list(column.texts) for column in found.rows.columns}

    return read


async def test_rows_of_many_devices_name_theirs(ingest, values):
    answer = await ingest(ROWS)
    assert (answer.rows_accepted, answer.rows_rejected) == (3, 0)
    assert {device.device_code: device.rows_accepted for device in answer.devices} == {"a": 2, "b": 1}
    assert await values("b") == {"v": [2.5], "note": ["x"]}


async def test_another_key_may_name_the_device(ingest, values):
    await ingest([{"timestamp": "2024-05-01T10:00:00Z", "machine": "m1", "v": 1}], device_column="machine")
    assert await values("m1") == {"v": [1.0]}


async def test_all_rows_may_be_of_the_device_that_the_request_names(ingest, values):
    await ingest([{"timestamp": "2024-05-01T10:00:00Z", "v": 1}], device_code="one")
    assert await values("one") == {"v": [1.0]}


async def test_a_line_that_is_no_object_is_refused_alone_with_its_number(ingest):
    lines = [
        orjson.dumps(ROWS[0]),
        b"",
        b"{broken",
        b"[1]",
        orjson.dumps({"timestamp": "x", "device_code": "a", "v": 1}),
    ]
    answer = await ingest(b"\n".join(lines) + b"\n")
    assert answer.rows_accepted == 1
    assert [error.line for error in answer.errors] == [3, 4, 5]


async def test_an_endless_line_is_refused_before_all_of_it_is_held(ingest):
    with pytest.raises(InvalidArgument, match="line 2 is longer than"):
        await ingest(orjson.dumps(ROWS[0]) + b'\n{"timestamp": "' + b"x" * 2_000_000)


async def test_an_unknown_device_is_refused_unless_it_may_be_registered(ingest):
    with pytest.raises(NotFound, match="unknown device 'a'"):
        await ingest(ROWS, create=False)
