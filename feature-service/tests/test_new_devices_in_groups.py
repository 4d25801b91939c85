"""Devices that are new with the rows of one batch are registered together."""

from datetime import UTC, datetime

import pytest

from feature_service.adapters.metadata.sql_store import SqlMetadataStore
from feature_service.domain.ingest.target import IngestTarget, TargetRegistry
from feature_service.domain.model.device import DataModel, Device
from feature_service.domain.model.series import FieldKind
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.main import MIGRATIONS
from penstock_kit.database import sqlite_url
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import migrated

NUMBER = FieldKind.NUMBER


@pytest.fixture
async def database(tmp_path):
    async with migrated(sqlite_url(tmp_path / "x.db"), MIGRATIONS) as opened:
        yield opened


async def test_five_thousand_new_devices_of_a_new_model_take_no_transaction_each(database):
    store = SqlMetadataStore(database)
    registry = DeviceRegistry(metadata=store, telemetry=None, clock=ManualClock(start=datetime(2026, 1, 1, tzinfo=UTC)))
    targets = TargetRegistry(registry=registry, metadata=store)
    pump = DataModel(code="pump", device_type="pump")

    def target(number):
        device = Device(code=f"p{number}", model_code="pump")
        return IngestTarget(device=device, model=pump, device_is_new=True, model_is_new=True)

    found = [(target(number), {"flow": NUMBER, f"only {number % 3}": NUMBER}) for number in range(5_000)]
    before = database.counts.writes
    await targets.register_all("t", found)
    assert database.counts.writes - before <= 15
    assert len(await store.device_codes("t")) == 5_000
    assert (await store.device("t", "p4999")).device_type == "pump"
    assert [field.code for field in (await store.model("t", "pump")).fields] == ["flow", "only 0", "only 1", "only 2"]
