"""Messages of MQTT until they are durable and acknowledged, from a real Mosquitto."""

import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from bench.measure import Figure, Report
from penstock_testkit.servers.mosquitto import OwnMosquitto, mosquitto_binary
from penstock_testkit.servers.process import free_port
from penstock_testkit.system import RunningSystem, start_system

_MESSAGES: Final = 30_000
_DEVICES: Final = 20
_SECONDS: Final = 300.0
_SETTINGS: Final = "max_inflight_messages 0\nmax_queued_messages 2000000"


async def run() -> Report:
    """Measure with a broker of its own; without Mosquitto there is nothing to measure."""
    report = Report(
        title="Telemetry by MQTT",
        note=f"{_MESSAGES} messages of a row with eight numbers, QoS 1, of {_DEVICES} devices, waiting at the broker; "
        "from the service being ready until the last is stored and acknowledged. Broker and services share the cores.",
    )
    if mosquitto_binary() is None:
        return report
    broker = OwnMosquitto(free_port(), _SETTINGS)
    broker.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            rate = _rate(Path(folder), broker)
    finally:
        broker.stop()
    report.figures.append(
        Figure(name="MQTT, acknowledged after the commit", value=rate, unit="messages/s", goal="≥ 3000 messages/s")
    )
    return report


def _rate(folder: Path, broker: OwnMosquitto) -> float:
    """Messages a second: the session is made by a first start, the messages are sent, the second start takes them."""
    settings = {"MQTT_URL": broker.url, "MQTT_CLIENT_ID": "bench", "MQTT_TOPICS": "plant/{device}/data"}
    running = start_system(folder / "home", demo=False, extra_env=settings)
    _until(running, "penstock_mqtt_connected", 1)
    running.stop()
    _publish(broker.port)
    running = start_system(folder / "home", demo=False, extra_env=settings)
    try:
        began, before = time.perf_counter(), _metric(running, 'penstock_mqtt_messages_total{outcome="stored"}')
        _until(running, 'penstock_mqtt_messages_total{outcome="stored"}', _MESSAGES)
        return (_MESSAGES - before) / (time.perf_counter() - began)
    finally:
        running.stop()


def _publish(port: int) -> None:
    """Send all messages and wait until the broker has them."""
    client: Any = Client(CallbackAPIVersion.VERSION2, client_id="sender", protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(1_000)
    taken = threading.Semaphore(0)
    client.on_publish = lambda *_: taken.release()
    client.connect("127.0.0.1", port)
    client.loop_start()
    for number in range(_MESSAGES):
        values = ", ".join(f'"field{place}": {number + place / 8}' for place in range(8))
        row = f'{{"timestamp": {1_714_557_600_000 + number}, {values}}}'
        client.publish(f"plant/W{number % _DEVICES}/data", row, qos=1)
    for _ in range(_MESSAGES):
        taken.acquire(timeout=_SECONDS)
    client.disconnect()
    client.loop_stop()


def _metric(running: RunningSystem, name: str) -> float:
    port = running.ports["FEATURE_SERVICE_METRICS_PORT"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)


def _until(running: RunningSystem, name: str, value: float) -> None:
    end = time.monotonic() + _SECONDS
    while _metric(running, name) < value:
        if time.monotonic() > end:
            raise TimeoutError(f"{name} did not reach {value:g}")
        time.sleep(0.02)
