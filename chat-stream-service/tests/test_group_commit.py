"""Writes that wait for the store go into it together, and none of them costs another."""

import asyncio
from collections.abc import Sequence

import pytest

from chat_stream_service.adapters.group_commit import GroupCommit
from penstock_kit.errors import InvalidArgument, Unavailable
from penstock_testkit.waiting import HANG_SECONDS


class Store:
    """Remembers what was written together; refuses `bad` items, is away while `away`, waits for `gate`."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.bad: set[str] = set()
        self.away = False
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()

    async def write(self, items: Sequence[str]) -> None:
        self.begun.set()
        await self.gate.wait()
        if self.away:
            raise Unavailable("the store is away")
        if self.bad.intersection(items):
            raise InvalidArgument(f"bad in {list(items)}")
        self.groups.append(list(items))


async def fill(store: Store, writes: GroupCommit[str], names: str) -> list[asyncio.Task[None]]:
    """Let the first of `names` be under way and the others wait; each name is a letter."""
    tasks = [asyncio.create_task(writes.add(names[0]))]
    await store.begun.wait()
    tasks += [asyncio.create_task(writes.add(name)) for name in names[1:]]
    await asyncio.sleep(0)
    return tasks


async def test_what_comes_while_a_write_is_under_way_is_the_next_write() -> None:
    store = Store()
    tasks = await fill(store, GroupCommit(store.write), "abcd")
    store.gate.set()
    async with asyncio.timeout(HANG_SECONDS):
        await asyncio.gather(*tasks)
    assert store.groups == [["a"], ["b", "c", "d"]]


async def test_no_more_are_written_at_once_than_is_said() -> None:
    store = Store()
    tasks = await fill(store, GroupCommit(store.write, most=2), "abcd")
    store.gate.set()
    async with asyncio.timeout(HANG_SECONDS):
        await asyncio.gather(*tasks)
    assert store.groups == [["a"], ["b", "c"], ["d"]]


async def test_a_write_that_is_refused_costs_no_other() -> None:
    store = Store()
    tasks = await fill(store, GroupCommit(store.write), "abcd")
    store.bad = {"c"}
    store.gate.set()
    async with asyncio.timeout(HANG_SECONDS):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), InvalidArgument, type(None)]
    assert store.groups == [["a"], ["b"], ["d"]]


async def test_a_store_that_is_away_fails_all_that_wait_at_once_and_is_used_when_it_is_back() -> None:
    store = Store()
    writes: GroupCommit[str] = GroupCommit(store.write)
    tasks = await fill(store, writes, "abc")
    store.away = True
    store.gate.set()
    async with asyncio.timeout(HANG_SECONDS):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
        store.away = False
        await writes.add("d")
    assert store.groups == [["d"]]


async def test_who_gives_up_waiting_takes_the_write_back() -> None:
    store = Store()
    tasks = await fill(store, GroupCommit(store.write), "abc")
    tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    store.gate.set()
    async with asyncio.timeout(HANG_SECONDS):
        await asyncio.gather(tasks[0], tasks[2])
    assert store.groups == [["a"], ["c"]]
