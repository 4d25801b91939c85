"""The configuration of Mosquitto that is shipped has room for ten minutes without a consumer."""

import asyncio
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from penstock_testkit.servers.mosquitto import OwnMosquitto, mosquitto_binary
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import until

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy" / "mosquitto" / "mosquitto.conf"
PER_SECOND = 3_000
SECONDS_AWAY = 600
MESSAGE_BYTES = 1_000
"""A large message: fifty fields as JSON."""
OWN = ("listener", "allow_anonymous", "persistence", "persistence_location")


def settings():
    lines = [line.split(None, 1) for line in SHIPPED.read_text().splitlines() if line and not line.startswith("#")]
    return {name: value.strip() for name, value in lines}


def test_it_keeps_what_comes_in_ten_minutes_at_the_promised_rate_on_the_disk():
    shipped = settings()
    messages = PER_SECOND * SECONDS_AWAY
    assert int(shipped["max_queued_messages"]) >= messages
    assert int(shipped["max_queued_bytes"]) >= messages * MESSAGE_BYTES
    assert shipped["persistence"] == "true"
    assert "ten minutes" in SHIPPED.read_text()
    assert f"{PER_SECOND:,} messages a second" in SHIPPED.read_text()


def client_of(port, name):
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_queued_messages_set(0)
    kept = Properties(PacketTypes.CONNECT)
    kept.SessionExpiryInterval = 3_600
    client.connect("127.0.0.1", port, clean_start=False, properties=kept)
    return client


@pytest.mark.skipif(mosquitto_binary() is None, reason="there is no mosquitto here; scripts/monitoring-tools gets one")
async def test_mosquitto_takes_it_and_keeps_more_for_a_consumer_that_is_away_than_it_would_by_itself():
    many = 20_000  # by itself it keeps 1,000
    said = "\n".join(f"{name} {value}" for name, value in settings().items() if name not in OWN)
    broker = OwnMosquitto(free_port(), said)
    broker.start()
    try:
        await away(broker.port)
        device = client_of(broker.port, "device")
        device.loop_start()
        taken = []
        device.on_publish = lambda *_: taken.append(1)
        for number in range(many):
            device.publish("plant/W1", b"%d" % number, qos=1)
        await until(lambda: len(taken) == many, seconds=300)
        found = []
        consumer = client_of(broker.port, "consumer")
        consumer.on_message = lambda client, own, message: found.append(int(message.payload))
        consumer.loop_start()
        await until(lambda: len(set(found)) == many, seconds=300)
        for each in (device, consumer):
            each.disconnect()
            each.loop_stop()
    finally:
        await asyncio.to_thread(broker.stop)


async def away(port):
    """Leave a session that is subscribed and has nobody."""
    consumer = client_of(port, "consumer")
    subscribed = []
    consumer.on_subscribe = lambda *_: subscribed.append(1)
    consumer.loop_start()
    consumer.subscribe("plant/+", qos=1)
    await until(lambda: bool(subscribed))
    consumer.disconnect()
    consumer.loop_stop()
