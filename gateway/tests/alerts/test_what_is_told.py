"""Whom an alarm tells, and what becomes of what could not be told at once."""

from dataclasses import replace
from datetime import timedelta

from alert_world import ALARM, CHANNEL, NOW, World

from gateway.alerts.channels.channel import DeliveryError
from gateway.alerts.delivery_store import WAITING


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
