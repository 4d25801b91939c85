"""When messages are acknowledged: behind the commit and no earlier, and not at all while the store is away."""

import asyncio

import pytest
from structlog.testing import capture_logs

from feature_service.adapters.mqtt.address import BrokerAddress
from feature_service.adapters.mqtt.client import BrokerLogin
from feature_service.adapters.mqtt.intake import IntakePlan, MqttIntake
from feature_service.adapters.mqtt.journal import FileReceiptJournal
from feature_service.domain.ingest.ingest_counts import IngestCounts
from feature_service.domain.ingest.lost_messages import LostMessages
from feature_service.domain.ingest.message import PayloadFormat
from feature_service.domain.ingest.message_ingestion import MessageIngestion
from feature_service.domain.ingest.message_reading import MessagePlan
from feature_service.domain.ingest.plan import IngestReport
from feature_service.domain.ingest.registration_allowance import RegistrationAllowance
from feature_service.domain.ingest.topic_pattern import topic_patterns
from penstock_kit.clock import SystemClock
from penstock_kit.errors import Unavailable
from penstock_testkit.servers.mqtt_broker import MqttBroker
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS, until


class HeldStorage:
    """A storage whose commits end when the test says so and each `is_ready`; while `away` it raises as a store does,
    and what `broken` holds as a fault in it does."""

    def __init__(self):
        self.asked = 0
        self.may_commit = asyncio.Event()
        self.away = False
        self.broken: list[Exception] = []
        self.is_ready = lambda: True

    async def store(self, tenant_id, devices, rejections, *, allowance):
        self.asked += 1
        if self.away:
            raise Unavailable("the store is away", reason="TELEMETRY_UNAVAILABLE")
        if self.broken:
            raise self.broken.pop()
        await self.may_commit.wait()
        await until(self.is_ready)
        rows = sum(len(piece) for points in devices.values() for piece in points.pieces)
        return IngestReport(device_code="", model_code="", accepted=rows, rejected=0)


class NoLosses:
    """A store of lost messages that has none."""

    async def add(self, minute, lost, *, broker):
        raise AssertionError("nothing is lost here")

    async def since(self, minute):
        return {}

    async def totals(self):
        return {}


@pytest.fixture
async def broker():
    broker = MqttBroker(free_port())
    await broker.open()
    yield broker
    await broker.cut()


@pytest.fixture
def intake(tmp_path, broker):
    clock, storage = SystemClock(), HeldStorage()
    journal = FileReceiptJournal(tmp_path / "receipts")
    plan = MessagePlan(
        format=PayloadFormat.AUTO, timestamp_key="timestamp", unit=None, device_tags=("device",), max_bytes=1_000_000
    )
    ingestion = MessageIngestion(
        storage=storage,
        plan=plan,
        tenant_id="t",
        counts=IngestCounts(clock.monotonic),
        journal=journal,
        allowance=RegistrationAllowance(10_000, clock.monotonic),
    )
    made = MqttIntake(
        plan=IntakePlan(
            patterns=topic_patterns("plant/{device}"), share_group="g", folder=tmp_path, max_bytes=1_000_000
        ),
        login=BrokerLogin(address=BrokerAddress.parse(broker.url), client_id="r1"),
        ingestion=ingestion,
        journal=journal,
        losses=LostMessages(NoLosses(), clock),
        clock=clock,
    )
    return made, storage


def publish(broker, count):
    for number in range(count):
        broker.publish("plant/W1", b'{"timestamp": 1714557600, "v": %d}' % number)


async def test_nothing_is_acknowledged_before_its_commit(broker, intake):
    made, storage = intake
    async with made.running():
        await until(lambda: "r1" in broker.sessions and bool(broker.sessions["r1"].filters))
        session = broker.sessions["r1"]
        publish(broker, 50)
        await until(lambda: storage.asked > 0)
        assert len(session.sent) == 50
        assert session.acknowledged == []
        storage.may_commit.set()
        await until(lambda: session.acknowledged == list(range(1, 51)))


async def test_a_store_that_is_away_withholds_acknowledgements_says_so_and_loses_nothing(broker, intake):
    made, storage = intake
    storage.away = True
    storage.may_commit.set()
    async with made.running():
        await until(lambda: "r1" in broker.sessions and bool(broker.sessions["r1"].filters))
        session = broker.sessions["r1"]
        with capture_logs() as logs:
            publish(broker, 20)
            await until(lambda: storage.asked >= 3)
        waits = {"event": "MQTT messages wait: the store can't take them", "log_level": "warning"}
        assert logs == [waits | {"detail": "the store is away"}], "once, not at every attempt"
        assert session.acknowledged == []
        with pytest.raises(Unavailable, match="the store is away"):
            await made.ping()
        storage.away = False
        await until(lambda: session.acknowledged == list(range(1, 21)))
        await made.ping()
        assert made.counts["stored"] == 20


async def test_a_fault_that_nobody_foresaw_is_told_each_time_and_the_messages_are_stored_behind_it(broker, intake):
    made, storage = intake
    storage.broken = [ValueError("second"), ValueError("first")]
    storage.may_commit.set()
    async with made.running():
        await until(lambda: "r1" in broker.sessions and bool(broker.sessions["r1"].filters))
        with capture_logs() as logs:
            publish(broker, 1)
            await until(lambda: broker.sessions["r1"].acknowledged == [1])
    told = [(each["event"], each["log_level"], str(each.get("exc_info", each.get("detail")))) for each in logs]
    assert told == [
        ("a batch of MQTT messages can't be stored", "error", "first"),
        ("MQTT messages wait: the store can't take them", "warning", "an internal error; the log has it"),
        ("a batch of MQTT messages can't be stored", "error", "second"),
    ]
    assert made.counts["stored"] == 1


async def test_a_hundred_thousand_messages_into_a_slow_store_are_all_stored_and_few_wait_here(broker, intake):
    many, most = 100_000, 0
    made, storage = intake
    storage.may_commit.set()
    async with made.running():
        await until(lambda: "r1" in broker.sessions and bool(broker.sessions["r1"].filters))
        session = broker.sessions["r1"]

        def is_full():
            """The store is so slow that the broker has given all that it may before an acknowledgement."""
            nonlocal most
            most = max(most, made.waiting)
            return len(session.sent) == min(session.most, many - len(session.acknowledged))

        storage.is_ready = is_full
        for number in range(many):
            broker.publish("plant/W1", b'{"timestamp": %d, "v": 1}' % (1_714_557_600_000 + number))
        await until(lambda: len(session.acknowledged) == many, seconds=10 * HANG_SECONDS)
        assert session.most == BrokerLogin.__dataclass_fields__["in_flight"].default
        assert 0 < most <= session.most
    assert made.counts["stored"] == made.counts["rows"] == many
    assert made.counts["dropped"] == 0
