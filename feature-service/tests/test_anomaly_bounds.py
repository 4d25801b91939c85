"""What one question about anomalies may take, and that its work ends with its caller."""

from types import SimpleNamespace

import numpy as np
import pytest

from feature_service.domain.anomaly import detection
from feature_service.domain.anomaly.detection import MAX_VALUES, AnomalyDetection
from feature_service.domain.anomaly.query import AnomalyQuery
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.device import Device, FieldKind
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.span import Span
from penstock_kit.errors import InvalidArgument, Unprocessable
from penstock_testkit.clock import ManualClock

ROWS, SECOND = 600, 1_000_000
NUMBERS = {"a": FieldKind.NUMBER, "b": FieldKind.NUMBER}


class Store:
    """Telemetry of one device, which says that each range from `START` on has `rows` rows; keeps no detectors."""

    def __init__(self, rows=ROWS):
        self.rows = {0: ROWS, 1: rows}

    async def row_count(self, key, span):
        return self.rows[span.start]

    async def read(self, key, fields, span):
        random = np.random.default_rng(1)
        times = np.datetime64("2026-01-01", "us") + np.arange(ROWS) * np.timedelta64(SECOND, "us")
        return Frame(timestamps=times, numbers={name: random.normal(size=ROWS) for name in fields})


def detection_of(store, fields=NUMBERS):
    async def target(tenant_id, code, model_code):
        return SimpleNamespace(device=Device(code=code, fields=fields), model=None)

    return AnomalyDetection(
        registry=None, telemetry=store, queries=SimpleNamespace(feature_target=target), store=None,
        clock=ManualClock(), new_id=lambda: "det_1",
    )  # fmt: skip


def query_of(*, start=0, baseline=0, codes=("d1",), **options):
    return AnomalyQuery(
        device_codes=codes, span=Span(start=start, end=10**18), baseline=Span(start=baseline, end=10**18), **options
    )


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ((), "no device is named and none is of the model; name 1 to 100 in device_codes"),
        ([f"d{number}" for number in range(101)], "101 devices are too many; name 1 to 100 in device_codes"),
    ],
)
async def test_from_one_to_a_hundred_devices_are_looked_at(codes, words):
    with pytest.raises(InvalidArgument, match=words) as caught:
        await detection_of(Store()).detect("t", query_of(codes=codes))
    assert caught.value.reason == "DEVICES_INVALID"


@pytest.mark.parametrize(
    ("fields", "reason", "words"),
    [
        ({"state": FieldKind.TEXT}, "NUMERIC_FIELD_REQUIRED", "device 'd1' has no numeric field to look at"),
        (
            {f"f{number}": FieldKind.NUMBER for number in range(201)},
            "ANOMALIES_LIMIT_EXCEEDED",
            "201 fields are too many for one detector; name at most 200 in fields",
        ),
    ],
)
async def test_a_detector_looks_at_one_to_two_hundred_numeric_fields(fields, reason, words):
    with pytest.raises(Unprocessable, match=words) as caught:
        await detection_of(Store(), fields).detect("t", query_of(), keep=False)
    assert caught.value.reason == reason


async def test_a_range_of_more_values_than_are_held_at_once_is_refused_with_how_many_they_are():
    rows = MAX_VALUES // 2
    store, few = Store(rows), WindowPlan(size=100, overlap=0.0)
    assert len((await detection_of(store).detect("t", query_of(start=1, window=few), keep=False)).devices) == 1
    store.rows[1] = rows + 1
    words = "12500001 rows of 2 fields are 25000002 values, at most 25000000 are scored at once"
    with pytest.raises(Unprocessable, match=words) as caught:
        await detection_of(store).detect("t", query_of(start=1, window=few), keep=False)
    assert caught.value.reason == "ANOMALIES_LIMIT_EXCEEDED"
    with pytest.raises(Unprocessable, match="the baseline has 25000002 values, at most 25000000 are fitted") as caught:
        await detection_of(store).detect("t", query_of(baseline=1), keep=False)
    assert caught.value.reason == "BASELINE_INVALID"


async def test_an_answer_of_several_devices_that_would_be_too_large_is_refused_before_anything_is_fitted(monkeypatch):
    async def run(work):
        raise AssertionError(work)

    monkeypatch.setattr(detection, "run_abandonable", run)
    codes = [f"d{number}" for number in range(50)]
    with pytest.raises(Unprocessable, match="ask for a shorter range, fewer devices or fields") as caught:
        await detection_of(Store(200_000)).detect("t", query_of(start=1, codes=codes), keep=False)
    assert caught.value.reason == "ANSWER_LIMIT_EXCEEDED"


@pytest.mark.parametrize("left_in", ["fitting", "scoring"])
async def test_fitting_and_scoring_look_whether_the_caller_has_gone(monkeypatch, left_in):
    def gone():
        raise InterruptedError

    checks = iter([gone] if left_in == "fitting" else [lambda: None, gone])

    async def run(work):
        return work(next(checks))

    monkeypatch.setattr(detection, "run_abandonable", run)
    with pytest.raises(InterruptedError):
        await detection_of(Store()).detect("t", query_of(), keep=False)
    assert next(checks, None) is None
