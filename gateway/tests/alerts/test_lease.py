"""The evaluator's lease: whose it is, and who may give it back."""

from datetime import timedelta

from alert_world import World


async def test_who_does_not_hold_the_lease_gives_nobodys_back(world: World) -> None:
    now = world.clock.now()
    held = await world.leases.acquire("gw_a", seconds=60, now=now)
    assert held is not None
    await world.leases.release("gw_b", now=now)
    assert await world.leases.acquire("gw_b", seconds=60, now=now + timedelta(seconds=1)) is None
    kept = await world.leases.acquire("gw_a", seconds=60, now=now + timedelta(seconds=1))
    assert kept is not None
    assert kept.fence == held.fence, "who renews goes on under the same number"


async def test_a_lease_that_was_given_back_or_has_ended_is_the_nexts_under_a_new_number(world: World) -> None:
    now = world.clock.now()
    first = await world.leases.acquire("gw_a", seconds=60, now=now)
    await world.leases.release("gw_a", now=now)
    second = await world.leases.acquire("gw_b", seconds=60, now=now)
    third = await world.leases.acquire("gw_a", seconds=60, now=now + timedelta(seconds=60))
    assert first is not None
    assert second is not None
    assert third is not None
    assert (second.fence, third.fence) == (first.fence + 1, first.fence + 2)
