"""Places that tenants share."""

import asyncio

import pytest

from penstock_kit.tenant_turns import TenantTurns
from penstock_testkit.waiting import HANG_SECONDS


class Places:
    """Takes places for tenants and notes in which order they got them."""

    def __init__(self, places, share):
        self.turns = TenantTurns(places, share=share)
        self.order = []
        self.tasks = []

    async def ask(self, *tenants):
        for tenant in tenants:
            self.tasks.append(asyncio.ensure_future(self._take(tenant)))
            await asyncio.sleep(0)
        return self.tasks[-1]

    async def _take(self, tenant):
        await self.turns.acquire(tenant)
        self.order.append(tenant)

    async def end(self, tenant):
        self.turns.release(tenant)
        await asyncio.sleep(0)


async def test_a_tenant_that_asks_often_delays_another_by_one_turn():
    places = Places(1, 1)
    await places.ask("a", "a", "a", "a", "b", "c")
    for tenant in ("a", "b", "c", "a", "a"):
        await places.end(tenant)
    assert places.order == ["a", "b", "c", "a", "a", "a"]


async def test_nothing_is_remembered_of_tenants_that_have_and_want_nothing():
    places = Places(1, 1)
    await places.ask(*(f"t{number}" for number in range(50)))
    for number in range(50):
        await places.end(f"t{number}")
    assert len(places.order) == 50
    assert not places.turns._served
    assert not places.turns._waiting


async def test_a_tenant_never_takes_all_places():
    places = Places(4, 3)
    await places.ask("a", "a", "a", "a", "a")
    assert places.order == ["a", "a", "a"]
    await places.ask("b")
    assert places.order == ["a", "a", "a", "b"]
    await places.end("b")
    assert places.order == ["a", "a", "a", "b"]
    await places.end("a")
    assert places.order == ["a", "a", "a", "b", "a"]


@pytest.mark.parametrize("given", [False, True])
async def test_who_leaves_the_queue_takes_no_place_along(given):
    places = Places(1, 1)
    leaving = await places.ask("a", "b")
    await places.ask("c")
    if given:
        places.turns.release("a")  # b is given the place, and leaves before it knows
        leaving.cancel()
    else:
        leaving.cancel()
        await asyncio.sleep(0)
        places.turns.release("a")
    await asyncio.wait(places.tasks, timeout=HANG_SECONDS)
    assert places.order == ["a", "c"]
    await places.end("c")
    await places.ask("d")
    assert places.order == ["a", "c", "d"]
