"""How many notifications went out or did not, what fires, and when that was looked at last."""

from collections import Counter as Counts
from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

KINDS: Final = ("email", "dingtalk", "wecom", "webhook")
OUTCOMES: Final = ("sent", "postponed", "failed")
SEVERITIES: Final = ("info", "warning", "critical")


class AlertMetrics:
    """``penstock_notifications_total`` and what the gateway that evaluates knows; all there at 0 from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._notifications = Counter(
            "penstock_notifications", "Notifications by kind of channel and outcome.", ["kind", "outcome"],
            registry=registry,
        )  # fmt: skip
        self._firing = Gauge(
            "penstock_alerts_firing", "Alerts that fire, by the gateway that evaluates.", ["severity"],
            registry=registry,
        )  # fmt: skip
        self._evaluated = Gauge(
            "penstock_alerts_evaluated_timestamp_seconds",
            "When this gateway evaluated the alerts last, 0 while another one does.",
            registry=registry,
        )
        for kind in KINDS:
            for outcome in OUTCOMES:
                self._notifications.labels(kind, outcome)
        for severity in SEVERITIES:
            self._firing.labels(severity)

    def record_notifications(self, kind: str, outcome: str, count: int) -> None:
        """Count messages that were delivered, put off or given up."""
        self._notifications.labels(kind, outcome).inc(count)

    def record_evaluation(self, seconds: float, severities: Sequence[str]) -> None:
        """Note what fires, by severity, at a time since 1970; time 0: another gateway looks."""
        counts = Counts(severities)
        for severity in SEVERITIES:
            self._firing.labels(severity).set(counts[severity])
        self._evaluated.set(seconds)
