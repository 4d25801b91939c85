"""Devices and data models over gRPC."""

import pytest
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.context import DEFAULT_TENANT, CallContext, Caller, use_context
from penstock_kit.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PenstockError,
    PermissionDenied,
)

MODEL = pb.DataModel(
    model_code="pumps",
    name="Pumps",
    device_type="pump",
    model_type="maintenance",
    fields=[
        pb.Field(field_code="Flow Rate", unit="L/min", display_name="Flow"),
        pb.Field(field_code="state", data_type="text", description="what it does"),
    ],
    label_column="state",
    defaults=pb.ExtractionOptions(window_size=64, overlap=0),
)


async def create_model(service, model=MODEL):
    return (await service.metadata.CreateDataModel(pb.CreateDataModelRequest(model=model))).model


async def create_device(service, **fields):
    return (await service.metadata.CreateDevice(pb.CreateDeviceRequest(device=pb.Device(**fields)))).device


async def test_a_model_is_created_read_changed_and_deleted(service):
    created = await create_model(service)
    assert created.active
    assert [field.data_type for field in created.fields] == ["number", "text"]
    assert created.defaults == MODEL.defaults
    assert created.create_time.seconds > 1_700_000_000
    read = (await service.metadata.GetDataModel(pb.GetDataModelRequest(model_code="pumps"))).model
    assert read == created
    change = pb.UpdateDataModelRequest(model=pb.DataModel(model_code="pumps", name="All pumps"))
    changed = (await service.metadata.UpdateDataModel(change)).model
    assert (changed.name, changed.label_column, len(changed.fields), changed.active) == ("All pumps", "state", 2, True)
    off = pb.UpdateDataModelRequest(model=pb.DataModel(model_code="pumps"), update_fields=["active", "label_column"])
    changed = (await service.metadata.UpdateDataModel(off)).model
    assert (changed.name, changed.label_column, changed.active) == ("All pumps", "", False)
    await service.metadata.DeleteDataModel(pb.DeleteDataModelRequest(model_code="pumps"))
    with pytest.raises(NotFound, match="unknown model 'pumps'; there is no model yet"):
        await service.metadata.GetDataModel(pb.GetDataModelRequest(model_code="pumps"))


async def test_a_device_is_created_read_changed_and_deleted(service):
    await create_model(service)
    created = await create_device(service, device_code="P-1", model_code="pumps", labels={"hall": "A"})
    assert (created.name, created.device_type, created.active) == ("P-1", "pump", True)
    assert not created.HasField("last_seen_time")
    read = (await service.metadata.GetDevice(pb.GetDeviceRequest(device_code="P-1"))).device
    assert read == created
    change = pb.UpdateDeviceRequest(device=pb.Device(device_code="P-1", name="Pump one", labels={"hall": "B"}))
    changed = (await service.metadata.UpdateDevice(change)).device
    assert (changed.name, dict(changed.labels), changed.model_code) == ("Pump one", {"hall": "B"}, "pumps")
    off = pb.UpdateDeviceRequest(device=pb.Device(device_code="P-1"), update_fields=["active"])
    assert not (await service.metadata.UpdateDevice(off)).device.active
    await service.metadata.DeleteDevice(pb.DeleteDeviceRequest(device_code="P-1"))
    with pytest.raises(NotFound):
        await service.metadata.GetDevice(pb.GetDeviceRequest(device_code="P-1"))


async def test_deleting_a_device_deletes_its_rows(service):
    async def messages(text):
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk=text)

    await service.features.Ingest(messages(b"timestamp,a\n2024-05-01,1\n2024-05-02,2\n"))
    await service.metadata.DeleteDevice(pb.DeleteDeviceRequest(device_code="d"))
    await service.features.Ingest(messages(b"timestamp,b\n2024-05-03,3\n"))
    answer = await service.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d"))
    assert (answer.row_count, [field.field for field in answer.statistics]) == (1, ["b"])


def as_user(user_id, *scopes, tenant="acme"):
    caller = Caller(user_id=user_id, tenant_id=tenant, scopes=frozenset(scopes))
    return use_context(CallContext(request_id="r", caller=caller))


