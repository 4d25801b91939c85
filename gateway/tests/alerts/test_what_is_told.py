"""Whom an alarm tells, and what becomes of what could not be told at once."""

from dataclasses import replace
from datetime import timedelta

from alert_world import ALARM, CHANNEL, NOW, Silent, World

from gateway.alerts.channels.channel import ChannelKind, DeliveryError
from gateway.alerts.delivery_store import FAILED, SENDING, WAITING
from penstock_testkit.waiting import until


async def test_a_message_that_failed_for_now_waits_twice_as_long_each_time(world: World) -> None:
    gateway = world.gateway()
    world.devices.holds = True
    world.sender.failures = [DeliveryError("busy")] * 3
    await gateway.evaluate()
    for wait in (15, 30, 60):
        world.clock.advance(wait - 0.001)
        await gateway.evaluate()
        assert world.told() == []
        world.clock.advance(0.001)
        await gateway.evaluate()
    assert world.told() == ["fired 1"]


async def test_an_alarm_tells_the_channels_of_its_own_tenant_alone(world: World) -> None:
    await world.store.put_channel(replace(CHANNEL, id="chan_2", tenant_id="other"))
    for channel_ids in ((), ("chan_1", "chan_2")):
        await world.store.put_alarm(replace(ALARM, id=f"alarm_{len(channel_ids)}", channel_ids=channel_ids))
    await world.store.delete_alarm("acme", "alarm_1")
    world.devices.holds = True
    await world.gateway().evaluate()
    assert world.told() == ["fired 1", "fired 1"]
    assert await world.deliveries.list("other") == []


async def test_what_still_waits_to_be_sent_is_not_forgotten_however_old(world: World) -> None:
    gateway = world.gateway()
    world.devices.holds = True
    world.sender.failures = [DeliveryError("busy")]
    await gateway.evaluate()
    await world.deliveries.forget(NOW + timedelta(days=31))
    assert [entry.status for entry in await world.deliveries.list("acme")] == [WAITING]
    world.clock.advance(15)
    await gateway.evaluate()
    assert world.told() == ["fired 1"]


async def test_what_a_gateway_is_still_sending_is_not_given_up_by_its_own_next_round(world: World) -> None:
    silent = Silent()
    world.senders = dict.fromkeys(ChannelKind, silent)
    world.devices.holds = True
    gateway = world.gateway()
    await gateway.look()
    await until(lambda: silent.asked == ["chan_1"])
    world.clock.advance(15)
    assert await gateway.look()
    assert [entry.status for entry in await world.deliveries.list("acme")] == [SENDING]
    await gateway.stop()


async def test_who_lost_the_lease_changes_nothing_of_what_another_gateway_sends(world: World) -> None:
    world.devices.holds = True
    world.sender.failures = [DeliveryError("busy")]
    gateway = world.gateway()
    await gateway.evaluate()
    first = await world.leases.acquire(gateway.holder, seconds=60, now=world.clock.now())
    assert first is not None
    lost = await world.deliveries.claim("chan_1", first.fence, most=1)
    await world.deliveries.postpone(lost, error="busy", later=NOW, attempts=10)
    world.clock.advance(61)
    second = await world.leases.acquire("another", seconds=60, now=world.clock.now())
    assert second is not None
    await world.deliveries.claim("chan_1", second.fence, most=1)
    await world.deliveries.postpone(lost, error="late", later=NOW, attempts=1)
    await world.deliveries.finish(lost, status=FAILED, error="late", now=NOW)
    (entry,) = await world.deliveries.list("acme")
    assert (entry.status, entry.fence, entry.error) == (SENDING, second.fence, "busy")
