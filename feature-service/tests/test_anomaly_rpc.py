"""Anomalies over gRPC: what is asked, what is kept, what another tenant sees, what is said when something is wrong."""

import asyncio
import shutil

import numpy as np
import pandas as pd
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb
from sqlalchemy import update

from feature_service.adapters.detector.sql_store import SqlDetectorStore
from feature_service.adapters.metadata.table import detector as detector_table
from feature_service.domain.anomaly.detector import fit_detector
from feature_service.domain.anomaly.method import AnomalyMethod
from feature_service.domain.anomaly.record import DetectorSet
from feature_service.domain.extraction.cancellation import run_abandonable
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.frame import Frame
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import InvalidArgument, NotFound, Unprocessable
from penstock_testkit.waiting import HANG_SECONDS

ROWS, FAULT = 1500, 1200
START = pd.Timestamp("2026-01-01", tz="UTC")


@pytest.fixture(params=["duckdb", "postgresql"])
def service(request):
    return request.getfixturevalue(f"service_on_{request.param}")


def rows_of(seed):
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "timestamp": pd.date_range(START, periods=ROWS, freq="1s"),
            "current": random.normal(200, 5, ROWS),
            "pressure": random.normal(6, 0.1, ROWS),
            "label": np.where(np.arange(ROWS) < FAULT, "good", "bad"),
        }
    )
    table.loc[FAULT:, "pressure"] += 1.0
    return table


def at(row):
    moment = Timestamp()
    moment.FromDatetime((START + pd.Timedelta(seconds=row)).to_pydatetime())
    return moment


async def ingest(service, table, code):
    async def messages():
        options = pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code=code, model_code="m", create=True)
        yield pb.IngestRequest(options=options)
        yield pb.IngestRequest(chunk=table.to_csv(index=False).encode())

    await service.features.Ingest(messages())


async def detect(service, **fields):
    return await service.features.DetectAnomalies(pb.DetectAnomaliesRequest(**fields))


@pytest.fixture
async def loaded(service):
    await ingest(service, rows_of(1), "d1")
    await ingest(service, rows_of(2), "d2")
    model = pb.DataModel(model_code="m", label_column="label")
    await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
    return service


BASELINE = {"baseline_start_time": at(0), "baseline_end_time": at(600)}


async def test_windows_of_every_device_of_a_model_are_scored_and_explained(loaded):
    answer = await detect(loaded, model_code="m", **BASELINE)
    assert answer.detector_id.startswith("det_")
    assert [device.device_code for device in answer.devices] == ["d1", "d2"]
    for device in answer.devices:
        assert (device.method, device.window_size, device.baseline_rows) == ("pca", 30, 600)
        assert (device.baseline_start_time, device.baseline_end_time) == (at(0), at(599))
        assert len(device.windows) == (ROWS - 30) // 15 + 1
        assert (device.windows[1].start_time, device.windows[1].end_time) == (at(15), at(44))
        assert all(window.anomalous == (window.score > device.threshold) for window in device.windows)
        faulty = [window for window in device.windows if window.start_time.ToSeconds() >= at(FAULT).ToSeconds()]
        sound = [window for window in device.windows if window.end_time.ToSeconds() < at(FAULT).ToSeconds()]
        assert all(window.anomalous and window.fields[0].name == "pressure" for window in faulty)
        assert sum(window.anomalous for window in sound) <= 0.02 * len(sound)
        for window in device.windows:
            assert sum(field.contribution for field in window.fields) == pytest.approx(1)


@pytest.mark.parametrize("name", ["anomaly", "Changepoint", "target"])
async def test_a_column_of_zeros_and_ones_named_like_a_label_is_left_out_with_a_warning_unless_it_is_named(
    service, name
):
    table = rows_of(1).drop(columns="label")
    table[name] = (np.arange(ROWS) >= FAULT) * 1
    await ingest(service, table, "d1")
    (device,) = (await detect(service, device_codes=["d1"], **BASELINE)).devices
    assert {field.name for window in device.windows for field in window.fields} == {"current", "pressure"}
    (warning,) = device.warnings
    assert warning.startswith(f"field {name!r} is named like a label and has no values but 0 and 1")
    named = await detect(service, device_codes=["d1"], fields=["pressure", name], **BASELINE)
    assert {field.name for field in named.devices[0].windows[0].fields} == {"pressure", name}
    assert not named.devices[0].warnings


