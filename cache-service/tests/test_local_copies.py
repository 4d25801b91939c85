"""Copies of Redis' values in this process: for how long, of what size, and that nothing heard of meanwhile is kept."""

from collections.abc import Callable

import pytest

from cache_service.adapters.degrading.local_copies import Copies
from cache_service.domain.entry import Entry, Reading
from cache_service.domain.signals import Signal
from penstock_testkit.clock import ManualClock


def copies_of(clock: ManualClock, *, entries: int = 100, size: int = 800, seconds: float = 1.0) -> Copies:
    return Copies(clock=clock, max_entries=entries, max_size=size, seconds=seconds)


def read(key: str, *, size: int = 10, life: float = 60.0, clock: ManualClock, tags: tuple[str, ...] = ()) -> Reading:
    entry = Entry(key=key, value=b"x" * size, expire_at=clock.monotonic() + life, tags=tags)
    return Reading(entry, 7, "redis")


def test_a_copy_lives_a_second_and_never_longer_than_its_value(clock: ManualClock) -> None:
    copies = copies_of(clock, seconds=5.0)
    copies.take(read("long", clock=clock), copies.begin())
    copies.take(read("short", life=0.5, clock=clock), copies.begin())
    clock.advance(0.49)
    assert copies.get("short") is not None
    clock.advance(0.02)
    assert copies.get("short") is None
    clock.advance(0.48)
    found = copies.get("long")
    assert found is not None
    assert (found.generation, found.tier) == (7, "l1")
    clock.advance(0.02)
    assert copies.get("long") is None
    assert copies.size == 0


@pytest.mark.parametrize(("size", "is_kept"), [(100, True), (101, False)])
def test_one_value_takes_an_eighth_of_the_room_at_most(clock: ManualClock, size: int, is_kept: bool) -> None:
    copies = copies_of(clock)
    copies.take(read("a", size=size, clock=clock), copies.begin())
    assert (copies.get("a") is not None) is is_kept
    assert copies.size == (size if is_kept else 0)


def test_beyond_the_room_and_the_number_the_least_recently_used_leave(clock: ManualClock) -> None:
    copies = copies_of(clock)
    for number in range(8):
        copies.take(read(f"k{number}", size=100, clock=clock), copies.begin())
    assert (len(copies), copies.size) == (8, 800)
    assert copies.get("k0") is not None
    copies.take(read("k8", size=1, clock=clock), copies.begin())
    assert copies.get("k1") is None
    assert copies.get("k0") is not None
    assert copies.size == 701
    few = copies_of(clock, entries=2)
    for number in range(3):
        few.take(read(f"k{number}", clock=clock), few.begin())
    assert (len(few), few.size, few.get("k0")) == (2, 20, None)


def test_a_value_that_is_copied_again_takes_its_room_once(clock: ManualClock) -> None:
    copies = copies_of(clock)
    for size in (50, 20):
        copies.take(read("a", size=size, clock=clock), copies.begin())
    assert (len(copies), copies.size) == (1, 20)


def test_nothing_is_copied_where_copies_have_no_life_or_there_is_no_value(clock: ManualClock) -> None:
    none = copies_of(clock, seconds=0)
    none.take(read("a", clock=clock), none.begin())
    copies = copies_of(clock)
    copies.take(Reading(None, 7, "redis"), copies.begin())
    assert (len(none), len(copies)) == (0, 0)


SIGNALS: list[Signal] = [
    Signal(changed=("t\0a",)), Signal(prefixes=("t\0",)), Signal(tags=("t\0tag",)), Signal(reset=True),
]  # fmt: skip
OTHERS: list[Signal] = [Signal(changed=("t\0b",)), Signal(prefixes=("u\0",)), Signal(tags=("t\0other",))]


@pytest.mark.parametrize(
    ("signal", "is_kept"), [*((each, False) for each in SIGNALS), *((each, True) for each in OTHERS)]
)
@pytest.mark.parametrize("when", ["before", "while it is read"])
def test_what_a_signal_concerns_is_forgotten_and_not_kept_by_a_reading_under_way(
    clock: ManualClock, signal: Signal, is_kept: bool, when: str
) -> None:
    copies = copies_of(clock)
    reading = read("t\0a", clock=clock, tags=("t\0tag",))
    steps: list[Callable[[], None]] = [lambda: copies.take(reading, begun), lambda: copies.drop(signal)]
    begun = copies.begin()
    for step in steps if when == "before" else reversed(steps):
        step()
    assert (copies.get("t\0a") is not None) is is_kept
