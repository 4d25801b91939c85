"""What every CounterStore must do. A subclass gives the fixtures `store` and `let_pass`, which makes time go by."""

# The names of the tests are their documentation.
# ruff: noqa: D102

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from penstock_kit.errors import InvalidArgument

LetPass = Callable[[float], Awaitable[None]]
LARGEST = 2**63 - 1


class CounterStoreContract:
    """Subclass it as ``TestXCounterStore``."""

    async def test_a_counter_begins_at_zero_and_adds_both_ways(self, store: Any) -> None:
        assert [await store.increment("t\0n", delta, 0) for delta in (5, -7, 1)] == [5, -2, -1]

    async def test_reading_a_counter_makes_none(self, store: Any, let_pass: LetPass) -> None:
        assert await store.increment("t\0n", 0, 10.0) == 0
        await store.increment("t\0n", 1, 0)
        await let_pass(11.0)
        assert await store.increment("t\0n", 0, 0) == 1

    async def test_its_life_counts_from_the_increment_that_made_it(self, store: Any, let_pass: LetPass) -> None:
        await store.increment("t\0n", 1, 10.0)
        await let_pass(6.0)
        assert await store.increment("t\0n", 1, 10.0) == 2
        await let_pass(5.0)
        assert await store.increment("t\0n", 1, 10.0) == 1

    async def test_a_counter_without_an_end_stays(self, store: Any, let_pass: LetPass) -> None:
        await store.increment("t\0n", 3, 0)
        await let_pass(10_000.0)
        assert await store.increment("t\0n", 1, 5.0) == 4

    async def test_sixty_four_bits_are_exact(self, store: Any) -> None:
        assert await store.increment("t\0n", LARGEST - 1, 0) == LARGEST - 1
        assert await store.increment("t\0n", 1, 0) == LARGEST

    async def test_what_leaves_sixty_four_bits_is_refused_and_changes_nothing(self, store: Any) -> None:
        await store.increment("t\0n", LARGEST, 0)
        with pytest.raises(InvalidArgument) as refused:
            await store.increment("t\0n", 1, 0)
        assert refused.value.reason == "COUNTER_LIMIT_EXCEEDED"
        assert await store.increment("t\0n", 0, 0) == LARGEST

    async def test_the_least_number_of_sixty_four_bits_is_reached_and_not_passed(self, store: Any) -> None:
        await store.increment("t\0n", -LARGEST, 0)
        assert await store.increment("t\0n", -1, 0) == -LARGEST - 1
        with pytest.raises(InvalidArgument) as refused:
            await store.increment("t\0n", -1, 0)
        assert refused.value.reason == "COUNTER_LIMIT_EXCEEDED"
        assert await store.increment("t\0n", 0, 0) == -LARGEST - 1

    async def test_increments_at_once_are_all_counted(self, store: Any) -> None:
        await asyncio.gather(*(store.increment("t\0n", 1, 60.0) for _ in range(100)))
        assert await store.increment("t\0n", 0, 0) == 100
