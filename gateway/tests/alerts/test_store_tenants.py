"""What alerts keep is changed and told within its tenant, and only alarms that are switched on are looked at."""

import asyncio
from dataclasses import replace

import pytest
from alert_world import ALARM, CHANNEL, World

from gateway.alerts.evaluator import fingerprint_of
from penstock_kit.errors import NotFound


async def test_what_a_tenant_stores_under_the_id_of_anothers_leaves_that_as_it_is(world: World) -> None:
    theirs, channel = replace(ALARM, tenant_id="other", name="cold"), replace(CHANNEL, tenant_id="other", name="ours")
    await asyncio.gather(world.store.put_alarm(theirs), world.store.put_channel(channel), return_exceptions=True)
    assert await world.store.alarm("acme", ALARM.id) == ALARM
    assert await world.store.channel("acme", CHANNEL.id) == CHANNEL


async def test_the_state_of_an_alert_is_its_tenants_alone(world: World) -> None:
    world.devices.holds = True
    await world.gateway().evaluate()
    fingerprint = fingerprint_of("alarm_1", "WLD001")
    assert (await world.store.state("acme", fingerprint)).tenant_id == "acme"
    with pytest.raises(NotFound) as caught:
        await world.store.state("other", fingerprint)
    assert caught.value.reason == "ALERT_NOT_FOUND"


async def test_an_alarm_that_is_switched_off_is_listed_to_its_tenant_and_looked_at_no_more(world: World) -> None:
    await world.store.put_alarm(replace(ALARM, active=False))
    assert [alarm.id for alarm in await world.store.list_alarms("acme")] == [ALARM.id]
    assert await world.store.list_alarms() == []
    world.devices.holds = True
    await world.gateway().evaluate()
    assert world.devices.firing == []


async def test_a_deleted_alarm_takes_its_own_states_along_and_no_others(world: World) -> None:
    await world.store.put_alarm(replace(ALARM, id="alarm_2"))
    world.devices.holds = True
    await world.gateway().evaluate()
    await world.store.delete_alarm("acme", "alarm_1")
    assert [state.rule_id for state in await world.store.list_states("acme")] == ["alarm_2"]
