"""The kernel against NumPy and SciPy, window by window."""

import subprocess
import sys
import warnings
from itertools import pairwise

import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from feature_service.domain.feature.catalog import (
    DEFAULT_FEATURES,
    feature_names,
    registered_features,
    resolve_features,
)
from feature_service.domain.feature.kernel import window_features
from feature_service.domain.feature.registration import feature
from feature_service.domain.feature.shared_rows import shares_rows
from feature_service.domain.feature.window import WindowPlan
from penstock_kit.errors import InvalidArgument, Unprocessable
from penstock_testkit.waiting import HANG_SECONDS

# The one that needs the times of rows has tests of its own.
FEATURE_NAMES = tuple(name for name in feature_names() if name != "slope_per_second")
RANDOM = np.random.default_rng(7)
pytestmark = pytest.mark.usefixtures("each_kernel")


def oracle(window):
    """Every feature of one window, from NumPy's and SciPy's own functions."""
    n = len(window)
    centred = window - window.mean()
    frequencies, power = scipy.signal.periodogram(window, detrend="constant", scaling="spectrum")
    frequencies, power = frequencies[1:], power[1:]
    return {
        "mean": np.mean(window),
        "std": np.std(window),
        "min": np.min(window),
        "max": np.max(window),
        "median": np.median(window),
        "q25": np.quantile(window, 0.25),
        "q75": np.quantile(window, 0.75),
        "range": np.ptp(window),
        "rms": np.sqrt(np.mean(window**2)),
        "skew": scipy.stats.skew(window),
        "kurtosis": scipy.stats.kurtosis(window),
        "slope": scipy.stats.linregress(np.arange(n), window).slope,
        "first": window[0],
        "last": window[-1],
        "mean_crossings": sum((a > window.mean()) != (b > window.mean()) for a, b in pairwise(window)),
        "zero_crossings": sum((a > 0) != (b > 0) for a, b in pairwise(window)),
        "energy": np.sum(window**2),
        "autocorrelation_lag1": np.correlate(centred, centred, "full")[n] / np.sum(centred**2),
        "spectral_peak": frequencies[np.argmax(power)],
        "spectral_centroid": np.average(frequencies, weights=power),
        "spectral_entropy": scipy.stats.entropy(power) / np.log(len(power)),
        "missing_ratio": 0.0,
    }


def features_of(values, plan, names=FEATURE_NAMES, absent=None):
    return window_features(np.asarray(values, dtype=np.float64), plan, names, absent)


@pytest.mark.parametrize("size", [4, 5, 64, 255, 256])
@pytest.mark.parametrize("offset", [0.0, -3.0, 1e6])
def test_every_feature_equals_scipy_and_numpy(size, offset):
    values = RANDOM.normal(size=size * 4).cumsum() * 0.1 + offset
    result = features_of(values, WindowPlan(size=size, overlap=0.5))
    step = round(size / 2)
    for index, row in enumerate(result):
        expected = oracle(values[index * step : index * step + size])
        for name, value in zip(FEATURE_NAMES, row, strict=True):
            assert value == pytest.approx(expected[name], rel=1e-6, abs=1e-9), name


@settings(max_examples=60, deadline=None)
@given(
    values=hnp.arrays(np.float64, st.integers(8, 60), elements=st.floats(-1e6, 1e6, width=32)),
    size=st.integers(4, 8),
    overlap=st.floats(0, 0.95),
)
def test_features_of_any_values_obey_their_laws(values, size, overlap):
    plan = WindowPlan(size=size, overlap=overlap)
    result = dict(zip(FEATURE_NAMES, features_of(values, plan).T, strict=True))
    scale = max(1.0, float(np.abs(values).max()))
    assert all(np.isfinite(column).all() for column in result.values())
    assert (result["std"] >= 0).all()
    assert (result["min"] <= result["q25"]).all()
    assert (result["q25"] <= result["median"]).all()
    assert (result["median"] <= result["q75"]).all()
    assert (result["q75"] <= result["max"]).all()
    assert np.allclose(result["range"], result["max"] - result["min"])
    assert np.allclose(result["rms"] ** 2, result["mean"] ** 2 + result["std"] ** 2, rtol=1e-9, atol=1e-9 * scale**2)
    assert (np.abs(result["autocorrelation_lag1"]) <= 1 + 1e-9).all()
    assert ((result["spectral_entropy"] >= 0) & (result["spectral_entropy"] <= 1)).all()
    assert ((result["spectral_peak"] >= 0) & (result["spectral_peak"] <= 0.5)).all()


