"""Long series in few readings that keep their shape."""

import itertools
import tracemalloc
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_service.domain.model.frame import Frame
from feature_service.domain.query.downsampling import downsample, largest_triangles
from penstock_kit.errors import InvalidArgument

SECOND = 1_000_000
VALUES = st.lists(st.integers(-1000, 1000).map(float), min_size=4, max_size=120)


def times_of(gaps: list[int]) -> np.ndarray:
    return np.cumsum(np.array(gaps, dtype=np.int64) * SECOND).astype("datetime64[us]")


async def of(frames: list[Frame]) -> AsyncIterator[Frame]:
    for frame in frames:
        yield frame


def series(values: np.ndarray, block: int) -> list[Frame]:
    """A reading a second, in blocks."""
    times = (np.arange(len(values)) * SECOND).astype("datetime64[us]")
    return list(Frame(timestamps=times, numbers={"x": values}).pieces(block))


def by_the_book(x: list[float], y: list[float], points: int) -> Iterator[int]:
    """Steinarsson's algorithm step by step, in plain Python."""
    count, every = len(x), (len(x) - 2) / (points - 2)
    edges = [1 + int(number * every) for number in range(points - 1)] + [count]
    at = 0
    yield 0
    for number in range(points - 2):
        following = range(edges[number + 1], edges[number + 2])
        cx, cy = sum(x[i] for i in following) / len(following), sum(y[i] for i in following) / len(following)
        areas = {
            i: abs((x[at] - cx) * (y[i] - y[at]) - (x[at] - x[i]) * (cy - y[at]))
            for i in range(edges[number], edges[number + 1])
        }
        at = max(areas, key=lambda i: areas[i])
        yield at
    yield count - 1


@given(values=VALUES, points=st.integers(3, 20), data=st.data())
def test_the_readings_chosen_span_the_largest_triangles(values: list[float], points: int, data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.integers(1, 50), min_size=len(values), max_size=len(values)))
    times, y = times_of(gaps), np.array(values)
    chosen = largest_triangles(times, y, points)
    if len(values) <= points:
        assert chosen.tolist() == list(range(len(values)))
        return
    assert len(chosen) == points
    assert (np.diff(chosen) > 0).all()
    x = (times - times[0]).astype(float).tolist()
    wanted = list(by_the_book(x, values, points))
    areas = [triangle(x, values, places) for places in (chosen.tolist(), wanted)]
    # Where two triangles are as large but for the last digit either is right.
    assert chosen.tolist() == wanted or areas[0] == pytest.approx(areas[1], rel=1e-6)


def triangle(x: list[float], y: list[float], places: list[int]) -> float:
    """The area between a line through some readings and the one through their ends."""
    return sum((x[b] - x[a]) * (y[a] + y[b]) / 2 for a, b in itertools.pairwise(places))


@pytest.mark.parametrize("most_rows", [1_000_000, 1_000])
async def test_a_spike_of_one_reading_and_both_ends_are_kept_however_long_the_series(most_rows: int) -> None:
    values = np.sin(np.arange(100_003) / 900)
    values[[0, 61_234, -1]] = [5.0, 40.0, -5.0]
    found = await downsample(of(series(values, 7_000)), "x", rows=len(values), points=200, most_rows=most_rows)
    found = found.frame
    assert 150 <= len(found) <= 200
    assert {5.0, 40.0, -5.0} <= set(found.numbers["x"])
    assert (np.diff(found.timestamps) > np.timedelta64(0, "us")).all()
    at = found.timestamps.astype(np.int64) // SECOND
    assert (values[at] == found.numbers["x"]).all(), "each is a reading, at its own time"


async def test_rows_without_a_value_are_passed_over() -> None:
    values = np.arange(5_000.0)
    values[::2] = np.nan
    found = await downsample(of(series(values, 999)), "x", rows=5_000, points=10)
    found = found.frame
    assert len(found) == 10
    assert found.numbers["x"][[0, -1]].tolist() == [1.0, 4_999.0]
    nothing = await downsample(of(series(np.full(10, np.nan), 4)), "x", rows=10, points=5)
    assert len(nothing.frame) == 0


async def test_the_first_reading_is_kept_behind_a_block_without_a_value() -> None:
    values = np.sin(np.arange(40_000) / 3)
    values[:5_000], values[5_000] = np.nan, 0.0
    found = await downsample(of(series(values, 5_000)), "x", rows=40_000, points=50, most_rows=1_000)
    assert found.frame.timestamps[0].astype(np.int64) == 5_000 * SECOND


