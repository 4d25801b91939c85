"""Channels side by side: one that hangs, fails or can't be read costs itself alone, and nothing is lost."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from alert_world import ALARM, CHANNEL, Sender, Silent, World, channel, message
from sqlalchemy import insert, update

from gateway.alerts.channels.channel import ChannelKind, DeliveryError
from gateway.alerts.channels.email import EmailSender, SmtpServer
from gateway.alerts.delivery_store import FAILED, SENT, WAITING
from gateway.alerts.message import bundle
from gateway.alerts.model import Status
from gateway.alerts.secret_box import SecretBox
from gateway.alerts.store import AlertStore
from gateway.alerts.table import alarms, channels
from penstock_testkit.receivers import TarPit
from penstock_testkit.waiting import until

HOOK = replace(CHANNEL, id="chan_hook", kind=ChannelKind.WEBHOOK)
ROBOT = replace(CHANNEL, id="chan_robot", kind=ChannelKind.WECOM)


async def test_a_channel_that_no_secret_opens_costs_no_other_and_can_be_stored_anew(world: World) -> None:
    foreign = AlertStore(world.database, SecretBox(("other" * 8,)))
    await foreign.put_channel(replace(CHANNEL, id="chan_lost"))
    world.devices.holds = world.system.holds = True
    await world.gateway().evaluate()
    assert world.told() == ["fired 1"]
    (lost,) = await world.store.list_unreadable_channels("acme")
    assert (lost.id, lost.create_time) == ("chan_lost", CHANNEL.create_time)
    assert await world.store.list_unreadable_channels("other") == []
    await world.store.put_channel(replace(CHANNEL, id="chan_lost"))
    assert await world.store.list_unreadable_channels("acme") == []


@pytest.mark.parametrize("text", ["", "!", "e30=", "AAAA" * 20])
async def test_a_row_of_a_channel_that_is_no_cipher_text_costs_no_other(world: World, text: str) -> None:
    row = {"id": "chan_bad", "tenant_id": "acme", "definition": text, "create_time": 0}
    async with world.database.write() as connection:
        await connection.execute(insert(channels).values(**row))
    world.devices.holds = True
    await world.gateway().evaluate()
    assert world.told() == ["fired 1"]


@pytest.mark.parametrize("text", ["", "[]", '{"watch": "hotter"}', '{"id": "alarm_2"}'])
async def test_an_alarm_that_cannot_be_read_costs_no_other(world: World, text: str) -> None:
    await world.store.put_alarm(replace(ALARM, id="alarm_0"))
    async with world.database.write() as connection:
        await connection.execute(update(alarms).where(alarms.c.id == "alarm_0").values(definition=text))
    world.devices.holds = True
    await world.gateway().evaluate()
    assert world.told() == ["fired 1"]


async def test_a_message_to_a_channel_that_cannot_be_read_waits_and_says_why(world: World) -> None:
    world.senders = {kind: Sender(DeliveryError("busy")) for kind in ChannelKind}
    world.devices.holds = True
    await world.gateway().evaluate()
    async with world.database.write() as connection:
        await connection.execute(update(channels).values(definition="AAAA"))
    world.clock.advance(15)
    await world.gateway_after_the_other().evaluate()
    (delivery,) = await world.deliveries.list("acme")
    assert delivery.status == WAITING
    assert "store it anew" in delivery.error


async def test_a_receiver_that_never_answers_delays_no_other_and_no_evaluation(world: World) -> None:
    silent = Silent()
    world.senders = {**world.senders, ChannelKind.DINGTALK: silent}
    for n in range(3):
        await world.store.put_channel(replace(CHANNEL, id=f"chan_0{n}", kind=ChannelKind.DINGTALK))
    gateway = world.gateway()
    world.devices.holds = True
    await gateway.look()
    await until(lambda: world.told() == ["fired 1"] and len(silent.asked) == 3)
    world.devices.holds = False
    world.clock.advance(15)
    await gateway.look()
    await until(lambda: world.told() == ["fired 1", "resolved 1"])
    assert len(silent.asked) == 3, "a channel is sent to by one task at a time"
    await gateway.stop()


async def test_silent_receivers_of_one_tenant_leave_places_for_another(world: World) -> None:
    silent = Silent()
    world.senders = {**world.senders, ChannelKind.DINGTALK: silent}
    alarm = replace(ALARM, id="alarm_greedy", tenant_id="greedy")
    await world.store.put_alarm(alarm)
    for n in range(50):
        greedy = replace(CHANNEL, id=f"chan_0{n:02}", tenant_id="greedy", kind=ChannelKind.DINGTALK)
        await world.store.put_channel(greedy)
    gateway = world.gateway()
    world.devices.holds = True
    await gateway.look()
    await until(lambda: world.told() == ["fired 1"] and len(silent.asked) == 8)
    await gateway.stop()


async def test_an_attempt_that_gets_no_answer_ends_and_is_made_again(world: World) -> None:
    world.senders = {kind: Silent() for kind in ChannelKind}
    world.devices.holds = True
    await world.gateway(send_seconds=0.05).evaluate()
    (delivery,) = await world.deliveries.list("acme")
    assert (delivery.status, delivery.error) == (WAITING, "no answer within 0.05 s")


async def test_attempts_come_later_and_later_and_end(world: World) -> None:
    sender = Sender(*[DeliveryError("busy")] * 20)
    world.senders = dict.fromkeys(ChannelKind, sender)
    gateway = world.gateway()
    world.devices.holds = True
    due = [0, 15, 45, 105, 225, 465, 945, 1905, 3705, 5505]
    # What is not tried a moment before it is due was not due earlier; after the last no further one is.
    looks = sorted({moment for at in due for moment in (max(0, at - 15), at)} | {5505 + 1800, 3 * 3600})
    began, tried = world.clock.now(), list[int]()
    for moment in looks:
        world.clock.advance(moment - (world.clock.now() - began).total_seconds())
        before = len(sender.failures)
        await gateway.evaluate()
        if len(sender.failures) < before:
            tried.append(moment)
    assert tried == due
    (delivery,) = await world.deliveries.list("acme")
    assert (delivery.status, delivery.attempts, delivery.error) == (FAILED, 10, "busy")


async def test_a_recovery_never_overtakes_the_alert_that_waits_before_it(world: World) -> None:
    sender = Sender(DeliveryError("busy"), DeliveryError("busy"))
    world.senders, world.sender = dict.fromkeys(ChannelKind, sender), sender
    gateway = world.gateway()
    for holds in (True, False, False):
        world.devices.holds = holds
        await gateway.evaluate()
        assert world.told() == []
        world.clock.advance(15)
    world.clock.advance(30)
    await gateway.evaluate()
    assert world.told() == ["fired 1", "resolved 1"]


async def test_a_failing_sender_is_tried_again_and_delays_no_other(world: World) -> None:
    world.senders = {**world.senders, ChannelKind.WECOM: Sender(*[RuntimeError("bug")] * 9)}
    await world.store.put_channel(replace(CHANNEL, id="chan_0", kind=ChannelKind.WECOM))
    world.devices.holds = True
    await world.gateway().evaluate()
    assert world.told() == ["fired 1"]
    states = {delivery.channel_id: delivery.status for delivery in await world.deliveries.list("acme")}
    assert states == {"chan_1": SENT, "chan_0": WAITING}


async def test_many_messages_to_a_robot_go_out_bundled_within_its_rate_and_none_is_lost(world: World) -> None:
    robot = Sender()
    world.senders = {**world.senders, ChannelKind.WECOM: robot}
    await world.store.put_channel(ROBOT)
    await world.store.delete_channel("acme", "chan_1")
    for n in range(120):
        await world.store.put_alarm(replace(ALARM, id=f"alarm_{n:03}", name=f"温度过高 {n:03}"))
    await world.store.delete_alarm("acme", "alarm_1")
    gateway = world.gateway()
    world.devices.holds = True
    sendings = list[int]()
    for _ in range(12):
        await gateway.evaluate()
        sendings.append(len(robot.sent))
        world.clock.advance(15)
    assert sendings[0] == 5, "four rounds a minute, twenty messages a minute"
    assert max(len(sent.text.encode()) for sent in robot.sent) <= 2048
    text = "\n".join(sent.text for sent in robot.sent)
    assert [text.count(f"温度过高 {n:03}") for n in range(120)] == [1] * 120
    assert {delivery.status for delivery in await world.deliveries.list("acme", limit=200)} == {SENT}


async def test_a_webhook_gets_each_message_by_itself(world: World) -> None:
    for n in range(30):
        await world.store.put_alarm(replace(ALARM, id=f"alarm_{n:03}"))
    world.devices.holds = True
    await world.gateway().evaluate()
    assert len(world.sender.sent) == 31
    assert len({sent.delivery_id for sent in world.sender.sent}) == 31


def test_a_bundle_names_its_messages_in_their_order_in_the_channels_language() -> None:
    first, second = message("WLD001", "zh"), message("WLD002", "zh")
    whole = bundle([first, second], language="zh")
    assert whole.title == "Penstock: 2 条消息"
    assert [line for line in whole.lines if line.startswith("[")] == [first.title, second.title]
    assert bundle([first], language="zh") is first


async def test_an_alarm_whose_look_breaks_costs_itself(world: World) -> None:
    await world.store.put_alarm(replace(ALARM, id="alarm_0", name="broken"))
    world.devices.breaks = frozenset({"alarm_0"})
    world.devices.holds = True
    await world.gateway().evaluate()
    states = {state.rule_id: state.status for state in await world.store.list_states("acme")}
    assert (states, world.told()) == ({"alarm_1": Status.FIRING}, ["fired 1"])


async def test_a_gateway_that_ends_in_order_leaves_the_lease_to_the_next_at_once(world: World) -> None:
    async with world.gateway().running():
        await until(lambda: bool(world.devices.firing))
    assert await world.gateway().evaluate()


async def test_a_mail_server_that_never_ends_its_answer_is_left_when_the_attempt_ends() -> None:
    async with TarPit() as mail:
        whole: dict[str, Any] = {"security": "none", "username": "", "password": "", "sender": "a@plant.test"}
        sender = EmailSender(SmtpServer(host="127.0.0.1", port=mail.port, **whole))
        sending = asyncio.create_task(sender.send(channel(ChannelKind.EMAIL, recipients=("b@plant.test",)), message()))
        await until(lambda: mail.connected == 1)
        sending.cancel()
        await asyncio.wait([sending])
        assert sending.cancelled()
        await until(lambda: mail.left == 1)


async def test_notifications_and_what_fires_are_counted_from_zero_on(world: World) -> None:
    def count(outcome: str) -> float | None:
        labels = {"kind": "webhook", "outcome": outcome}
        return world.registry.get_sample_value("penstock_notifications_total", labels)

    def firing() -> float | None:
        return world.registry.get_sample_value("penstock_alerts_firing", {"severity": "warning"})

    assert (count("sent"), count("postponed"), count("failed"), firing()) == (0, 0, 0, 0)
    sender = Sender(DeliveryError("busy"), DeliveryError("no such hook", is_final=True))
    world.senders = dict.fromkeys(ChannelKind, sender)
    gateway = world.gateway()
    world.devices.holds = True
    for _ in range(2):
        await gateway.evaluate()
        world.clock.advance(15)
    assert (count("sent"), count("postponed"), count("failed"), firing()) == (0, 1, 1, 1)
    world.devices.holds = False
    await gateway.evaluate()
    assert (count("sent"), firing()) == (1, 0)
    evaluated = world.registry.get_sample_value("penstock_alerts_evaluated_timestamp_seconds")
    assert evaluated == world.clock.now().timestamp()
