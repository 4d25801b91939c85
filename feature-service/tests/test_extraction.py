"""Cleaning, scaling and the whole way from rows to a feature matrix, against pandas and scikit-learn."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from feature_service.domain.extraction.extract import ExtractionPlan, extract_features
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod, OutlierMethod, parse_method
from feature_service.domain.preprocessing.missing import fit_missing_fill
from feature_service.domain.preprocessing.outlier import fit_outlier_filter
from feature_service.domain.preprocessing.scaling import Scaler, fit_scaler, scale_columns
from penstock_kit.errors import InvalidArgument, Unprocessable

NAN = np.nan
START = np.datetime64("2024-05-01T00:00:00", "us")


def frame_of(seconds=None, **numbers):
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in numbers.items()}
    rows = len(next(iter(columns.values())))
    seconds = range(rows) if seconds is None else seconds
    return Frame(timestamps=START + np.array(list(seconds), dtype="timedelta64[s]"), numbers=columns)


def filled(method, frame):
    return fit_missing_fill(frame.numbers, method).apply(frame)


numbers_with_gaps = st.lists(st.one_of(st.floats(-1e3, 1e3), st.just(NAN)), min_size=1, max_size=30)


@settings(max_examples=80, deadline=None)
@given(values=numbers_with_gaps, gaps=st.lists(st.integers(1, 100), min_size=30, max_size=30))
def test_fills_equal_those_of_pandas(values, gaps):
    frame = frame_of(np.cumsum(gaps)[: len(values)].tolist(), x=values)
    series = pd.Series(values, index=pd.DatetimeIndex(frame.timestamps), dtype=float)
    expected = {
        MissingMethod.FORWARD_FILL: series.ffill().bfill(),
        MissingMethod.BACKWARD_FILL: series.bfill().ffill(),
        MissingMethod.INTERPOLATE: series.interpolate(method="time").ffill().bfill(),
        MissingMethod.MEAN: series.fillna(series.mean()),
        MissingMethod.MEDIAN: series.fillna(series.median()),
        MissingMethod.NONE: series,
    }
    for method, wanted in expected.items():
        got = filled(method, frame).numbers["x"]
        np.testing.assert_allclose(got, wanted.to_numpy(), rtol=1e-9, atol=1e-9, err_msg=method)


def test_drop_leaves_the_rows_that_have_every_field():
    frame = filled(MissingMethod.DROP, frame_of(a=[1, NAN, 3, 4], b=[1, 2, NAN, 4]))
    assert frame.numbers["a"].tolist() == [1, 4]
    assert frame.timestamps.tolist() == (START + np.array([0, 3], dtype="timedelta64[s]")).tolist()


def test_a_fill_fitted_on_one_range_is_applied_to_another():
    fill = fit_missing_fill(frame_of(x=[1, 3]).numbers, MissingMethod.MEAN)
    assert fill.apply(frame_of(x=[NAN, 10])).numbers["x"].tolist() == [2, 10]


def test_filling_leaves_the_callers_rows_as_they_were():
    frame = frame_of(x=[1, NAN, 3])
    filled(MissingMethod.INTERPOLATE, frame)
    assert np.isnan(frame.numbers["x"][1])


def test_iqr_makes_values_beyond_the_fences_missing():
    values = [*range(1, 12), 100]
    low, high = np.quantile(values, (0.25, 0.75))
    fitted = fit_outlier_filter(frame_of(x=values).numbers, OutlierMethod.IQR)
    result = fitted.apply(frame_of(x=values).numbers)["x"]
    assert np.isnan(result[-1])
    assert result[:-1].tolist() == values[:-1]
    assert fit_outlier_filter(frame_of(x=values).numbers, OutlierMethod.IQR).fences["x"].high == high + 1.5 * (
        high - low
    )


def test_z_score_makes_values_far_from_the_mean_missing():
    numbers = frame_of(x=[0, 1, 0, 1, 0, 1, 9]).numbers
    result = fit_outlier_filter(numbers, OutlierMethod.Z_SCORE, 2.0).apply(numbers)["x"]
    assert np.isnan(result).tolist() == [False] * 6 + [True]


def test_clip_moves_outliers_onto_the_fence_and_keeps_gaps():
    numbers = frame_of(x=[1, 2, 3, 4, NAN, 1000, -1000]).numbers
    fitted = fit_outlier_filter(numbers, OutlierMethod.CLIP)
    result = fitted.apply(numbers)["x"]
    assert np.isnan(result[4])
    assert (result[5], result[6]) == (fitted.fences["x"].high, fitted.fences["x"].low)


@pytest.mark.parametrize("method", [OutlierMethod.IQR, OutlierMethod.CLIP])
def test_a_mostly_constant_signal_keeps_its_changes(method):
    numbers = frame_of(x=[0.0] * 20 + [1.0]).numbers
    assert fit_outlier_filter(numbers, method).apply(numbers)["x"][-1] == 1.0


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan"), float("inf")])
def test_a_threshold_that_is_no_positive_number_is_refused(threshold):
    with pytest.raises(InvalidArgument, match="outlier_threshold") as caught:
        fit_outlier_filter({}, OutlierMethod.IQR, threshold)
    assert caught.value.reason == "THRESHOLD_INVALID"


def test_scalers_equal_those_of_scikit_learn():
    matrix = np.random.default_rng(3).normal(5, 3, size=(50, 4))
    matrix[:, 2] = 7.0
    z_score = fit_scaler(matrix, NormalizeMethod.Z_SCORE).apply(matrix)
    min_max = fit_scaler(matrix, NormalizeMethod.MIN_MAX, (-2.0, 3.0)).apply(matrix)
    np.testing.assert_allclose(z_score, StandardScaler().fit_transform(matrix), atol=1e-12)
    np.testing.assert_allclose(min_max, MinMaxScaler((-2.0, 3.0)).fit_transform(matrix), atol=1e-12)


NONE, Z_SCORE, MIN_MAX = NormalizeMethod.NONE, NormalizeMethod.Z_SCORE, NormalizeMethod.MIN_MAX


@pytest.mark.parametrize(
    ("method", "centres", "scales", "base"),
    [(NONE, (), (), 0.0), (Z_SCORE, (4.0, 6.0), (2.0, 1.0), 0.0), (MIN_MAX, (2.0, 5.0), (0.8, 0.4), -2.0)],
)
@pytest.mark.parametrize("most_values", [1, 2, 3, 4, 100])
def test_a_scaler_tells_centre_scale_and_base_however_few_columns_are_scaled_at_once(
    method, centres, scales, base, most_values
):
    matrix = np.array([[2.0, 7.0], [6.0, 5.0]])
    scaler = fit_scaler(matrix, method, (-2.0, 3.0))
    assert scaler == Scaler(method=method, centres=centres, scales=scales, base=base)
    in_place, in_parts = matrix.copy(), matrix.copy()
    scaler.apply_in_place(in_place)
    assert scale_columns(in_parts, method, (-2.0, 3.0), most_values=most_values) == scaler
    assert in_place.tolist() == in_parts.tolist() == scaler.apply(matrix).tolist()


@pytest.mark.parametrize("method", [NormalizeMethod.Z_SCORE, NormalizeMethod.MIN_MAX])
def test_a_large_matrix_is_scaled_in_the_memory_of_so_many_of_its_values_at_once(method):
    matrix = np.arange(1_000_000, dtype=np.float64).reshape(1000, 1000)
    scale_columns(matrix[:, :2].copy(), method, (0.0, 1.0), most_values=10)  # what is loaded only once
    tracemalloc.start()
    try:
        scale_columns(matrix, method, (0.0, 1.0), most_values=10_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < matrix.nbytes / 4


@pytest.mark.parametrize("value", [0.1, 1e-9, 123456.7, -0.3, 0.0])
@pytest.mark.parametrize("method", [NormalizeMethod.Z_SCORE, NormalizeMethod.MIN_MAX])
def test_a_constant_column_is_not_blown_up_by_the_rounding_of_its_mean(value, method):
    scaler = fit_scaler(np.full((1000, 1), value), method)
    assert scaler.scales == (1.0,)
    assert np.abs(scaler.apply(np.full((3, 1), value))).max() < 1e-9


@pytest.mark.parametrize("method", [NormalizeMethod.Z_SCORE, NormalizeMethod.MIN_MAX])
def test_a_small_change_beside_a_large_mean_is_no_constant_column(method):
    matrix = 1e6 + np.array([[0.0], [1e-3], [2e-3]])
    scaled = fit_scaler(matrix, method).apply(matrix)
    assert scaled.max() - scaled.min() >= 1


def test_scaling_leaves_nan_out_of_the_fit_and_in_the_result():
    matrix = np.array([[1.0, NAN], [3.0, NAN], [NAN, NAN]])
    result = fit_scaler(matrix, NormalizeMethod.MIN_MAX).apply(matrix)
    assert result[:2, 0].tolist() == [0.0, 1.0]
    assert np.isnan(result[2, 0])
    assert np.isnan(result[:, 1]).all()


def test_a_scaler_knows_its_columns_by_place_also_beside_one_that_has_no_value():
    scaler = fit_scaler(np.array([[1.0, NAN, 5.0], [3.0, NAN, 9.0]]), NormalizeMethod.MIN_MAX)
    assert (scaler.centres, scaler.scales) == ((1.0, 0.0, 5.0), (2.0, 1.0, 4.0))


def test_a_range_too_narrow_to_tell_the_values_apart_is_refused():
    with pytest.raises(InvalidArgument, match="too narrow to tell the values apart") as caught:
        fit_scaler(np.array([[0.0], [1e300]]), NormalizeMethod.MIN_MAX, (0.0, 1e-300))
    assert caught.value.reason == "RANGE_INVALID"


@pytest.mark.parametrize("value_range", [(1.0, 0.0), (0.0, 0.0), (0.0, float("inf"))])
def test_a_range_that_is_none_is_refused(value_range):
    with pytest.raises(InvalidArgument, match="min_max range"):
        fit_scaler(np.ones((2, 1)), NormalizeMethod.MIN_MAX, value_range)


def test_extraction_names_columns_by_field_and_feature_and_times_windows_by_their_first_row():
    plan = ExtractionPlan(
        window=WindowPlan(size=2, overlap=0.5), features=("mean", "max"), normalize=NormalizeMethod.NONE
    )
    table = extract_features(frame_of(a=[1, 3, 5], **{"b c": [10, 20, 40]}), plan)
    assert table.names == ("a_mean", "a_max", "b c_mean", "b c_max")
    assert table.matrix.tolist() == [[2, 3, 15, 20], [4, 5, 30, 40]]
    assert table.starts.tolist() == (START + np.array([0, 1], dtype="timedelta64[s]")).tolist()


def test_extraction_counts_outliers_and_missing_values_before_it_treats_them():
    values = [1, 2, 3, 2, 1, 2, 3, 2, 1000, NAN]
    plan = ExtractionPlan(
        window=WindowPlan(size=10),
        features=("max", "missing_ratio"),
        outliers=OutlierMethod.IQR,
        normalize=NormalizeMethod.NONE,
    )
    table = extract_features(frame_of(x=values), plan)
    assert (table.outliers, table.missing) == (1, 1)
    assert table.matrix.tolist() == [[3.0, 0.1]]


def test_extraction_after_drop_cuts_windows_of_the_rows_that_are_left():
    plan = ExtractionPlan(
        window=WindowPlan(size=2, overlap=0.0),
        features=("mean", "missing_ratio"),
        missing=MissingMethod.DROP,
        normalize=NormalizeMethod.NONE,
    )
    table = extract_features(frame_of(x=[1, NAN, 3, 5, 7]), plan)
    assert table.matrix.tolist() == [[2.0, 0.0], [6.0, 0.0]]
    assert table.rows == 4
    assert table.starts.tolist() == (START + np.array([0, 3], dtype="timedelta64[s]")).tolist()


def test_extraction_scales_features_by_default():
    table = extract_features(frame_of(x=np.arange(40)), ExtractionPlan(window=WindowPlan(size=4), features=("mean",)))
    assert table.matrix.mean() == pytest.approx(0.0)
    assert table.matrix.std() == pytest.approx(1.0)


def test_rows_that_are_too_few_after_drop_are_explained():
    plan = ExtractionPlan(window=WindowPlan(size=3), missing=MissingMethod.DROP)
    with pytest.raises(Unprocessable, match="only 2 rows have all of x") as caught:
        extract_features(frame_of(x=[1, NAN, 3]), plan)
    assert caught.value.reason == "WINDOW_LIMIT_EXCEEDED"


def test_rows_without_numeric_fields_are_explained():
    with pytest.raises(Unprocessable, match="no numeric field"):
        extract_features(Frame(timestamps=START + np.arange(3).astype("timedelta64[s]")), ExtractionPlan())


def test_an_unknown_method_is_answered_with_the_valid_ones():
    with pytest.raises(InvalidArgument, match=r"missing_value_method is 'linear'.*interpolate, mean, median"):
        parse_method(MissingMethod, "linear", parameter="missing_value_method", default=MissingMethod.NONE)


def test_no_method_means_the_default():
    assert parse_method(OutlierMethod, "", parameter="x", default=OutlierMethod.CLIP) is OutlierMethod.CLIP


def test_the_fence_of_z_score_is_at_the_mean_and_population_deviations():
    # Mean 5 and population deviation exactly 2; with the divisor n - 1 the fence would be at 5 ± 2.138 k.
    values = np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0, np.nan])
    for threshold in (1.0, 1.5, 2.0):
        fence = fit_outlier_filter({"x": values}, OutlierMethod.Z_SCORE, threshold).fences["x"]
        assert (fence.low, fence.high) == (5.0 - 2.0 * threshold, 5.0 + 2.0 * threshold)
