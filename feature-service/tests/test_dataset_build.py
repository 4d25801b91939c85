"""Data sets: honest splits, labels of windows, and nothing learned from the validation part."""

import tracemalloc
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from feature_service.domain.dataset.build import build_dataset
from feature_service.domain.dataset.label import (
    NO_LABEL,
    Classes,
    LabelledRows,
    LabelRows,
    classes_of,
    codes_of,
    window_labels,
)
from feature_service.domain.dataset.plan import DatasetPlan, LabelMode, SplitMethod
from feature_service.domain.dataset.split import row_ranges
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod, OutlierMethod
from penstock_kit.errors import InvalidArgument, Unprocessable

START = np.datetime64("2024-05-01T00:00:00", "us")


def rows_of(labels, start=START, **numbers):
    columns = {name: np.asarray(values, dtype=float) for name, values in numbers.items()}
    count = len(labels)
    column = np.asarray(labels, dtype=object if any(isinstance(label, str) for label in labels) else float)
    times = start + np.arange(count).astype("timedelta64[s]")
    return LabelledRows(frame=Frame(timestamps=times, numbers=columns), labels=column)


def plan_of(size=4, overlap=0.0, features=("mean",), **values):
    extraction = {name: values.pop(name) for name in ("missing", "outliers", "normalize") if name in values}
    extraction.setdefault("normalize", NormalizeMethod.NONE)
    made = ExtractionPlan(window=WindowPlan(size=size, overlap=overlap), features=features, **extraction)
    return DatasetPlan(model_code="m", label_field="label", extraction=made, **values)


def built(devices, plan):
    return build_dataset(devices, plan, lambda share: None)


classes_ab = Classes(labels=("a", "b", "c"), common=0)


@settings(max_examples=100, deadline=None)
@given(
    codes=st.lists(st.integers(-1, 2), min_size=1, max_size=40),
    size=st.integers(1, 8),
    overlap=st.sampled_from([0.0, 0.5, 0.9]),
    common=st.integers(0, 2),
)
def test_labels_of_windows_follow_their_definitions(codes, size, overlap, common):
    classes = replace(classes_ab, common=common)
    window = WindowPlan(size=size, overlap=overlap)
    rows = np.array(codes, dtype=np.int64)
    starts = np.arange(window.count(len(rows))) * window.step
    own = LabelRows(first=starts, stop=starts + size)
    found = {mode: window_labels(rows, classes, own, mode) for mode in LabelMode}
    results = {mode: labels.codes.tolist() for mode, labels in found.items()}
    for index in range(window.count(len(rows))):
        inside = codes[index * window.step : index * window.step + size]
        counted = Counter(code for code in inside if code != NO_LABEL)
        ranked = sorted(counted, key=lambda code: (-counted[code], code))
        others = [code for code in ranked if code != common]
        assert results[LabelMode.LAST][index] == inside[-1]
        if ranked:
            assert found[LabelMode.MODE].purity[index] == pytest.approx(counted[ranked[0]] / counted.total())
        assert results[LabelMode.MODE][index] == (ranked[0] if ranked else NO_LABEL)
        assert results[LabelMode.ANY][index] == ((others or ranked)[0] if ranked else NO_LABEL)


@pytest.mark.parametrize(
    ("codes", "mode", "code", "purity"),
    [
        ([-1, 1, -1, -1], LabelMode.MODE, 1, 1.0),
        ([-1, 1, -1, -1], LabelMode.ANY, 1, 1.0),
        ([-1, -1, -1, 2], LabelMode.LAST, 2, 1.0),
        ([0, 0, 0, 1], LabelMode.MODE, 0, 0.75),
        ([0, 0, 0, 1], LabelMode.ANY, 1, 0.25),
        ([0, 0, -1, 1], LabelMode.LAST, 1, 1 / 3),
        ([-1, -1, -1, -1], LabelMode.MODE, NO_LABEL, 0.0),
        ([1, 1, -1, -1], LabelMode.LAST, NO_LABEL, 0.0),
    ],
)
def test_purity_is_the_share_of_the_labelled_rows_alone_that_have_the_label_of_the_window(codes, mode, code, purity):
    rows = LabelRows(first=np.array([0]), stop=np.array([len(codes)]))
    found = window_labels(np.array(codes), classes_ab, rows, mode)
    assert (found.codes.tolist(), found.purity.tolist()) == ([code], [purity])


