"""The rules in Prometheus' own judgement: each fires and does not, and as the gateway's own engine says."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gateway.alerts.evaluation import advance
from gateway.alerts.model import AlertState, Severity, Status
from gateway.alerts.rules import RULES, SystemRule
from gateway.monitoring.histogram import LATENCY_BUCKETS, Latencies, bucket_of
from gateway.monitoring.samples import SampleRing, Series, Value, series
from tests.observability.programs import PROMETHEUS, ROOT, run

STEP: Final = 15
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)


def rules() -> list[dict[str, Any]]:
    """The rules as Prometheus reads them."""
    return yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"][0]["rules"]


def test_prometheus_takes_its_configuration_and_the_rules() -> None:
    assert f"{len(rules())} rules found" in run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")


def test_alertmanager_takes_its_configuration() -> None:
    run("amtool", "check-config", ROOT / "deploy" / "alertmanager" / "alertmanager.yml")


def test_each_rule_fires_and_does_not_in_prometheus_own_tests() -> None:
    run("promtool", "test", "rules", PROMETHEUS / "rules.test.yml")


def test_no_rule_is_without_a_case_that_fires_and_one_that_does_not() -> None:
    cases = yaml.safe_load((PROMETHEUS / "rules.test.yml").read_text())["tests"]
    asked = [case for each in cases for case in each["promql_expr_test"]]
    fires = {
        name
        for case in asked
        for name in re.findall(r'ame="(\w+)",alertstate="firing"', str(case.get("exp_samples", "")))
    }
    quiet = {
        rule["alert"]
        for rule in rules()
        for case in asked
        if not case.get("exp_samples") and re.search(rf'alertname(="{rule["alert"]}"|=~"Budget)', case["expr"])
    }
    names = {rule["alert"] for rule in rules()}
    assert fires == names
    assert {name for name in names if name.startswith("Budget")} | quiet == names


def test_every_rule_has_its_chapter_in_the_runbook() -> None:
    page = (ROOT / "docs" / "observability.md").read_text()
    chapters = {f"docs/observability.md#{title.lower()}" for title in re.findall(r"^#+ (\w+)$", page, re.MULTILINE)}
    assert [rule["alert"] for rule in rules() if rule["annotations"]["runbook_url"] not in chapters] == []


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What comes in each step of 15 s: seconds of the requests, how many of them are 5xx, and the cache's hit rate."""

    seconds: Sequence[float] = ()
    errors: int = 0
    hit_rate: float | None = None


SCENARIOS: Final[Mapping[str, Sequence[tuple[int, Traffic]]]] = {
    "nobody asks anything": [(60, Traffic())],
    "every answer takes 1.9 s": [(60, Traffic(seconds=[1.9] * 4))],
    "every answer takes 2.1 s": [(60, Traffic(seconds=[2.1] * 4))],
    "slow for a while, then nobody asks": [(4, Traffic()), (30, Traffic(seconds=[2.6] * 3)), (40, Traffic())],
    "slow, then quick": [(30, Traffic(seconds=[9.0])), (50, Traffic(seconds=[0.01] * 9))],
    "one in ten fails": [(40, Traffic(seconds=[0.1] * 10, errors=1))],
    "one in a hundred fails": [(40, Traffic(seconds=[0.01] * 100, errors=1))],
    "everything fails, from the first request on": [(4, Traffic()), (30, Traffic(seconds=[0.1], errors=1))],
    "the very first request fails and no other comes": [
        (4, Traffic()), (1, Traffic(seconds=[0.1], errors=1)), (30, Traffic())
    ],
    "failing ends": [(20, Traffic(seconds=[0.1] * 2, errors=2)), (40, Traffic(seconds=[0.1] * 20))],
    "the cache answers 85 %": [(60, Traffic(hit_rate=0.85))],
    "the cache answers 90 %": [(60, Traffic(hit_rate=0.9))],
    "the cache answers 85 %, then is read by nobody": [(20, Traffic(hit_rate=0.85)), (60, Traffic())],
}  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_engine_in_the_gateway_and_prometheus_say_the_same(scenario: str, tmp_path: Path) -> None:
    steps = [traffic for count, traffic in SCENARIOS[scenario] for _ in range(count)]
    judged = {rule.name: list(statuses(rule, steps)) for rule in RULES}
    test = {"interval": f"{STEP}s", "input_series": prometheus_series(steps), "promql_expr_test": expected(judged)}
    (tmp_path / "rules.yml").write_text((PROMETHEUS / "rules.yml").read_text())
    document = {"rule_files": ["rules.yml"], "evaluation_interval": f"{STEP}s", "tests": [test]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(document))
    run("promtool", "test", "rules", tmp_path / "test.yml")


