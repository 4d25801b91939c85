"""What every RateLimitStore must do. A subclass gives the fixtures `store`, `make_rate` and `let_pass`.

Times are compared to a millisecond: a store may keep microseconds of its own clock.
"""

# The names of the tests are their documentation.
# ruff: noqa: D102

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from penstock_kit.errors import InvalidArgument

LetPass = Callable[[float], Awaitable[None]]
CLOSE = 0.1


class RateLimitStoreContract:
    """Subclass it as ``TestXRateLimitStore``; `make_rate` is called with `limit` and `window`."""

    async def test_the_whole_limit_may_be_taken_at_once_and_no_more(self, store: Any, make_rate: Any) -> None:
        rate = make_rate(limit=3, window=60.0)
        verdicts = [await store.take("t\0r", 1, rate) for _ in range(4)]
        assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
        assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
        assert verdicts[-1].retry_after == pytest.approx(20.0, abs=CLOSE)
        assert verdicts[-1].reset_after == pytest.approx(60.0, abs=CLOSE)

    async def test_waiting_as_long_as_told_is_enough(self, store: Any, make_rate: Any, let_pass: LetPass) -> None:
        rate = make_rate(limit=4, window=60.0)
        await store.take("t\0r", 4, rate)
        refused = await store.take("t\0r", 2, rate)
        await let_pass(refused.retry_after - 1.0)
        assert not (await store.take("t\0r", 2, rate)).allowed
        await let_pass(1.0)
        assert (await store.take("t\0r", 2, rate)).allowed

    async def test_looking_takes_nothing(self, store: Any, make_rate: Any) -> None:
        rate = make_rate(limit=2, window=60.0)
        assert [(await store.take("t\0r", 0, rate)).remaining for _ in range(3)] == [2, 2, 2]

    async def test_keys_have_their_own_limits(self, store: Any, make_rate: Any) -> None:
        rate = make_rate(limit=1, window=60.0)
        assert (await store.take("t\0a", 1, rate)).allowed
        assert (await store.take("t\0b", 1, rate)).allowed

    async def test_a_correction_is_taken_though_it_does_not_fit(self, store: Any, make_rate: Any) -> None:
        rate = make_rate(limit=10, window=10.0)
        await store.take("t\0r", 10, rate)
        refused = await store.take("t\0r", 1, rate, correction=5)
        assert (refused.allowed, refused.remaining) == (False, 0)
        assert refused.retry_after == pytest.approx(6.0, abs=CLOSE)

    async def test_what_is_given_back_may_be_taken_again_but_never_more_than_all(
        self, store: Any, make_rate: Any
    ) -> None:
        rate = make_rate(limit=10, window=10.0)
        await store.take("t\0r", 8, rate)
        assert (await store.take("t\0r", 0, rate, correction=-3)).remaining == 5
        assert (await store.take("t\0r", 0, rate, correction=-100)).remaining == 10

    async def test_large_rates_are_exact(self, store: Any, make_rate: Any) -> None:
        rate = make_rate(limit=4_000_000_000, window=86_400.0)
        assert (await store.take("t\0r", 3_999_999_999, rate)).allowed
        assert (await store.take("t\0r", 1, rate)).allowed
        assert not (await store.take("t\0r", 1_000, rate)).allowed

    async def test_of_many_at_once_just_the_limit_is_allowed(self, store: Any, make_rate: Any) -> None:
        rate = make_rate(limit=20, window=3_600.0)
        verdicts = await asyncio.gather(*(store.take("t\0r", 1, rate) for _ in range(60)))
        assert sum(verdict.allowed for verdict in verdicts) == 20

    @pytest.mark.parametrize(
        ("cost", "rate", "reason"),
        [
            (1, {"limit": 0, "window": 60.0}, "RATE_INVALID"),
            (1, {"limit": 5, "window": 0.0}, "RATE_INVALID"),
            (-1, {"limit": 5, "window": 60.0}, "COST_INVALID"),
            (6, {"limit": 5, "window": 60.0}, "COST_LIMIT_EXCEEDED"),
            (1, {"limit": 5, "window": 4e9}, "DURATION_INVALID"),
        ],
    )
    async def test_a_rate_or_cost_that_can_never_be_is_refused(
        self, store: Any, make_rate: Any, cost: int, rate: Mapping[str, Any], reason: str
    ) -> None:
        with pytest.raises(InvalidArgument) as refused:
            await store.take("t\0r", cost, make_rate(**rate))
        assert refused.value.reason == reason

    @pytest.mark.parametrize("correction", [2**63 - 1, -(2**63)])
    async def test_a_correction_that_would_take_a_hundred_years_is_refused(
        self, store: Any, make_rate: Any, correction: int
    ) -> None:
        with pytest.raises(InvalidArgument, match="correction") as refused:
            await store.take("t\0r", 0, make_rate(limit=10, window=60.0), correction=correction)
        assert refused.value.reason == "COST_INVALID"
