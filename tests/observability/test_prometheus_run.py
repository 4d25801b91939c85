"""A real Prometheus beside a run: it scrapes all five, and says what the dashboard says."""

import time

import httpx
import pytest

from penstock_testkit.waiting import HANG_SECONDS
from tests.observability.conftest import Run, scrape
from tests.observability.dashboards import PanelQuery, prometheus_queries
from tests.observability.prometheus_server import wait_for
from tests.observability.test_rules import rules

_LATENCIES = "penstock_http_answer_seconds"


def test_all_five_services_are_scraped_and_every_rule_can_be_evaluated(observed: Run) -> None:
    assert observed.prometheus.value("sum(up)") == 5
    wait_for(lambda: all(rule["health"] == "ok" for rule in observed.prometheus.rules()), "the rules' evaluation")
    assert [rule["name"] for rule in observed.prometheus.rules()] == [rule["alert"] for rule in rules()]


def test_the_port_for_scrapers_serves_metrics_and_nothing_else(observed: Run) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{observed.metrics_port}", timeout=HANG_SECONDS) as scraper:
        assert "penstock_http_answers_total" in scraper.get("/metrics").text
        assert scraper.get("/api/v1/conversations").status_code == 404
        assert scraper.post("/metrics").status_code == 405


def test_prometheus_counts_and_times_what_the_dashboard_shows(observed: Run) -> None:
    time.sleep(2.5)  # two of the dashboard's own seconds in which nobody asks
    scrape(observed.prometheus)
    moment = time.time()
    shown = observed.http.get("/v1/dashboard/realtime").raise_for_status().json()["statistics"]
    prometheus = observed.prometheus
    counted = prometheus.value("sum(penstock_http_answers_total)", at=moment)
    assert counted > 20
    assert shown["summary"]["total_requests"] == counted
    assert shown["summary"]["total_requests"] == prometheus.value(
        'sum(http_requests_total{method!="WEBSOCKET"})', at=moment
    )
    mean = prometheus.value(f"sum({_LATENCIES}_sum) / sum({_LATENCIES}_count)", at=moment)
    p95 = prometheus.value(f"histogram_quantile(0.95, sum by (le) ({_LATENCIES}_bucket))", at=moment)
    assert (shown["total_time"]["avg"], shown["total_time"]["p95"]) == (f"{mean:.3f}s", f"{p95:.3f}s")
    assert shown["streams"]["active"] == prometheus.value("sum(http_streams_active)", at=moment) == 0


def test_the_hit_rate_of_the_dashboard_is_that_of_prometheus(observed: Run) -> None:
    def same() -> bool:
        shown = observed.http.get("/v1/dashboard/realtime").raise_for_status().json()["statistics"]
        return shown["cache"]["hit_rate"] == round(observed.prometheus.value("avg(penstock_cache_recent_hit_rate)"), 4)

    wait_for(same, "the same hit rate")


def test_prometheus_adds_up_the_cost_and_tokens_of_the_ledger(observed: Run) -> None:
    summary = observed.http.get("/api/v1/costs/summary?group_by=provider").raise_for_status().json()
    spent = sum(float(row["cost"]["amount"]) for row in summary["rows"])
    assert spent > 0
    assert observed.prometheus.value("sum(penstock_llm_cost_dollars_total)") == pytest.approx(spent)
    tokens = sum(row["usage"]["total_tokens"] for row in summary["rows"])
    assert observed.prometheus.value("sum(gen_ai_client_token_usage_sum)") == tokens


def test_the_gateway_and_prometheus_have_the_same_alerts_firing(observed: Run) -> None:
    def firing() -> tuple[set[str], set[str]]:
        ours = observed.http.get("/api/v1/alerts?status=firing").raise_for_status().json()["alerts"]
        theirs = observed.prometheus.query('ALERTS{alertstate="firing"}')
        return {alert["rule"] for alert in ours}, {labels["alertname"] for labels, _ in theirs}

    wait_for(lambda: "ProviderKeyRefused" in firing()[0] & firing()[1], "the refused key in both")
    wait_for(lambda: len(set(map(frozenset, firing()))) == 1, f"the same alerts in both: {firing()}")


def test_what_prometheus_fires_is_sent_to_alertmanager_with_its_runbook(observed: Run) -> None:
    wait_for(lambda: "ProviderKeyRefused" in observed.alerts.received, "the alert at Alertmanager")
    alert = observed.alerts.received["ProviderKeyRefused"]
    assert (alert["labels"]["provider"], alert["labels"]["severity"]) == ("openai", "critical")
    assert alert["annotations"]["summary"] == "openai refuses 1 of its keys."
    assert alert["annotations"]["runbook_url"] == "docs/observability.md#providerkeyrefused"


@pytest.mark.parametrize("query", prometheus_queries(), ids=lambda query: query.name)
def test_every_query_of_every_dashboard_returns_data_from_a_run(observed: Run, query: PanelQuery) -> None:
    expr = query.expr.replace("$__rate_interval", "1m")
    found = observed.prometheus.query(expr, at=observed.moment)
    assert found, f"{expr} returns nothing"
    assert any(value == value for _, value in found), f"{expr} returns no number"  # noqa: PLR0124 - NaN
