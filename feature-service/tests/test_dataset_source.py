"""What a data set would be made of is counted before any of it is read."""

from dataclasses import replace

import numpy as np
import pytest

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.adapters.export.matrix_file import DiskMatrix
from feature_service.adapters.metadata.sql_store import SqlMetadataStore
from feature_service.domain.dataset.data_hash import data_hash
from feature_service.domain.dataset.plan import DatasetPlan
from feature_service.domain.dataset.row_table import RowTable
from feature_service.domain.dataset.source import DatasetLimits, DatasetSource
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.device import DataModel, Device, Field
from feature_service.domain.model.frame import concatenate
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.registry.device_registry import DeviceRegistry
from penstock_kit.clock import SystemClock
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import InvalidArgument, NotFound, Unprocessable
from penstock_testkit.contracts.telemetry_rows import SECOND, frame_of

FIELDS = ("a", "b", "state")
PLAN = DatasetPlan(
    model_code="m",
    label_field="state",
    extraction=ExtractionPlan(window=WindowPlan(size=10, overlap=0), features=("mean",)),
)


class CountedReads:
    """A store that counts the ranges read of it."""

    def __init__(self, store):
        self._store = store
        self.reads = 0

    def blocks(self, key, fields, span, rows=None):
        self.reads += 1
        return self._store.blocks(key, fields, span, rows)

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


async def _fields_of(registry):
    return (await registry.model("t", "m")).fields


@pytest.fixture
async def registry(tmp_path, migrated_database, telemetry):
    (tmp_path / "feature.db").write_bytes(migrated_database.read_bytes())
    database = open_database(sqlite_url(tmp_path / "feature.db"))
    registry = DeviceRegistry(metadata=SqlMetadataStore(database), telemetry=telemetry, clock=SystemClock())
    kinds = dict.fromkeys(FIELDS, FieldKind.NUMBER)
    fields = [Field(code=name, kind=kind) for name, kind in kinds.items()]
    await registry.add_model("t", DataModel(code="m", fields=fields, label_field="state"))
    for code in ("d1", "d2", "empty"):
        await registry.add_device("t", Device(code=code, model_code="m", fields=kinds))
    yield registry
    await database.close()


@pytest.fixture
def source_of(registry, telemetry):
    return lambda **limits: DatasetSource(registry=registry, telemetry=telemetry, limits=DatasetLimits(**limits))


@pytest.mark.parametrize(
    ("limits", "message", "most"),
    [
        ({"values": 199}, r"100 rows of 2 fields, at most 99 rows", "99"),
        ({"device_values": 99}, r"50 rows of 2 fields of device 'd1', at most 49 rows a device", "49"),
        ({"device_rows": 48}, r"50 rows of 2 fields of device 'd1', at most 48 rows a device", "48"),
        ({"feature_values": 19}, r"10 windows of 2 features, at most 9 windows", "9"),
    ],
)
async def test_more_than_fits_is_refused_before_a_row_is_read_with_how_much_would_do(
    source_of, telemetry, limits, message, most
):
    source = source_of(**limits)
    for ask in (source.check, source.rows):
        with pytest.raises(Unprocessable, match=message) as caught:
            await ask("t", PLAN)
        assert caught.value.reason == "DATASET_LIMIT_EXCEEDED"
        assert caught.value.metadata["most"] == most
    assert telemetry.reads == 0


def test_of_too_many_rows_of_one_device_that_of_the_most_is_named():
    with pytest.raises(Unprocessable, match="60 rows of 2 fields of device 'd2', at most 49 rows a device"):
        DatasetLimits(device_values=99).require({"d1": 10, "d2": 60, "d3": 55}, 2, PLAN)


def test_windows_that_nobody_counted_are_those_of_the_rows_times_fields_and_features():
    plan = replace(PLAN, extraction=replace(PLAN.extraction, features=("mean", "slope")))
    DatasetLimits(feature_values=40).require({"d1": 60, "d2": 49}, 2, plan)
    with pytest.raises(Unprocessable, match="10 windows of 4 features, at most 9 windows of so many"):
        DatasetLimits(feature_values=39).require({"d1": 60, "d2": 49}, 2, plan)


