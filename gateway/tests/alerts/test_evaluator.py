"""Rounds of evaluation over a real store: each message once, over restarts and over two gateways."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.alerts.channels.channel import Channel, ChannelKind, DeliveryError
from gateway.alerts.devices import DeviceObservation
from gateway.alerts.evaluator import AlertEvaluator, fingerprint_of
from gateway.alerts.message import Message
from gateway.alerts.model import Alarm, Observation, Severity, Status, Watch
from gateway.alerts.notifier import Notifier
from gateway.alerts.secret_box import SecretBox
from gateway.alerts.store import FAILED, SENT, UNKNOWN, WAITING, AlertStore, LeaseLostError
from gateway.alerts.system import Finding
from gateway.main import MIGRATIONS
from penstock_kit.database import Database, migrate, open_database, sqlite_url
from penstock_kit.errors import FailedPrecondition, NotFound, Unavailable
from penstock_kit.outbound.destinations import Destinations
from penstock_kit.outbound.guarded_http import GuardedHttp
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CHANNEL = Channel(
    id="chan_1", tenant_id="acme", name="team", kind=ChannelKind.WEBHOOK, url="https://x", create_time=NOW
)
ALARM = Alarm(
    id="alarm_1", tenant_id="acme", user_id="usr_1", name="hot", watch=Watch.ABOVE, device_codes=("WLD001",),
    field="temperature", limit=80, create_time=NOW,
)  # fmt: skip


class Devices:
    """Says of each device what the test wants."""

    def __init__(self) -> None:
        self.holds: bool | None = False
        self.fails = False
        self.firing: list[frozenset[str]] = []

    async def observe(self, alarm: Alarm, firing: frozenset[str], now: datetime) -> Sequence[DeviceObservation]:
        if self.fails:
            raise Unavailable("feature-service is away", reason="SERVICE_UNAVAILABLE")
        self.firing.append(firing)
        labels = {"device_code": "WLD001", "field": alarm.field}
        found = Observation(holds=self.holds, value=91.0 if self.holds else 20.0, labels=labels)
        return [DeviceObservation(device_code="WLD001", last_seen=now, observation=found)]


class System:
    """One finding about the disk."""

    holds: bool | None = False

    async def find(self) -> AsyncIterator[Finding]:
        yield Finding(
            rule="DiskNearlyFull",
            subject="gateway",
            severity=Severity.WARNING,
            hold_seconds=0,
            observation=Observation(holds=self.holds, value=0.95),
            summary="95 % full.",
            summary_zh="已使用 95 %.",
        )


class Sender:
    """Keeps what is sent; fails as told."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.failures: list[Exception] = []

    async def send(self, channel: Channel, message: Message) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message)


