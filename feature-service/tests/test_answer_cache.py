"""Features that are asked for again: as exact as the rows themselves."""

import numpy as np
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.adapters.metadata.sql_store import SqlMetadataStore
from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.device import Device
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.preprocessing.method import NormalizeMethod, OutlierMethod
from feature_service.domain.query.answer_cache import AnswerCache
from feature_service.domain.query.telemetry_queries import FeatureTarget, TelemetryQueries
from feature_service.domain.registry.device_registry import DeviceRegistry
from penstock_kit.clock import SystemClock
from penstock_kit.database import open_database, sqlite_url
from penstock_kit.errors import NotFound
from penstock_testkit.contracts.telemetry_rows import KEY, OTHER, frame_of

TARGET = FeatureTarget(device=Device(code=KEY.device_code, fields={"a": FieldKind.NUMBER}), model=None)
PLAN = ExtractionPlan(window=WindowPlan(size=2, overlap=0), features=("mean",))


class Asked:
    """Asks for features of a store, and counts how often they were made."""

    def __init__(self, queries):
        self._queries = queries
        self.made = 0

    async def means(self, span=None, plan=PLAN, target=TARGET):
        return await self._queries.features(KEY.tenant_id, target, span or Span(), plan, convert=self._convert)

    def _convert(self, table, _plan):
        self.made += 1
        return table.matrix[:, 0].tolist()


@pytest.fixture
async def store(tmp_path):
    opened = DuckDbTelemetryStore(tmp_path / "telemetry.duckdb")
    await opened.append(KEY, frame_of([1, 2, 3, 4], a=[1, 3, 10, 30]))
    yield opened
    await opened.close()


@pytest.fixture
async def asked(tmp_path, store):
    database = open_database(sqlite_url(tmp_path / "feature.db"))
    metadata = SqlMetadataStore(database)
    registry = DeviceRegistry(metadata=metadata, telemetry=store, clock=SystemClock())
    yield Asked(TelemetryQueries(registry=registry, telemetry=store))
    await database.close()


def plan_of(**changes):
    return ExtractionPlan(
        **{"window": PLAN.window, "features": PLAN.features, "normalize": NormalizeMethod.NONE, **changes}
    )


RAW = plan_of()


async def test_features_that_are_asked_for_again_are_made_once(asked):
    first = await asked.means(plan=RAW)
    assert first == [2, 20]
    assert await asked.means(plan=plan_of()) is first
    assert asked.made == 1


async def test_rows_that_are_written_are_in_the_next_features_also_late_ones_and_changed_ones(asked, store):
    assert await asked.means(plan=RAW) == [2, 20]
    await store.append(KEY, frame_of([5, 6], a=[5, 7]))
    assert await asked.means(plan=RAW) == [2, 20, 6]
    await store.append(KEY, frame_of([4], a=[50]))
    assert await asked.means(plan=RAW) == [2, 30, 6]
    await store.append_all([(KEY, frame_of([0, 0.5], a=[0, 0])), (OTHER, frame_of([1], a=[1]))])
    assert await asked.means(plan=RAW) == [0, 2, 30, 6]
    await store.append(OTHER, frame_of([2], a=[2]))
    await asked.means(plan=RAW)
    assert asked.made == 4, "rows of another device change nothing"


async def test_rows_that_are_deleted_or_dropped_are_in_no_features(asked, store):
    assert await asked.means(plan=RAW) == [2, 20]
    await store.delete_before(3_000_000)
    assert await asked.means(plan=RAW) == [20]
    await store.drop(KEY)
    with pytest.raises(NotFound):
        await asked.means(plan=RAW)


@pytest.mark.parametrize(
    ("span", "plan", "expected"),
    [
        (Span(end=3_000_000), RAW, [2]),
        (Span(start=2_000_000), RAW, [6.5]),
        (Span(), plan_of(window=WindowPlan(size=4)), [11]),
        (Span(), plan_of(features=("max",)), [3, 30]),
        (Span(), plan_of(outliers=OutlierMethod.CLIP, outlier_threshold=0.1), None),
    ],
)
async def test_another_range_or_plan_is_another_question(asked, span, plan, expected):
    assert await asked.means(plan=RAW) == [2, 20]
    found = await asked.means(span, plan)
    assert asked.made == 2
    assert expected is None or found == expected
    assert await asked.means(plan=RAW) == [2, 20]