def test_the_scenarios_fire_each_rule_on_samples_and_leave_each_alone() -> None:
    seen: dict[str, set[Status]] = {rule.name: set() for rule in RULES}
    for parts in SCENARIOS.values():
        steps = [traffic for count, traffic in parts for _ in range(count)]
        for rule in RULES:
            seen[rule.name] |= set(statuses(rule, steps))
    assert all({Status.OK, Status.PENDING, Status.FIRING} <= states for states in seen.values()), seen


def statuses(rule: SystemRule, steps: Sequence[Traffic]) -> Iterator[Status]:
    """What the gateway's engine says at each step."""
    ring, requests, errors, latencies = SampleRing(), 0, 0, Latencies()
    state = AlertState(
        fingerprint="x", tenant_id="default", rule_id="system:x", rule_name="x", severity=Severity.INFO, since=BEGIN
    )
    for at, step in enumerate(steps):
        requests += len(step.seconds)
        errors += step.errors
        latencies += latencies_of(step.seconds)
        values: dict[Series, Value] = {
            series("http_requests_total", tenant="t", status_class="2xx"): requests - errors,
            series("http_requests_total", tenant="t", status_class="5xx"): errors,
            series("http_request_duration_seconds", tenant="t"): latencies,
        }
        if step.hit_rate is not None:
            values[series("cache_hit_rate")] = step.hit_rate
        ring.add(at * STEP, values)
        now = BEGIN + timedelta(seconds=at * STEP)
        state, _ = advance(state, rule.observe(ring), hold_seconds=rule.hold_seconds, repeat_seconds=0, now=now)
        yield state.status


def latencies_of(seconds: Sequence[float]) -> Latencies:
    """The seconds by bucket."""
    counts = [0] * (len(LATENCY_BUCKETS) + 1)
    for each in seconds:
        counts[bucket_of(each)] += 1
    return Latencies(counts=tuple(counts), seconds=sum(seconds))


def prometheus_series(steps: Sequence[Traffic]) -> list[dict[str, str]]:
    """The same for promtool, a value for each step."""
    cumulative: dict[str, list[float]] = {}
    requests, errors, latencies = 0, 0, Latencies()
    for step in steps:
        requests += len(step.seconds)
        errors += step.errors
        latencies += latencies_of(step.seconds)
        cumulative.setdefault('penstock_http_answers_total{status_class="2xx"}', []).append(requests - errors)
        cumulative.setdefault('penstock_http_answers_total{status_class="5xx"}', []).append(errors)
        for place, bound in enumerate([*map(str, map(float, LATENCY_BUCKETS)), "+Inf"]):
            name = f'penstock_http_answer_seconds_bucket{{le="{bound}"}}'
            cumulative.setdefault(name, []).append(sum(latencies.counts[: place + 1]))
    # A scrape without the series ends it at once.
    rates = " ".join("stale" if step.hit_rate is None else str(step.hit_rate) for step in steps)
    written = [{"series": name, "values": " ".join(map(str, values))} for name, values in cumulative.items()]
    return [*written, {"series": "penstock_cache_recent_hit_rate", "values": rates}]


def expected(judged: Mapping[str, Sequence[Status]]) -> list[dict[str, Any]]:
    """For each rule and step, the alert that Prometheus must have when the engine is right.

    A firing alert whose data stopped is NO_DATA in the gateway, which keeps it; Prometheus ends it. That difference is
    meant, and such steps are left out.
    """
    severity = {rule.name: rule.severity.value for rule in RULES}
    cases: list[dict[str, Any]] = []
    for name, states in judged.items():
        for at, status in enumerate(states):
            if status is Status.NO_DATA:
                continue
            labels = f'ALERTS{{alertname="{name}",alertstate="{status.value}",severity="{severity[name]}"}}'
            samples = [] if status is Status.OK else [{"labels": labels, "value": 1}]
            cases.append(
                {"expr": f'ALERTS{{alertname="{name}"}}', "eval_time": f"{at * STEP}s", "exp_samples": samples}
            )
    return cases
