"""Logs on their way to Loki: which lines are taken, which labels they get, and the alerts on them."""

import json
import re
import shutil
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from penstock_kit.logging import Sink
from penstock_kit.redaction import Redactor
from penstock_testkit.waiting import HANG_SECONDS
from tests.observability.conftest import Run
from tests.observability.dashboards import dashboards, queries
from tests.observability.programs import ROOT

NODE: Final = ROOT / ".venv-clients-node"
LOKI: Final = ROOT / "deploy" / "loki"
COLLECTOR: Final = ROOT / "deploy" / "otel-collector" / "collector.yml"
SERVICES: Final = ("gateway", "llm-service", "chat-stream-service", "feature-service", "cache-service")


def collector() -> dict[str, Any]:
    """The collector's configuration."""
    return yaml.safe_load(COLLECTOR.read_text())


def operators(kind: str) -> list[dict[str, Any]]:
    """The steps of one kind that a line goes through."""
    return [step for step in collector()["receivers"]["filelog"]["operators"] if step["type"] == kind]


def is_taken(line: str) -> bool:
    """Whether the collector keeps a line, by the pattern of its filter."""
    (step,) = operators("filter")
    (pattern,) = re.fullmatch(r'not \(body matches "(.*)"\)', step["expr"]).groups()  # type: ignore[union-attr]
    return re.search(pattern.encode().decode("unicode_escape"), line) is not None


def log_rules() -> list[dict[str, Any]]:
    """The alerts on logs."""
    (group,) = yaml.safe_load((LOKI / "rules" / "fake" / "alerts.yml").read_text())["groups"]
    return group["rules"]


def written(service: str, level: str) -> str:
    """A line as a service writes it."""
    stream = StringIO()
    Sink(service, "json", Redactor(), stream).write(level, "somewhere", "something happened", {"request_id": "req_1"})
    return stream.getvalue().rstrip()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_a_line_of_a_service_is_taken_whatever_its_level(service: str, level: str) -> None:
    assert is_taken(written(service, level))


@pytest.mark.parametrize(
    "line",
    [
        "INFO started",
        '{"ts":"2026-01-01T00:00:00.000Z","level":"info","service":"somebody-else","event":"x"}',
        '{"level":"info","msg":"of another program"}',
    ],
)
def test_a_line_of_another_container_is_not_taken(line: str) -> None:
    assert not is_taken(line)


def test_the_fields_that_the_collector_reads_are_those_of_our_lines() -> None:
    line = json.loads(written("gateway", "error"))
    (parsed,) = operators("json_parser")
    read = [parsed["timestamp"]["parse_from"], parsed["severity"]["parse_from"], *(each["from"] for each in moves())]
    assert {path.removeprefix("attributes.line.") for path in read} <= set(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["ts"])


def moves() -> list[dict[str, str]]:
    """What the collector takes out of a line."""
    return operators("move")


def test_the_labels_are_the_service_and_the_level_and_nothing_else() -> None:
    made = {re.sub(r'resource(\.|\["?)|"?\]', "", step["to"]) for step in moves()}
    (indexed,) = yaml.safe_load((LOKI / "loki.yml").read_text())["limits_config"]["otlp_config"]["resource_attributes"][
        "attributes_config"
    ]
    assert made == {"service.name", "level"} == set(indexed["attributes"])
    assert indexed["action"] == "index_label"


def test_the_lines_of_a_run_make_few_label_sets_whatever_was_asked(observed: Run) -> None:
    # `penstock up` writes the service before each line; a container does not.
    printed = [line.partition(" | ")[2] for line in observed.system.output().splitlines()]
    lines = [line for line in printed if is_taken(line)]
    assert len(lines) > 20
    labels = {(line["service"], line["level"]) for line in map(json.loads, lines)}
    assert len(labels) <= 20
    assert {service for service, _ in labels} <= set(SERVICES)


def test_everything_that_a_pipeline_of_the_collector_names_is_configured() -> None:
    configured = collector()
    connectors = set(configured["connectors"])
    for pipeline in configured["service"]["pipelines"].values():
        assert set(pipeline["receivers"]) <= set(configured["receivers"]) | connectors
        assert set(pipeline["processors"]) <= set(configured["processors"])
        assert set(pipeline["exporters"]) <= set(configured["exporters"]) | connectors
    assert set(configured["service"]["extensions"]) == set(configured["extensions"])


def test_an_event_that_an_alert_looks_for_is_one_that_is_logged() -> None:
    named = {event for rule in log_rules() for event in re.findall(r'event="([^"]* [^"]*)"', rule["expr"])}
    assert named
    sources = "".join(path.read_text() for path in (ROOT / "gateway" / "src").rglob("*.py"))
    assert [event for event in named if f'"{event}"' not in sources] == []


def test_every_alert_on_logs_has_its_chapter_in_the_runbook() -> None:
    page = (ROOT / "docs" / "observability.md").read_text()
    chapters = {f"docs/observability.md#{title.lower()}" for title in re.findall(r"^#+ (\w+)$", page, re.MULTILINE)}
    assert [rule["alert"] for rule in log_rules() if rule["annotations"]["runbook_url"] not in chapters] == []


def test_every_query_to_loki_is_right_by_grafanas_own_grammar() -> None:
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "@grafana" / "lezer-logql").is_dir():
        pytest.skip("Node or the grammar of LogQL is not there; scripts/client-envs installs it")
    asked = [query.expr for each in dashboards() for query in queries(each) if query.source["type"] == "loki"]
    asked += [rule["expr"] for rule in log_rules()]
    assert len(asked) >= 6
    assert parsed_errors(node, [*asked, '{service_name="gateway"'])[:-1] == [[]] * len(asked)
    assert parsed_errors(node, ['sum({service_name="gateway"'])[0] != []


def parsed_errors(node: str, asked: list[str]) -> list[list[int]]:
    """Where each query is wrong."""
    script = Path(__file__).parent / "node" / "logql.mjs"
    command = [node, str(script), str(NODE), json.dumps([query.replace("$__auto", "1m") for query in asked])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=HANG_SECONDS)
    return json.loads(done.stdout)
