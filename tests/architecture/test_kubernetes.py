"""The manifests hold what a cluster punishes late: every rule here is one that broke somebody's installation."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
import yaml
from pydantic_settings import BaseSettings

from cache_service.settings import CacheSettings
from chat_stream_service.settings import ChatSettings
from feature_service.settings import FeatureSettings
from gateway.settings import GatewaySettings
from llm_service.settings import LlmSettings
from penstock_cli.setting_names import SETTING_NAMES

ROOT: Final = Path(__file__).parents[2]
RENDERED: Final = ROOT / "deploy" / "kubernetes" / "rendered"
OVERLAYS: Final = ("dev", "prod", "prod-postgresql")
# What scales by itself, by overlay.
SCALED: Final = {
    "dev": set[str](),
    "prod": {"gateway", "llm-service", "chat-stream-service", "cache-service"},
    "prod-postgresql": {"gateway", "llm-service", "chat-stream-service", "cache-service", "feature-service"},
}
NAMESPACES: Final = {"dev": "penstock-dev", "prod": "penstock", "prod-postgresql": "penstock"}
VERSION: Final = "1.32"
SETTINGS: Final[dict[str, type[BaseSettings]]] = {
    "gateway": GatewaySettings,
    "llm-service": LlmSettings,
    "chat-stream-service": ChatSettings,
    "feature-service": FeatureSettings,
    "cache-service": CacheSettings,
}
PORTS: Final = {"llm-service": 50051, "chat-stream-service": 50052, "feature-service": 50053, "cache-service": 50054}
# What a cluster refuses to change in what is there, or changes by making it anew without what it held.
CHANGEABLE: Final = {
    "StatefulSet": {"replicas", "template", "updateStrategy", "minReadySeconds"},
    "Deployment": {"replicas", "template", "strategy", "minReadySeconds"},
    "PersistentVolumeClaim": set[str](),
}
SECRET_KEYS: Final = re.compile(r"/run/secrets/penstock/([\w-]+)")


@cache
def documents(overlay: str) -> list[dict[str, Any]]:
    """The manifests of an overlay, read once: no test changes them."""
    text = (RENDERED / f"{overlay}.yaml").read_text("utf-8")
    return [document for document in yaml.safe_load_all(text) if document]


def of_kind(overlay: str, *kinds: str) -> Iterator[dict[str, Any]]:
    return (document for document in documents(overlay) if document["kind"] in kinds)


def workloads(overlay: str) -> list[dict[str, Any]]:
    return list(of_kind(overlay, "Deployment", "StatefulSet"))


def name_of(document: dict[str, Any]) -> str:
    return str(document["metadata"]["name"])


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    return dict(workload["spec"]["template"]["spec"])


def settings_of(overlay: str) -> dict[str, str]:
    (found,) = [entry["data"] for entry in of_kind(overlay, "ConfigMap") if "penstock-settings" in name_of(entry)]
    return dict(found)


def test_the_rendered_manifests_are_what_the_overlays_come_to() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed; its `kustomize` renders the overlays")
    checked = subprocess.run(
        [sys.executable, "scripts/manifests.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_manifest_is_valid_by_the_schema_of_its_kind(overlay: str) -> None:
    for document in documents(overlay):
        kubernetes_validate.validate(document, VERSION, strict=True)
    assert {name_of(entry) for entry in workloads(overlay)} == set(SETTINGS)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_runs_without_root_with_nothing_to_write_and_nothing_of_the_clusters(overlay: str) -> None:
    for workload in workloads(overlay):
        pod = pod_of(workload)
        (container,) = pod["containers"]
        assert pod["enableServiceLinks"] is False
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts >= {"/tmp", "/var/lib/penstock", "/run/secrets/penstock"}
        assert container["resources"]["limits"]["memory"]
        assert "cpu" not in container["resources"]["limits"], "a CPU limit throttles streams"
        assert not container["image"].endswith(":latest")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_has_time_to_leave_before_it_is_killed(overlay: str) -> None:
    drain = float(settings_of(overlay)["PENSTOCK_GRACE_SECONDS"])
    for workload in workloads(overlay):
        pod = pod_of(workload)
        command = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
        assert command[0] == "python", "the image may have no sleep"
        (waits,) = re.findall(r"sleep\((\d+)\)", command[-1])
        assert pod["terminationGracePeriodSeconds"] >= int(waits) + drain + 10


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_of_the_gateway_ask_the_gateway_alone_and_liveness_asks_no_store(overlay: str) -> None:
    for workload in workloads(overlay):
        container = pod_of(workload)["containers"][0]
        probes = [container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")]
        if name_of(workload) == "gateway":
            assert [probe["httpGet"]["path"] for probe in probes] == ["/health", "/health", "/ready/gateway"]
        else:
            assert probes[1].get("tcpSocket"), "a dead database is no reason to kill a service"
            assert probes[2]["grpc"]["port"] == PORTS[name_of(workload)]
        startup = probes[0]
        assert startup["periodSeconds"] * startup["failureThreshold"] >= 300, "a slow migration is no death"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_scales_by_itself_names_no_number_of_replicas_and_goes_down_slowly(overlay: str) -> None:
    scaled = {entry["spec"]["scaleTargetRef"]["name"]: entry for entry in of_kind(overlay, "HorizontalPodAutoscaler")}
    assert set(scaled) == SCALED[overlay]
    for workload in workloads(overlay):
        assert ("replicas" in workload["spec"]) == (name_of(workload) not in scaled)
    for scaler in scaled.values():
        down = scaler["spec"]["behavior"]["scaleDown"]
        assert down["stabilizationWindowSeconds"] >= 300
        assert [(rule["type"], rule["value"]) for rule in down["policies"]] == [("Pods", 1)]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_disruption_budget_lets_a_node_be_drained(overlay: str) -> None:
    scaled = {
        entry["spec"]["scaleTargetRef"]["name"]: entry["spec"] for entry in of_kind(overlay, "HorizontalPodAutoscaler")
    }
    budgets = {name_of(entry): entry["spec"] for entry in of_kind(overlay, "PodDisruptionBudget")}
    assert set(budgets) == set(scaled)
    for name, budget in budgets.items():
        assert budget["maxUnavailable"] >= 1
        assert "minAvailable" not in budget
        assert scaled[name]["minReplicas"] >= 2


@pytest.mark.parametrize("overlay", ["dev", "prod"])
def test_duckdb_has_one_writer_that_is_replaced_and_never_doubled(overlay: str) -> None:
    (store,) = [entry for entry in workloads(overlay) if name_of(entry) == "feature-service"]
    assert (store["kind"], store["spec"]["replicas"]) == ("StatefulSet", 1)
    (journal,) = [entry for entry in workloads(overlay) if name_of(entry) == "llm-service"]
    assert journal["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "home"
    for workload in workloads("dev"):
        if workload["kind"] == "Deployment" and name_of(workload) != "cache-service":
            assert workload["spec"]["strategy"] == {"type": "Recreate"}


def test_replicas_over_one_telemetry_store_have_a_home_each_and_data_sets_in_common() -> None:
    (store,) = [entry for entry in workloads("prod-postgresql") if name_of(entry) == "feature-service"]
    assert store["kind"] == "StatefulSet", "who a replica is, and its MQTT session, are in its home"
    (home,) = store["spec"]["volumeClaimTemplates"]
    (container,) = pod_of(store)["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert (home["metadata"]["name"], mounts["home"]) == ("home", "/var/lib/penstock")
    values = {entry["name"]: entry["value"] for entry in container["env"]}
    assert values == {
        "TELEMETRY_URL_FILE": "/run/secrets/penstock/telemetry-url",
        "DATASET_FOLDER": mounts["datasets"],
    }
    assert not mounts["datasets"].startswith(mounts["home"])
    claims = {name_of(entry): entry["spec"] for entry in of_kind("prod-postgresql", "PersistentVolumeClaim")}
    (volume,) = [volume for volume in pod_of(store)["volumes"] if volume["name"] == "datasets"]
    assert claims[volume["persistentVolumeClaim"]["claimName"]]["accessModes"] == ["ReadWriteMany"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_of_an_overlay_is_in_its_namespace(overlay: str) -> None:
    for document in documents(overlay):
        if document["kind"] == "Namespace":
            assert name_of(document) == NAMESPACES[overlay]
        else:
            assert document["metadata"]["namespace"] == NAMESPACES[overlay], name_of(document)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_are_reached_under_names_that_show_every_replica(overlay: str) -> None:
    services = {name_of(entry): entry["spec"] for entry in of_kind(overlay, "Service")}
    values = settings_of(overlay)
    for name, port in PORTS.items():
        assert services[name]["clusterIP"] == "None"
        address = values[f"{name.removesuffix('-service').replace('-', '_').upper()}_SERVICE_ADDRESS"]
        assert address == f"dns:///{name}:{port}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_may_reach_dns_and_exactly_the_services_that_its_settings_name(overlay: str) -> None:
    policies = {name_of(entry): entry["spec"] for entry in of_kind(overlay, "NetworkPolicy")}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (dns,) = policies["dns"]["egress"]
    assert {(port["protocol"], port["port"]) for port in dns["ports"]} == {("UDP", 53), ("TCP", 53)}
    for name, settings in SETTINGS.items():
        aliases = {str(field.alias) for field in settings.model_fields.values()}
        named = {service for service in PORTS if f"{service.replace('-', '_').upper()}_ADDRESS" in aliases}
        assert reached_by(policies, name) == named
        if name != "gateway":
            (ingress,) = policies[name]["ingress"]
            assert [port["port"] for port in ingress["ports"]] == [PORTS[name]]


# What of the outside each calls: webhooks, issuers and mail; vendors; tools.
OUTSIDE: Final = {"gateway": {443, 587}, "llm-service": {443}, "chat-stream-service": {443}}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_who_calls_the_outside_reaches_public_addresses_alone_and_the_others_nobody(overlay: str) -> None:
    policies = {name_of(entry): entry["spec"] for entry in of_kind(overlay, "NetworkPolicy")}
    documented = (ROOT / "docs" / "kubernetes.md").read_text("utf-8").partition("| is open already |")[2]
    for name in SETTINGS:
        found = [rule for rule in policies[name].get("egress", []) if "ipBlock" in rule["to"][0]]
        assert {port["port"] for rule in found for port in rule["ports"]} == OUTSIDE.get(name, set[int]())
        for rule in found:
            (block,) = [target["ipBlock"] for target in rule["to"]]
            assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} == set(block["except"])
            for port in rule["ports"]:
                assert re.search(rf"^\| {name} \|.*public addresses, {port['port']} \|", documented, re.MULTILINE)
    assert GatewaySettings.model_fields["smtp_port"].default in OUTSIDE["gateway"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_has_no_less_memory_than_its_container_in_compose_and_twice_what_a_question_takes(overlay: str) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    units = {"m": 2**20, "g": 2**30, "Mi": 2**20, "Gi": 2**30}
    for workload in workloads(overlay):
        (container,) = pod_of(workload)["containers"]
        limit = container["resources"]["limits"]["memory"]
        (least,) = re.findall(r":-(\d+)(m|g)}", compose[name_of(workload)]["mem_limit"])
        has = int(limit[:-2]) * units[limit[-2:]]
        assert has >= int(least[0]) * units[least[1]]
        question = FeatureSettings.model_fields["telemetry_memory_mb"].default
        values = {entry["name"]: entry["value"] for entry in container.get("env", [])}
        if name_of(workload) == "feature-service":
            assert has > 2 * 2**20 * int(values.get("TELEMETRY_MEMORY_MB", question))


def reached_by(policies: dict[str, Any], name: str) -> set[str]:
    """The services whose port a pod may reach; each policy names the port that the service has."""
    found: set[str] = set()
    for rule in policies.get(name, {}).get("egress", []):
        for target in rule["to"]:
            if "podSelector" in target:
                service = target["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
                assert [port["port"] for port in rule["ports"]] == [PORTS[service]]
                found.add(service)
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_never_change_with_an_overlay(overlay: str) -> None:
    for workload in workloads(overlay):
        assert workload["spec"]["selector"] == {"matchLabels": {"app.kubernetes.io/name": name_of(workload)}}
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert labels == {"app.kubernetes.io/name": name_of(workload), "app.kubernetes.io/part-of": "penstock"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_setting_is_one_and_every_secret_is_a_file(overlay: str) -> None:
    names = set(settings_of(overlay))
    for workload in workloads(overlay):
        names |= {entry["name"] for entry in pod_of(workload)["containers"][0].get("env", [])}
    assert names <= SETTING_NAMES
    text = (RENDERED / f"{overlay}.yaml").read_text("utf-8")
    assert "secretKeyRef" not in text
    documented = (ROOT / "docs" / "kubernetes.md").read_text("utf-8")
    for key in SECRET_KEYS.findall(text):
        assert f"`{key}`" in documented


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_a_cluster_lets_nobody_change_is_as_it_was_released(overlay: str) -> None:
    released = yaml.safe_load((ROOT / "tests" / "architecture" / "kubernetes_released.yaml").read_text("utf-8"))
    now = {
        f"{document['kind']}/{name_of(document)}": {
            key: value for key, value in document["spec"].items() if key not in CHANGEABLE[document["kind"]]
        }
        for document in of_kind(overlay, *CHANGEABLE)
    }
    assert now == released[overlay]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_port_of_a_manifest_is_the_one_that_the_settings_listen_on(overlay: str) -> None:
    values = settings_of(overlay)
    services = {name_of(entry): entry["spec"] for entry in of_kind(overlay, "Service")}
    scraped: set[int] = set()
    for workload in workloads(overlay):
        name, (container,) = name_of(workload), pod_of(workload)["containers"]
        told = values | {entry["name"]: entry["value"] for entry in container.get("env", [])}
        listening = ports_of(SETTINGS[name], told)
        ports = {entry["name"]: entry["containerPort"] for entry in container["ports"]}
        assert ports == listening
        annotations = workload["spec"]["template"]["metadata"]["annotations"]
        assert annotations["prometheus.io/port"] == str(listening["metrics"])
        scraped.add(listening["metrics"])
        for entry in services[name]["ports"]:
            assert entry.get("targetPort", entry["port"]) in {entry["name"], listening[entry["name"]]}
        for kind in ("startup", "liveness", "readiness"):
            (check,) = [value for key, value in container[f"{kind}Probe"].items() if isinstance(value, dict)]
            assert check["port"] in {*listening, *listening.values()} - {"metrics", listening["metrics"]}
    (policy,) = [entry["spec"] for entry in of_kind(overlay, "NetworkPolicy") if name_of(entry) == "metrics"]
    assert {entry["port"] for rule in policy["ingress"] for entry in rule["ports"]} == scraped


def ports_of(settings: type[BaseSettings], told: dict[str, str]) -> dict[str, int]:
    """The ports that a process listens on when it is told so."""

    def value(field: str) -> int:
        found = settings.model_fields[field]
        return int(told.get(str(found.alias), found.default))

    served = {"http": value("http_port")} if "http_port" in settings.model_fields else {"grpc": value("port")}
    return {**served, "metrics": value("metrics_port")}
