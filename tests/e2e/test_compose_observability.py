"""The stack with its observers in containers: what of them can be started where no image can be pulled."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from penstock_testkit.servers.process import docker_answers, free_port, wait_until
from penstock_testkit.system import is_ready
from penstock_testkit.waiting import HANG_SECONDS
from tests.e2e.test_compose import BUILD_SECONDS, SERVICES, Stack, run

OBSERVERS = {"prometheus", "alertmanager"}
IMAGES = {"PROMETHEUS_IMAGE": "prom/prometheus:latest", "ALERTMANAGER_IMAGE": "prom/alertmanager:latest"}


def images_are_here() -> bool:
    """Whether the images of Prometheus and Alertmanager are on this machine: none is pulled for a test."""
    if not docker_answers():
        return False
    known = run(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"], seconds=30).split()
    return set(IMAGES.values()) <= set(known)


pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not images_are_here(), reason="no Docker engine with images of Prometheus and Alertmanager"),
]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of the profile `observability`, without Grafana, Loki, the collector and Jaeger."""
    settings = tmp_path_factory.mktemp("observability") / "settings.env"
    port = free_port()
    told = {
        "COMPOSE_FILE": "docker-compose.yml:deploy/compose/observability.yml",
        "COMPOSE_PROFILES": "observability",
        "PENSTOCK_HTTP_PORT": str(port),
        "PENSTOCK_TAG": "test",
        "GRAFANA_ADMIN_PASSWORD": "only-for-this-test",
        **IMAGES,
    }
    settings.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    stack = Stack(project=f"penstock-{uuid.uuid4().hex[:8]}", settings=settings, url=f"http://127.0.0.1:{port}")
    stack.compose("build", *sorted(SERVICES), seconds=BUILD_SECONDS)
    try:
        stack.compose("up", "-d", "--no-build", *sorted(SERVICES | OBSERVERS))
        wait_until(lambda: is_ready(stack.url), seconds=HANG_SECONDS, what=f"{stack.url}/ready")
        wait_until(stack.is_healthy, seconds=HANG_SECONDS, what="the health of all containers")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--remove-orphans")


def value(stack: Stack, expr: str) -> float:
    """What Prometheus in its container answers."""
    asked = ["exec", "-T", "prometheus", "promtool", "query", "instant", "-o", "json", "http://127.0.0.1:9090", expr]
    found = json.loads(stack.compose(*asked))
    return float(found[0]["value"][1]) if found else 0.0


def test_prometheus_scrapes_all_five_services_in_the_network_of_the_containers(watched: Stack) -> None:
    expr = f'sum(up{{job=~"{"|".join(sorted(SERVICES))}"}})'
    wait_until(lambda: value(watched, expr) == 5, seconds=HANG_SECONDS, what="a scrape of all five services")
    assert value(watched, "count(penstock_http_answers_total)") == 5
    assert value(watched, "prometheus_notifications_alertmanagers_discovered") == 1


def test_the_metrics_are_reached_from_the_network_of_the_containers_alone(watched: Stack) -> None:
    published = {name for name, entry in watched.inspect().items() if entry["HostConfig"]["PortBindings"]}
    assert published == {"gateway"}
    assert httpx.get(f"{watched.url}/metrics", timeout=HANG_SECONDS).status_code == 401


def test_alertmanager_has_the_deployed_configuration(watched: Stack) -> None:
    url = "--alertmanager.url=http://127.0.0.1:9093"
    assert "receiver: team" in watched.compose("exec", "-T", "alertmanager", "amtool", url, "config", "show")


def test_an_observer_writes_only_where_its_data_is_and_has_no_capability(watched: Stack) -> None:
    for name, entry in watched.inspect().items():
        if name in OBSERVERS:
            assert entry["HostConfig"]["ReadonlyRootfs"]
            assert entry["HostConfig"]["CapDrop"] == ["ALL"]
            assert {mount["Destination"] for mount in entry["Mounts"] if mount["RW"]} == {f"/{name}"}


def test_without_a_password_for_grafana_compose_starts_nothing_and_says_so(watched: Stack, tmp_path: Path) -> None:
    kept = [line for line in watched.settings.read_text().splitlines() if "PASSWORD" not in line]
    without = tmp_path / "settings.env"
    without.write_text("\n".join(kept))
    with pytest.raises(AssertionError, match="set GRAFANA_ADMIN_PASSWORD"):
        Stack(project=watched.project, settings=without, url=watched.url).compose("config")
