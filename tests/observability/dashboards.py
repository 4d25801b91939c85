"""The dashboards as Grafana reads them."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.observability.programs import ROOT

FOLDER: Final = ROOT / "deploy" / "grafana" / "dashboards"


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelQuery:
    """One query of a panel."""

    name: str
    source: dict[str, str]
    expr: str


def dashboards() -> Sequence[dict[str, Any]]:
    """All dashboards."""
    return [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]


def queries(dashboard: dict[str, Any]) -> Iterator[PanelQuery]:
    """The queries of a dashboard."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            name = f"{dashboard['uid']}: {panel['title']} {target['refId']}"
            yield PanelQuery(name=name, source=target["datasource"], expr=target["expr"])


def prometheus_queries() -> list[PanelQuery]:
    """The queries to Prometheus of all dashboards."""
    return [query for each in dashboards() for query in queries(each) if query.source["type"] == "prometheus"]


def metric_names(expr: str) -> set[str]:
    """The names of metrics in a PromQL expression: words that are no function, label, string or unit of time."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring)\s*\([^)]*\)', " ", expr)
    words = set(re.findall(r"[a-zA-Z_][a-zA-Z0-9_]*(?!\w*\s*\()", bare))
    return {word for word in words if not re.search(rf"\b{word}\s*\(", bare)} - {"or", "and", "unless", "bool"}