async def register(service, way, code):
    """Register a device by itself or with its first rows, as whoever calls."""

    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code=code, create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk=b"timestamp,a\n2024-05-01,1\n")

    if way == "ingest":
        await service.features.Ingest(messages())
    else:
        await create_device(service, device_code=code)


@pytest.mark.parametrize("way", ["create", "ingest"])
async def test_a_device_is_deleted_by_who_registered_it_or_an_administrator_alone(service, way):
    delete = service.metadata.DeleteDevice
    with as_user("ann", "telemetry:write"):
        await register(service, way, "first")
        await register(service, way, "second")
    with as_user("bob", "telemetry:write"):
        for code in ("first", "second"):
            with pytest.raises(PermissionDenied, match=f"'{code}' is somebody else's") as caught:
                await delete(pb.DeleteDeviceRequest(device_code=code))
            assert caught.value.reason == "DEVICE_DENIED"
        await service.metadata.UpdateDevice(
            pb.UpdateDeviceRequest(device=pb.Device(device_code="first", name="changed"), update_fields=["name"])
        )
        with pytest.raises(PermissionDenied):
            await delete(pb.DeleteDeviceRequest(device_code="first"))
    with as_user("ann", "telemetry:write"):
        await delete(pb.DeleteDeviceRequest(device_code="first"))
    with as_user("root", "admin"):
        await delete(pb.DeleteDeviceRequest(device_code="second"))
        assert (await service.metadata.ListDevices(pb.ListDevicesRequest())).total == 0


async def test_a_device_that_nobody_registered_is_deleted_by_an_administrator_alone(service):
    await create_device(service, device_code="itself")
    with as_user("ann", "telemetry:write", tenant=DEFAULT_TENANT), pytest.raises(PermissionDenied):
        await service.metadata.DeleteDevice(pb.DeleteDeviceRequest(device_code="itself"))
    with as_user("root", "admin", tenant=DEFAULT_TENANT):
        await service.metadata.DeleteDevice(pb.DeleteDeviceRequest(device_code="itself"))


async def test_lists_go_on_page_by_page(service):
    for number in range(5):
        await create_device(service, device_code=f"P{number}")
    seen, token = [], ""
    while True:
        page = await service.metadata.ListDevices(pb.ListDevicesRequest(page_size=2, page_token=token))
        seen.append([device.device_code for device in page.devices])
        assert page.total == 5
        token = page.next_page_token
        if not token:
            break
    assert seen == [["P0", "P1"], ["P2", "P3"], ["P4"]]


async def all_pages(call, request):
    """Return the responses of a list read to its end."""
    pages = [await call(request)]
    while pages[-1].next_page_token:
        request.page_token = pages[-1].next_page_token
        pages.append(await call(request))
    return pages


async def test_devices_with_many_labels_do_not_keep_a_tenant_from_its_list(service):
    labels = {f"label {number}": "字" * 1_000 for number in range(1_000)}
    for number in range(10):
        await create_device(service, device_code=f"P{number}", labels=labels)
    pages = await all_pages(service.metadata.ListDevices, pb.ListDevicesRequest(page_size=1_000))
    assert [len(page.devices) for page in pages] == [3, 3, 3, 1]
    assert [page.total for page in pages] == [10] * 4
    assert [device.device_code for page in pages for device in page.devices] == [f"P{number}" for number in range(10)]


async def test_models_with_large_descriptions_and_defaults_do_not_keep_a_tenant_from_its_list(service):
    fields = [pb.Field(field_code=f"f{number}", description="字" * 2_000) for number in range(1_500)]
    defaults = pb.ExtractionOptions(fields=["x" * 1_500_000])
    for number, model in enumerate([pb.DataModel(fields=fields)] * 2 + [pb.DataModel(defaults=defaults)] * 3):
        named = pb.DataModel(model_code=f"m{number}")
        named.MergeFrom(model)
        await create_model(service, named)
    pages = await all_pages(service.metadata.ListDataModels, pb.ListDataModelsRequest(page_size=1_000))
    assert [len(page.models) for page in pages] == [1, 1, 2, 1]
    assert [model.model_code for page in pages for model in page.models] == [f"m{number}" for number in range(5)]


