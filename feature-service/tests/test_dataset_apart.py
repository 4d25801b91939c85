"""Data sets whose parts and labels are apart in time: embargo, horizon, gaps; and what the manifest tells of it."""

import hashlib
import json

import numpy as np
import pytest

from feature_service.domain.dataset.build import build_dataset
from feature_service.domain.dataset.data_hash import data_hash
from feature_service.domain.dataset.label import LabelledRows
from feature_service.domain.dataset.manifest import manifest_of
from feature_service.domain.dataset.plan import DatasetPlan, LabelMode, SplitMethod
from feature_service.domain.dataset.split import row_ranges, with_embargo
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from feature_service.domain.preprocessing.method import NormalizeMethod
from penstock_kit.errors import InvalidArgument, Unprocessable

START = np.datetime64("2024-05-01T00:00:00", "us")
SECOND = 1_000_000


def rows_of(labels, values=None, seconds=None):
    count = len(labels)
    times = START + np.asarray(range(count) if seconds is None else seconds).astype("timedelta64[s]")
    numbers = {"a": np.asarray(range(count) if values is None else values, dtype=float)}
    return LabelledRows(frame=Frame(timestamps=times, numbers=numbers), labels=np.asarray(labels, dtype=float))


def plan_of(size=4, max_gap=None, features=("first", "last"), **values):
    window = WindowPlan(size=size, overlap=values.pop("overlap", 0.0), max_gap=max_gap)
    made = ExtractionPlan(window=window, features=features, normalize=NormalizeMethod.NONE)
    return DatasetPlan(model_code="m", label_field="label", extraction=made, **values)


def built(devices, plan):
    return build_dataset(devices, plan, lambda share: None)


@pytest.mark.parametrize("split", [SplitMethod.TIME, SplitMethod.RANDOM])
@pytest.mark.parametrize("embargo", [0, 1, 7, 30])
def test_no_row_for_training_is_within_the_embargo_of_one_for_validation(split, embargo):
    plan = plan_of(split=split, embargo=embargo * SECOND, val_split=0.3)
    times = {"d": START + np.arange(400).astype("timedelta64[s]")}
    ranges = with_embargo(row_ranges({"d": 400}, plan), times, plan.embargo)
    check = [row for each in ranges if not each.training for row in range(each.start, each.stop)]
    training = [row for each in ranges if each.training for row in range(each.start, each.stop)]
    assert check
    assert training
    distance = min(abs(row - other) for row in training for other in check)
    assert distance > embargo


def test_an_embargo_is_a_length_of_time_and_not_of_rows():
    seconds = [*range(10), *range(1_000, 1_010)]
    plan = plan_of(embargo=100 * SECOND, val_split=0.5)
    times = {"d": START + np.asarray(seconds).astype("timedelta64[s]")}
    training, check = with_embargo(row_ranges({"d": 20}, plan), times, plan.embargo)
    assert (training.start, training.stop, check.start, check.stop) == (0, 10, 10, 20)


def test_an_embargo_makes_no_sense_between_devices():
    with pytest.raises(InvalidArgument, match="split by device"):
        plan_of(split=SplitMethod.DEVICE, embargo=1)


def test_with_a_horizon_the_label_is_that_of_the_rows_after_the_window():
    labels = [0] * 20 + [1] * 30
    dataset = built({"d": rows_of(labels)}, plan_of(horizon=8 * SECOND, label_mode=LabelMode.LAST, val_split=0.4))
    last = dataset.training.features[:, 1].astype(int).tolist()
    # The label is known only where the part has rows to the horizon: no label comes from the validation part.
    assert last == [3, 7, 11, 15, 19]
    assert dataset.training.labels.tolist() == [labels[row + 8] for row in last]
    assert max(last) + 8 < 30
    labels = [0] * 10 + [1] * 3 + [0] * 27
    own = built({"d": rows_of(labels)}, plan_of(horizon=8 * SECOND, label_mode=LabelMode.ANY, val_split=0.4)).training
    assert set(own.labels) == {0, 1}
    for row, label in zip(own.features[:, 1].astype(int), own.labels, strict=True):
        assert label == max(labels[row + 1 : row + 9])


