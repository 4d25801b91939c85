"""The rules about the system, as data: judged on the gateway's own samples, and rendered to PromQL for Prometheus.

Both forms come from one row, so that they cannot differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.alerts.model import Observation, Severity
from gateway.monitoring.samples import Samples


class Form(StrEnum):
    """What is compared with the threshold."""

    QUANTILE = "quantile"
    SHARE = "share"
    GAUGE_BELOW = "gauge_below"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemRule:
    """One rule: `metric` over `window` seconds, compared with `threshold`, held for `hold_seconds`.

    `metric` is its name among the samples, `exported` that of the same counts on /metrics, where every series that a
    rule reads is there at 0 from the start: Prometheus can't see one grow that is born at 1.

    QUANTILE: the `quantile` of a histogram is above. SHARE: the part of a counter with the labels `part` is above.
    GAUGE_BELOW: a gauge is below.
    """

    name: str
    form: Form
    metric: str
    exported: str
    threshold: float
    window: float
    hold_seconds: float
    severity: Severity
    summary: str
    summary_zh: str
    quantile: float = 0.99
    part: Mapping[str, str] = field(default_factory=dict[str, str])

    def observe(self, samples: Samples) -> Observation:
        """Return whether it holds now; a window without a request or a look-up says nothing."""
        value = self._value(samples)
        if value is None:
            return Observation(holds=None)
        below = self.form is Form.GAUGE_BELOW
        return Observation(holds=value < self.threshold if below else value > self.threshold, value=value)

    def to_promql(self) -> str:
        """Return the same condition for Prometheus."""
        window = f"[{duration_text(self.window)}]"
        match self.form:
            case Form.QUANTILE:
                buckets = f"sum by (le) (rate({self.exported}_bucket{window}))"
                return f"histogram_quantile({self.quantile:g}, {buckets}) > {self.threshold:g}"
            case Form.SHARE:
                part = f"sum(rate({self.exported}{_selector(self.part)}{window}))"
                return f"{part} / sum(rate({self.exported}{window})) > {self.threshold:g}"
            case Form.GAUGE_BELOW:
                return f"avg({self.exported}) < {self.threshold:g}"

    def _value(self, samples: Samples) -> float | None:
        match self.form:
            case Form.QUANTILE:
                return samples.quantile(self.metric, self.quantile, self.window)
            case Form.GAUGE_BELOW:
                return samples.latest(self.metric)
            case Form.SHARE:
                whole = samples.increase(self.metric, self.window)
                part = samples.increase(self.metric, self.window, self.part)
                return (part or 0.0) / whole if whole else None


RULES: Final[Sequence[SystemRule]] = (
    SystemRule(
        name="HighAPILatency",
        form=Form.QUANTILE,
        metric="http_request_duration_seconds",
        exported="penstock_http_answer_seconds",
        threshold=2.0,
        window=300,
        hold_seconds=300,
        severity=Severity.WARNING,
        summary="The slowest one in a hundred requests takes {value:.1f} s (more than 2 s for five minutes).",
        summary_zh="最慢的百分之一请求耗时 {value:.1f} 秒 (连续五分钟超过 2 秒).",
    ),
    SystemRule(
        name="HighErrorRate",
        form=Form.SHARE,
        metric="http_requests_total",
        exported="penstock_http_answers_total",
        part={"status_class": "5xx"},
        threshold=0.05,
        window=120,
        hold_seconds=120,
        severity=Severity.CRITICAL,
        summary="{value:.1%} of the requests fail (more than 5 % for two minutes).",
        summary_zh="{value:.1%} 的请求失败 (连续两分钟超过 5 %).",
    ),
    SystemRule(
        name="LowCacheHitRate",
        form=Form.GAUGE_BELOW,
        metric="cache_hit_rate",
        exported="penstock_cache_recent_hit_rate",
        threshold=0.9,
        window=600,
        hold_seconds=600,
        severity=Severity.INFO,
        summary="The cache answers {value:.1%} of its reads (less than 90 % for ten minutes).",
        summary_zh="缓存命中率为 {value:.1%} (连续十分钟低于 90 %).",
    ),
)


def duration_text(seconds: float) -> str:
    """Return a time as Prometheus writes it."""
    return f"{int(seconds) // 60}m" if seconds % 60 == 0 else f"{int(seconds)}s"


def _selector(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}" if labels else ""
