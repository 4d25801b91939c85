"""How long rows last at the very bounds, told by both stores: what is a gap, how many spells are told, the ends of a
range."""

import pytest

from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Condition, Operator, StatisticsQuery
from penstock_testkit.contracts.telemetry_rows import KEY, OTHER, SECOND, frame_of

MICRO = 1 / SECOND
ON = Condition(field="a", operator=Operator.GT, operands=(0.0,))


@pytest.fixture
def store(telemetry_store):
    return telemetry_store


def query(*conditions, span=None, **more):
    return StatisticsQuery(fields=["a"], span=span or Span(), conditions=conditions, **more)


def told(spells):
    return [(each.start / SECOND, each.seconds) for each in spells]


@pytest.mark.parametrize(
    ("silence", "lasts", "spells", "gaps"),
    [(20, 20, [(0, 28)], []), (20 + MICRO, 20, [(0, 24), (24 + MICRO, 4)], [(4, 20 + MICRO)])],
    ids=["ten steps", "a microsecond more"],
)
async def test_a_row_lasts_for_ten_steps_at_most_and_a_longer_silence_parts_two_spells(
    store, silence, lasts, spells, gaps
):
    await store.append(KEY, frame_of([0, 2, 4, 4 + silence, 6 + silence], a=[1] * 5))
    found = await store.fitting_time(KEY, query(ON))
    assert sorted(told(found.longest)) == spells
    assert (found.spells, found.seconds, found.range_seconds) == (len(spells), 8 + lasts, 8 + lasts)
    assert (found.gaps, told(found.longest_gaps)) == (len(gaps), gaps)


@pytest.mark.parametrize(
    ("shortest", "silence", "spells"),
    [
        (10, 20, [(0, 220)]),
        (30, 30, [(0, 230)]),
        (30, 30 + MICRO, [(0, 120), (130 + MICRO, 100)]),
    ],
    ids=["ten steps", "as long as a spell has to be", "longer than that"],
)
async def test_a_spell_that_has_to_last_is_not_parted_by_a_shorter_silence(store, shortest, silence, spells):
    again = 100 + silence
    times = [*range(0, 102, 2), *(again + each for each in range(0, 102, 2))]
    await store.append(KEY, frame_of(times, a=[1] * 50 + [1] + [1] * 50 + [0]))
    found = await store.fitting_time(KEY, query(ON, shortest_spell=round(shortest * SECOND)))
    assert sorted(told(found.longest)) == spells
    assert (found.spells, found.seconds) == (len(spells), sum(seconds for _, seconds in spells))
    assert found.range_seconds == found.seconds + 2
    assert found.gaps == (silence > 20)


@pytest.mark.parametrize(
    ("silence", "spells"),
    [(300, [(0, 1300)]), (300 + MICRO, [(0, 520), (800 + MICRO, 500)])],
    ids=["as long", "longer"],
)
async def test_a_spell_that_has_to_last_is_parted_by_a_silence_of_more_than_five_minutes(store, silence, spells):
    times = [*range(0, 502, 2), *(500 + silence + each for each in range(0, 502, 2))]
    await store.append(KEY, frame_of(times, a=[1] * (len(times) - 1) + [0]))
    found = await store.fitting_time(KEY, query(ON, shortest_spell=400 * SECOND))
    assert sorted(told(found.longest)) == spells


@pytest.mark.parametrize(
    ("before", "silence", "behind", "spells"),
    [
        (90, 22, 110, [(0, 222)]),
        (90 - 2, 22, 110, [(0, 108), (110, 110)]),
        (90, 22, 110 - 2, [(0, 110), (112, 108)]),
        (100, 60, 120, [(0, 280)]),
        (100 - 2, 60, 120, [(0, 118), (158, 120)]),
        (580, 300, 600, [(0, 1480)]),
        (580 - 2, 300, 600, [(0, 598), (878, 600)]),
        (1780, 300 + MICRO, 1900, [(0, 1800), (2080 + MICRO, 1900)]),
    ],
    ids=[
        *("five times as much", "less before", "less behind"),
        *("two minutes", "less than two minutes", "five minutes, twice as much", "less than twice as much"),
        "longer than five minutes",
    ],
)
async def test_a_silence_of_up_to_five_minutes_parts_no_spell_of_which_enough_is_known_on_either_side(
    store, before, silence, behind, spells
):
    again = before + silence
    times = [*range(0, before + 2, 2), *(again + each for each in range(0, behind + 2, 2))]
    await store.append(KEY, frame_of(times, a=[1] * (len(times) - 1) + [0]))
    found = await store.fitting_time(KEY, query(ON))
    assert sorted(told(found.longest)) == spells
    assert (found.last.start / SECOND, found.last.seconds) == spells[-1]
    assert (found.spells, found.seconds, found.gaps) == (len(spells), sum(seconds for _, seconds in spells), 1)


async def test_a_silence_between_a_row_that_fits_and_one_that_does_not_is_not_bridged(store):
    times = [*range(0, 102, 2), *range(120 + 2, 222, 2)]
    await store.append(KEY, frame_of(times, a=[1] * 50 + [0] + [1] * 50))
    found = await store.fitting_time(KEY, query(ON, shortest_spell=90 * SECOND))
    assert sorted(told(found.longest)) == [(0, 100), (122, 100)]


