"""Rounds of evaluation over a real store: each message once, over restarts and over two gateways."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alert_world import ALARM, CHANNEL, NOW, Silent, World

from gateway.alerts.channels.channel import ChannelKind, DeliveryError
from gateway.alerts.delivery_store import FAILED, SENT, UNKNOWN, WAITING
from gateway.alerts.evaluator import fingerprint_of
from gateway.alerts.lease import LeaseLostError
from gateway.alerts.model import Status
from gateway.alerts.secret_box import SecretBox
from gateway.alerts.store import AlertStore
from penstock_kit.errors import FailedPrecondition, NotFound
from penstock_testkit.waiting import until


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


async def test_a_gateway_that_evaluates_seldom_keeps_the_turn_for_four_of_its_rounds(world: World) -> None:
    first, second = world.gateway(), world.gateway()
    assert await first.evaluate()
    world.clock.advance(4 * 15 - 1)
    assert not await second.evaluate(), "its next rounds may be late"
    world.clock.advance(1)
    assert await second.evaluate()


async def test_a_gateway_that_stood_still_past_its_lease_writes_and_sends_nothing(world: World) -> None:
    first, second = world.gateway(), world.gateway()
    await first.evaluate()
    lease = await world.leases.acquire(first.holder, seconds=60, now=world.clock.now())
    assert lease is not None
    world.clock.advance(61)
    world.devices.holds = True
    await second.evaluate()
    with pytest.raises(LeaseLostError):
        await world.store.record(lease.fence, [], [(CHANNEL, world.sender.sent[0])], world.clock.now())
    with pytest.raises(LeaseLostError):
        await world.deliveries.claim("chan_1", lease.fence, most=1)
    assert world.told() == ["fired 1"]


async def test_what_a_gateway_was_sending_when_it_ended_is_not_sent_twice_and_said(world: World) -> None:
    second = world.gateway()
    world.devices.holds = True
    world.senders = {kind: Silent() for kind in ChannelKind}
    first = world.gateway()
    evaluating = asyncio.create_task(first.evaluate())
    await until(lambda: world.senders[ChannelKind.WEBHOOK].asked == ["chan_1"])
    world.clock.advance(200)
    await second.evaluate()
    (delivery,) = await world.deliveries.list("acme")
    assert (delivery.status, world.told()) == (UNKNOWN, [])
    assert "not known" in delivery.error
    await first.stop()
    evaluating.cancel()


async def test_a_message_that_failed_for_now_is_tried_again_and_a_final_refusal_is_not(world: World) -> None:
    gateway = world.gateway()
    world.devices.holds = True
    world.sender.failures = [DeliveryError("busy"), DeliveryError("busy")]
    await gateway.evaluate()
    (delivery,) = await world.deliveries.list("acme")
    assert (delivery.status, delivery.attempts, delivery.error) == (WAITING, 1, "busy")
    for _ in range(4):
        world.clock.advance(30)
        await gateway.evaluate()
    (delivery,) = await world.deliveries.list("acme")
    assert (delivery.status, delivery.attempts, world.told()) == (SENT, 3, ["fired 1"])
    world.devices.holds = False
    world.sender.failures = [DeliveryError("no such robot", is_final=True)]
    world.clock.advance(30)
    await gateway.evaluate()
    assert [entry.status for entry in await world.deliveries.list("acme")] == [FAILED, SENT]


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


async def test_a_channel_of_the_operators_that_did_not_ask_for_the_systems_alerts_hears_of_none(world: World) -> None:
    await world.store.put_channel(replace(CHANNEL, id="chan_ops", tenant_id="default"))
    for holds in (True, False):
        world.system.holds = holds
        await world.gateway_after_the_other().evaluate()
    assert world.told() == []


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
    assert (await world.store.list_states("other"), await world.deliveries.list("other")) == ([], [])
    assert await world.store.alarm("acme", "alarm_1") == ALARM


async def test_addresses_of_robots_are_encrypted_and_survive_a_new_signing_secret(world: World, tmp_path: Path) -> None:
    await world.store.put_channel(replace(CHANNEL, url="https://robot?access_token=t0psecret", secrets=("SECx",)))
    await world.database.maintain()
    assert b"t0psecret" not in (tmp_path / "gateway.db").read_bytes()
    later = AlertStore(world.database, SecretBox(("new" * 16, "secret" * 8)))
    assert (await later.channel("acme", "chan_1")).secrets == ("SECx",)
    stranger = AlertStore(world.database, SecretBox(("other" * 8,)))
    with pytest.raises(FailedPrecondition, match="JWT_SECRET"):
        await stranger.channel("acme", "chan_1")


async def test_messages_of_more_than_a_month_ago_are_forgotten(world: World) -> None:
    await world.store.put_alarm(replace(ALARM, repeat_seconds=0))
    gateway = world.gateway()
    world.devices.holds = True
    await gateway.evaluate()
    assert world.told() == ["fired 1"]
    world.clock.advance(timedelta(days=31).total_seconds())
    await gateway.evaluate()
    assert await world.deliveries.list("acme") == []


async def test_what_a_check_names_no_more_has_ended_and_a_check_that_was_not_made_ends_nothing(world: World) -> None:
    await world.store.put_channel(replace(CHANNEL, id="chan_ops", tenant_id="default", options={"system": "true"}))
    gateway = world.gateway()
    world.system.holds = True
    await gateway.evaluate()
    world.system.is_away = True
    await gateway.evaluate()
    assert world.told() == ["fired 1"]
    world.system.is_away, world.system.is_gone = False, True
    await gateway.evaluate()
    await gateway.evaluate()
    assert world.told() == ["fired 1", "resolved 1"]


async def test_a_device_that_an_alarm_covers_no_longer_ends_without_a_word(world: World) -> None:
    gateway = world.gateway()
    world.devices.holds = True
    await gateway.evaluate()
    world.devices.codes = ("WLD002",)
    world.devices.holds = False
    await gateway.evaluate()
    states = {state.fingerprint: state.status for state in await world.store.list_states("acme")}
    assert states[fingerprint_of("alarm_1", "WLD001")] is Status.OK
    assert world.told() == ["fired 1"]


async def test_what_was_only_pending_on_a_device_that_an_alarm_covers_no_longer_begins_anew(world: World) -> None:
    await world.store.put_alarm(replace(ALARM, seconds=60))
    gateway = world.gateway()
    world.devices.holds = True
    for codes in (("WLD001",), (), ("WLD001",)):
        world.devices.codes = codes
        await gateway.evaluate()
        world.clock.advance(30)
    (known,) = [state for state in await world.store.list_states("acme") if state.rule_id == "alarm_1"]
    assert (known.status, world.told()) == (Status.PENDING, [])
    assert known.since == world.clock.now() - timedelta(seconds=30)


async def test_what_ended_more_than_a_month_ago_is_forgotten_and_what_fires_is_not(world: World) -> None:
    gateway = world.gateway()
    world.devices.holds = world.system.holds = True
    await gateway.evaluate()
    world.system.holds = False
    await gateway.evaluate()
    world.system.is_away = True
    world.clock.advance(timedelta(days=31).total_seconds())
    await gateway.evaluate()
    assert [state.rule_id for state in await world.store.list_states()] == ["alarm_1"]


async def test_what_people_say_while_an_evaluation_runs_is_not_lost(world: World) -> None:
    gateway = world.gateway()
    world.devices.holds = True
    await gateway.evaluate()
    fingerprint = fingerprint_of("alarm_1", "WLD001")
    until_time = world.clock.now() + timedelta(hours=1)

    async def snooze() -> None:
        now = world.clock.now()
        await world.store.change_state("acme", fingerprint, now, acknowledged_by="ann", snoozed_until=until_time)

    world.devices.meanwhile = snooze
    world.devices.value = 99.0
    await gateway.evaluate()
    state = await world.store.state("acme", fingerprint)
    assert (state.value, state.acknowledged_by, state.snoozed_until) == (99.0, "ann", until_time)
    world.devices.holds = False
    await gateway.evaluate()
    assert (await world.store.state("acme", fingerprint)).acknowledged_by == ""
    assert world.told() == ["fired 1"]


async def test_an_acknowledgement_of_before_is_none_of_what_fires_anew_meanwhile(world: World) -> None:
    gateway = world.gateway()
    await gateway.evaluate()
    fingerprint = fingerprint_of("alarm_1", "WLD001")
    until_time = world.clock.now() + timedelta(hours=1)

    async def acknowledge() -> None:
        now = world.clock.now()
        await world.store.change_state("acme", fingerprint, now, acknowledged_by="ann", snoozed_until=until_time)

    world.devices.meanwhile = acknowledge
    world.devices.holds = True
    await gateway.evaluate()
    state = await world.store.state("acme", fingerprint)
    assert (state.status, state.episode, state.acknowledged_by) == (Status.FIRING, 1, "")
    assert state.snoozed_until == until_time, "a snooze is of a time, whatever happens in it"


async def test_a_device_that_cannot_be_asked_about_keeps_its_alert_and_costs_no_other_device(world: World) -> None:
    gateway = world.gateway()
    world.devices.codes = ("WLD001", "WLD002")
    world.devices.holds = True
    await gateway.evaluate()
    world.devices.unknown = frozenset({"WLD001"})
    world.devices.holds = False
    await gateway.evaluate()
    states = {state.labels["device_code"]: state.status for state in await world.store.list_states("acme")}
    assert states == {"WLD001": Status.FIRING, "WLD002": Status.OK}
    assert world.told() == ["fired 1", "fired 1", "resolved 1"]