def test_classes_are_sorted_and_know_the_commonest():
    texts = classes_of([np.array(["b", None, "a"], dtype=object), np.array(["b"], dtype=object)])
    assert (texts.labels, texts.common, texts.names()) == (("a", "b"), 1, ["a", "b"])
    numbers = classes_of([np.array([1.0, np.nan, 0.0, 0.0]), np.array([0.5])])
    assert (numbers.labels, numbers.common, numbers.names()) == ((0.0, 0.5, 1.0), 0, ["0", "0.5", "1"])


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([1_000_000.0, 1_000_001.0, 1_000_002.0], ["1000000", "1000001", "1000002"]),
        ([0.1, 0.10000000000000002, 1 / 3], ["0.1", "0.10000000000000002", "0.3333333333333333"]),
        ([-1.0, 2.0**53, 1e300], ["-1", "9007199254740992.0", "1e+300"]),
        (["007", "1.0", "7", "NULL", "True", "ß 日本", " x"], [" x", "007", "1.0", "7", "NULL", "True", "ß 日本"]),
    ],
)
def test_every_label_keeps_a_name_of_its_own_and_is_written_as_it_was(labels, names):
    kind = object if isinstance(labels[0], str) else float
    assert classes_of([np.array(labels, dtype=kind)]).names() == names


def test_labels_of_both_kinds_are_refused_and_none_is_dropped():
    with pytest.raises(Unprocessable, match="a text such as 'a' in some devices and a number such as 1 in others"):
        classes_of([np.array(["a"], dtype=object), np.array([1.0])])


def test_codes_of_classes_are_their_places():
    numbers = classes_of([np.array([0.0, 0.5, 1.0])])
    assert codes_of(np.array([1.0, np.nan, 7.0]), numbers).tolist() == [2, NO_LABEL, NO_LABEL]


def test_a_label_without_values_or_with_too_many_is_explained():
    with pytest.raises(Unprocessable, match="no row in the range has a label"):
        classes_of([np.array([np.nan, np.nan])])
    with pytest.raises(Unprocessable, match="101 different values"):
        classes_of([np.arange(101.0)])


def test_a_split_by_time_shares_no_row_between_the_parts():
    plan = plan_of(size=10, overlap=0.9, features=("first", "last"), val_split=0.3)
    data = built({"d": rows_of([0, 1] * 50, x=np.arange(100))}, plan)
    assert data.training.features.max() <= 69
    assert data.validation.features.min() >= 70
    assert (len(data.training), len(data.validation)) == (61, 21)
    assert (data.training.starts.max() < data.validation.starts.min()).all()


def test_every_device_is_split_at_its_own_time():
    plan = plan_of(size=1, val_split=0.5)
    late = START + np.timedelta64(1, "D")
    data = built({"a": rows_of([0] * 4, x=[0, 1, 2, 3]), "b": rows_of([1] * 2, start=late, x=[4, 5])}, plan)
    assert data.training.features[:, 0].tolist() == [0, 1, 4]
    assert data.validation.features[:, 0].tolist() == [2, 3, 5]
    assert data.validation.device_codes.tolist() == ["a", "a", "b"]


def test_a_split_by_device_keeps_devices_whole():
    devices = {f"d{number}": rows_of([0, 1] * 4, x=np.full(8, number)) for number in range(10)}
    plan = plan_of(split=SplitMethod.DEVICE, val_split=0.3)
    data = built(devices, plan)
    training, validation = set(data.training.device_codes), set(data.validation.device_codes)
    assert (len(training), len(validation)) == (7, 3)
    assert not training & validation
    again = built(devices, plan)
    assert set(again.validation.device_codes) == validation
    other = built(devices, plan_of(split=SplitMethod.DEVICE, val_split=0.3, random_state=7))
    assert set(other.validation.device_codes) != validation


def test_a_split_by_device_needs_two():
    with pytest.raises(InvalidArgument, match="needs two devices with rows, there is 1") as caught:
        built({"d": rows_of([0, 1] * 4, x=np.arange(8))}, plan_of(split=SplitMethod.DEVICE))
    assert caught.value.reason == "DEVICES_REQUIRED"


def test_a_random_split_draws_windows_and_needs_them_apart():
    with pytest.raises(InvalidArgument, match=r"overlap is 0\.5"):
        plan_of(overlap=0.5, split=SplitMethod.RANDOM)
    data = built({"d": rows_of([0, 1] * 100, x=np.arange(200))}, plan_of(split=SplitMethod.RANDOM, val_split=0.2))
    windows = np.concatenate([data.training.features[:, 0], data.validation.features[:, 0]])
    assert len(data.validation) == 10
    assert len(set(windows)) == len(windows) >= 40
    assert set(windows) <= {1.5 + 4 * number for number in range(50)}