class World:
    """A store with one channel and one alarm, and gateways over it."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, ManualClock(start=NOW)
        self.devices, self.system, self.sender = Devices(), System(), Sender()
        self.store = AlertStore(database, SecretBox(("secret" * 8,)))

    def gateway(self) -> AlertEvaluator:
        senders = dict.fromkeys(ChannelKind, self.sender)
        http = GuardedHttp(Destinations())
        notifier = Notifier(store=self.store, senders=senders, http=http, clock=self.clock)
        return AlertEvaluator(
            store=self.store, system=self.system, devices=self.devices, notifier=notifier, clock=self.clock, seconds=15
        )

    def told(self) -> list[str]:
        return [f"{message.change} {message.episode}" for message in self.sender.sent]


@pytest.fixture
async def world(tmp_path: Path) -> Any:
    url = sqlite_url(tmp_path / "gateway.db")
    await migrate(url, MIGRATIONS)
    database = open_database(url)
    made = World(database)
    await made.store.put_channel(CHANNEL)
    await made.store.put_alarm(ALARM)
    yield made
    await database.close()


async def test_an_alarm_fires_is_told_once_and_its_end_too(world: World) -> None:
    gateway = world.gateway()
    for holds in (False, True, True, True, False, False):
        world.devices.holds = holds
        assert await gateway.evaluate()
        world.clock.advance(15)
    assert world.told() == ["fired 1", "resolved 1"]
    assert world.sender.sent[0].lines[-2:] == ("Value: 91", "Since: 2026-05-01 12:00:15 UTC")
    (known,) = [state for state in await world.store.list_states("acme") if state.rule_id == "alarm_1"]
    assert (known.status, known.episode) == (Status.OK, 1)
    assert world.devices.firing[:4] == [frozenset(), frozenset(), frozenset({"WLD001"}), frozenset({"WLD001"})]


async def test_a_restart_tells_nobody_again_and_forgets_nothing(world: World) -> None:
    world.devices.holds = True
    await world.gateway().evaluate()
    world.clock.advance(120)
    await world.gateway().evaluate()
    world.devices.holds = False
    world.clock.advance(120)
    await world.gateway().evaluate()
    assert world.told() == ["fired 1", "resolved 1"]


async def test_of_two_gateways_one_evaluates_and_the_other_takes_over_when_it_is_gone(world: World) -> None:
    first, second = world.gateway(), world.gateway()
    world.devices.holds = True
    assert await first.evaluate()
    assert not await second.evaluate()
    world.clock.advance(61)
    assert await second.evaluate()
    assert not await first.evaluate()
    assert world.told() == ["fired 1"]


async def test_a_gateway_that_stood_still_past_its_lease_writes_and_sends_nothing(world: World) -> None:
    first, second = world.gateway(), world.gateway()
    await first.evaluate()
    fence = await world.store.acquire_lease(first._holder, seconds=60, now=world.clock.now())
    world.clock.advance(61)
    world.devices.holds = True
    await second.evaluate()
    with pytest.raises(LeaseLostError):
        await world.store.record(fence, [], [(CHANNEL, world.sender.sent[0])], world.clock.now())
    with pytest.raises(LeaseLostError):
        await world.store.claim_deliveries(fence, world.clock.now())
    assert world.told() == ["fired 1"]


async def test_what_a_gateway_was_sending_when_it_ended_is_not_sent_twice_and_said(world: World) -> None:
    first, second = world.gateway(), world.gateway()
    world.devices.holds = True
    world.sender.failures = [KeyboardInterrupt()]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        await first.evaluate()
    world.clock.advance(200)
    await second.evaluate()
    (delivery,) = await world.store.list_deliveries("acme")
    assert (delivery.status, world.told()) == (UNKNOWN, [])
    assert "not known" in delivery.error


async def test_a_message_that_failed_for_now_is_tried_again_and_a_final_refusal_is_not(world: World) -> None:
    gateway = world.gateway()
    world.devices.holds = True
    world.sender.failures = [DeliveryError("busy"), DeliveryError("busy")]
    await gateway.evaluate()
    (delivery,) = await world.store.list_deliveries("acme")
    assert (delivery.status, delivery.attempts, delivery.error) == (WAITING, 1, "busy")
    for _ in range(4):
        world.clock.advance(30)
        await gateway.evaluate()
    (delivery,) = await world.store.list_deliveries("acme")
    assert (delivery.status, delivery.attempts, world.told()) == (SENT, 3, ["fired 1"])
    world.devices.holds = False
    world.sender.failures = [DeliveryError("no such robot", is_final=True)]
    world.clock.advance(30)
    await gateway.evaluate()
    assert [entry.status for entry in await world.store.list_deliveries("acme")] == [FAILED, SENT]


async def test_a_failing_look_costs_its_alarm_and_leaves_what_is_known(world: World) -> None:
    gateway = world.gateway()
    world.devices.holds = True
    await gateway.evaluate()
    world.devices.fails = True
    world.system.holds = True
    world.clock.advance(15)
    await gateway.evaluate()
    states = {state.rule_id: state.status for state in await world.store.list_states()}
    assert states == {"alarm_1": Status.FIRING, "system:DiskNearlyFull": Status.FIRING}


async def test_the_systems_alerts_go_to_channels_that_asked_for_them_alone(world: World) -> None:
    ops = replace(CHANNEL, id="chan_ops", tenant_id="default", language="zh", options={"system": "true"})
    await world.store.put_channel(ops)
    world.system.holds = True
    await world.gateway().evaluate()
    (message,) = world.sender.sent
    assert (message.title, message.lines[0]) == ("[告警] DiskNearlyFull", "已使用 95 %.")


async def test_what_is_anothers_is_not_found(world: World) -> None:
    world.devices.holds = True
    await world.gateway().evaluate()
    for asked in (
        world.store.alarm("other", "alarm_1"),
        world.store.delete_alarm("other", "alarm_1"),
        world.store.channel("other", "chan_1"),
        world.store.delete_channel("other", "chan_1"),
        world.store.change_state("other", fingerprint_of("alarm_1", "WLD001"), NOW, acknowledged_by="x"),
    ):
        with pytest.raises(NotFound):
            await asked
    assert (await world.store.list_alarms("other"), await world.store.list_channels("other")) == ([], [])
    assert (await world.store.list_states("other"), await world.store.list_deliveries("other")) == ([], [])
    assert await world.store.alarm("acme", "alarm_1") == ALARM


async def test_addresses_of_robots_are_encrypted_and_survive_a_new_signing_secret(world: World, tmp_path: Path) -> None:
    await world.store.put_channel(replace(CHANNEL, url="https://robot?access_token=t0psecret", secrets=("SECx",)))
    await world.database.maintain()
    assert b"t0psecret" not in (tmp_path / "gateway.db").read_bytes()
    later = AlertStore(world.database, SecretBox(("new" * 16, "secret" * 8)))
    assert (await later.channel("acme", "chan_1")).secrets == ("SECx",)
    stranger = AlertStore(world.database, SecretBox(("other" * 8,)))
    with pytest.raises(FailedPrecondition, match="JWT_SECRET"):
        await stranger.list_channels("acme")


async def test_messages_of_more_than_a_month_ago_are_forgotten(world: World) -> None:
    await world.store.put_alarm(replace(ALARM, repeat_seconds=0))
    gateway = world.gateway()
    world.devices.holds = True
    await gateway.evaluate()
    assert world.told() == ["fired 1"]
    world.clock.advance(timedelta(days=31).total_seconds())
    await gateway.evaluate()
    assert await world.store.list_deliveries("acme") == []