@pytest.mark.parametrize("columns", [{"target": [20.0, 21.0, 0.0]}, {"state": [0.0, 1.0, 1.0]}])
async def test_a_measurement_of_that_name_and_a_flag_of_another_are_looked_at(service, columns):
    table = rows_of(1).drop(columns="label")
    (name, values), *_ = columns.items()
    table[name] = np.resize(values, ROWS)
    await ingest(service, table, "d1")
    (device,) = (await detect(service, device_codes=["d1"], **BASELINE)).devices
    assert {field.name for field in device.windows[0].fields} == {"current", "pressure", name}
    assert not device.warnings


async def test_a_device_that_has_nothing_else_is_looked_at_by_its_flag(service):
    table = rows_of(1)[["timestamp"]].assign(label=np.random.default_rng(1).integers(0, 2, ROWS))
    await ingest(service, table, "d1")
    (device,) = (await detect(service, device_codes=["d1"], **BASELINE)).devices
    assert [field.name for field in device.windows[0].fields] == ["label"]
    assert not device.warnings


async def test_a_kept_detector_scores_the_newest_windows_as_it_did_before(loaded):
    fitted = await detect(loaded, device_codes=["d1"], method="robust_z", **BASELINE)
    online = await detect(loaded, detector_id=fitted.detector_id)
    assert online.detector_id == fitted.detector_id
    assert [device.device_code for device in online.devices] == ["d1"]
    (device,) = online.devices
    assert (device.method, device.threshold) == ("robust_z", fitted.devices[0].threshold)
    assert len(device.windows) == 99  # all there are
    newest = await detect(loaded, detector_id=fitted.detector_id, overlap=0.9)
    assert len(newest.devices[0].windows) == 100
    assert newest.devices[0].windows[-1].end_time == at(ROWS - 1)
    assert newest.devices[0].windows[-1].anomalous
    part = await detect(loaded, detector_id=fitted.detector_id, start_time=at(1185))
    assert list(part.devices[0].windows) == list(fitted.devices[0].windows[79:])
    strict = await detect(loaded, detector_id=fitted.detector_id, threshold=1e9)
    assert not any(window.anomalous for window in strict.devices[0].windows)


async def test_a_detector_outlives_the_service(tmp_path, start_service):
    async with start_service(tmp_path) as service:
        await ingest(service, rows_of(1), "d1")
        fitted = await detect(service, device_codes=["d1"], method="isolation_forest", **BASELINE)
    async with start_service(tmp_path) as service:
        again = await detect(service, detector_id=fitted.detector_id, start_time=at(0))
    assert again.devices == fitted.devices


async def test_without_a_baseline_the_rows_before_the_range_are_taken_else_its_first_third(loaded):
    answer = await detect(loaded, device_codes=["d1"], start_time=at(1000))
    (device,) = answer.devices
    assert (device.baseline_start_time, device.baseline_end_time) == (at(0), at(999))
    assert any(window.anomalous for window in device.windows)
    whole = await detect(loaded, device_codes=["d1"])
    assert (whole.devices[0].baseline_start_time, whole.devices[0].baseline_end_time) == (at(0), at(499))
    first = await detect(loaded, device_codes=["d1"], start_time=at(100))
    assert (first.devices[0].baseline_start_time, first.devices[0].baseline_end_time) == (at(100), at(565))


