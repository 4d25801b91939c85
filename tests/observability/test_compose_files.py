"""The files of compose, each overlay and all together: what is published, passed on, limited and asked for health."""

import itertools
import re
from typing import Any, Final

import pytest
import yaml
from pydantic_settings import BaseSettings

from cache_service.settings import CacheSettings
from chat_stream_service.settings import ChatSettings
from feature_service.settings import FeatureSettings
from gateway.settings import GatewaySettings
from llm_service.settings import LlmSettings
from penstock_cli.setting_names import SETTING_NAMES
from tests.observability.programs import ROOT

OVERLAYS: Final = ("redis", "postgres", "observability", "replicas")
OURS: Final[dict[str, type[BaseSettings]]] = {
    "gateway": GatewaySettings,
    "llm-service": LlmSettings,
    "chat-stream-service": ChatSettings,
    "feature-service": FeatureSettings,
    "cache-service": CacheSettings,
}
# What the image says, or what has no meaning in a container: where it listens, where its files are.
FIXED: Final = {
    # How a supervisor hands its socket on: a container has one gateway.
    "PENSTOCK_WORKERS",
    "PENSTOCK_WORKER",
    "PENSTOCK_WORKER_FOLDER",
    "PENSTOCK_LISTEN_FD",
    "PENSTOCK_METRICS_FD",
    "PENSTOCK_HOME",
    "PENSTOCK_BIND_HOST",
    "PENSTOCK_SERVICE_BIND_HOST",
    "PENSTOCK_HTTP_PORT",
    "SSL_CERT_FILE",
}
# Their images hold nothing that could ask: Prometheus asks the collector, and Jaeger keeps nothing.
UNASKED: Final = {"otel-collector", "jaeger"}


def file(name: str) -> dict[str, Any]:
    """One of the files."""
    path = ROOT / "docker-compose.yml" if name == "base" else ROOT / "deploy" / "compose" / f"{name}.yml"
    return yaml.safe_load(path.read_text())


def services(*overlays: str) -> dict[str, dict[str, Any]]:
    """The services of the base and overlays; lists are joined, as compose does."""
    merged: dict[str, dict[str, Any]] = {}
    for name in ("base", *overlays):
        for service, told in file(name)["services"].items():
            known = merged.setdefault(service, {})
            for key, value in told.items():
                if isinstance(value, dict) and isinstance(known.get(key), dict):
                    known[key] = {**known[key], **value}
                elif isinstance(value, list) and key in {"ports", "volumes"}:
                    known[key] = [*known.get(key, []), *value]
                else:
                    known[key] = value
    return merged


COMBINATIONS: Final = [
    chosen for count in range(len(OVERLAYS) + 1) for chosen in itertools.combinations(OVERLAYS, count)
]


@pytest.mark.parametrize("overlays", COMBINATIONS, ids=lambda chosen: "+".join(chosen) or "base")
def test_only_the_gateways_and_grafana_are_published_each_once_and_on_loopback(overlays: tuple[str, ...]) -> None:
    ports = {name: told["ports"] for name, told in services(*overlays).items() if "ports" in told}
    assert set(ports) == {"gateway", "gateway-2", *(["grafana"] if "observability" in overlays else [])}
    assert all(len(entries) == 1 for entries in ports.values())
    assert all(re.match(r"\$\{\w+_BIND_HOST:-127\.0\.0\.1\}:", entries[0]) for entries in ports.values())
    assert len({entries[0].split(":")[-2] for entries in ports.values()}) == len(ports)


@pytest.mark.parametrize("overlays", COMBINATIONS, ids=lambda chosen: "+".join(chosen) or "base")
def test_every_service_stays_up_is_limited_and_is_asked_for_its_health(overlays: tuple[str, ...]) -> None:
    for name, told in services(*overlays).items():
        # None ends by itself, so that nothing has to wait for one that ended.
        assert told["restart"] == "unless-stopped", name
        assert "mem_limit" in told, name
        assert "no-new-privileges:true" in told["security_opt"], name
        assert ("healthcheck" in told) != (name in UNASKED), name
        assert "privileged" not in told, name
        assert not [volume for volume in told.get("volumes", []) if "docker.sock" in volume], name


@pytest.mark.parametrize("overlays", COMBINATIONS, ids=lambda chosen: "+".join(chosen) or "base")
def test_nothing_waits_for_the_health_of_what_has_none(overlays: tuple[str, ...]) -> None:
    waits = [wait for told in services(*overlays).values() for wait in told.get("depends_on", {}).items()]
    assert len(waits) >= 4
    assert [name for name, wait in waits if name in UNASKED and wait["condition"] != "service_started"] == []