async def test_a_field_that_a_device_has_now_too_is_in_its_features(asked):
    await asked.means(plan=RAW)
    both = Device(code=KEY.device_code, fields={"b": FieldKind.NUMBER, "a": FieldKind.NUMBER})
    found = await asked.means(plan=RAW, target=FeatureTarget(device=both, model=None))
    assert asked.made == 2
    assert np.isnan(found).all(), "its rows have no value of the field"


def cache_of(versions, **bounds):
    return AnswerCache(lambda key: versions.get(key, 0), **bounds)


async def made(cache, question, size=1, key=KEY):
    calls = []

    async def make():
        calls.append(question)
        return object(), size

    await cache.get_or_make(key, question, make)
    return bool(calls)


async def test_what_was_made_while_rows_came_in_is_not_handed_out_again():
    versions = {KEY: 0}
    cache = cache_of(versions)

    async def make():
        versions[KEY] += 1
        return "old", 1

    assert await cache.get_or_make(KEY, "q", make) == "old"
    assert await made(cache, "q")


async def test_answers_are_few_and_small_and_those_used_last_stay():
    cache = cache_of({}, most_answers=3, most_bytes=1_000)
    assert [await made(cache, question) for question in "abc"] == [True] * 3
    assert not await made(cache, "a")
    assert await made(cache, "d")
    assert not await made(cache, "a")
    assert await made(cache, "b")
    assert await made(cache, "large", size=10**6)
    assert await made(cache, "large", size=10**6)
    assert await made(cache, "half", size=600)
    assert await made(cache, "other half", size=600)
    assert await made(cache, "half", size=600)


async def test_nothing_is_kept_of_rows_that_others_may_change():
    cache = AnswerCache(lambda _: None)
    assert await made(cache, "q")
    assert await made(cache, "q")


async def test_one_tenants_answer_is_not_anothers():
    cache = cache_of({})
    await made(cache, "q", key=SeriesKey(tenant_id="a", device_code="d"))
    assert await made(cache, "q", key=SeriesKey(tenant_id="b", device_code="d"))


async def test_an_extraction_that_is_asked_for_again_tells_of_rows_and_defaults_that_came_meanwhile(service):
    async def ingest(text):
        async def messages():
            yield pb.IngestRequest(
                options=pb.IngestOptions(format=pb.INGEST_FORMAT_CSV, device_code="d", model_code="m", create=True)
            )
            yield pb.IngestRequest(chunk=text.encode())

        await service.features.Ingest(messages())

    begin = Timestamp()
    begin.FromJsonString("2026-01-01T00:00:00Z")
    request = pb.ExtractFeaturesRequest(
        device_code="d", start_time=begin, options=pb.ExtractionOptions(normalize_method="none", features=["max"])
    )

    async def maxima():
        answer = await service.features.ExtractFeatures(request)
        return np.frombuffer(answer.values, dtype="<f8").tolist()

    await ingest("timestamp,a\n" + "".join(f"2026-01-01T00:00:{n:02}Z,{n}\n" for n in range(40)))
    model = pb.DataModel(model_code="m", defaults=pb.ExtractionOptions(window_size=20, overlap=0))
    await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
    assert await maxima() == await maxima() == [19, 39]
    await ingest("timestamp,a\n2026-01-01T00:00:05Z,100\n")
    assert await maxima() == [100, 39]
    model.defaults.window_size = 40
    await service.metadata.UpdateDataModel(pb.UpdateDataModelRequest(model=model))
    assert await maxima() == [100]
    await ingest("timestamp,b\n2026-01-01T00:00:05Z,7\n")
    assert await maxima() == [100, 7]
