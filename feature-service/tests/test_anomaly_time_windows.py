"""Anomalies in windows by time: devices whose rows are not evenly spaced are compared by the clock."""

import numpy as np
import pandas as pd
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.domain.anomaly.detector import baseline_columns, fit_detector, score_windows
from feature_service.domain.anomaly.detector_state import detector_arrays, detector_from_state, detector_head
from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.anomaly.window_column import fit_row_scale
from feature_service.domain.feature.time_window import TimeWindowPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_rows import window_rows
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.span import Span
from penstock_kit.errors import InvalidArgument, Unprocessable

SECOND = 1_000_000
MINUTE = 60 * SECOND
START = pd.Timestamp("2026-01-01T00:00:07", tz="UTC")
ROWS, FAULT = 3_000, 2_400


def table(seed=1, rows=ROWS):
    """Rows that are 0.2 s to 3.8 s apart; from row FAULT on the pressure is another."""
    random = np.random.default_rng(seed)
    apart = random.uniform(0.2, 3.8, rows)
    found = pd.DataFrame(
        {
            "timestamp": START + pd.to_timedelta(np.round(np.cumsum(apart) - apart[0], 3), unit="s"),
            "current": random.normal(200, 5, rows),
            "pressure": random.normal(6, 0.1, rows),
        }
    )
    found.loc[FAULT:, "pressure"] += 1.0
    return found


def frame_of(found):
    times = found["timestamp"].dt.tz_localize(None).to_numpy("datetime64[us]")
    numbers = {name: found[name].to_numpy() for name in found.columns[1:]}
    return Frame(timestamps=times, numbers=numbers)


