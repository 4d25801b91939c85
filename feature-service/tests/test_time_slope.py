"""The slope per second: against NumPy's own fit, on times that are not evenly spaced."""

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
        seconds = micros[part] / 1e6
        expected = np.polyfit(seconds - seconds.mean(), np.subtract(values[part], np.mean(values[part])), 1)[0]
        np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-9)


def test_with_even_rows_it_is_the_slope_over_their_distance():
    values = np.random.default_rng(2).normal(1e6, 0.01, 500)
    matrix = slopes_of(values, np.arange(500) * 250_000, 50, 0.9)
    np.testing.assert_allclose(matrix[:, 1], matrix[:, 0] * 4, rtol=1e-9)


def test_missing_values_are_left_out_and_an_empty_window_has_none():
    values = np.array([1.0, np.nan, 5.0, np.nan, np.nan, np.nan, 7.0, np.nan, np.nan])
    found = slopes_of(values, np.arange(9) * 2_000_000, 3)[:, 1]
    np.testing.assert_array_equal(found, [1.0, np.nan, 0.0])
