"""What every LockStore must do. A subclass gives the fixtures `store` and `let_pass`, which makes time go by."""

# The names of the tests are their documentation.
# ruff: noqa: D102

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

LetPass = Callable[[float], Awaitable[None]]


class LockStoreContract:
    """Subclass it as ``TestXLockStore``. A grant has a `token`, a lock that is held has `remaining`."""

    async def test_one_holds_it_and_the_next_is_told_how_long(self, store: Any) -> None:
        assert (await store.acquire("t\0l", 30.0)).token
        held = await store.acquire("t\0l", 30.0)
        assert held.remaining == pytest.approx(30.0, abs=1.0)

    async def test_it_ends_by_itself(self, store: Any, let_pass: LetPass) -> None:
        first = await store.acquire("t\0l", 10.0)
        await let_pass(11.0)
        second = await store.acquire("t\0l", 10.0)
        assert second.token != first.token

    async def test_a_renewed_lock_ends_later(self, store: Any, let_pass: LetPass) -> None:
        grant = await store.acquire("t\0l", 10.0)
        await let_pass(6.0)
        assert await store.renew("t\0l", grant.token, 10.0)
        await let_pass(6.0)
        assert hasattr(await store.acquire("t\0l", 10.0), "remaining")

    async def test_only_the_holder_renews_and_releases(self, store: Any, let_pass: LetPass) -> None:
        first = await store.acquire("t\0l", 10.0)
        await let_pass(11.0)
        second = await store.acquire("t\0l", 10.0)
        assert not await store.renew("t\0l", first.token, 60.0)
        assert not await store.release("t\0l", first.token)
        assert await store.release("t\0l", second.token)
        assert not await store.release("t\0l", second.token)

    async def test_fencing_tokens_grow_over_all_locks(self, store: Any, let_pass: LetPass) -> None:
        tokens = [(await store.acquire(f"t\0l{number % 3}", 1.0)).fencing_token for number in range(3)]
        await let_pass(2.0)
        tokens += [(await store.acquire(f"t\0l{number % 3}", 1.0)).fencing_token for number in range(3)]
        assert tokens == sorted(set(tokens))

    async def test_of_many_at_once_one_gets_it(self, store: Any) -> None:
        grants = await asyncio.gather(*(store.acquire("t\0l", 60.0) for _ in range(50)))
        assert sum(hasattr(grant, "token") for grant in grants) == 1
