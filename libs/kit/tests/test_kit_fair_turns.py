"""Turns at what is scarce: a flood of one subject delays another by one turn."""

import asyncio
from contextlib import suppress

import pytest

from penstock_kit.fair_turns import FairTurns
from penstock_testkit.waiting import HANG_SECONDS


class Flood:
    """Asks for turns, and notes in which order they were had."""

    def __init__(self):
        self.turns, self.order, self.go_on = FairTurns(1), [], asyncio.Event()

    async def have(self, subject, *, preferred=False):
        async with self.turns.turn(subject, preferred=preferred):
            await self.go_on.wait()
            self.order.append(subject)

    async def ask(self, *subjects, preferred=False):
        """Have each of the subjects wait, in this order, behind what was asked for before."""
        tasks = []
        for subject in subjects:
            tasks.append(asyncio.create_task(self.have(subject, preferred=preferred)))
            await asyncio.sleep(0)
        return tasks


@pytest.fixture
async def flood():
    return Flood()


async def test_who_asks_once_waits_for_one_turn_of_who_asks_a_hundred_times(flood):
    tasks = await flood.ask(*["attacker"] * 100, "ann", "attacker", "bob")
    flood.go_on.set()
    await asyncio.gather(*tasks)
    # One was inside, one was at the head of the queue when ann came.
    assert flood.order.index("ann") == 2
    assert flood.order.index("bob") <= 4
    assert len(flood.order) == 103


async def test_who_is_preferred_comes_before_a_flood_from_a_hundred_places(flood):
    tasks = await flood.ask(*[f"place {number}" for number in range(100)])
    tasks += await flood.ask("ann", preferred=True)
    flood.go_on.set()
    await asyncio.gather(*tasks)
    assert flood.order.index("ann") == 1


async def test_who_leaves_while_waiting_takes_no_turn_and_loses_none(flood):
    inside, leaving, staying = await flood.ask("a", "b", "c")
    leaving.cancel()
    with suppress(asyncio.CancelledError):
        await leaving
    flood.go_on.set()
    await asyncio.gather(inside, staying)
    assert flood.order == ["a", "c"]
    await asyncio.wait_for(flood.have("d"), HANG_SECONDS)  # the turn is free again


async def test_a_turn_given_to_who_leaves_in_the_same_moment_goes_to_the_next(flood):
    _, leaving, staying = await flood.ask("a", "b", "c")
    flood.go_on.set()
    await asyncio.sleep(0)  # the one inside ends
    assert not leaving.done()
    leaving.cancel()  # its turn was given, and it has not run yet
    await asyncio.wait_for(staying, HANG_SECONDS)
    assert flood.order == ["a", "c"]


async def test_as_many_are_inside_at_once_as_may_be_and_no_more():
    turns, inside = FairTurns(2), []

    async def have(subject, go_on):
        async with turns.turn(subject):
            inside.append(subject)
            await go_on.wait()

    gates = [asyncio.Event() for _ in range(4)]
    tasks = [asyncio.create_task(have(place, gate)) for place, gate in zip("abcd", gates, strict=True)]
    await asyncio.sleep(0)
    assert inside == ["a", "b"]
    gates[1].set()
    await asyncio.wait_for(tasks[1], HANG_SECONDS)
    await asyncio.sleep(0)
    assert inside == ["a", "b", "c"]
    for gate in gates:
        gate.set()
    await asyncio.wait_for(asyncio.gather(*tasks), HANG_SECONDS)
    assert inside == ["a", "b", "c", "d"]