def fitted(frame, method, window, **options):
    baseline = frame.first(ROWS // 2)
    detector = fit_detector(baseline, list(frame.numbers), method, window, **options)
    return detector, score_windows(detector, frame, 0.5, threshold=detector.threshold)


@pytest.mark.parametrize("method", list(AnomalyMethod))
def test_windows_begin_by_the_clock_and_a_fault_in_uneven_rows_is_found(method):
    frame = frame_of(table())
    detector, windows = fitted(frame, method, TimeWindowPlan(size=MINUTE))
    begin = windows.starts.astype("int64")
    assert set(begin % (MINUTE // 2)) == {0}
    assert (windows.ends.astype("int64") - begin == MINUTE).all()
    fault = int(frame.timestamps[FAULT].astype("int64"))
    assert windows.anomalous[begin >= fault].all()
    assert windows.anomalous[begin + MINUTE <= fault].mean() <= 0.05
    assert windows.contributions[begin >= fault].argmax(axis=1).tolist() == [1] * int((begin >= fault).sum())
    assert detector.threshold > 0


@pytest.mark.parametrize("method", list(AnomalyMethod))
def test_a_window_by_time_has_the_score_it_has_alone_and_from_a_stored_detector(method):
    frame = frame_of(table())
    detector, windows = fitted(frame, method, TimeWindowPlan(size=MINUTE, max_gap=30 * SECOND))
    stored = detector_from_state(detector_head(detector), detector_arrays(detector))
    assert stored.window == detector.window
    for place in range(0, len(windows.starts), 17):
        begin = int(windows.starts[place].astype("int64"))
        times = frame.timestamps.astype("int64")
        rows = frame.cut(slice(*np.searchsorted(times, [begin, begin + MINUTE])))
        span = Span(start=begin, end=begin + MINUTE)
        alone = score_windows(stored, rows, 0.5, threshold=stored.threshold, span=span)
        assert alone.scores.tolist() == [pytest.approx(windows.scores[place], rel=1e-9)]


def test_a_window_with_less_than_half_of_the_usual_rows_is_left_out_and_counted():
    found = table()
    sparse = found.drop(index=range(2_000, 2_060)[::2]).drop(index=range(2_101, 2_140))
    frame = frame_of(sparse)
    detector, windows = fitted(frame, AnomalyMethod.PCA, TimeWindowPlan(size=MINUTE))
    usual = detector.window.min_rows
    assert usual == pytest.approx(MINUTE / (2 * 2 * SECOND), abs=2)
    times = frame.timestamps.astype("int64")
    rows = [int(np.diff(np.searchsorted(times, [at, at + MINUTE]))[0]) for at in windows.starts.astype("int64")]
    assert min(rows) >= usual
    assert windows.left_out.too_few >= 2
    named, all_of_them = fitted(frame, AnomalyMethod.PCA, TimeWindowPlan(size=MINUTE), min_rows=1)
    assert named.window.min_rows == 1
    assert len(all_of_them.starts) == len(windows.starts) + windows.left_out.too_few


def test_a_baseline_that_is_shorter_than_five_windows_is_refused_with_how_long_it_is():
    frame = frame_of(table()).first(100)
    with pytest.raises(Unprocessable, match=r"the baseline lasts 3m.*at least 50m are needed \(5 windows of 10m\)"):
        fit_detector(frame, list(frame.numbers), AnomalyMethod.PCA, TimeWindowPlan(size=10 * MINUTE))


@pytest.fixture(params=["duckdb", "postgresql"])
def empty(request):
    return request.getfixturevalue(f"service_on_{request.param}")


@pytest.fixture
async def service(empty):
    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d1", model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk=table().to_csv(index=False).encode())

    await empty.features.Ingest(messages())
    return empty


def moment(time):
    stamp = Timestamp()
    stamp.FromDatetime(time.to_pydatetime())
    return stamp


async def detect(service, **fields):
    return await service.features.DetectAnomalies(pb.DetectAnomaliesRequest(**fields))


async def test_windows_of_a_minute_are_asked_for_kept_and_scored_online(service):
    asked = {"window_duration": Duration(seconds=60), "step_duration": Duration(seconds=20)}
    fit = await detect(service, device_codes=["d1"], **asked)
    (device,) = fit.devices
    assert (device.window_duration.seconds, device.window_size) == (60, 0)
    assert device.min_rows > 1
    assert {window.start_time.ToMicroseconds() % (20 * SECOND) for window in device.windows} == {0}
    assert device.windows[-1].anomalous
    online = await detect(service, detector_id=fit.detector_id, overlap=2 / 3)
    assert list(online.devices[0].windows) == list(device.windows[-len(online.devices[0].windows) :])
    assert 90 <= len(online.devices[0].windows) <= 100
    by_half = await detect(service, detector_id=fit.detector_id, start_time=moment(START))
    shared = {window.start_time.ToMicroseconds(): window for window in device.windows}
    same = [window for window in by_half.devices[0].windows if window.start_time.ToMicroseconds() in shared]
    assert len(same) > 40
    assert all(window == shared[window.start_time.ToMicroseconds()] for window in same)


async def test_the_newest_windows_are_those_before_the_end_that_is_asked_for(service):
    asked = {"window_duration": Duration(seconds=60), "step_duration": Duration(seconds=20)}
    fit = await detect(service, device_codes=["d1"], **asked)
    windows = list(fit.devices[0].windows)
    end = windows[-60].start_time
    online = await detect(service, detector_id=fit.detector_id, overlap=2 / 3, end_time=end)
    found = list(online.devices[0].windows)
    assert len(found) > 90
    assert (
        found
        == [window for window in windows if window.start_time.ToMicroseconds() + 60 * SECOND <= end.ToMicroseconds()][
            -len(found) :
        ]
    )


async def test_the_rows_before_a_range_are_its_baseline_where_they_last_long_enough(service):
    times = table()["timestamp"]
    start = times[2_000]
    long = {"window_duration": Duration(seconds=300), "device_codes": ["d1"]}
    (device,) = (await detect(service, start_time=moment(start), **long)).devices
    assert device.baseline_end_time.ToMicroseconds() < moment(start).ToMicroseconds()
    (device,) = (await detect(service, start_time=moment(times[300]), **long)).devices
    assert device.baseline_start_time.ToMicroseconds() >= moment(times[300]).ToMicroseconds()


WRONG = [
    ({"window_size": 30, "window_duration": Duration(seconds=60)}, "WINDOW_CONFLICT", "give one of them"),
    ({"min_rows": 3}, "WINDOW_CONFLICT", "such as 10m"),
    ({"step_duration": Duration(seconds=60)}, "WINDOW_CONFLICT", "such as 10m"),
    ({"window_duration": Duration(nanos=1000)}, "WINDOW_SIZE_INVALID", "from 1ms"),
    ({"window_duration": Duration(seconds=60), "min_rows": -1}, "MIN_ROWS_INVALID", "from 1"),
    (
        {"detector_id": "det_9", "window_duration": Duration(seconds=60), "step_duration": Duration(seconds=30)},
        "DETECTOR_INVALID",
        "window_size, step beside detector_id",
    ),
]


@pytest.mark.parametrize(("fields", "reason", "words"), WRONG)
async def test_windows_that_contradict_each_other_are_refused_with_what_would_be_right(service, fields, reason, words):
    with pytest.raises(InvalidArgument, match=words) as caught:
        await detect(service, device_codes=["d1"], **fields)
    assert caught.value.reason == reason


async def test_plots_show_windows_and_anomalies_by_time(service):
    for kind, words in (("windows", r"windows of 2m, overlap 0\.5"), ("anomalies", "unlike the baseline")):
        asked = pb.DrawPlotRequest(device_code="d1", kind=kind, window_duration=Duration(seconds=120))
        picture = (await service.features.DrawPlot(asked)).picture.decode()
        assert pd.Series([picture]).str.contains(words).all()


def test_more_windows_than_can_be_sent_are_refused_before_they_are_scored():
    frame = frame_of(table())
    detector, _ = fitted(frame, AnomalyMethod.ROBUST_Z, TimeWindowPlan(size=MINUTE))
    told = []

    def require(windows):
        told.append(windows)
        raise Unprocessable("too many", reason="ANSWER_LIMIT_EXCEEDED")

    with pytest.raises(Unprocessable, match="too many"):
        score_windows(detector, frame, 0.5, threshold=detector.threshold, require=require)
    assert told == [len(score_windows(detector, frame, 0.5, threshold=detector.threshold).scores)]


def test_windows_far_more_than_rows_are_refused_before_they_are_made():
    rows = np.datetime64("2026-01-01", "us") + np.arange(20_000) * np.timedelta64(1, "s")
    with pytest.raises(Unprocessable, match="19998002 windows of 1ms, one every 1us, have rows, at most") as refused:
        window_rows(rows, TimeWindowPlan(size=1_000, step=1))
    assert refused.value.reason == "WINDOW_LIMIT_EXCEEDED"


@pytest.mark.parametrize("window", [TimeWindowPlan(size=1_000, step=1_000), WindowPlan(size=1)])
def test_a_model_is_fitted_on_5000_windows_at_most_however_short_they_are_and_from_all_of_the_baseline(window):
    times = np.datetime64("2026-01-01", "us") + np.arange(12_000) * np.timedelta64(1, "s")
    frame = Frame(timestamps=times, numbers={"current": np.arange(12_000.0)})
    scale = fit_row_scale(frame, ["current"])
    means = baseline_columns(frame, ["current"], scale, window)[:, 0]
    assert means.tolist() == ((np.arange(0, 12_000, 3) - scale.levels[0]) / scale.units[0]).tolist()