async def test_minutes_before_a_long_range_are_no_baseline_of_it(loaded):
    found = await detect(loaded, device_codes=["d1"], start_time=at(200))
    # 1,300 rows are scored: the 200 before them are fewer than a third of those.
    assert (found.devices[0].baseline_start_time, found.devices[0].baseline_end_time) == (at(200), at(632))
    found = await detect(loaded, device_codes=["d1"], start_time=at(500))
    assert (found.devices[0].baseline_start_time, found.devices[0].baseline_end_time) == (at(0), at(499))


async def test_rows_after_the_baseline_do_not_change_the_threshold(loaded):
    short = await detect(loaded, device_codes=["d1"], end_time=at(900), **BASELINE)
    long = await detect(loaded, device_codes=["d1"], **BASELINE)
    assert short.devices[0].threshold == long.devices[0].threshold
    assert list(long.devices[0].windows[:59]) == list(short.devices[0].windows)


async def test_another_tenant_has_neither_the_devices_nor_the_detector(loaded, as_tenant):
    fitted = await detect(loaded, device_codes=["d1"], **BASELINE)
    with as_tenant("other"):
        with pytest.raises(NotFound) as caught:
            await detect(loaded, device_codes=["d1"])
        assert caught.value.reason == "DEVICE_NOT_FOUND"
        with pytest.raises(NotFound) as caught:
            await detect(loaded, detector_id=fitted.detector_id)
        assert caught.value.reason == "DETECTOR_NOT_FOUND"


WRONG = [
    ({"method": "magic"}, InvalidArgument, "METHOD_INVALID", "must be one of: pca, isolation_forest, robust_z"),
    ({"threshold": -1}, InvalidArgument, "THRESHOLD_INVALID", "positive number"),
    ({"threshold": 0}, InvalidArgument, "THRESHOLD_INVALID", "threshold is 0.0; it must be a positive number"),
    ({"threshold": float("nan")}, InvalidArgument, "THRESHOLD_INVALID", "positive number"),
    ({"threshold": float("inf")}, InvalidArgument, "THRESHOLD_INVALID", "threshold is inf"),
    ({"overlap": 1}, InvalidArgument, "OVERLAP_INVALID", "less than 1"),
    ({"window_size": -1}, InvalidArgument, "WINDOW_SIZE_INVALID", "from 1"),
    ({"fields": ["nix"]}, InvalidArgument, "FIELD_NOT_FOUND", "has: current, pressure"),
    ({"fields": ["label"]}, InvalidArgument, "FIELD_TYPE_INVALID", "holds text"),
    ({"baseline_start_time": at(0)}, InvalidArgument, "BASELINE_INVALID", "no end_time"),
    (
        {"baseline_start_time": at(0), "baseline_end_time": at(100)},
        Unprocessable,
        "BASELINE_INVALID",
        "has 100 rows, at least 150",
    ),
    (
        {"baseline_start_time": at(9000), "baseline_end_time": at(9100)},
        NotFound,
        "TIME_RANGE_EMPTY",
        "there are 1500 from",
    ),
    ({"baseline_start_time": at(9), "baseline_end_time": at(9)}, InvalidArgument, "TIME_RANGE_INVALID", "not after"),
    ({"start_time": at(ROWS)}, NotFound, "TIME_RANGE_EMPTY", "there are 1500 from"),
    ({"start_time": at(ROWS - 5)}, Unprocessable, "WINDOW_LIMIT_EXCEEDED", "only 5 rows"),
    ({"device_codes": ["d9"]}, NotFound, "DEVICE_NOT_FOUND", "d1"),
    ({"device_codes": [], "model_code": ""}, InvalidArgument, "DEVICES_INVALID", "name 1 to 100"),
    ({"detector_id": "det_9"}, NotFound, "DETECTOR_NOT_FOUND", "without detector_id"),
    ({"detector_id": "det_9", "window_size": 9}, InvalidArgument, "DETECTOR_INVALID", "window_size beside detector_id"),
]


async def test_what_is_wrong_is_said_with_what_would_be_right(loaded):
    for fields, kind, reason, words in WRONG:  # of one service: to start one takes longer than all the questions
        with pytest.raises(kind, match=words) as caught:
            await detect(loaded, **{"device_codes": ["d1"], **fields})
        assert caught.value.reason == reason, fields


