import pytest

from cache_service.domain.entry import Entry
from cache_service.domain.refresh import RefreshAdvisor
from penstock_testkit.clock import ManualClock


def entry_ending_in(seconds: float, clock: ManualClock, *, load_seconds: float = 1.0) -> Entry:
    return Entry(key="t\0a", value=b"v", expire_at=clock.monotonic() + seconds, load_seconds=load_seconds)


@pytest.mark.parametrize(("left", "drawn", "expected"), [(60.0, 0.999999, False), (2.0, 0.5, False), (0.5, 0.5, True)])
async def test_the_nearer_the_end_the_likelier_a_renewal(
    left: float, drawn: float, expected: bool, clock: ManualClock
) -> None:
    advisor = RefreshAdvisor(clock=clock, random=lambda: drawn)
    assert await advisor.should_refresh(entry_ending_in(left, clock)) is expected


async def test_one_reader_at_a_time_is_told(clock: ManualClock) -> None:
    advisor = RefreshAdvisor(clock=clock, random=lambda: 0.99)
    entry = entry_ending_in(0.1, clock)
    assert [await advisor.should_refresh(entry) for _ in range(3)] == [True, False, False]
    await advisor.done(entry.key)
    assert await advisor.should_refresh(entry)


async def test_a_reader_who_was_told_and_vanished_is_replaced(clock: ManualClock) -> None:
    advisor = RefreshAdvisor(clock=clock, random=lambda: 0.999999)
    entry = entry_ending_in(5.0, clock)
    assert await advisor.should_refresh(entry)
    clock.advance(2.1)
    assert await advisor.should_refresh(entry)


async def test_what_costs_nothing_to_load_is_not_renewed_early(clock: ManualClock) -> None:
    advisor = RefreshAdvisor(clock=clock, random=lambda: 0.999999)
    assert not await advisor.should_refresh(entry_ending_in(0.001, clock, load_seconds=0.0))
