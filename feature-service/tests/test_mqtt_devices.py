"""Devices with logins of their own at the broker, one of them malicious: others' rows stay theirs, and none is lost."""

import json
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from penstock.feature.v1 import feature_pb2 as pb

from penstock_kit.errors import NotFound
from penstock_testkit.servers.mosquitto import OwnMosquitto, mosquitto_binary
from penstock_testkit.servers.mqtt_broker import MqttBroker
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import until, until_true

ACCESS = Path(__file__).parents[2] / "deploy/mosquitto/acl"
START = 1_714_557_600_000
NOT_AUTHORIZED = 0x87
LOGIN = {"MQTT_CLIENT_ID": "r1", "MQTT_TENANT": "t", "MQTT_USERNAME": "penstock", "MQTT_PASSWORD": "s3cret-of-ours"}


class Device:
    """The unmodified client under a login; what it was told is kept."""

    def __init__(self, name, port, *, will=""):
        self.answers: list[int] = []
        self.granted: list[str] = []
        self.read: list[str] = []
        self.is_connected = False
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.username_pw_set(name, "its-own")
        self.client.on_connect = lambda *_: setattr(self, "is_connected", True)
        self.client.on_disconnect = lambda *_: setattr(self, "is_connected", False)
        self.client.on_publish = lambda _, __, ___, reason, ____: self.answers.append(reason.value)
        self.client.on_subscribe = lambda _, __, ___, reasons, ____: self.granted.append(str(reasons))
        self.client.on_message = lambda _, __, message: self.read.append(message.topic)
        if will:
            self.client.will_set(will, row(999, 666), qos=1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    async def send(self, device, payload):
        """Publish for a device, and return the broker's answer."""
        count = len(self.answers)
        self.client.publish(f"plant/{device}/telemetry", payload, qos=1)
        await until(lambda: len(self.answers) > count)
        return self.answers[-1]

    async def subscribe(self, *filters):
        for each in filters:
            count = len(self.granted)
            self.client.subscribe(each, qos=1)
            await until(lambda count=count: len(self.granted) > count)

    def vanish(self):
        """Lose the connection without a word, so that the will is published."""
        self.client.loop_stop()
        self.client.socket().close()

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


def row(second, value):
    return json.dumps({"timestamp": START + second * 1000, "v": value}).encode()


@pytest.fixture
def mosquitto():
    if not mosquitto_binary():
        pytest.skip("there is no mosquitto here; scripts/monitoring-tools gets one")
    made = OwnMosquitto(free_port(), settings=f"acl_file {ACCESS}\nmessage_size_limit 1048576")
    made.start()
    yield made
    made.stop()


async def test_a_device_writes_its_own_topic_alone_and_takes_no_message_from_others(
    tmp_path, start_service, as_tenant, mosquitto
):
    settings = LOGIN | {"MQTT_URL": mosquitto.url, "MQTT_TOPICS": "plant/{device}/telemetry"}
    async with start_service(tmp_path, **settings) as service:

        async def values(device):
            with as_tenant("t"):
                try:
                    asked = pb.QueryHistoryRequest(device_code=device, limit=1_000)
                    found = await service.features.QueryHistory(asked)
                except NotFound:
                    return []
            return [number for column in found.rows.columns for number in column.numbers]

        async def is_ready():
            answer = await service.features.GetStatus(pb.GetStatusRequest())
            return {each.name: each.state for each in answer.components}["mqtt"] == "ok"

        async def stored(device, count):
            async def there():
                return len(await values(device)) == count

            await until_true(there)

        await until_true(is_ready)
        bad, good = Device("W1", mosquitto.port), Device("W2", mosquitto.port)
        assert await bad.send("W2", row(0, 666)) == NOT_AUTHORIZED
        await bad.subscribe("#", "plant/#", "$share/penstock/plant/+/telemetry", "$share/r1/plant/+/telemetry")
        heir = Device("W3", mosquitto.port, will="plant/W2/telemetry")
        await until(lambda: heir.is_connected)
        heir.vanish()
        for number in range(20):
            assert await good.send("W2", row(number, number)) == 0
        await stored("W2", 20)
        assert await values("W2") == [float(number) for number in range(20)]
        assert bad.read == []
        bad.client.publish("plant/W1/telemetry", b"x" * 2_000_000, qos=1)
        await until(lambda: not bad.is_connected)
        assert await good.send("W2", row(20, 20)) == 0
        await stored("W2", 21)
        bad.close()
        good.close()


@pytest.fixture
async def broker():
    broker = MqttBroker(free_port())
    await broker.open()
    yield broker
    await broker.cut()


async def test_the_group_of_replicas_is_made_of_their_password_and_tells_nobody_of_it(tmp_path, start_service, broker):
    async def group_under(home, **login):
        settings = LOGIN | login | {"MQTT_URL": broker.url, "MQTT_TOPICS": "plant/{device}/telemetry"}
        settings["MQTT_DROPS_TOPIC"] = ""
        async with start_service(tmp_path / home, **settings):
            client = settings["MQTT_CLIENT_ID"]
            await until(lambda: client in broker.sessions and bool(broker.sessions[client].filters))
            (found,) = broker.sessions[client].filters
        return found.removeprefix("$share/").removesuffix("/plant/+/telemetry")

    first = await group_under("a", MQTT_CLIENT_ID="a")
    assert await group_under("b", MQTT_CLIENT_ID="b") == first
    assert await group_under("c", MQTT_CLIENT_ID="c", MQTT_PASSWORD="another") != first
    assert await group_under("d", MQTT_CLIENT_ID="d", MQTT_SHARE_GROUP="ours") == "ours"
    assert first.startswith("penstock-")
    assert len(first) == len("penstock-") + 24
    assert "s3cret" not in first
