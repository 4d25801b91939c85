"""The sums on /metrics are those of the dashboard, and there before the first request."""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from gateway.monitoring.disk_metrics import DiskMetrics
from gateway.monitoring.traffic import Traffic
from gateway.monitoring.traffic_metrics import TrafficMetrics
from penstock_kit.clock import SystemClock


def values(metrics: Iterable[Metric]) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value for metric in metrics for sample in metric.samples
    }


def test_every_class_of_status_and_every_bucket_is_there_before_the_first_request() -> None:
    seen = values(TrafficMetrics(CollectorRegistry(), Traffic(SystemClock())).collect())
    assert {key[1][0] for key in seen if key[0] == "penstock_http_answers_total"} == {
        "1xx",
        "2xx",
        "3xx",
        "4xx",
        "5xx",
    }
    assert seen["penstock_http_answer_seconds_bucket", ("2.0",)] == 0
    assert set(seen.values()) == {0}


def test_requests_of_all_tenants_are_added_up() -> None:
    traffic = Traffic(SystemClock())
    for tenant, status, seconds in (("a", 200, 0.02), ("b", 503, 2.1), ("b", 404, 0.02)):
        traffic.record(
            tenant_id=tenant, method="GET", endpoint="/x", status=status, seconds=seconds, request_id="req_1"
        )
    traffic.open_stream("a")
    seen = values(TrafficMetrics(CollectorRegistry(), traffic).collect())
    assert [seen["penstock_http_answers_total", (f"{first}xx",)] for first in range(1, 6)] == [0, 1, 0, 1, 1]
    assert seen["penstock_http_answer_seconds_bucket", ("2.0",)] == 2
    assert seen["penstock_http_answer_seconds_bucket", ("2.5",)] == 3
    assert seen["penstock_http_answer_seconds_count", ()] == 3
    assert round(seen["penstock_http_answer_seconds_sum", ()], 6) == 2.14
    assert seen["http_streams_active", ()] == 1


def test_the_disk_of_the_home_is_shown_as_a_share(tmp_path: Path) -> None:
    (share,) = values(DiskMetrics(CollectorRegistry(), tmp_path).collect()).values()
    assert 0 < share < 1
