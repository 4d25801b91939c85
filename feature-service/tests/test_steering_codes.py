"""Codes that hold what steers a terminal or turns the direction of reading: registered in no way."""

import json

import pytest
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.domain.registry.device_registry import is_code
from penstock_kit.errors import InvalidArgument
from penstock_testkit.servers.mqtt_broker import MqttBroker
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import until

STEERING = ["a\u202eb", "a\u2066b", "a\x1bb", "a\x7fb", "a\x9bb", "a\u2028b", "a\x85b"]
TURNED = "a\u202eb"


@pytest.mark.parametrize("code", STEERING)
def test_what_steers_is_no_code(code):
    assert not is_code(code)


@pytest.mark.parametrize("code", [".", ".."])
def test_a_step_in_the_path_of_a_url_is_no_code(code):
    assert not is_code(code)
    assert is_code(f"{code}a")


@pytest.mark.parametrize("code", ["W1", "焊机 1", "café\u0301", "насос", "مضخة", "a\u200db", "🔧"])
def test_words_of_every_script_are_codes(code):
    assert is_code(code)


async def send(service, form, body, **options):
    async def messages():
        yield pb.IngestRequest(options=pb.IngestOptions(format=form, create=True, **options))
        yield pb.IngestRequest(chunk=body.encode())

    return await service.features.Ingest(messages())


async def by_request(service):
    await service.metadata.CreateDevice(pb.CreateDeviceRequest(device=pb.Device(device_code=TURNED)))


async def by_model(service):
    await service.metadata.CreateDataModel(pb.CreateDataModelRequest(model=pb.DataModel(model_code=TURNED)))


async def by_body(service):
    await send(service, pb.INGEST_FORMAT_CSV, "timestamp,v\n2024-05-01,1\n", device_code=TURNED)


async def by_model_of_a_body(service):
    await send(service, pb.INGEST_FORMAT_CSV, "timestamp,v\n2024-05-01,1\n", device_code="d", model_code=TURNED)


async def by_column(service):
    body = f"timestamp,machine,v\n2024-05-01,{TURNED},1\n"
    await send(service, pb.INGEST_FORMAT_CSV, body, device_column="machine")


async def by_json(service):
    body = json.dumps({"device_code": TURNED, "rows": [{"timestamp": "2024-05-01T00:00:00Z", "v": 1}]})
    await send(service, pb.INGEST_FORMAT_JSON, body)


WAYS = [by_request, by_model, by_body, by_model_of_a_body, by_column, by_json]


async def registered(service):
    devices = await service.metadata.ListDevices(pb.ListDevicesRequest())
    models = await service.metadata.ListDataModels(pb.ListDataModelsRequest())
    return [each.device_code for each in devices.devices], [each.model_code for each in models.models]


@pytest.mark.parametrize("way", WAYS)
async def test_a_request_registers_nothing_whose_code_turns_the_direction_of_reading(service, way):
    with pytest.raises(InvalidArgument, match="turn the direction of reading") as refused:
        await way(service)
    assert refused.value.reason == "CODE_INVALID"
    assert await registered(service) == ([], [])


async def test_a_point_registers_nothing_whose_code_turns_the_direction_of_reading(service):
    answer = await send(service, pb.INGEST_FORMAT_LINE_PROTOCOL, f"m,device={TURNED} v=1\n{TURNED},device=d v=1\n")
    assert (answer.rows_accepted, answer.rows_rejected) == (1, 1)
    assert "can't be the code of a device" in answer.errors[0].reason
    assert await registered(service) == (["d"], [])


async def test_a_message_registers_nothing_whose_code_turns_the_direction_of_reading(tmp_path, start_service):
    broker = MqttBroker(free_port())
    await broker.open()
    topics = {"MQTT_TOPICS": "all,{model}/{device}", "MQTT_TENANT": "default"}
    async with start_service(tmp_path, MQTT_URL=broker.url, MQTT_CLIENT_ID="r", **topics) as service:
        await until(lambda: "r" in broker.sessions and bool(broker.sessions["r"].filters))
        broker.publish(f"m/{TURNED}", b'{"v": 1}')
        broker.publish("all", json.dumps({"device_code": TURNED, "v": 1}).encode())
        broker.publish("all", f"m,device={TURNED} v=1".encode())
        broker.publish(f"{TURNED}/d", b'{"v": 1}')
        await until(lambda: len(broker.sessions["r"].acknowledged) == 4)
        assert (await registered(service))[1] == []
    await broker.cut()
    kept = (tmp_path / "mqtt" / "refused.ndjson").read_text().splitlines()
    assert len(kept) == 3
    assert all("can't be the code of a device" in json.loads(line)["reason"] for line in kept)
