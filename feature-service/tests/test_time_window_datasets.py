"""Data sets of windows by time: parts share no row, labels are those of their time, and options say it in one way."""

import json

import numpy as np
import pytest
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.partition.processes import ProcessRunner
from feature_service.domain.dataset.build import build_dataset
from feature_service.domain.dataset.label import LabelledRows
from feature_service.domain.dataset.manifest import manifest_of
from feature_service.domain.dataset.plan import DatasetPlan, LabelMode, SplitMethod
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.span import Span
from feature_service.domain.preprocessing.method import NormalizeMethod
from feature_service.edge.convert_extraction import plan_from_proto, plan_to_proto, with_defaults
from penstock_kit.errors import InvalidArgument

SECOND = 1_000_000
MINUTE = 60 * SECOND
START = 1_767_225_600 * SECOND


def rows_of(count, seed=0, labels=None):
    """Rows some seconds apart; the field `row` is the number of the row."""
    random = np.random.default_rng(seed)
    times = START + np.cumsum(random.integers(SECOND, 9 * SECOND, count))
    frame = Frame(timestamps=times.astype("datetime64[us]"), numbers={"row": np.arange(count, dtype=float)})
    return LabelledRows(frame=frame, labels=random.integers(0, 2, count) * 1.0 if labels is None else labels)


def plan_of(step=MINUTE, size=2 * MINUTE, features=("first", "last"), **values):
    window = TimeWindowPlan(size=size, step=step, min_rows=values.pop("min_rows", 1))
    made = ExtractionPlan(window=window, features=features, normalize=NormalizeMethod.NONE)
    return DatasetPlan(model_code="m", label_field="label", extraction=made, **values)


def built(devices, plan, runner=None):
    return build_dataset(devices, plan, lambda share: None, runner)


def rows_in(part):
    return {row for first, last in part.features.astype(int).tolist() for row in range(first, last + 1)}


@pytest.mark.parametrize(
    ("split", "step"), [(SplitMethod.TIME, MINUTE), (SplitMethod.TIME, 20 * SECOND), (SplitMethod.RANDOM, 2 * MINUTE)]
)
@pytest.mark.parametrize("embargo", [0, 5 * MINUTE])
def test_no_row_and_no_time_is_in_a_window_of_each_part(split, step, embargo):
    rows = rows_of(3_000)
    dataset = built({"d": rows}, plan_of(step, split=split, embargo=embargo, val_split=0.3))
    training, check = rows_in(dataset.training), rows_in(dataset.validation)
    assert len(training) > 1_000
    assert len(check) > 400
    assert not training & check
    times = rows.frame.timestamps.astype(np.int64)
    apart = np.abs(times[sorted(training)][:, np.newaxis] - times[sorted(check)]).min()
    assert apart > embargo
    begins = np.concatenate([part.starts.astype(np.int64) for part in (dataset.training, dataset.validation)])
    assert set((begins % step).tolist()) == {0}


def test_a_window_has_the_label_of_its_own_rows_or_with_a_horizon_of_the_time_behind_it():
    rows = rows_of(1_000, seed=4)
    times = rows.frame.timestamps.astype(np.int64)
    for horizon in (0, 3 * MINUTE):
        plan = plan_of(horizon=horizon, label_mode=LabelMode.LAST)
        part = built({"d": rows}, plan).training
        assert len(part) > 40
        for begin, label in zip(part.starts.astype(np.int64).tolist(), part.labels.tolist(), strict=True):
            end = begin + 2 * MINUTE
            low, high = (end, end + horizon) if horizon else (begin, end)
            inside = np.flatnonzero((times >= low) & (times < high))
            assert rows.labels[inside[-1]] == label
            assert horizon == 0 or high <= times[799] + 1  # no label comes from the validation part


