"""Rows of a long range are treated piece by piece as the whole range would be, and few are in memory."""

import tracemalloc

import numpy as np
import pytest

from feature_service.domain.dataset import build as build_module
from feature_service.domain.dataset import data_hash, label
from feature_service.domain.dataset import partition as partition_module
from feature_service.domain.dataset.build import LabelledRows, build_dataset
from feature_service.domain.dataset.plan import DatasetPlan, LabelMode
from feature_service.domain.extraction import range_cleaning
from feature_service.domain.extraction.extract import clean_rows
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.extraction.range_cleaning import CleanRange
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from feature_service.domain.preprocessing.method import MissingMethod, OutlierMethod
from feature_service.domain.preprocessing.missing import fit_missing_fill
from feature_service.domain.preprocessing.outlier import fit_outlier_filter
from penstock_kit.errors import Unprocessable

ROWS = 400


def frame_of(rows=ROWS, holes=0.5):
    random = np.random.default_rng(3)
    numbers = {name: random.normal(size=rows).cumsum() for name in ("a", "b", "never", "late")}
    numbers["a"][random.random(rows) < holes] = np.nan
    numbers["b"][50:330] = np.nan
    numbers["never"][:] = np.nan
    numbers["late"][: rows - 20] = np.nan
    times = np.datetime64("2026-03-01", "us") + np.cumsum(random.integers(1, 5_000_000, rows)) * np.timedelta64(1, "us")
    return Frame(timestamps=times, numbers=numbers)


@pytest.mark.parametrize("outliers", list(OutlierMethod))
@pytest.mark.parametrize("missing", list(MissingMethod))
@pytest.mark.parametrize(("size", "step"), [(1, 1), (7, 7), (40, 13), (ROWS, ROWS)])
def test_slices_that_ascend_are_those_of_the_whole_range_treated_at_once(monkeypatch, missing, outliers, size, step):
    monkeypatch.setattr(range_cleaning, "_PIECE", 9)
    frame = frame_of()
    if missing is MissingMethod.DROP:
        frame = Frame(timestamps=frame.timestamps, numbers={name: frame.numbers[name] for name in ("a", "b")})
    fence = fit_outlier_filter(frame.numbers, outliers, 0.7)
    fill = fit_missing_fill(fence.apply(frame.numbers), missing)
    whole, parts = clean_rows(frame, fence, fill), CleanRange(frame, fence, fill)
    assert len(parts) == len(whole.frame)
    assert np.array_equal(parts.times, whole.frame.timestamps)
    for start in range(0, len(parts), step):
        part = parts.cut(slice(start, start + size))
        wanted = whole.cut(slice(start, start + size))
        assert np.array_equal(part.frame.timestamps, wanted.frame.timestamps)
        for name in frame.numbers:
            assert np.array_equal(part.frame.numbers[name], wanted.frame.numbers[name], equal_nan=True), name
            assert np.array_equal(part.absent[name], wanted.absent[name]), name
        original = np.arange(ROWS)[parts.original(slice(start, start + size))]
        assert np.array_equal(original, np.flatnonzero(whole.kept)[start : start + size])


def plan_of(window, **extraction):
    return ExtractionPlan(window=window, features=("mean", "missing_ratio"), **extraction)


@pytest.mark.parametrize("mode", list(LabelMode))
@pytest.mark.parametrize("horizon", [0, 30_000_000, 10**12])
@pytest.mark.parametrize("missing", [MissingMethod.DROP, MissingMethod.FORWARD_FILL])
def test_windows_have_the_labels_that_all_labels_at_once_give_them(monkeypatch, mode, horizon, missing):
    frame = frame_of(holes=0.2)
    frame = Frame(timestamps=frame.timestamps, numbers={"a": frame.numbers["a"]})
    labels = np.random.default_rng(4).integers(0, 3, ROWS) * 1.0
    labels[::7] = np.nan
    plan = DatasetPlan(
        model_code="m",
        label_field="l",
        label_mode=mode,
        horizon=horizon,
        extraction=plan_of(WindowPlan(size=8, overlap=0.5), missing=missing),
    )

    def built():
        try:
            made = build_dataset({"d": LabelledRows(frame=frame, labels=labels)}, plan, lambda share: None)
        except Unprocessable as error:
            return str(error)
        return [
            [part.labels.tolist(), part.purity.tolist(), part.rows.tolist(), part.features.tolist()]
            for part in (made.training, made.validation)
        ]

    at_once = built()
    assert isinstance(at_once, str) == (horizon == 10**12)
    monkeypatch.setattr(build_module, "_LABELS_AT_ONCE", 5)
    assert built() == at_once


def peak_of(rows):
    frame = frame_of(rows, holes=0.01)
    frame = Frame(timestamps=frame.timestamps, numbers={name: frame.numbers[name] for name in ("a", "b")})
    devices = {"d": LabelledRows(frame=frame, labels=np.arange(rows) % 2.0)}
    plan = DatasetPlan(
        model_code="m",
        label_field="l",
        extraction=plan_of(WindowPlan(size=5_000), missing=MissingMethod.FORWARD_FILL),
    )
    tracemalloc.start()
    try:
        build_dataset(devices, plan, lambda share: None)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_device_of_more_rows_takes_hardly_more_memory(monkeypatch):
    for module, name in (
        (build_module, "_LABELS_AT_ONCE"),
        (partition_module, "MOST_ROWS"),
        (label, "_PIECE"),
        (data_hash, "_PIECE"),
        (range_cleaning, "_PIECE"),
    ):
        monkeypatch.setattr(module, name, 20_000)
    peak_of(50_000)  # what is imported and made once
    few, many = peak_of(100_000), peak_of(400_000)
    assert many - few < 600_000  # bytes for 300,000 rows more; the values alone would be 4.8 MB, the labels 2.4 MB