def test_no_window_spans_a_gap_and_windows_begin_anew_behind_it():
    seconds = [*range(10), *range(100, 107), *range(500, 503)]
    dataset = built(
        {"d": rows_of([0] * 20, seconds=seconds)}, plan_of(size=3, max_gap=2 * SECOND, val_split=0.15, overlap=0.5)
    )
    firsts = dataset.training.features[:, 0].astype(int).tolist()
    assert firsts == [0, 2, 4, 6, 10, 12, 14]
    spans = dataset.training.features[:, 1] - dataset.training.features[:, 0]
    assert set(spans) == {2.0}


def test_rows_with_gaps_everywhere_are_refused_with_the_longest_stretch():
    plan = plan_of(max_gap=SECOND, val_split=0.5)
    with pytest.raises(Unprocessable, match="no labelled window"):
        built({"d": rows_of([0, 1] * 10, seconds=range(0, 200, 10))}, plan)


def test_the_manifest_tells_every_option_the_rows_and_how_pure_windows_are():
    labels = [0, 0, 0, 1] * 8 + [1] * 8
    plan = plan_of(embargo=2 * SECOND, horizon=0, max_gap=60 * SECOND, val_split=0.25, random_state=7)
    dataset = built({"d": rows_of(labels)}, plan)
    manifest = json.loads(manifest_of("ds", plan, dataset, created=0))
    assert manifest["options"] == {
        "device_codes": [],
        "fields": [],
        "features": ["first", "last"],
        "missing_value_method": "interpolate",
        "outlier_method": "none",
        "outlier_threshold": 1.5,
        "normalize_method": "none",
        "range": [0.0, 1.0],
        "split": "time",
        "val_split": 0.25,
        "random_state": 7,
        "label_mode": "mode",
        "embargo": 2.0,
        "horizon": 0.0,
        "max_gap": 60.0,
    }
    assert manifest["window"]["max_gap_seconds"] == 60.0
    assert manifest["training"]["rows"] == {"classes": {"0": 21, "1": 7}, "unlabelled": 0}
    assert manifest["training"]["classes"] == {"0": 7, "1": 0}
    assert manifest["training"]["purity"] == {"mean": 0.75, "pure_share": 0.0}
    assert manifest["validation"]["purity"]["mean"] == pytest.approx((0.75 + 0.75 + 0.5) / 3, abs=0.3)
    assert set(manifest["versions"]) == {"penstock", "python", "numpy"}
    assert manifest["data_sha256"] == data_hash({"d": rows_of(labels)})


def test_the_hash_of_the_data_is_that_of_the_rows_in_any_order_of_devices():
    one, two = rows_of([0, 1, 0]), rows_of([1, 1, 1], values=[1.0, np.nan, 3.0])
    other_nan = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)[0]
    same = rows_of([1, 1, 1], values=[1.0, other_nan, 3.0])
    assert data_hash({"a": one, "b": two}) == data_hash({"b": same, "a": one})
    for changed in (rows_of([0, 1, 1]), rows_of([0, 1, 0], values=[0, 1, 2.5]), rows_of([0, 1, 0], seconds=[0, 1, 3])):
        assert data_hash({"a": changed, "b": two}) != data_hash({"a": one, "b": two})


def test_the_hash_of_long_columns_is_that_of_their_times_values_and_labels_one_after_the_other():
    count = 300_001
    texts = np.array(["x", None, "ß"] * (count // 3 + 1), dtype=object)[:count]
    frame = Frame(
        timestamps=np.arange(count).astype("datetime64[us]"), numbers={"a": np.arange(count, dtype=float) - 0.0}
    )
    whole = hashlib.sha256(f"d\n{count}\n".encode())
    whole.update(frame.timestamps.astype("<i8").tobytes() + b"a\n" + frame.numbers["a"].astype("<f8").tobytes())
    whole.update("\x1f".join("\x00" if text is None else text for text in texts).encode())
    assert data_hash({"d": LabelledRows(frame=frame, labels=texts)}) == whole.hexdigest()