@settings(max_examples=60, deadline=None)
@given(values=hnp.arrays(np.float64, st.integers(5, 40), elements=st.floats(-100, 100, width=32)), data=st.data())
def test_windows_do_not_depend_on_their_block(values, data):
    size = data.draw(st.integers(2, len(values)))
    plan = WindowPlan(size=size, overlap=0.5)
    whole = features_of(values, plan)
    for index in range(plan.count(len(values))):
        start = index * plan.step
        alone = features_of(values[start : start + size], WindowPlan(size=size))
        assert np.allclose(whole[index], alone[0], rtol=1e-9, atol=1e-9)


def test_many_blocks_give_what_one_window_gives():
    values = RANDOM.normal(size=50_000)
    plan = WindowPlan(size=100, overlap=0.5)
    result = features_of(values, plan, ("mean", "std", "median"))
    starts = np.arange(plan.count(len(values))) * 50
    windows = np.stack([values[start : start + 100] for start in starts])
    assert np.allclose(result, np.stack([windows.mean(1), windows.std(1), np.median(windows, axis=1)], axis=1))


def test_variance_survives_a_large_mean():
    values = 1e6 + 0.01 * RANDOM.normal(size=1024)
    result = features_of(values, WindowPlan(size=256), ("std",))
    expected = [np.std(values[start : start + 256]) for start in range(0, 769, 128)]
    assert np.allclose(result[:, 0], expected, rtol=1e-9)


@pytest.mark.parametrize("level", [0.0, 0.1, -5.0, 1e9])
def test_a_constant_window_has_finite_features(level):
    row = dict(zip(FEATURE_NAMES, features_of(np.full(10, level), WindowPlan(size=10))[0], strict=True))
    for name in ("range", "skew", "kurtosis", "slope", "autocorrelation_lag1", "mean_crossings"):
        assert row[name] == 0.0, name
    assert [row[name] for name in FEATURE_NAMES if name.startswith("spectral")] == [0.0, 0.0, 0.0]
    assert row["mean"] == pytest.approx(level)
    assert row["std"] == pytest.approx(0.0, abs=1e-6)


def test_a_window_of_one_row_has_finite_features():
    row = dict(zip(FEATURE_NAMES, features_of([2.0], WindowPlan(size=1))[0], strict=True))
    assert all(np.isfinite(list(row.values())))
    assert (row["mean"], row["median"], row["slope"], row["energy"]) == (2.0, 2.0, 0.0, 4.0)


def test_a_window_with_gaps_is_described_by_its_present_values():
    values = RANDOM.normal(size=40)
    holed = values.copy()
    holed[[3, 4, 25]] = np.nan
    plan = WindowPlan(size=20, overlap=0.0)
    names = [name for name in FEATURE_NAMES if name not in ("slope", "missing_ratio")]
    result = features_of(holed, plan, names)
    for index, start in enumerate((0, 20)):
        present = holed[start : start + 20][~np.isnan(holed[start : start + 20])]
        assert np.allclose(result[index], features_of(present, WindowPlan(size=len(present)), names)[0])


def test_slope_with_gaps_keeps_the_row_numbers():
    values = np.array([0.0, 2.0, np.nan, np.nan, 8.0, 10.0])
    assert features_of(values, WindowPlan(size=6), ("slope",))[0, 0] == pytest.approx(2.0)


def test_a_window_without_values_is_nan_and_wholly_missing():
    result = features_of(np.full(4, np.nan), WindowPlan(size=4), ("mean", "spectral_peak", "missing_ratio"))
    assert np.isnan(result[0, :2]).all()
    assert result[0, 2] == 1.0


def test_windows_with_and_without_gaps_share_a_block():
    values = np.arange(12.0)
    values[5] = np.nan
    result = features_of(values, WindowPlan(size=4, overlap=0.0), ("mean", "missing_ratio"))
    assert result.tolist() == [[1.5, 0.0], [pytest.approx(17 / 3), 0.25], [9.5, 0.0]]


