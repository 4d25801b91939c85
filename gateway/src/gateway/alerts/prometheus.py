"""The rules about the system as a file for Prometheus: those on samples, and those that the gateway finds by asking."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from gateway.alerts.model import Severity
from gateway.alerts.rules import RULES, SystemRule, duration_text
from gateway.alerts.system import DISK_FULL, HOLD_SECONDS

RUNBOOK: Final = "docs/observability.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRule:
    """A rule as Prometheus alone has it: a condition on metrics; `{{ }}` in its texts are Prometheus' placeholders."""

    name: str
    expression: str
    hold_seconds: float
    severity: Severity
    summary: str
    summary_zh: str


METRIC_RULES: Final[Sequence[MetricRule]] = (
    MetricRule(
        name="ServiceDown",
        expression='up{job=~"gateway|llm-service|chat-stream-service|feature-service|cache-service"} == 0',
        hold_seconds=HOLD_SECONDS["ServiceDown"],
        severity=Severity.CRITICAL,
        summary="{{ $labels.job }} does not answer.",
        summary_zh="{{ $labels.job }} 没有响应.",
    ),
    MetricRule(
        name="ProviderDown",
        expression="max by (provider) (penstock_llm_breaker_open) == 1",
        hold_seconds=HOLD_SECONDS["ProviderDown"],
        severity=Severity.WARNING,
        summary="The provider {{ $labels.provider }} fails; others are asked in its place.",
        summary_zh="模型提供方 {{ $labels.provider }} 不可用, 正在使用其他提供方.",
    ),
    MetricRule(
        name="ProviderKeyRefused",
        expression='max by (provider) (penstock_llm_keys{state="dead"}) > 0',
        hold_seconds=HOLD_SECONDS["ProviderKeyRefused"],
        severity=Severity.CRITICAL,
        summary="{{ $labels.provider }} refuses {{ $value }} of its keys.",
        summary_zh="{{ $labels.provider }} 拒绝了 {{ $value }} 个密钥.",
    ),
    MetricRule(
        name="DiskNearlyFull",
        expression=f"penstock_home_disk_used_ratio > {DISK_FULL:g}",
        hold_seconds=HOLD_SECONDS["DiskNearlyFull"],
        severity=Severity.WARNING,
        summary="The disk of PENSTOCK_HOME is {{ $value | humanizePercentage }} full.",
        summary_zh="PENSTOCK_HOME 所在磁盘已使用 {{ $value | humanizePercentage }}.",
    ),
    MetricRule(
        name="BudgetNearlySpent",
        expression="max by (budget, scope, period) (penstock_llm_budget_spent_ratio) >= 0.8",
        hold_seconds=0,
        severity=Severity.WARNING,
        summary="{{ $value | humanizePercentage }} of the budget {{ $labels.budget }} ({{ $labels.period }}) is spent.",
        summary_zh="预算 {{ $labels.budget }} ({{ $labels.period }}) 已使用 {{ $value | humanizePercentage }}.",
    ),
    MetricRule(
        name="BudgetSpent",
        expression="max by (budget, scope, period) (penstock_llm_budget_spent_ratio) >= 1",
        hold_seconds=0,
        severity=Severity.CRITICAL,
        summary="The budget {{ $labels.budget }} ({{ $labels.period }}) is spent; its calls are refused.",
        summary_zh="预算 {{ $labels.budget }} ({{ $labels.period }}) 已用完, 相关调用将被拒绝.",
    ),
    # Every replica shows what all have lost.
    MetricRule(
        name="MessagesLost",
        expression="max by (loss) (increase(penstock_mqtt_messages_lost_total[10m])) > 0",
        hold_seconds=0,
        severity=Severity.WARNING,
        summary="{{ $value | humanize }} MQTT messages are lost within ten minutes ({{ $labels.loss }}).",
        summary_zh="十分钟内丢失 {{ $value | humanize }} 条 MQTT 消息 ({{ $labels.loss }}).",
    ),
    # The gateway can't tell that it does not look.
    MetricRule(
        name="AlertsLate",
        expression="time() - max(penstock_alerts_evaluated_timestamp_seconds > 0) > 120",
        hold_seconds=60,
        severity=Severity.CRITICAL,
        summary="No gateway has evaluated its alerts for {{ $value | humanizeDuration }}.",
        summary_zh="网关已有 {{ $value | humanizeDuration }} 未评估告警规则.",
    ),
)


def prometheus_rules(rules: Sequence[SystemRule] = RULES, more: Sequence[MetricRule] = METRIC_RULES) -> str:
    """Return the rules as a file for Prometheus."""
    entries = [_entry(_metric_rule(rule)) for rule in rules] + [_entry(rule) for rule in more]
    return yaml.safe_dump({"groups": [{"name": "penstock", "rules": entries}]}, sort_keys=False, allow_unicode=True)


def _metric_rule(rule: SystemRule) -> MetricRule:
    return MetricRule(
        name=rule.name,
        expression=rule.to_promql(),
        hold_seconds=rule.hold_seconds,
        severity=rule.severity,
        summary=_without_value(rule.summary),
        summary_zh=_without_value(rule.summary_zh),
    )


def _entry(rule: MetricRule) -> dict[str, Any]:
    return {
        "alert": rule.name,
        "expr": rule.expression,
        "for": duration_text(rule.hold_seconds),
        "labels": {"severity": rule.severity.value},
        "annotations": {
            "summary": rule.summary,
            "summary_zh": rule.summary_zh,
            "runbook_url": f"{RUNBOOK}#{rule.name.lower()}",
        },
    }


def _without_value(text: str) -> str:
    """Put Prometheus' placeholder where the number stands."""
    return text.replace("{value:.1f}", "{{ $value | humanize }}").replace(
        "{value:.1%}", "{{ $value | humanizePercentage }}"
    )