def test_a_range_that_is_named_has_its_first_and_last_window():
    rows = rows_of(200)
    last = int(rows.frame.timestamps[-1].astype(np.int64))
    end = -(-last // MINUTE) * MINUTE
    plan = plan_of(size=MINUTE, span=Span(start=START, end=end))
    dataset = built({"d": rows}, plan)
    assert dataset.training.starts.astype(np.int64)[0] == START
    assert dataset.validation.starts.astype(np.int64)[-1] == end - MINUTE


def test_processes_make_the_same_bytes():
    devices = {"d": rows_of(60_000), "e": rows_of(20_000, 1)}
    plan = plan_of(features=("mean", "slope", "missing_ratio"))
    expected = built(devices, plan)
    found = built(devices, plan, ProcessRunner(2))
    for one, other in ((found.training, expected.training), (found.validation, expected.validation)):
        assert one.features.tobytes() == other.features.tobytes()
        assert one.starts.tobytes() == other.starts.tobytes()
        assert one.labels.tobytes() == other.labels.tobytes()


def test_the_manifest_tells_where_windows_lie():
    plan = plan_of(min_rows=3)
    manifest = json.loads(manifest_of("ds", plan, built({"d": rows_of(400)}, plan), created=0))
    assert manifest["window"] == {
        "size_seconds": 120.0,
        "overlap": 0.5,
        "step_seconds": 60.0,
        "origin": "1970-01-01T00:00:00Z",
        "min_rows": 3,
        "max_gap_seconds": None,
    }


def options_of(**values):
    return pb.ExtractionOptions(**values)


def duration(seconds):
    return Duration(seconds=seconds)


def test_options_say_windows_by_time_with_a_step_or_an_overlap():
    assert plan_from_proto(options_of(window_duration=duration(600))).window == TimeWindowPlan(size=10 * MINUTE)
    by_step = options_of(window_duration=duration(600), step_duration=duration(120), min_rows=4, max_gap=duration(9))
    window = plan_from_proto(by_step).window
    assert window == TimeWindowPlan(size=10 * MINUTE, step=2 * MINUTE, min_rows=4, max_gap=9 * SECOND)
    assert plan_from_proto(options_of(window_duration=duration(600), overlap=0.8)).window == TimeWindowPlan(
        size=10 * MINUTE, step=2 * MINUTE
    )
    applied = plan_to_proto(plan_from_proto(by_step), ())
    assert (applied.window_duration, applied.step_duration) == (duration(600), duration(120))
    assert (applied.window_size, applied.min_rows, applied.overlap) == (0, 4, 0.8)


def test_options_as_they_were_applied_can_be_asked_for_again():
    for asked in (
        options_of(window_duration=duration(600), step_duration=duration(70)),
        options_of(window_duration=duration(601), overlap=0.3),
        options_of(window_size=97, step_rows=31),
        options_of(window_size=97, overlap=0.9),
    ):
        window = plan_from_proto(asked).window
        assert plan_from_proto(plan_to_proto(plan_from_proto(asked), ())).window == window


@pytest.mark.parametrize(("size", "step"), [(100, 1), (100, 37), (100, 100), (999_983, 333_333), (7, 3)])
def test_options_say_the_step_of_windows_by_rows(size, step):
    window = plan_from_proto(options_of(window_size=size, step_rows=step)).window
    assert isinstance(window, WindowPlan)
    assert (window.size, window.step) == (size, step)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"window_size": 10, "window_duration": duration(1)}, "WINDOW_CONFLICT"),
        ({"window_size": 10, "step_duration": duration(1)}, "WINDOW_CONFLICT"),
        ({"window_size": 10, "min_rows": 2}, "WINDOW_CONFLICT"),
        ({"window_duration": duration(1), "step_rows": 2}, "WINDOW_CONFLICT"),
        ({"window_size": 10, "step_rows": 2, "overlap": 0.0}, "WINDOW_CONFLICT"),
        ({"window_duration": duration(2), "step_duration": duration(1), "overlap": 0.0}, "WINDOW_CONFLICT"),
        ({"window_size": 10, "step_rows": 11}, "STEP_INVALID"),
        ({"window_size": 10, "step_rows": -1}, "STEP_INVALID"),
        ({"window_duration": duration(2), "step_duration": duration(0)}, "STEP_INVALID"),
        ({"window_duration": duration(2), "step_duration": duration(3)}, "STEP_INVALID"),
        ({"window_duration": duration(2), "overlap": 1.0}, "OVERLAP_INVALID"),
        ({"window_duration": duration(0)}, "WINDOW_SIZE_INVALID"),
        ({"window_duration": duration(-1)}, "WINDOW_SIZE_INVALID"),
        ({"window_duration": duration(2**62)}, "WINDOW_SIZE_INVALID"),
        ({"window_duration": Duration(seconds=1, nanos=10**9)}, "WINDOW_SIZE_INVALID"),
        ({"window_duration": duration(2), "step_duration": duration(2**62)}, "STEP_INVALID"),
        ({"window_duration": duration(2), "max_gap": duration(0)}, "MAX_GAP_INVALID"),
        ({"window_duration": duration(2), "max_gap": duration(2**62)}, "MAX_GAP_INVALID"),
        ({"window_duration": duration(2), "min_rows": -1}, "MIN_ROWS_INVALID"),
    ],
)
def test_options_that_are_none_or_say_two_things_are_refused(options, reason):
    with pytest.raises(InvalidArgument) as refused:
        plan_from_proto(options_of(**options))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("default", "asked", "expected"),
    [
        (
            {"window_duration": duration(60), "step_duration": duration(20), "min_rows": 3},
            {"window_size": 50},
            WindowPlan(size=50),
        ),
        (
            {"window_size": 50, "step_rows": 10},
            {"window_duration": duration(60)},
            TimeWindowPlan(size=MINUTE, step=30 * SECOND),
        ),
        (
            {"window_duration": duration(60), "overlap": 0.0, "min_rows": 3},
            {"step_duration": duration(20)},
            TimeWindowPlan(size=MINUTE, step=20 * SECOND, min_rows=3),
        ),
        (
            {"window_size": 50, "overlap": 0.2},
            {"window_duration": duration(100)},
            TimeWindowPlan(size=100 * SECOND, step=80 * SECOND),
        ),
        (
            {"window_duration": duration(60), "step_duration": duration(20)},
            {"features": ["mean"]},
            TimeWindowPlan(size=MINUTE, step=20 * SECOND),
        ),
    ],
)
def test_what_a_request_says_of_windows_takes_the_place_of_what_the_model_says(default, asked, expected):
    defaults = json_format.MessageToJson(options_of(**default))
    assert plan_from_proto(with_defaults(defaults, options_of(**asked))).window == expected
