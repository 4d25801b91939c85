"""The names of the fields that a body brings: those that a data model may name, and that every store can hold."""

import io
import json

import pyarrow as pa
import pytest
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import InvalidArgument

TIME = "2024-05-01T00:00:00Z"
LONGEST = "ü" * 256


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


@pytest.fixture
def send(service, as_tenant):
    async def ingest(body, form, **options):
        def messages():
            yield pb.IngestRequest(options=pb.IngestOptions(format=form, create=True, **options))
            yield pb.IngestRequest(chunk=body)

        with as_tenant("t"):
            return await service.features.Ingest(messages())

    return ingest


def arrow(name):
    table, sink = pa.table({"timestamp": [TIME], "a": [0.5], name: [1.5]}), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


BODIES = {
    "csv": lambda name: (f"timestamp,a,{name}\n{TIME},0.5,1.5\n".encode(), pb.INGEST_FORMAT_CSV),
    "json": lambda name: (
        json.dumps({"rows": [{"timestamp": TIME, "a": 0.5, name: 1.5}]}).encode(),
        pb.INGEST_FORMAT_JSON,
    ),
    "ndjson": lambda name: (
        json.dumps({"timestamp": TIME, "device": "d", "a": 0.5, name: 1.5}).encode(),
        pb.INGEST_FORMAT_NDJSON,
    ),
    "arrow": lambda name: (arrow(name), pb.INGEST_FORMAT_ARROW),
    "points": lambda name: (f"m,device=d a=0.5,{name}=1.5 {10**18}".encode(), pb.INGEST_FORMAT_LINE_PROTOCOL),
}


def options(form):
    if form == "points":
        return {}
    return {"model_code": "m"} | ({"device_column": "device"} if form == "ndjson" else {"device_code": "d"})


@pytest.mark.parametrize("form", BODIES)
async def test_a_name_of_256_characters_is_stored_in_model_and_device_and_a_longer_one_is_refused(
    service, as_tenant, send, form
):
    make = BODIES[form]
    with pytest.raises(InvalidArgument, match="has a name of 257 characters; it must have at most 256") as refused:
        await send(*make(LONGEST + "e"), **options(form))
    assert (refused.value.reason, refused.value.metadata["field"]) == ("FIELD_NAME_INVALID", LONGEST)
    assert (await send(*make(LONGEST), **options(form))).rows_accepted == 1
    with as_tenant("t"):
        model = (await service.metadata.GetDataModel(pb.GetDataModelRequest(model_code="m"))).model
        assert LONGEST in [field.field_code for field in model.fields]
        await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))


@pytest.mark.parametrize("form", BODIES)
async def test_a_name_with_a_nul_is_refused_and_registers_nothing(service, as_tenant, send, form):
    if form == "points":  # each line for itself
        assert (await send(*BODIES[form]("b\x00c"))).rows_rejected == 1
    else:
        with pytest.raises(InvalidArgument, match="has a NUL") as refused:
            await send(*BODIES[form]("b\x00c"), **options(form))
        assert refused.value.reason == "FIELD_NAME_INVALID"
    with as_tenant("t"):
        assert not (await service.metadata.ListDevices(pb.ListDevicesRequest(page_size=10))).devices
