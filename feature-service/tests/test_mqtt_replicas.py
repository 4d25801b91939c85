"""Two replicas that share the messages of a broker: services and broker killed in turn, every message stored once.

With Mosquitto where it is installed, and with the broker of the testkit everywhere.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from penstock_kit.errors import NotFound
from penstock_testkit.servers.mosquitto import OwnMosquitto, mosquitto_binary
from penstock_testkit.servers.mqtt_broker import MqttBroker
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS, until, until_true

LOST = "the connection is lost"
START = 1_714_557_600_000
BROKERS = ["testkit", *(["mosquitto"] if mosquitto_binary() else [])]


class Publisher:
    """A device: the unmodified client, which repeats until the broker has taken each message."""

    def __init__(self, port):
        self.client = Client(CallbackAPIVersion.VERSION2, client_id="device", protocol=MQTTProtocolVersion.MQTTv5)
        self.client.max_inflight_messages_set(200)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", port)
        self.taken = 0
        self.all_taken = threading.Event()
        self.wanted = 0
        self.client.on_publish = self._taken
        self.client.loop_start()

    async def send(self, messages):
        """Publish (topic, payload) with QoS 1, and return when the broker has taken them all."""
        self.wanted += len(messages)
        self.all_taken.clear()
        for topic, payload in messages:
            self.client.publish(topic, payload, qos=1)
        if self.taken >= self.wanted:
            self.all_taken.set()
        assert await asyncio.to_thread(self.all_taken.wait, HANG_SECONDS)

    def _taken(self, *_):
        self.taken += 1
        if self.taken >= self.wanted:
            self.all_taken.set()

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


class Replica:
    """A feature-service of its own process and home, with the stores of all."""

    def __init__(self, name: str, home: Path, postgres_url: str, broker_url: str, **settings: str) -> None:
        self.home = home
        self.environment = {
            **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
            "PENSTOCK_HOME": str(home),
            "DATABASE_URL": postgres_url,
            "TELEMETRY_URL": postgres_url,
            "DEMO_DATA": "false",
            "CACHE_SERVICE_ADDRESS": "127.0.0.1:1",
            "FEATURE_SERVICE_PORT": "0",
            "FEATURE_SERVICE_METRICS_PORT": str(free_port()),
            "MQTT_URL": broker_url,
            "MQTT_CLIENT_ID": name,
            "MQTT_TOPICS": "plant/{device}/data",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.home.mkdir(exist_ok=True)
        with (self.home / "log").open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "feature_service"],
                env=self.environment,
                cwd=self.home,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

    def is_connected(self) -> bool:
        return "connected to the broker" in (self.home / "log").read_text().rpartition(LOST)[2]

    def is_lost(self) -> bool:
        return not self.is_connected()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(HANG_SECONDS)
        (self.home / "log").write_text("")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(HANG_SECONDS)


class Broker:
    """Either broker, with what the test does to it."""

    def __init__(self, kind: str) -> None:
        self.own = MqttBroker(free_port()) if kind == "testkit" else OwnMosquitto(free_port())
        self.port, self.url = self.own.port, self.own.url

    async def start(self) -> None:
        if isinstance(self.own, MqttBroker):
            await self.own.open()
        else:
            await asyncio.to_thread(self.own.start)

    async def kill(self) -> None:
        """Kill it, once what it said it has taken is on its disk."""
        if isinstance(self.own, MqttBroker):
            await self.own.cut()
            return
        await asyncio.to_thread(self.own.save)
        await asyncio.to_thread(self.own.kill)

    async def stop(self) -> None:
        if isinstance(self.own, MqttBroker):
            await self.own.cut()
        else:
            await asyncio.to_thread(self.own.stop)


@pytest.fixture(params=BROKERS)
async def broker(request):
    broker = Broker(request.param)
    await broker.start()
    yield broker
    await broker.stop()


def messages(first, count, devices=5):
    rows = [(n % devices, {"timestamp": START + n, "value": n, "from": f"n{n}"}) for n in range(first, first + count)]
    return [(f"plant/W{device}/data", json.dumps(row).encode()) for device, row in rows]


async def test_every_message_is_stored_once_whoever_is_killed(  # noqa: PLR0917 - fixtures
    tmp_path, postgres_url, broker, start_service, as_tenant, measured
):
    replicas = [Replica(f"r{n}", tmp_path / f"r{n}", postgres_url, broker.url) for n in range(2)]
    publisher = Publisher(broker.port)
    count = 0

    async def send(number):
        nonlocal count
        await publisher.send(messages(count, number))
        count += number

    try:
        replicas[0].start()
        await until(replicas[0].is_connected)
        replicas[1].start()
        await until(replicas[1].is_connected)
        await send(500)
        for victim in replicas:
            sending = asyncio.create_task(send(500))
            victim.kill()
            await sending
            await send(100)
            victim.start()
            await until(victim.is_connected)
        sending = asyncio.create_task(send(500))
        await sending
        await broker.kill()
        for replica in replicas:
            await until(replica.is_lost)
        await broker.start()
        # Mosquitto 2.0.11 gives a shared subscription nothing before its members are back.
        for replica in replicas:
            await until(replica.is_connected)
        await send(500)
        values = await all_values(tmp_path, postgres_url, start_service, as_tenant, count)
        measured(f"{len(set(values))} of {count} stored, {len(values) - len(set(values))} twice")
        assert sorted(values) == list(range(count))
    finally:
        publisher.close()
        for replica in replicas:
            replica.stop()


async def all_values(tmp_path, postgres_url, start_service, as_tenant, count):
    """Read what is stored, through a third service that takes no messages, until there are `count` rows."""
    from penstock.feature.v1 import feature_pb2 as pb

    stores = {"DATABASE_URL": postgres_url, "TELEMETRY_URL": postgres_url}
    async with start_service(tmp_path / "reader", **stores) as service:
        values: list[float] = []

        async def are_there():
            values.clear()
            with as_tenant("default"):
                for device in range(5):
                    request = pb.QueryHistoryRequest(device_code=f"W{device}", fields=["value"], limit=100_000)
                    try:
                        answer = await service.features.QueryHistory(request)
                    except NotFound:
                        return False
                    values.extend(answer.rows.columns[0].numbers)
            return len(values) >= count

        await until_true(are_there)
        return values


async def test_a_replica_that_leaves_for_good_loses_no_message(
    tmp_path, postgres_url, broker, start_service, as_tenant
):
    replicas = [Replica(f"r{n}", tmp_path / f"r{n}", postgres_url, broker.url, MQTT_ON_STOP="leave") for n in range(3)]
    publisher = Publisher(broker.port)
    try:
        for replica in replicas:
            replica.start()
            await until(replica.is_connected)
        sending = asyncio.create_task(publisher.send(messages(0, 2_000)))
        await asyncio.to_thread(replicas[1].stop)
        await sending
        values = await all_values(tmp_path, postgres_url, start_service, as_tenant, 2_000)
        assert sorted(values) == list(range(2_000))
    finally:
        publisher.close()
        for replica in replicas:
            replica.stop()