def runs_of(times: np.ndarray, max_gap: int) -> list[np.ndarray]:
    return np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > max_gap) + 1)


@given(
    steps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 70, 500]), min_size=1, max_size=400),
    data=st.data(),
    points=st.integers(3, 60),
    block=st.integers(1, 90),
    most_rows=st.sampled_from([1, 10_000]),
)
async def test_every_gap_stays_one_and_both_ends_and_the_extremes_of_all_stay(
    steps: list[int], data: st.DataObject, points: int, block: int, most_rows: int
) -> None:
    values = np.array(data.draw(st.lists(st.integers(-99, 99).map(float), min_size=len(steps), max_size=len(steps))))
    values[data.draw(st.lists(st.integers(0, len(steps) - 1), max_size=5))] = np.nan
    frame = Frame(timestamps=times_of(steps), numbers={"x": values})
    found = await downsample(
        of(list(frame.pieces(block))), "x", rows=len(frame), points=points, max_gap=60 * SECOND, most_rows=most_rows
    )
    known = frame.where(~np.isnan(values))
    times, y = known.timestamps.astype("int64"), known.numbers["x"]
    chosen = found.frame.timestamps.astype("int64")
    assert set(zip(chosen.tolist(), found.frame.numbers["x"].tolist(), strict=True)) <= set(
        zip(times.tolist(), y.tolist(), strict=True)
    ), "each is a reading, at its own time"
    assert len(chosen) == len(set(chosen.tolist())) <= points
    assert (np.diff(chosen) > 0).all()
    if not len(known):
        return
    assert 2 * len(chosen) >= min(points, len(known)) - 2
    assert {times[0], times[-1]} <= set(chosen.tolist())
    if points >= 4:
        assert {y.min(), y.max()} <= set(found.frame.numbers["x"].tolist())
    gaps = [(int(times[run[-1]]), int(times[run[-1] + 1])) for run in runs_of(times, 60 * SECOND)[:-1]]
    assert set(found.gaps) <= set(gaps)
    if len(gaps) < points // 4:
        assert list(found.gaps) == gaps
    pairs = set(itertools.pairwise(chosen.tolist()))
    assert set(found.gaps) <= pairs, "nothing is between its ends, and both are there"
    told = [end - start for start, end in found.gaps]
    assert sorted(told) == sorted(end - start for start, end in gaps)[len(gaps) - len(told) :], "the longest are told"


async def test_half_a_year_without_readings_leaves_most_points_to_what_is_around_it() -> None:
    values = np.random.default_rng(1).normal(size=20_000)
    times = (np.arange(20_000) * SECOND + (np.arange(20_000) >= 9_000) * 180 * 86_400 * SECOND).astype("datetime64[us]")
    frame = Frame(timestamps=times, numbers={"x": values})
    for most_rows in (1_000_000, 1_000):
        found = await downsample(
            of(list(frame.pieces(700))), "x", rows=20_000, points=100, max_gap=60 * SECOND, most_rows=most_rows
        )
        assert 98 <= len(found.frame) <= 100
        before = (found.frame.timestamps <= times[8_999]).sum()
        assert 40 <= before <= 60
        assert found.gaps == [tuple(times[[8_999, 9_000]].astype("int64").tolist())]
        assert np.isin(times[[8_999, 9_000]], found.frame.timestamps).all(), "both ends are there"


async def test_more_gaps_than_are_noted_are_refused_with_what_to_do() -> None:
    values = np.arange(150_000.0)
    with pytest.raises(InvalidArgument, match="name a longer one") as caught:
        await downsample(of(series(values, 50_000)), "x", rows=150_000, points=100, max_gap=1)
    assert caught.value.reason == "MAX_GAP_INVALID"


async def test_a_series_of_any_length_takes_no_more_memory_than_some_blocks() -> None:
    block = Frame(timestamps=(np.arange(50_000) * SECOND).astype("datetime64[us]"), numbers={"x": np.ones(50_000)})

    async def many() -> AsyncIterator[Frame]:
        for number in range(100):
            yield Frame(timestamps=block.timestamps + np.timedelta64(number, "D"), numbers=block.numbers)

    tracemalloc.start()
    try:
        await downsample(many(), "x", rows=5_000_000, points=500)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16_000_000, "five million readings are 80 MB"