@settings(max_examples=100, deadline=None)
@given(
    rows=st.integers(0, 2_000),
    size=st.integers(1, 60),
    val_split=st.floats(0.05, 0.6),
    seed=st.integers(0, 9),
)
def test_in_a_random_split_no_row_and_no_neighbouring_window_is_on_both_sides(rows, size, val_split, seed):
    plan = plan_of(size=size, split=SplitMethod.RANDOM, val_split=val_split, random_state=seed)
    cut = row_ranges({"d": rows, "e": rows // 2}, plan)
    for code, count in (("d", rows), ("e", rows // 2)):
        mine = sorted((each.start, each.stop, each.training) for each in cut if each.device_code == code)
        assert all(0 <= start < stop <= count and start % size == 0 == stop % size for start, stop, _ in mine)
        for (_, stop, training), (start, _, other) in pairwise(mine):
            assert start >= stop
            assert training == other or start - stop >= size, "a window lies between the two parts"
        if (count // size) * val_split >= 5:
            shares = {kind: sum(stop - start for start, stop, part in mine if part is kind) for kind in (True, False)}
            assert 0.5 * val_split <= shares[False] / count <= 1.5 * val_split + 0.05


# The validation rows differ in level, spread and holes: any part they had in a fit would show in its numbers.
TRAINED = np.tile([1.0, 2.0, np.nan, 4.5, 2.5, 3.0, 1.5, 7.0], 10)
CHECKED = np.tile([40.0, np.nan, 95.0, 60.0], 5)
PRESENT = TRAINED[~np.isnan(TRAINED)]


@pytest.mark.parametrize("split", [SplitMethod.TIME, SplitMethod.DEVICE])
@pytest.mark.parametrize(
    ("method", "expected"), [(MissingMethod.MEAN, PRESENT.mean()), (MissingMethod.MEDIAN, np.median(PRESENT))]
)
def test_fills_are_computed_of_the_training_rows_alone(split, method, expected):
    data = built(*split_rows(split, missing=method))
    assert data.fitted.missing_fill.constants["x"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("split", [SplitMethod.TIME, SplitMethod.DEVICE])
@pytest.mark.parametrize("method", [OutlierMethod.IQR, OutlierMethod.CLIP, OutlierMethod.Z_SCORE])
def test_fences_are_computed_of_the_training_rows_alone(split, method):
    data = built(*split_rows(split, outliers=method))
    q25, q75 = np.quantile(PRESENT, [0.25, 0.75])
    low, high = q25 - 1.5 * (q75 - q25), q75 + 1.5 * (q75 - q25)
    if method is OutlierMethod.Z_SCORE:
        low, high = PRESENT.mean() - 1.5 * PRESENT.std(), PRESENT.mean() + 1.5 * PRESENT.std()
    fence = data.fitted.outlier_filter.fences["x"]
    assert (fence.low, fence.high) == (pytest.approx(low, rel=1e-12), pytest.approx(high, rel=1e-12))


@pytest.mark.parametrize("split", [SplitMethod.TIME, SplitMethod.DEVICE])
@pytest.mark.parametrize("method", [NormalizeMethod.MIN_MAX, NormalizeMethod.Z_SCORE])
def test_scalers_are_computed_of_the_training_windows_alone(split, method):
    data = built(*split_rows(split, missing=MissingMethod.NONE, normalize=method))
    windows = np.nanmean(TRAINED.reshape(-1, 4), axis=1)
    centre, scale = windows.mean(), windows.std()
    if method is NormalizeMethod.MIN_MAX:
        centre, scale = windows.min(), windows.max() - windows.min()
    assert data.fitted.scaler.centres == (pytest.approx(centre, rel=1e-12),)
    assert data.fitted.scaler.scales == (pytest.approx(scale, rel=1e-12),)
    checked = (np.nanmean(CHECKED.reshape(-1, 4), axis=1) - centre) / scale
    assert data.validation.features[:, 0] == pytest.approx(checked, rel=1e-12)


def split_rows(split, **options):
    """Devices and plan of which the split makes TRAINED and CHECKED, whatever it draws."""
    plan = plan_of(size=4, split=split, val_split=0.2, **options)
    labels = [0, 1] * 50
    if split is SplitMethod.DEVICE:
        drawn = [each.training for each in row_ranges(dict.fromkeys("abcde", 20), plan)]
        trained = iter(np.split(TRAINED, 4))
        parts = {code: next(trained) if part else CHECKED for code, part in zip("abcde", drawn, strict=True)}
        return {code: rows_of(labels[:20], x=values) for code, values in parts.items()}, plan
    return {"d": rows_of(labels, x=np.concatenate([TRAINED, CHECKED]))}, plan


def test_what_lies_beyond_fences_is_filled_from_the_training_part():
    plan = plan_of(size=5, missing=MissingMethod.MEAN, outliers=OutlierMethod.IQR)
    values = np.concatenate([np.tile([1.0, 2.0, np.nan, 3.0, 2.0], 16), np.tile([1e6, np.nan, 2e6, 1e6, 3e6], 4)])
    data = built({"d": rows_of([0, 1] * 50, x=values)}, plan)
    assert set(data.validation.features[:, 0]) == {2.0}


@pytest.mark.parametrize("method", [MissingMethod.FORWARD_FILL, MissingMethod.BACKWARD_FILL, MissingMethod.INTERPOLATE])
def test_no_value_is_carried_over_the_boundary(method):
    values = np.concatenate([np.full(79, 1.0), [np.nan], [np.nan], np.full(19, 100.0)])
    data = built({"d": rows_of([0, 1] * 50, x=values)}, plan_of(size=1, missing=method))
    assert set(data.training.features[:, 0]) == {1.0}
    assert set(data.validation.features[:, 0]) == {100.0}


def test_dropped_rows_take_their_labels_along():
    data = built(
        {"d": rows_of(["a", "b", "a", "b", "a", "b", "a", "a"], x=[1, np.nan, 3, np.nan, 5, np.nan, 7, 8])},
        plan_of(size=1, missing=MissingMethod.DROP, val_split=0.25),
    )
    assert {data.classes.labels[code] for code in data.training.labels} == {"a"}
    assert data.training.features[:, 0].tolist() == [1, 3, 5]


def test_windows_without_a_label_are_left_out():
    labels = [None] * 4 + ["a"] * 4 + [None] * 4 + ["b"] * 8
    data = built({"d": rows_of(labels, x=np.arange(20))}, plan_of(size=4))
    assert data.training.features[:, 0].tolist() == [5.5, 13.5]


def test_a_part_without_windows_is_explained():
    with pytest.raises(Unprocessable, match="the validation part has no labelled window of 4 rows"):
        built({"d": rows_of([0, 1] * 5, x=np.arange(10))}, plan_of(size=4, val_split=0.2))


@pytest.mark.parametrize("val_split", [0.0, 1.0, -0.1, float("nan")])
def test_a_part_of_nothing_or_all_is_refused(val_split):
    with pytest.raises(InvalidArgument, match="val_split"):
        plan_of(val_split=val_split)


def test_progress_is_told_up_to_the_end():
    told = []
    build_dataset({"d": rows_of([0, 1] * 50, x=np.arange(100))}, plan_of(), told.append)
    assert told == [0.5, 1.0]


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.9])
def test_on_random_labels_a_classifier_stays_at_chance(overlap):
    random = np.random.default_rng(3)
    # Slowly changing readings and labels that hold for a while, at random: what makes shared rows leak.
    readings = np.cumsum(random.normal(size=(20_000, 3)), axis=0)
    labels = np.repeat(random.integers(0, 4, size=200), 100).astype(float)
    rows = rows_of(labels, a=readings[:, 0], b=readings[:, 1], c=readings[:, 2])
    data = built({"d": rows}, plan_of(size=50, overlap=overlap, features=("mean", "std", "slope"), val_split=0.3))
    forest = RandomForestClassifier(n_estimators=30, random_state=0).fit(data.training.features, data.training.labels)
    assert forest.score(data.validation.features, data.validation.labels) < 0.4


@pytest.mark.parametrize("labelled", [True, False])
def test_building_takes_little_memory_beside_the_rows_and_the_windows(labelled):
    random = np.random.default_rng(0)

    def device():
        labels = random.integers(0, 3, 50_000).astype(float)
        if not labelled:
            labels[10:] = np.nan
        return rows_of(labels, **{f"f{number}": random.normal(size=50_000) for number in range(8)})

    devices = {f"d{number}": device() for number in range(8)}
    size = sum(values.nbytes for rows in devices.values() for values in rows.frame.numbers.values())
    plan = plan_of(size=10 if not labelled else 500, val_split=0.5, normalize=NormalizeMethod.Z_SCORE)
    tracemalloc.start()
    try:
        if labelled:
            assert len(built(devices, plan).training) == 400
        else:
            with pytest.raises(Unprocessable, match="has no labelled window"):
                built(devices, plan)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 2


def test_labels_of_many_rows_are_counted_and_numbered_like_those_of_few():
    texts = np.array([None, "b", "a"] * 200_000, dtype=object)
    classes = classes_of([texts])
    assert classes.labels == ("a", "b")
    assert codes_of(texts, classes).tolist() == [NO_LABEL, 1, 0] * 200_000
