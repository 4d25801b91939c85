"""The demo: what the welding shop looks like, and that it grows without ever changing."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import orjson
import pytest
from penstock.feature.v1 import feature_pb2 as pb
from penstock.feature.v1 import feature_pb2_grpc

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.adapters.metadata.sql_store import SqlMetadataStore
from feature_service.demo.live import LiveDemo
from feature_service.demo.load import load_demo, register_demo
from feature_service.demo.plan import DEVICE_CODES, LABEL, DemoPlan, plan_demo
from feature_service.demo.welding_shop import shop_frame
from feature_service.domain.model.device import Device
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.main import MIGRATIONS
from penstock_kit.clock import SystemClock
from penstock_kit.database import migrate, open_database, sqlite_url
from penstock_kit.grpc import open_channel
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

NOON = 1_714_564_800
HOUR = 3600
DAY = 24 * HOUR


def test_a_reading_depends_on_device_and_time_alone():
    whole = shop_frame(1, NOON, NOON + 2 * HOUR)
    part = shop_frame(1, NOON + 1234, NOON + 4321)
    inside = (whole.timestamps >= part.timestamps[0]) & (whole.timestamps <= part.timestamps[-1])
    for name, values in part.numbers.items():
        np.testing.assert_array_equal(values, whole.numbers[name][inside])
    assert part.texts[LABEL].tolist() == whole.texts[LABEL][inside].tolist()


def test_a_day_has_what_real_telemetry_has():
    day = shop_frame(2, NOON, NOON + DAY)
    assert 0.97 * DAY < len(day) < DAY, "some seconds are missing, when the machine was off the network"
    assert (np.diff(day.timestamps.astype("int64")) > 0).all()
    assert set(day.texts[LABEL].tolist()) >= {"good", "porosity", None}
    for name, values in day.numbers.items():
        assert 0.0005 < np.isnan(values).mean() < 0.005, f"{name} has single missing values"
    current = day.numbers["current"]
    assert np.nanmax(current) > 2.5 * np.nanquantile(current, 0.99), "there are outliers"
    hourly = [np.nanmedian(chunk[chunk > 50]) for chunk in np.array_split(current, 24) if (chunk > 50).any()]
    assert max(hourly) > 1.4 * min(hourly), "jobs change"


def test_a_fault_shows_in_the_readings():
    frames = [shop_frame(device, NOON, NOON + DAY) for device in (1, 2, 3, 4)]

    def welding_gas(label):
        chosen = [
            frame.numbers["gas_flow"][(frame.texts[LABEL] == label) & (frame.numbers["current"] > 50)]
            for frame in frames
        ]
        return np.nanmedian(np.concatenate(chosen))

    assert welding_gas("porosity") < 0.7 * welding_gas("good")


@pytest.fixture
async def stores(tmp_path):
    database = open_database(sqlite_url(tmp_path / "feature.db"))
    await migrate(sqlite_url(tmp_path / "feature.db"), MIGRATIONS)
    telemetry = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    yield SqlMetadataStore(database), telemetry
    await telemetry.close()
    await database.close()


async def test_the_demo_is_loaded_once_and_then_only_what_is_new(stores):
    metadata, telemetry = stores
    now = NOON + 30
    first = await plan_demo(metadata, now)
    assert first.spans == dict.fromkeys(DEVICE_CODES, (NOON - DAY, NOON))
    await register_demo(DeviceRegistry(metadata=metadata, telemetry=telemetry, clock=SystemClock()))
    small = await plan_demo(metadata, now)
    assert small.spans == first.spans, "registered but not loaded"
    rows = await load_demo(small, metadata=metadata, telemetry=telemetry)
    assert rows > 4 * 0.97 * DAY
    assert await plan_demo(metadata, now) is None
    later = await plan_demo(metadata, now + HOUR)
    assert set(later.spans) == set(DEVICE_CODES)
    assert all(NOON - 200 < start <= NOON for start, _ in later.spans.values())
    await load_demo(later, metadata=metadata, telemetry=telemetry)
    key = SeriesKey(tenant_id="default", device_code="WLD003")
    stored = await telemetry.read(key, ["current"], Span(start=(NOON - HOUR) * 1_000_000))
    np.testing.assert_array_equal(stored.numbers["current"], shop_frame(3, NOON - HOUR, NOON + HOUR).numbers["current"])
    assert (await metadata.device("default", "WLD003")).last_seen == stored.timestamps[-1].astype("int64")


async def test_somebody_who_has_devices_gets_no_demo(stores):
    metadata, _ = stores
    await metadata.add_device("default", Device(code="mine"))
    assert await plan_demo(metadata, NOON) is None


@contextlib.asynccontextmanager
async def service_process(home, **settings):
    """Run ``python -m feature_service`` and yield a channel to it."""
    environment = {**os.environ, "PENSTOCK_HOME": str(home), "PENSTOCK_LOG_FORMAT": "json", **settings}
    environment |= {"FEATURE_SERVICE_PORT": "0", "FEATURE_SERVICE_METRICS_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "feature_service", env=environment, stdout=PIPE, cwd=home
    )
    try:
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                line = orjson.loads(await process.stdout.readline())
                if line["event"] == "serving":
                    break
        async with open_channel(line["address"], service="feature-service", timeout=HANG_SECONDS) as channel:
            yield channel
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0


async def test_a_new_service_answers_about_the_demo_at_once(tmp_path):
    async with service_process(tmp_path) as channel:
        metadata = feature_pb2_grpc.MetadataServiceStub(channel)
        listed = await metadata.ListDevices(pb.ListDevicesRequest())
        assert [device.device_code for device in listed.devices] == list(DEVICE_CODES)
        features = feature_pb2_grpc.FeatureServiceStub(channel)
        answer = await features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="WLD001"))
        assert answer.row_count > 0.97 * DAY
        extracted = await features.ExtractFeatures(
            pb.ExtractFeaturesRequest(model_code="welding_ai_model", device_code="WLD001")
        )
        assert {name.rsplit("_", 1)[0] for name in extracted.feature_names} == {
            "current",
            "voltage",
            "wire_feed",
            "gas_flow",
            "temperature",
        }
        stats = await features.GetFeatureStats(pb.GetFeatureStatsRequest(model_code="welding_ai_model"))
        assert stats.row_count > 4 * 0.97 * DAY


async def test_a_service_that_was_not_asked_has_no_heavy_library_loaded():
    code = (
        "import sys; from feature_service.main import serve; "
        "print([name for name in ('numpy', 'duckdb', 'pandas', 'pyarrow', 'sklearn') if name in sys.modules])"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
    printed, _ = await process.communicate()
    assert printed == b"[]\n"


async def test_an_unwritable_home_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    environment = {**os.environ, "PENSTOCK_HOME": str(tmp_path / "file" / "var")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "feature_service", env=environment, stdout=PIPE, stderr=PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 1
    assert b"PENSTOCK_HOME" in printed
    assert b"Traceback" not in printed


@pytest.fixture
async def live(stores):
    """A demo that was loaded up to noon, and the clock of a simulator beside it."""
    metadata, telemetry = stores
    clock = ManualClock(start=datetime.fromtimestamp(NOON, UTC))
    loaded = await plan_demo(metadata, NOON)
    await register_demo(DeviceRegistry(metadata=metadata, telemetry=telemetry, clock=clock))
    hour = DemoPlan(spans={code: (end - HOUR, end) for code, (_, end) in loaded.spans.items()})
    await load_demo(hour, metadata=metadata, telemetry=telemetry)

    async def ready():
        return None

    simulator = LiveDemo(
        metadata=metadata, telemetry=telemetry, clock=clock, is_open=lambda: telemetry.is_open, loaded=ready
    )
    simulator.start()
    yield SimpleNamespace(simulator=simulator, clock=clock, metadata=metadata, telemetry=telemetry)
    await simulator.stop()


async def readings_since_noon(live, code):
    key = SeriesKey(tenant_id="default", device_code=code)
    return await live.telemetry.read(key, ["current"], Span(start=NOON * 1_000_000))


async def test_who_asks_for_the_demo_finds_its_readings_up_to_the_last_whole_minute(live):
    live.clock.advance(10 * 60 + 30)
    registry = DeviceRegistry(
        metadata=live.metadata, telemetry=live.telemetry, clock=live.clock, before_reading=live.simulator.catch_up
    )
    device = await registry.device("default", "WLD002")
    stored = await readings_since_noon(live, "WLD002")
    expected = shop_frame(2, NOON, NOON + 600)
    np.testing.assert_array_equal(stored.numbers["current"], expected.numbers["current"])
    assert device.last_seen == stored.timestamps[-1].astype("int64")


async def test_a_minute_is_appended_once_however_many_ask(live):
    live.clock.advance(60)
    await asyncio.gather(*(live.simulator.catch_up("default") for _ in range(20)))
    assert len(await readings_since_noon(live, "WLD001")) == len(shop_frame(1, NOON, NOON + 60))


async def test_after_a_pause_the_demo_catches_up_by_at_most_a_day(live):
    live.clock.advance(3 * DAY)
    await live.simulator.catch_up("default")
    stored = await readings_since_noon(live, "WLD004")
    expected = shop_frame(4, NOON + 2 * DAY, NOON + 3 * DAY)
    np.testing.assert_array_equal(stored.numbers["current"], expected.numbers["current"])


async def test_a_removed_demo_device_stays_removed_and_other_tenants_wait_for_nothing(live):
    await live.metadata.remove_device("default", "WLD003")
    live.clock.advance(600)
    await live.simulator.catch_up("other")
    assert len(await readings_since_noon(live, "WLD001")) == 0
    await live.simulator.catch_up("default")
    assert len(await readings_since_noon(live, "WLD001")) > 0
    assert len(await readings_since_noon(live, "WLD003")) == 0
