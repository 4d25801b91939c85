"""What every LeaseStore must do. A subclass gives the fixtures `store` and `let_pass`, which makes time go by."""

# The names of the tests are their documentation.
# ruff: noqa: D102

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

LetPass = Callable[[float], Awaitable[None]]


class LeaseStoreContract:
    """Subclass it as ``TestXLeaseStore``."""

    async def test_one_gets_it_while_it_lives(self, store: Any) -> None:
        assert await store.grant("t\0k", 10.0)
        assert await store.grant("t\0k", 10.0) is None
        assert await store.remaining("t\0k") == pytest.approx(10.0, abs=1.0)

    async def test_it_ends_by_itself_and_the_next_is_another(self, store: Any, let_pass: LetPass) -> None:
        first = await store.grant("t\0k", 10.0)
        await let_pass(11.0)
        assert await store.remaining("t\0k") == 0
        second = await store.grant("t\0k", 10.0)
        assert second not in {None, first}

    async def test_ending_tells_how_long_it_lasted(self, store: Any, let_pass: LetPass) -> None:
        token = await store.grant("t\0k", 10.0)
        await let_pass(4.0)
        assert await store.end("t\0k", token) == pytest.approx(4.0, abs=1.0)
        assert await store.grant("t\0k", 10.0)

    async def test_a_lease_tells_how_long_it_has_lasted_and_goes_on(self, store: Any, let_pass: LetPass) -> None:
        token = await store.grant("t\0k", 10.0)
        await let_pass(4.0)
        assert await store.age("t\0k", token) == pytest.approx(4.0, abs=1.0)
        assert await store.age("t\0k", "another") is None
        assert await store.grant("t\0k", 10.0) is None

    async def test_only_the_live_lease_is_ended(self, store: Any, let_pass: LetPass) -> None:
        first = await store.grant("t\0k", 10.0)
        await let_pass(11.0)
        second = await store.grant("t\0k", 10.0)
        assert await store.end("t\0k", first) is None
        assert await store.end("t\0k", second) is not None
        assert await store.end("t\0k", second) is None

    async def test_revoking_ends_whatever_there_is(self, store: Any) -> None:
        token = await store.grant("t\0k", 10.0)
        await store.revoke("t\0k")
        await store.revoke("t\0never")
        assert await store.end("t\0k", token) is None
        assert await store.grant("t\0k", 10.0)

    async def test_of_many_at_once_one_gets_it(self, store: Any) -> None:
        grants = await asyncio.gather(*(store.grant("t\0k", 60.0) for _ in range(50)))
        assert sum(grant is not None for grant in grants) == 1
