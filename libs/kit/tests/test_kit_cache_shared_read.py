"""Reads that callers of the same key share."""

import asyncio
import time
from typing import Any

import pytest

from penstock_kit.cache.shared_read import SharedReads
from penstock_kit.context import CallContext, Caller, current_context, use_context


class Store:
    """A value whose reads end when the test says so, with what it was when they began."""

    def __init__(self) -> None:
        self.value = "old"
        self.reads = 0
        self.go_on = asyncio.Event()

    async def read(self) -> str:
        self.reads += 1
        value = self.value
        await self.go_on.wait()
        return value


async def under_way(store: Store, reads: int) -> None:
    while store.reads < reads:  # noqa: ASYNC110 - a turn of the loop at a time
        await asyncio.sleep(0)


async def test_a_hundred_at_once_cost_two_reads() -> None:
    shared, store = SharedReads(), Store()
    readers = [asyncio.create_task(shared.run("k", store.read)) for _ in range(100)]
    await under_way(store, 1)
    store.go_on.set()
    assert set(await asyncio.gather(*readers)) == {"old"}
    assert store.reads == 2


async def test_who_asks_after_a_change_never_gets_what_was_read_before_it() -> None:
    shared, store = SharedReads(), Store()
    early = asyncio.create_task(shared.run("k", store.read))
    await under_way(store, 1)
    store.value = "new"
    late = asyncio.create_task(shared.run("k", store.read))
    await asyncio.sleep(0)
    store.go_on.set()
    assert (await early, await late) == ("old", "new")


async def test_a_reader_who_leaves_takes_nothing_from_the_others() -> None:
    shared, store = SharedReads(), Store()
    first = asyncio.create_task(shared.run("k", store.read))
    await under_way(store, 1)
    others = [asyncio.create_task(shared.run("k", store.read)) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    others[0].cancel()
    store.go_on.set()
    assert await asyncio.gather(*others[1:]) == ["old", "old"]
    assert await shared.run("k", store.read) == "old", "and nothing is left behind"


async def test_a_read_that_fails_fails_those_who_shared_it_and_not_the_next() -> None:
    shared, store = SharedReads(), Store()

    async def fail() -> Any:
        await store.read()
        raise ValueError("no")

    readers = [asyncio.create_task(shared.run("k", fail)) for _ in range(3)]
    await under_way(store, 1)
    store.go_on.set()
    for reader in readers:
        with pytest.raises(ValueError, match="no"):
            await reader
    assert await shared.run("k", store.read) == "old"


async def test_a_shared_read_is_on_behalf_of_its_first_caller_and_without_the_deadline_of_any() -> None:
    shared, store = SharedReads(), Store()
    seen: list[CallContext] = []

    async def look() -> str:
        seen.append(current_context())
        return await store.read()

    async def ask(user: str) -> str:
        with use_context(CallContext(f"req_{user}", Caller(user_id=user), time.monotonic() + 60)):
            return await shared.run("k", look)

    readers = [asyncio.create_task(ask(user)) for user in ("ann", "bob", "cy")]
    await under_way(store, 1)
    store.go_on.set()
    await asyncio.gather(*readers)
    assert [(each.caller.user_id, each.deadline is None) for each in seen] == [("ann", False), ("bob", True)]
