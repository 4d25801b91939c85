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
    assert 150 <= len(found) <= 200
    assert {5.0, 40.0, -5.0} <= set(found.numbers["x"])
    assert (np.diff(found.timestamps) > np.timedelta64(0, "us")).all()
    at = found.timestamps.astype(np.int64) // SECOND
    assert (values[at] == found.numbers["x"]).all(), "each is a reading, at its own time"


async def test_rows_without_a_value_are_passed_over() -> None:
    values = np.arange(5_000.0)
    values[::2] = np.nan
    found = await downsample(of(series(values, 999)), "x", rows=5_000, points=10)
    assert len(found) == 10
    assert found.numbers["x"][[0, -1]].tolist() == [1.0, 4_999.0]
    nothing = await downsample(of(series(np.full(10, np.nan), 4)), "x", rows=10, points=5)
    assert len(nothing) == 0


async def test_the_first_reading_is_kept_behind_a_block_without_a_value() -> None:
    values = np.sin(np.arange(40_000) / 3)
    values[:5_000], values[5_000] = np.nan, 0.0
    found = await downsample(of(series(values, 5_000)), "x", rows=40_000, points=50, most_rows=1_000)
    assert found.timestamps[0].astype(np.int64) == 5_000 * SECOND


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
