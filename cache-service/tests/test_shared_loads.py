"""Loads and reads that callers share: nobody's deadline is the others', and copies answer for many keys too."""

import time
from typing import Any

from penstock_kit.cache import CacheClient, cached
from penstock_kit.context import CallContext, Caller, current_context, use_context
from penstock_testkit.waiting import HANG_SECONDS, until_true

ANN = Caller(user_id="ann", tenant_id="acme")


async def test_the_deadline_of_the_first_caller_is_not_the_loads(served: Any) -> None:
    client = CacheClient(served.channel, timeout=HANG_SECONDS)
    seen: list[float | None] = []

    @cached(ttl=60, key_prefix="slow", client=client)
    async def load() -> str:
        seen.append(current_context().remaining())
        return "v"

    with use_context(CallContext("req_hurried", ANN, time.monotonic() + 5.0)):
        assert await load() == "v"
    assert seen[0] is not None
    assert seen[0] > 5.0


async def test_many_at_once_are_answered_by_copies_where_there_are_any(two: Any) -> None:
    here, there = two
    for number in range(4):
        await here.put(f"k{number}", b"1")
    keys = [f"t\0k{number}" for number in (3, 0, 9, 2)]
    backend = there.stores.backend

    async def copied() -> bool:
        assert [entry and entry.value for entry in await backend.get_many(keys)] == [b"1", b"1", None, b"1"]
        return (await backend.get("t\0k3")).tier == "l1"

    await until_true(copied)
    await here.put("k0", b"2")

    async def follows() -> bool:
        return [entry and entry.value for entry in await backend.get_many(keys)] == [b"1", b"2", None, b"1"]

    await until_true(follows)
