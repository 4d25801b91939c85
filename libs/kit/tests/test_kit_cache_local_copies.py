"""Copies of cached values in a caller's own process."""

import asyncio
from typing import Any

import pytest

from penstock_kit.cache.local_copies import MAX_COPY_SECONDS, Copy, LocalCopies
from penstock_testkit.clock import ManualClock


class Silent:
    """A cache-service of whose changes nothing is heard."""

    def WatchInvalidations(self, request: Any) -> "Silent":  # noqa: N802
        return self

    async def __aenter__(self) -> "Silent":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def __aiter__(self) -> "Silent":
        return self

    async def __anext__(self) -> Any:
        await asyncio.Event().wait()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def copies(clock: ManualClock) -> Any:
    made = LocalCopies(Silent(), clock=clock, max_copies=3)
    yield made
    await made.close()


def copy(copies: LocalCopies, value: str, seconds: float = 60.0) -> Copy:
    return Copy(end=copies.until(seconds), data=value.encode(), negative=False, value=value)


def kept(copies: LocalCopies, *keys: str, partition: str = "acme") -> list[Any]:
    found = [copies.get(partition, key) for key in keys]
    return [None if each is None else each.value for each in found]


@pytest.mark.parametrize(
    "change", [{"keys": ["k"]}, {"prefixes": ["k"]}, {"everything": True}, {"keys": ["another"]}], ids=str
)
async def test_what_was_read_before_a_change_is_not_kept_after_it(copies: LocalCopies, change: dict[str, Any]) -> None:
    begun = copies.begin("acme")
    old = copy(copies, "old")
    copies.drop("acme", **change)
    copies.take("acme", "k", old, begun)
    assert kept(copies, "k") == [None]
    copies.take("acme", "k", copy(copies, "new"), copies.begin("acme"))
    assert kept(copies, "k") == ["new"]


async def test_a_change_of_another_tenant_takes_nothing_away(copies: LocalCopies) -> None:
    begun = copies.begin("acme")
    copies.drop("other", everything=True)
    copies.take("acme", "k", copy(copies, "v"), begun)
    assert kept(copies, "k") == ["v"]
    assert kept(copies, "k", partition="other") == [None]


async def test_a_change_takes_away_what_it_names_and_no_more(copies: LocalCopies) -> None:
    for key in ("a:1", "a:2", "b:1"):
        copies.take("acme", key, copy(copies, key), copies.begin("acme"))
    copies.drop("acme", keys=["a:1"])
    assert kept(copies, "a:1", "a:2", "b:1") == [None, "a:2", "b:1"]
    copies.drop("acme", prefixes=["a:"])
    assert kept(copies, "a:1", "a:2", "b:1") == [None, None, "b:1"]


async def test_a_copy_lives_a_second_at_most_and_no_longer_than_its_value(
    copies: LocalCopies, clock: ManualClock
) -> None:
    copies.take("acme", "long", copy(copies, "long"), copies.begin("acme"))
    copies.take("acme", "short", copy(copies, "short", 0.2), copies.begin("acme"))
    clock.advance(0.2)
    assert kept(copies, "long", "short") == ["long", None]
    clock.advance(MAX_COPY_SECONDS - 0.2)
    assert kept(copies, "long") == [None]


async def test_copies_are_bounded(copies: LocalCopies) -> None:
    for number in range(10):
        copies.take("acme", str(number), copy(copies, "v"), copies.begin("acme"))
        assert sum(value is not None for value in kept(copies, *map(str, range(10)))) <= 3
