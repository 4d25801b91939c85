"""The slope per second: against the exact fit in fractions, on times that are not evenly spaced."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_service.domain.extraction.extract import extract_features
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod

START = np.datetime64("2024-05-01T00:00:00", "us")


def slopes_of(values, micros, size, overlap=0.0):
    frame = Frame(timestamps=START + np.asarray(micros, dtype="timedelta64[us]"), numbers={"a": np.asarray(values)})
    plan = ExtractionPlan(
        window=WindowPlan(size=size, overlap=overlap),
        features=("slope", "slope_per_second"),
        missing=MissingMethod.NONE,
        normalize=NormalizeMethod.NONE,
    )
    table = extract_features(frame, plan)
    assert table.names == ("a_slope", "a_slope_per_second")
    return table.matrix


def exact_slope(values, micros):
    """Return the least-squares slope per second, counted in fractions: no rounding before the last step."""
    heights, times = [Fraction(value) for value in values], [Fraction(time, 10**6) for time in micros]
    ahead = [time - sum(times) / len(times) for time in times]
    return float(sum(a * height for a, height in zip(ahead, heights, strict=True)) / sum(a * a for a in ahead))


@settings(max_examples=80, deadline=None)
@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=12, max_size=40),
    gaps=st.lists(st.integers(1_000, 10**8), min_size=40, max_size=40),
    size=st.integers(3, 8),
)
def test_it_is_the_least_squares_slope_against_time(values, gaps, size):
    micros = np.cumsum(gaps)[: len(values)]
    found = slopes_of(values, micros, size)[:, 1]
    for window, slope in enumerate(found):
        part = slice(window * size, (window + 1) * size)
        times = [int(time) for time in micros[part]]
        rounding = 1e-300 + 1e-12 * max(map(abs, values[part])) / ((times[-1] - times[0]) / 1e6)
        np.testing.assert_allclose(slope, exact_slope(values[part], times), rtol=1e-9, atol=rounding)


def test_with_even_rows_it_is_the_slope_over_their_distance():
    values = np.random.default_rng(2).normal(1e6, 0.01, 500)
    matrix = slopes_of(values, np.arange(500) * 250_000, 50, 0.9)
    np.testing.assert_allclose(matrix[:, 1], matrix[:, 0] * 4, rtol=1e-9)


def test_missing_values_are_left_out_and_an_empty_window_has_none():
    values = np.array([1.0, np.nan, 5.0, np.nan, np.nan, np.nan, 7.0, np.nan, np.nan])
    found = slopes_of(values, np.arange(9) * 2_000_000, 3)[:, 1]
    np.testing.assert_array_equal(found, [1.0, np.nan, 0.0])
