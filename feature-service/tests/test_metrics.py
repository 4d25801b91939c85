"""What /metrics says about questions, rows and devices."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from penstock.feature.v1 import feature_pb2 as pb
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from feature_service.adapters.prometheus import IngestMetrics, MqttMetrics, QueryMetrics
from feature_service.domain.ingest.ingest_counts import ACTIVE_SECONDS, IngestCounts
from feature_service.domain.ingest.plan import IngestReport
from feature_service.domain.model.device import DataModel
from feature_service.domain.query.query_counts import QueryCounts
from penstock_kit.errors import NotFound

TABLE: Final = "timestamp,flow\n" + "".join(f"2024-05-01T00:{at // 60:02}:{at % 60:02}Z,{at}\n" for at in range(200))


def values(metrics: Iterable[Metric]) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value for metric in metrics for sample in metric.samples
    }


async def ingest(service: Any, body: str, device_code: str) -> None:
    async def messages() -> AsyncIterator[pb.IngestRequest]:
        yield pb.IngestRequest(
            options=pb.IngestOptions(
                format=pb.INGEST_FORMAT_CSV, create=True, device_code=device_code, model_code="pump"
            )
        )
        yield pb.IngestRequest(chunk=body.encode())

    await service.features.Ingest(messages())


async def test_rows_questions_and_extractions_of_a_run_are_counted_by_model(
    tmp_path: Path, migrated_database: Path, start_service: Callable[..., AbstractAsyncContextManager[Any]]
) -> None:
    shutil.copy(migrated_database, tmp_path / "feature.db")
    registry = CollectorRegistry()
    async with start_service(tmp_path, registry=registry) as service:
        assert values(registry.collect())["penstock_rows_ingested_total", ()] == 0
        await ingest(service, TABLE, device_code="d1")
        await ingest(service, "timestamp,flow\n2024-05-02T00:00:00Z,1\nnever,2\n", device_code="d2")
        await service.features.QueryHistory(pb.QueryHistoryRequest(device_code="d1"))
        await service.features.QueryRealtime(pb.QueryRealtimeRequest(model_code="pump"))
        await service.features.ComputeStatistics(pb.ComputeStatisticsRequest(device_code="d1"))
        await service.features.ExtractFeatures(pb.ExtractFeaturesRequest(device_code="d1"))
        with pytest.raises(NotFound):
            await service.features.QueryHistory(pb.QueryHistoryRequest(device_code="nobody"))
        seen = values(registry.collect())
    assert (seen["penstock_rows_ingested_total", ()], seen["penstock_rows_refused_total", ()]) == (201, 1)
    assert seen["penstock_devices_active", ()] == 2
    assert {key: value for key, value in seen.items() if key[0] == "model_query_total"} == {
        ("model_query_total", ("pump", "")): 4
    }
    assert seen["feature_extraction_total", ("pump",)] == 1
    assert seen["model_query_duration_seconds_count", ("pump",)] == 4
    assert seen["active_queries", ()] == 0


def test_a_device_silent_for_an_hour_is_no_longer_active() -> None:
    now = [0.0]
    counts = IngestCounts(lambda: now[0])
    metrics = IngestMetrics(CollectorRegistry(), counts)
    report = IngestReport(device_code="", model_code="", accepted=2, rejected=0, devices=(("a", 1), ("b", 1)))
    counts.count("acme", report)
    now[0] = ACTIVE_SECONDS - 1
    counts.count("acme", IngestReport(device_code="a", model_code="", accepted=1, rejected=0))
    counts.count("other", IngestReport(device_code="a", model_code="", accepted=0, rejected=3))
    assert values(metrics.collect())["penstock_devices_active", ()] == 2
    now[0] = ACTIVE_SECONDS + 1
    assert values(metrics.collect())["penstock_devices_active", ()] == 1


def test_the_labels_stay_bounded_whatever_models_there_are() -> None:
    counts = QueryCounts()
    metrics = QueryMetrics(CollectorRegistry(), counts)
    for number in range(1_000):
        with counts.query(DataModel(code=f"m{number}", model_type="t")):
            assert counts.active == 1
    seen = {key: value for key, value in values(metrics.collect()).items() if key[0] == "model_query_total"}
    assert len(seen) == 201
    assert seen["model_query_total", ("(other)", "")] == 800


@dataclass
class IntakeFigures:
    """An intake of messages with given figures."""

    is_connected: bool = True
    waiting: int = 2
    counts: dict[str, int] = field(
        default_factory=lambda: {"stored": 3, "refused": 5, "ignored": 7, "dropped": 11, "overwritten": 13}
    )
    refused_by_pattern: dict[str, int] = field(default_factory=lambda: {"plant/+": 4, "shop/#": 1})
    lost: dict[str, int] | None = field(default_factory=lambda: {"refused": 17, "broker": 19})


def test_messages_are_told_by_what_became_of_them_and_whether_they_come() -> None:
    registry, intake = CollectorRegistry(), IntakeFigures()
    MqttMetrics(registry, intake)
    assert values(registry.collect()) == {
        ("penstock_mqtt_messages_total", ("stored",)): 3,
        ("penstock_mqtt_messages_total", ("refused",)): 5,
        ("penstock_mqtt_messages_total", ("ignored",)): 7,
        ("penstock_mqtt_messages_total", ("dropped",)): 11,
        ("penstock_mqtt_messages_refused_total", ("plant/+",)): 4,
        ("penstock_mqtt_messages_refused_total", ("shop/#",)): 1,
        ("penstock_mqtt_rows_overwritten_total", ()): 13,
        ("penstock_mqtt_messages_waiting", ()): 2,
        ("penstock_mqtt_connected", ()): 1,
        ("penstock_mqtt_messages_lost_total", ("refused",)): 17,
        ("penstock_mqtt_messages_lost_total", ("broker",)): 19,
    }
    intake.is_connected, intake.lost = False, None
    intake.counts.clear()
    told = values(registry.collect())
    assert told["penstock_mqtt_connected", ()] == 0
    assert told["penstock_mqtt_messages_total", ("stored",)] == 0, "it is there before the first message"
    assert ("penstock_mqtt_messages_lost_total", ("refused",)) not in told, "what is not known is not zero"