async def test_a_detector_knows_the_devices_it_was_fitted_for(loaded):
    fitted = await detect(loaded, device_codes=["d1"], **BASELINE)
    with pytest.raises(InvalidArgument, match="was not fitted for 'd2'; it knows: d1") as caught:
        await detect(loaded, device_codes=["d2"], detector_id=fitted.detector_id)
    assert caught.value.reason == "DEVICES_INVALID"


def _set(name, created):
    random = np.random.default_rng(0)
    times = np.datetime64("2026-01-01", "us") + np.arange(300) * np.timedelta64(1_000_000, "us")
    frame = Frame(timestamps=times, numbers={"a": random.normal(size=300)})
    return DetectorSet(
        id=name,
        model_code="",
        created=created,
        detectors={"d": fit_detector(frame, ["a"], AnomalyMethod.PCA, WindowPlan(size=30))},
    )


async def test_the_detector_used_longest_ago_goes_when_there_are_too_many(tmp_path, migrated_database):
    database = open_database(sqlite_url(shutil.copy(migrated_database, tmp_path / "feature.db")))
    store = SqlDetectorStore(database, most=2)
    hour = 3_600_000_000
    try:
        await store.add("a", _set("det_1", 1))
        await store.add("a", _set("det_2", 2))
        await store.add("b", _set("det_1", 0))
        assert await store.find("a", "det_1", now=2 * hour) is not None
        await store.add("a", _set("det_3", 3))
        found = [await store.find("a", name, now=2 * hour) is not None for name in ("det_1", "det_2", "det_3")]
        assert found == [True, False, True]
        assert await store.find("b", "det_1", now=2 * hour) is not None
    finally:
        await database.close()


async def test_a_detector_of_another_version_is_refused(tmp_path, migrated_database):
    database = open_database(sqlite_url(shutil.copy(migrated_database, tmp_path / "feature.db")))
    try:
        await SqlDetectorStore(database).add("v", _set("det_1", 1))
        async with database.write() as connection:
            await connection.execute(update(detector_table).where(detector_table.c.tenant_id == "v").values(version=0))
        with pytest.raises(Unprocessable, match="another version of Penstock") as caught:
            await SqlDetectorStore(database).find("v", "det_1", now=1)
        assert caught.value.reason == "DETECTOR_INVALID"
    finally:
        await database.close()


async def test_work_in_a_thread_ends_when_its_caller_was_cancelled():
    running, ended = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(check):
        loop.call_soon_threadsafe(running.set)
        try:
            while True:
                check()
        finally:
            loop.call_soon_threadsafe(ended.set)

    task = asyncio.create_task(run_abandonable(work))
    async with asyncio.timeout(HANG_SECONDS):
        await running.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ended.wait()


async def test_windows_stay_off_gaps_with_the_detector_that_was_fitted_so(service):
    table = rows_of(1)
    table.loc[1_000:, "timestamp"] += pd.Timedelta(hours=1)
    await ingest(service, table, "d1")
    five = Duration(seconds=5)
    fitted = await detect(service, device_codes=["d1"], fields=["current", "pressure"], max_gap=five, **BASELINE)
    again = await detect(service, detector_id=fitted.detector_id, start_time=at(0))
    for answer in (fitted, again):
        (found,) = answer.devices
        assert found.max_gap == five
        assert {window.end_time.ToSeconds() - window.start_time.ToSeconds() for window in found.windows} == {29}
        assert len(found.windows) == (1_000 - 30) // 15 + 1 + (500 - 30) // 15 + 1
    with pytest.raises(InvalidArgument, match="max_gap beside detector_id"):
        await detect(service, detector_id=fitted.detector_id, max_gap=five)
    with pytest.raises(InvalidArgument, match="max_gap must be longer than 0"):
        await detect(service, device_codes=["d1"], max_gap=Duration())
