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


class Claims:
    """Who renews what, over several replicas in this process."""

    def __init__(self) -> None:
        self.held: set[str] = set()

    async def claim(self, key: str, seconds: float) -> bool:
        if key in self.held:
            return False
        self.held.add(key)
        return True

    async def done(self, key: str) -> None:
        self.held.discard(key)


async def test_of_all_replicas_one_reader_is_told_and_after_the_renewal_another_may_be(clock: ManualClock) -> None:
    claims = Claims()
    one, other = (RefreshAdvisor(clock=clock, random=lambda: 0.99, claims=claims) for _ in range(2))
    entry = entry_ending_in(0.1, clock)
    assert await one.should_refresh(entry)
    assert not await other.should_refresh(entry)
    await one.done(entry.key)
    clock.advance(3)
    assert await other.should_refresh(entry_ending_in(0.1, clock))


async def test_who_did_not_renew_a_value_ends_nobodys_claim(clock: ManualClock) -> None:
    claims = Claims()
    one, other, third = (RefreshAdvisor(clock=clock, random=lambda: 0.99, claims=claims) for _ in range(3))
    entry = entry_ending_in(0.1, clock)
    assert await one.should_refresh(entry)
    await other.done(entry.key)
    assert not await third.should_refresh(entry)


async def test_of_ten_thousand_claims_those_that_are_over_make_room_and_the_others_stay(clock: ManualClock) -> None:
    advisor = RefreshAdvisor(clock=clock, random=lambda: 0.999999)

    def ending(number: int) -> Entry:
        return Entry(key=f"t\0{number}", value=b"v", expire_at=clock.monotonic() + 0.1, load_seconds=1.0)

    assert all([await advisor.should_refresh(ending(number)) for number in range(9_999)])
    clock.advance(1)
    assert await advisor.should_refresh(ending(9_999))
    assert not await advisor.should_refresh(ending(10_000)), "each lasts for two loads"
    clock.advance(1)
    assert await advisor.should_refresh(ending(10_000))
    assert not await advisor.should_refresh(ending(9_999))