async def test_a_model_without_devices_is_refused_before_it_becomes_a_job(registry, source_of):
    await registry.add_model("t", DataModel(code="lonely", fields=await _fields_of(registry), label_field="state"))
    with pytest.raises(NotFound, match="model 'lonely' has no devices") as caught:
        await source_of().check("t", replace(PLAN, model_code="lonely"))
    assert caught.value.reason == "DATA_NOT_FOUND"


async def test_features_are_made_of_number_fields_alone_and_never_of_a_label(registry, source_of):
    fields = [*await _fields_of(registry), Field(code="note", kind=FieldKind.TEXT)]
    await registry.change_model("t", DataModel(code="m", fields=fields, label_field="state"))
    rows = await source_of().rows("t", PLAN)
    assert {tuple(each.frame.numbers) for each in rows.values()} == {("a", "b")}
    rows = await source_of().rows("t", replace(PLAN, label_field="b"))
    assert {tuple(each.frame.numbers) for each in rows.values()} == {("a",)}, "the model's own label is none either"
    for name, why in (("note", "holds text"), ("state", "is the label")):
        with pytest.raises(
            InvalidArgument, match=f"field '{name}' {why}; features are made of number fields"
        ) as caught:
            await source_of().check("t", replace(PLAN, fields=("a", name)))
        assert caught.value.reason == "FIELD_TYPE_INVALID"


async def test_as_many_rows_as_fit_are_read_of_the_devices_that_have_any(source_of, telemetry):
    source = source_of(values=200, device_values=100, feature_values=20)
    await source.check("t", PLAN)
    assert {code: len(rows.frame) for code, rows in (await source.rows("t", PLAN)).items()} == {"d1": 50, "d2": 50}
    assert telemetry.reads == 2


async def test_fewer_devices_fields_or_a_shorter_range_are_taken(source_of):
    for changes in (
        {"device_codes": ("d1",)},
        {"fields": ("a",)},
        {"span": Span(start=0, end=25 * SECOND)},
    ):
        assert await source_of(values=100).rows("t", replace(PLAN, **changes))


@pytest.mark.parametrize("texts", [False, True])
def test_many_rows_lie_on_the_disk_and_are_the_same_as_in_memory(tmp_path, texts):
    random = np.random.default_rng(4)

    def block_of(seconds):
        numbers = {"a": random.normal(size=len(seconds)), "b": np.full(len(seconds), np.nan)}
        labels = {"l": [None if second % 3 else f"s{second % 2}" for second in seconds]} if texts else {}
        return frame_of(seconds, labels, **numbers, **({} if texts else {"l": random.normal(size=len(seconds))}))

    blocks = {"d1": [block_of(range(10)), block_of(range(10, 15))], "d2": [block_of(range(7))]}
    counts = {"d1": 15, "d2": 7}
    with DiskMatrix(tmp_path) as room:
        tables = [RowTable(["a", "b"], "l", counts, each, in_memory=0) for each in (room, None)]
        for code, frames in blocks.items():
            for frame in frames:
                for table in tables:
                    table.add(code, frame)
        assert isinstance(room.values, np.memmap)
        for code, frames in blocks.items():
            whole = concatenate(frames)
            for rows in (table.device(code) for table in tables):
                np.testing.assert_array_equal(rows.frame.timestamps, whole.timestamps)
                for name in ("a", "b"):
                    np.testing.assert_array_equal(rows.frame.numbers[name], whole.numbers[name])
                np.testing.assert_array_equal(rows.labels, whole.texts["l"] if texts else whole.numbers["l"])
        assert data_hash({"d1": tables[0].device("d1")}) == data_hash({"d1": tables[1].device("d1")})


def test_rows_far_beyond_those_that_were_counted_are_left_out():
    table = RowTable(["a"], "l", {"d": 10}, None)
    table.add("d", frame_of(range(2_000), a=range(2_000), l=range(2_000)))
    assert len(table.device("d").frame) == 21


@pytest.mark.parametrize(
    ("fields", "rows"),
    [pytest.param(8, 50_000, id="few"), pytest.param(98, 10_000, id="many"), pytest.param(1_998, 1_000, id="most")],
)
def test_a_block_is_small_enough_that_others_hardly_wait_and_large_enough_to_be_worth_a_statement(fields, rows):
    table = RowTable([f"f{place}" for place in range(fields)], "state", {"d": 10}, None)
    assert table.rows_at_once == rows
