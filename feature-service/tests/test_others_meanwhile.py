"""While one caller's long answer is computed and put together, the calls of others have their turns."""

import asyncio
import sys
from pathlib import Path

import numpy as np
import pytest

from feature_service.domain.anomaly.detection import Anomalies, DeviceAnomalies
from feature_service.domain.anomaly.detector import ScoredWindows, fit_detector
from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from feature_service.edge import convert_anomaly
from feature_service.main import serve
from feature_service.settings import FeatureSettings

LONGEST_IN_ONE_GO = 1000
START = np.datetime64("2026-01-01", "us")


def found(windows: int) -> Anomalies:
    """What was found of a device in so many windows, each with a score of its own."""
    seconds = np.arange(600) * np.timedelta64(1_000_000, "us")
    baseline = Frame(timestamps=START + seconds, numbers={"a": np.random.default_rng(1).normal(size=600)})
    detector = fit_detector(baseline, ["a"], AnomalyMethod.PCA, WindowPlan(size=20))
    starts = START + np.arange(windows) * np.timedelta64(1_000_000, "us")
    scored = ScoredWindows(
        fields=("a",),
        starts=starts,
        ends=starts + np.timedelta64(20_000_000, "us"),
        scores=np.arange(windows, dtype=np.float64),
        anomalous=np.arange(windows) % 3 == 0,
        contributions=np.ones((windows, 1)),
        single_readings=np.arange(windows) % 5 == 0,
    )
    device = DeviceAnomalies(device_code="d1", threshold=1.5, detector=detector, windows=scored)
    return Anomalies(detector_id="det_1", devices=[device, device])


def test_a_hundred_thousand_windows_are_put_into_an_answer_a_few_at_a_time() -> None:
    anomalies = found(100_000)
    sizes = [len(some) for some in convert_anomaly._windows_to_proto(anomalies.devices[0].windows)]
    assert max(sizes) <= LONGEST_IN_ONE_GO
    assert sum(sizes) == 100_000


@pytest.mark.parametrize("windows", [0, 1, 499, 500, 501, 1203])
def test_an_answer_has_every_window_once_in_the_order_of_time(windows: int) -> None:
    response = convert_anomaly.anomalies_to_proto(found(windows))
    assert response.detector_id == "det_1"
    assert [(device.device_code, device.threshold) for device in response.devices] == [("d1", 1.5)] * 2
    for device in response.devices:
        assert [window.score for window in device.windows] == list(range(windows))
        assert [window.start_time.seconds for window in device.windows] == list(range(1767225600, 1767225600 + windows))
        assert [window.anomalous for window in device.windows] == [number % 3 == 0 for number in range(windows)]
        assert [window.single_readings for window in device.windows] == [number % 5 == 0 for number in range(windows)]
        assert all(window.fields[0].contribution == 1.0 for window in device.windows)


async def test_a_thread_that_computes_gives_the_interpreter_back_within_a_millisecond(tmp_path: Path) -> None:
    """A call is handed between the loop and threads a dozen times: 5 ms for each, Python's own, would be its time."""
    settings = FeatureSettings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        PENSTOCK_HOME=tmp_path, DEMO_DATA=False, FEATURE_SERVICE_PORT=0, FEATURE_SERVICE_METRICS_PORT=0,
        CACHE_SERVICE_ADDRESS="127.0.0.1:1",
    )  # fmt: skip
    stop, before = asyncio.Event(), sys.getswitchinterval()
    stop.set()
    sys.setswitchinterval(0.005)
    try:
        await serve(settings, stop)
        assert sys.getswitchinterval() <= 0.001
    finally:
        sys.setswitchinterval(before)
