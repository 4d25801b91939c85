"""System rules: judged on samples and rendered to PromQL from the same rows."""

from collections.abc import Mapping

import pytest
import yaml

from gateway.alerts.prometheus import prometheus_rules
from gateway.alerts.rules import RULES, Form, SystemRule
from gateway.monitoring.histogram import LATENCY_BUCKETS


class GivenSamples:
    """Samples that hold what the test says."""

    def __init__(
        self, *, p99: float | None = None, counts: Mapping[str, float] | None = None, rate: float | None = None
    ):
        self.p99, self.counts, self.hit_rate = p99, counts or {}, rate

    def increase(self, name: str, window: float, labels: Mapping[str, str] | None = None) -> float | None:
        if not self.counts:
            return None
        return self.counts.get(labels["status_class"], 0.0) if labels else sum(self.counts.values())

    def rate(self, name: str, window: float, labels: Mapping[str, str] | None = None) -> float | None:
        raise NotImplementedError

    def mean(self, name: str, window: float, labels: Mapping[str, str] | None = None) -> float | None:
        raise NotImplementedError

    def quantile(self, name: str, share: float, window: float, labels: Mapping[str, str] | None = None) -> float | None:
        return self.p99

    def latest(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        return self.hit_rate


def rule(name: str) -> SystemRule:
    return next(entry for entry in RULES if entry.name == name)


@pytest.mark.parametrize(
    ("name", "samples", "holds"),
    [
        ("HighAPILatency", GivenSamples(p99=1.9), False),
        ("HighAPILatency", GivenSamples(p99=2.1), True),
        ("HighAPILatency", GivenSamples(), None),
        ("HighErrorRate", GivenSamples(counts={"2xx": 95, "5xx": 5}), False),
        ("HighErrorRate", GivenSamples(counts={"2xx": 94, "5xx": 6}), True),
        ("HighErrorRate", GivenSamples(counts={"5xx": 1}), True),
        ("HighErrorRate", GivenSamples(), None),
        ("LowCacheHitRate", GivenSamples(rate=0.9), False),
        ("LowCacheHitRate", GivenSamples(rate=0.89), True),
        ("LowCacheHitRate", GivenSamples(), None),
    ],
)
def test_a_rule_holds_beyond_its_threshold_and_says_nothing_without_data(
    name: str, samples: GivenSamples, holds: bool | None
) -> None:
    assert rule(name).observe(samples).holds is holds


def test_prometheus_gets_the_same_rules() -> None:
    group = yaml.safe_load(prometheus_rules())["groups"][0]["rules"]
    assert [(entry["alert"], entry["expr"], entry["for"]) for entry in group[:3]] == [
        (
            "HighAPILatency",
            "histogram_quantile(0.99, sum by (le) (rate(penstock_http_answer_seconds_bucket[5m]))) > 2",
            "5m",
        ),
        (
            "HighErrorRate",
            'sum(rate(penstock_http_answers_total{status_class="5xx"}[2m]))'
            " / sum(rate(penstock_http_answers_total[2m])) > 0.05",
            "2m",
        ),
        ("LowCacheHitRate", "avg(penstock_cache_recent_hit_rate) < 0.9", "10m"),
    ]
    assert "{{ $value | humanizePercentage }}" in group[1]["annotations"]["summary"]


def test_the_limit_of_a_quantile_is_an_edge_of_its_buckets_with_two_beyond() -> None:
    limits = [entry.threshold for entry in RULES if entry.form is Form.QUANTILE]
    assert limits
    for limit in limits:
        assert limit in LATENCY_BUCKETS, "within a bucket, what is below it may seem to be above"
        assert len([edge for edge in LATENCY_BUCKETS if edge > limit]) >= 2