async def test_models_are_listed_by_use(service):
    await create_model(service)
    await create_model(service, pb.DataModel(model_code="fans"))
    listed = await service.metadata.ListDataModels(pb.ListDataModelsRequest(model_type="maintenance"))
    assert [model.model_code for model in listed.models] == ["pumps"]
    assert (await service.metadata.ListDataModels(pb.ListDataModelsRequest())).total == 2


async def test_what_exists_or_is_used_is_said(service):
    await create_model(service)
    await create_device(service, device_code="P-1", model_code="pumps")
    with pytest.raises(AlreadyExists, match="data model 'pumps' exists already"):
        await create_model(service)
    with pytest.raises(AlreadyExists, match="device 'P-1' exists already"):
        await create_device(service, device_code="P-1")
    with pytest.raises(FailedPrecondition, match="'pumps' is used by devices"):
        await service.metadata.DeleteDataModel(pb.DeleteDataModelRequest(model_code="pumps"))


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda s: create_device(s, device_code=" x"), "CODE_INVALID"),
        (lambda s: create_device(s, device_code="x" * 129), "CODE_INVALID"),
        (lambda s: create_device(s, device_code="x", model_code="nope"), "DATA_MODEL_NOT_FOUND"),
        (lambda s: create_model(s, pb.DataModel()), "CODE_INVALID"),
        (lambda s: create_model(s, pb.DataModel(model_code="m", fields=[pb.Field()])), "FIELD_CONFLICT"),
        (
            lambda s: create_model(s, pb.DataModel(model_code="m", fields=[pb.Field(field_code="a")] * 2)),
            "FIELD_CONFLICT",
        ),
        (
            lambda s: create_model(s, pb.DataModel(model_code="m", fields=[pb.Field(field_code="a", data_type="int")])),
            "DATA_TYPE_INVALID",
        ),
        (
            lambda s: create_model(s, pb.DataModel(model_code="m", defaults=pb.ExtractionOptions(features=["x"]))),
            "FEATURE_NOT_FOUND",
        ),
        (lambda s: s.metadata.ListDevices(pb.ListDevicesRequest(page_size=-1)), "PAGE_SIZE_INVALID"),
        (lambda s: s.metadata.ListDevices(pb.ListDevicesRequest(page_token="*")), "PAGE_TOKEN_INVALID"),
        (lambda s: s.metadata.ListDevices(pb.ListDevicesRequest(page_token="\ufffd")), "PAGE_TOKEN_INVALID"),
        (lambda s: s.metadata.ListDevices(pb.ListDevicesRequest(page_token="_w==")), "PAGE_TOKEN_INVALID"),
        (lambda s: s.metadata.ListDevices(pb.ListDevicesRequest(page_token="YQBi")), "PAGE_TOKEN_INVALID"),
        (lambda s: s.metadata.ListDataModels(pb.ListDataModelsRequest(page_token="ä")), "PAGE_TOKEN_INVALID"),
        (lambda s: s.metadata.DeleteDevice(pb.DeleteDeviceRequest(device_code="x")), "DEVICE_NOT_FOUND"),
        (lambda s: s.metadata.DeleteDataModel(pb.DeleteDataModelRequest(model_code="x")), "DATA_MODEL_NOT_FOUND"),
        (
            lambda s: s.metadata.UpdateDevice(pb.UpdateDeviceRequest(device=pb.Device(device_code="x", name="n"))),
            "DEVICE_NOT_FOUND",
        ),
    ],
)
async def test_what_cannot_be_is_explained(service, call, reason):
    with pytest.raises(PenstockError) as caught:
        await call(service)
    assert caught.value.reason == reason


async def test_only_what_can_be_changed_is_changed(service):
    await create_device(service, device_code="P-1")
    request = pb.UpdateDeviceRequest(device=pb.Device(device_code="P-1"), update_fields=["create_time"])
    with pytest.raises(InvalidArgument, match="'create_time' can't be changed; what can be is: name, device_type"):
        await service.metadata.UpdateDevice(request)
