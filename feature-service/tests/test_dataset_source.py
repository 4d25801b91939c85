"""What a data set would be made of is counted before any of it is read."""

import numpy as np
import pytest

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.adapters.metadata.sql_store import SqlMetadataStore
from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.dataset.source import DatasetSource
from feature_service.domain.model.device import DataModel, Device, Field
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.registry.device_registry import DeviceRegistry
from penstock_kit.clock import SystemClock
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import Unprocessable
from penstock_testkit.contracts.telemetry_rows import SECOND, frame_of

FIELDS = ("a", "b", "state")
PLAN = DatasetPlan(model_code="m", label_field="state")


class CountedReads:
    """A store that counts the ranges read of it."""

    def __init__(self, store):
        self._store = store
        self.reads = 0

    async def read(self, key, fields, span):
        self.reads += 1
        return await self._store.read(key, fields, span)

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.fixture
async def telemetry(tmp_path):
    store = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    for code in ("d1", "d2"):
        rows = frame_of(range(50), **{name: np.arange(50.0) % 3 for name in FIELDS})
        await store.append(SeriesKey(tenant_id="t", device_code=code), rows)
    yield CountedReads(store)
    await store.close()


@pytest.fixture
async def source_of(tmp_path, migrated_database, telemetry):
    (tmp_path / "feature.db").write_bytes(migrated_database.read_bytes())
    database = open_database(sqlite_url(tmp_path / "feature.db"))
    registry = DeviceRegistry(metadata=SqlMetadataStore(database), telemetry=telemetry, clock=SystemClock())
    kinds = dict.fromkeys(FIELDS, FieldKind.NUMBER)
    fields = [Field(code=name, kind=kind) for name, kind in kinds.items()]
    await registry.add_model("t", DataModel(code="m", fields=fields, label_field="state"))
    for code in ("d1", "d2", "empty"):
        await registry.add_device("t", Device(code=code, model_code="m", fields=kinds))
    yield lambda most: DatasetSource(registry=registry, telemetry=telemetry, most_values=most)
    await database.close()


async def test_more_rows_than_fit_are_refused_before_one_is_read_with_how_many_would_do(source_of, telemetry):
    for ask in (source_of(199).check, source_of(199).rows):
        with pytest.raises(Unprocessable, match=r"100 rows of 2 fields.*at most 99 rows") as caught:
            await ask("t", PLAN)
        assert caught.value.reason == "DATASET_LIMIT_EXCEEDED"
        assert caught.value.metadata == {"rows": "100", "fields": "2", "most_rows": "99"}
    assert telemetry.reads == 0


async def test_as_many_rows_as_fit_are_read_of_the_devices_that_have_any(source_of, telemetry):
    source = source_of(200)
    await source.check("t", PLAN)
    assert {code: len(rows.frame) for code, rows in (await source.rows("t", PLAN)).items()} == {"d1": 50, "d2": 50}
    assert telemetry.reads == 2


async def test_fewer_devices_fields_or_a_shorter_range_are_taken(source_of):
    for changes in (
        {"device_codes": ("d1",)},
        {"fields": ("a",)},
        {"span": Span(start=0, end=25 * SECOND)},
    ):
        assert await source_of(100).rows("t", DatasetPlan(model_code="m", label_field="state", **changes))