async def test_rows_that_fit_again_behind_a_silence_are_another_spell_and_the_silence_is_a_gap_either_way(store):
    await store.append(KEY, frame_of([0, 2, 4, 6, 100, 102], a=[0, 1, 0, 0, 0, 1]))
    found = await store.fitting_time(KEY, query(ON))
    assert told(found.longest) == [(2, 2), (102, 2)]
    assert (found.seconds, found.range_seconds, found.gap_seconds) == (4, 30, 94)
    assert told(found.longest_gaps) == [(6, 94)]


@pytest.mark.parametrize(("shortest", "spells"), [(4, [(0, 4), (10, 6)]), (4 + MICRO, [(10, 6)]), (7, [])])
async def test_a_spell_of_just_the_shortest_length_counts(store, shortest, spells):
    await store.append(KEY, frame_of(range(0, 20, 2), a=[1, 1, 0, 1, 0, 1, 1, 1, 0, 0]))
    found = await store.fitting_time(KEY, query(ON, shortest_spell=round(shortest * SECOND)))
    assert sorted(told(found.longest)) == spells
    assert (found.spells, found.seconds) == (len(spells), sum(seconds for _, seconds in spells))
    last = spells[-1] if spells else None
    assert (None if found.last is None else (found.last.start / SECOND, found.last.seconds)) == last


async def test_the_ten_longest_are_told_of_equals_the_first_and_all_are_counted(store):
    # Twelve spells of a second with one of two behind them, parted by rows that do not fit; then twelve gaps.
    spells = [each for _ in range(12) for each in (1, 0)] + [1, 1, 0]
    begin = len(spells)
    gaps = [begin + 100 * number + beside for number in range(1, 13) for beside in (0, 1)] + [begin + 1_450]
    await store.append(KEY, frame_of([*range(begin), *gaps], a=[*spells, *[0] * len(gaps)]))
    found = await store.fitting_time(KEY, query(ON))
    assert (found.spells, found.seconds, found.longest_seconds, found.longest_start) == (13, 14, 2, 24 * SECOND)
    assert told(found.longest) == [(24, 2), *((2 * number, 1) for number in range(9))]
    assert (found.gaps, found.gap_seconds) == (13, 101 + 11 * 99 + 249)
    first = [begin + 100 * number + 1 for number in range(1, 9)]
    assert told(found.longest_gaps) == [(begin + 1_201, 249), (begin - 1, 101), *((at, 99) for at in first)]


async def test_a_range_has_the_row_at_its_start_and_not_that_at_its_end_and_ends_its_last_spell(store):
    await store.append(KEY, frame_of(range(0, 12, 2), a=[1, 1, 1, 0, 1, 1]))
    await store.append(OTHER, frame_of([1, 3, 5], a=[1] * 3))
    await store.append(SeriesKey(tenant_id="other", device_code=KEY.device_code), frame_of([1, 3, 5], a=[1] * 3))
    span = Span(start=2 * SECOND, end=10 * SECOND)
    found = await store.fitting_time(KEY, query(ON, span=span))
    assert told(found.longest) == [(2, 4), (8, 2)]
    assert (found.range_seconds, found.ongoing) == (8, True)
    over = await store.fitting_time(KEY, query(ON, span=Span(end=8 * SECOND)))
    assert (told(over.longest), over.ongoing, over.range_seconds) == ([(0, 6)], False, 8)
    (integral,) = await store.integrals(KEY, query(ON, span=span))
    assert integral == pytest.approx(6)


async def test_rows_without_a_value_of_a_filtered_field_are_no_rows_of_it_but_of_alternatives_one_is_enough(store):
    nan = float("nan")
    await store.append(KEY, frame_of([0, 2, 4, 6], a=[1, nan, 1, nan], b=[1, 0, nan, 0]))
    high = Condition(field="b", operator=Operator.GT, operands=(0.0,))
    assert told((await store.fitting_time(KEY, query(ON))).longest) == [(0, 8)]
    both = await store.fitting_time(KEY, query(ON, high))
    assert (told(both.longest), both.range_seconds) == ([(0, 0)], 0)
    either = await store.fitting_time(KEY, query(Condition(any_of=(ON, high))))
    assert sorted(told(either.longest)) == [(0, 2), (4, 2)]
    (of_b,) = await store.integrals(KEY, StatisticsQuery(fields=["b"], span=Span()))
    assert of_b == pytest.approx(2)


@pytest.mark.parametrize(("steps", "step"), [([1, 2], 2), ([2, 3], 2), ([1, 4, 4], 4)])
async def test_the_usual_step_is_the_median_of_steps_in_whole_microseconds_of_halves_the_even(store, steps, step):
    times = [sum(steps[:number]) * MICRO for number in range(len(steps) + 1)]
    await store.append(KEY, frame_of(times, a=[1] * len(times)))
    found = await store.fitting_time(KEY, query(ON))
    assert round(found.seconds * SECOND) == sum(steps) + step


async def test_a_single_row_lasts_nothing_and_no_row_fits_nothing(store):
    await store.append(KEY, frame_of([5], a=[1]))
    found = await store.fitting_time(KEY, query(ON))
    assert (told(found.longest), found.seconds, found.spells, found.ongoing) == ([(5, 0)], 0, 1, True)
    none = await store.fitting_time(KEY, query(ON, span=Span(start=6 * SECOND)))
    assert (none.spells, none.seconds, none.longest_start, none.last, none.gaps) == (0, 0, None, None, 0)