# Replicas need both stores; without them compose says which is missing.
COMPLETE: Final = [chosen for chosen in COMBINATIONS if "replicas" not in chosen or {"redis", "postgres"} <= {*chosen}]


@pytest.mark.parametrize("overlays", COMPLETE, ids=lambda chosen: "+".join(chosen) or "base")
def test_nothing_that_runs_waits_for_what_its_profiles_leave_out(overlays: tuple[str, ...]) -> None:
    known = services(*overlays)
    # An overlay's profile has its name.
    running = {name for name, told in known.items() if "profiles" not in told or {*told["profiles"]} & {*overlays}}
    assert running >= set(OURS)
    for name in running:
        assert set(known[name].get("depends_on", {})) <= running, name
    for overlay in overlays:
        assert [name for name, told in known.items() if overlay in told.get("profiles", [])], overlay


@pytest.mark.parametrize("service", OURS)
def test_every_setting_is_passed_on_to_its_service(service: str) -> None:
    passed = set(file("base")["services"][service]["environment"])
    names = {str(field.alias) for field in OURS[service].model_fields.values()}
    ports = {name for name in names if re.fullmatch(r"\w+_SERVICE_(METRICS_)?PORT", name)}
    missing = sorted(names - passed - FIXED - ports)
    assert missing == [], "`make docs` writes them into docker-compose.yml"


def test_what_the_files_of_compose_read_is_known_to_the_command() -> None:
    """Of `.env`, which both read, `penstock up` names what it does not know."""
    texts = [(ROOT / "docker-compose.yml").read_text()]
    texts += [path.read_text() for path in (ROOT / "deploy" / "compose").glob("*.yml")]
    read = {name for text in texts for name in re.findall(r"\$\{(\w+)", text)}
    assert read - SETTING_NAMES <= {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"}


def test_no_secret_is_written_in_a_file() -> None:
    told = [service for name in ("base", *OVERLAYS) for service in file(name)["services"].values()]
    environments: list[dict[str, str]] = [service["environment"] for service in told if "environment" in service]
    given = [pair for environment in environments for pair in environment.items()]
    secrets = [(name, value) for name, value in given if re.search(r"PASSWORD|SECRET$|_KEY$", name)]
    assert len(secrets) > 10
    assert [name for name, value in secrets if not re.match(r"\$\{\w+:(-\}|\?)", value)] == []


def test_grafana_lets_nobody_in_without_a_password_of_the_operators_choice() -> None:
    environment = services("observability")["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert environment["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert environment["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_ADMIN_PASSWORD:?")


def test_what_is_mounted_from_here_is_here_and_is_read_only() -> None:
    for told in services(*OVERLAYS).values():
        for volume in told.get("volumes", []):
            if volume.startswith("./"):
                source, _, mode = volume.split(":")
                assert (ROOT / source).exists(), volume
                assert mode == "ro"


def test_every_volume_is_declared_in_the_file_that_uses_it() -> None:
    for name in ("base", *OVERLAYS):
        told = file(name)
        used = {
            volume.split(":")[0]
            for service in told["services"].values()
            for volume in service.get("volumes", [])
            if re.match(r"[\w-]+:", volume)
        }
        assert used <= set(told.get("volumes") or {})


def test_prometheus_scrapes_each_service_at_the_port_it_has_there() -> None:
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in scraped}
    environment = file("base")["services"]["gateway"]["environment"]
    assert targets["gateway"] == [f"gateway:{environment['GATEWAY_METRICS_PORT']}"]
    for name, settings in OURS.items():
        if name != "gateway":
            assert targets[name] == [f"{name}:{settings.model_fields['metrics_port'].default}"]
    others = {target.split(":")[0] for job, entries in targets.items() if job not in OURS for target in entries}
    assert others - {"localhost"} <= set(services("observability"))


def test_spans_of_every_service_go_to_the_collector_unless_told_otherwise() -> None:
    merged = services("observability")
    for name in OURS:
        told = merged[name]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
        assert told == "${OTEL_EXPORTER_OTLP_ENDPOINT:-http://otel-collector:4317}"
    collector = yaml.safe_load((ROOT / "deploy" / "otel-collector" / "collector.yml").read_text())
    assert collector["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"].endswith(":4317")
