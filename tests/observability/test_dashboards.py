"""Grafana's dashboards: every query names metrics that there are, every source is one that is provisioned."""

import re

import pytest
import yaml

from tests.observability.dashboards import PanelQuery, dashboards, metric_names, prometheus_queries, queries
from tests.observability.programs import ROOT

SUFFIXES = ("_bucket", "_count", "_sum")


def known_metrics() -> set[str]:
    """Every name on docs/metrics.md, histograms with their three series, and what Prometheus itself makes."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE)
    names = {name for name, kind in rows if kind != "histogram"}
    names |= {f"{name}{suffix}" for name, kind in rows if kind == "histogram" for suffix in SUFFIXES}
    return names | {"up", "ALERTS"}


def test_there_are_six_dashboards_under_uids_that_stay() -> None:
    assert [each["uid"] for each in dashboards()] == [
        f"penstock-{name}" for name in ("devices", "infrastructure", "logs", "models", "overview", "streams")
    ]


@pytest.mark.parametrize("query", prometheus_queries(), ids=lambda query: query.name)
def test_a_query_names_only_metrics_that_exist(query: PanelQuery) -> None:
    names = metric_names(query.expr)
    assert names, f"no metric in {query}"
    assert names <= known_metrics()


def test_a_metric_is_told_from_functions_labels_and_texts() -> None:
    expr = 'topk(3, sum by (le, endpoint) (rate(one_bucket{a="two"}[5m]))) or count(three == 1) or vector(0)'
    assert metric_names(expr) == {"one_bucket", "three"}


def test_every_rule_of_prometheus_names_only_metrics_that_exist() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text())["groups"][0]["rules"]
    assert {name for rule in rules for name in metric_names(rule["expr"])} <= known_metrics()


def test_the_sources_have_fixed_uids_that_are_those_of_the_panels() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning" / "datasources"
    sources = yaml.safe_load((folder / "penstock.yml").read_text())["datasources"]
    known = {(source["type"], source["uid"]) for source in sources}
    used = {(query.source["type"], query.source["uid"]) for each in dashboards() for query in queries(each)}
    assert used <= known
    assert {("prometheus", "penstock-prometheus"), ("loki", "penstock-loki")} <= used
    assert not [each["uid"] for each in dashboards() if "${" in str(each["panels"])]


def test_no_panel_overlaps_another_or_leaves_the_grid() -> None:
    for each in dashboards():
        taken: set[tuple[int, int]] = set()
        for panel in each["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, f"{each['uid']}: {panel['title']}"
            assert place["x"] + place["w"] <= 24
            taken |= cells