def test_missing_ratio_counts_the_values_that_were_absent_at_first():
    absent = np.array([True, False, False, True, True, True])
    result = features_of(np.arange(6.0), WindowPlan(size=4, overlap=0.5), ("missing_ratio", "mean"), absent)
    assert result.tolist() == [[0.5, 1.5], [0.75, 3.5]]


def test_no_warning_is_raised_on_any_kind_of_window():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features_of([1.0, 1.0, np.nan, np.nan, np.nan, np.nan, 2.0, 3.0], WindowPlan(size=2, overlap=0.0))


def test_a_window_larger_than_the_data_says_how_many_rows_there_are():
    with pytest.raises(Unprocessable, match=r"window_size is 100 but there are only 7 rows") as caught:
        features_of(np.zeros(7), WindowPlan(size=100))
    assert caught.value.reason == "WINDOW_LIMIT_EXCEEDED"


def test_an_unknown_feature_is_answered_with_the_valid_ones():
    with pytest.raises(InvalidArgument, match=r"unknown feature 'avg'.*mean, std.*missing_ratio"):
        resolve_features(["mean", "avg"])


def test_a_feature_named_twice_is_refused():
    with pytest.raises(InvalidArgument, match="'mean' is asked for twice"):
        resolve_features(["mean", "std", "mean"])


def test_no_names_mean_the_default_features():
    assert resolve_features([]) == DEFAULT_FEATURES


@pytest.mark.parametrize(
    ("size", "overlap", "rows", "step", "count"),
    [(100, 0.5, 1000, 50, 19), (100, 0.0, 199, 100, 1), (10, 0.99, 12, 1, 3), (3, 0.5, 9, 2, 4), (5, 0.5, 4, 2, 0)],
)
def test_step_and_count_of_windows(size, overlap, rows, step, count):
    plan = WindowPlan(size=size, overlap=overlap)
    assert (plan.step, plan.count(rows)) == (step, count)


@pytest.mark.parametrize(("size", "overlap"), [(0, 0.5), (-1, 0.5), (10, 1.0), (10, -0.1), (10, float("nan"))])
def test_impossible_windows_are_refused(size, overlap):
    with pytest.raises(InvalidArgument):
        WindowPlan(size=size, overlap=overlap)


def test_a_name_is_given_to_one_feature_only():
    with pytest.raises(ValueError, match="there is a feature 'mean' already"):
        feature("another mean", name="mean")(lambda block: block.mean)


def test_features_are_named_without_numpy_until_somebody_asks_for_them():
    code = (
        "import sys, feature_service.domain.feature.catalog as catalog; print('numpy' in sys.modules);"
        "print('mean' in catalog.feature_names(), 'numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=HANG_SECONDS
    )
    assert done.stdout.split() == ["False", "True", "True"]


@settings(max_examples=150, deadline=None)
@given(
    values=hnp.arrays(
        np.float64,
        st.integers(1, 80),
        elements=st.one_of(st.floats(-100, 100, width=32), st.sampled_from([np.nan, 0.0, -0.0])),
    ),
    size=st.integers(1, 40),
    overlap=st.floats(0.7, 0.99),
)
def test_windows_that_share_most_rows_have_the_features_to_the_bit_that_each_has_alone(values, size, overlap):
    plan = WindowPlan(size=min(size, len(values)), overlap=overlap)
    names = ("range", "mean", "max", "zero_crossings", "min")
    whole = features_of(values, plan, names)
    alone = [features_of(each, WindowPlan(size=plan.size, overlap=0), names)[0] for each in windows_of(values, plan)]
    assert np.array_equal(whole, np.array(alone), equal_nan=True)


def windows_of(values, plan):
    return [values[index * plan.step : index * plan.step + plan.size] for index in range(plan.count(len(values)))]


@pytest.mark.parametrize("name", ["min", "max", "range", "zero_crossings"])
def test_at_a_high_overlap_what_windows_share_is_looked_at_once(name):
    plan = WindowPlan(size=256, overlap=0.9)
    values = RANDOM.normal(size=5_000)
    shared = registered_features()[name].compute_shared
    assert shares_rows(plan)
    assert not shares_rows(WindowPlan(size=256, overlap=0.5))
    assert shared(values, plan).tobytes() == features_of(values, plan, (name,)).tobytes()
