"""A run with a vendor that refuses a key, used in every way that metrics count, and a Prometheus that scrapes it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from penstock_testkit.servers.process import free_port
from penstock_testkit.system import SERVICES, RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS
from tests.clients.vendor import VendorByModel, VendorThread
from tests.observability.alert_receiver import AlertReceiver
from tests.observability.programs import program
from tests.observability.prometheus_server import RunningPrometheus, start_prometheus, wait_for

_GOOD_KEY = "sk-the-key-that-the-vendor-knows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The system after it was used, nobody using it now, and the Prometheus that saw all of it, at `moment`."""

    system: RunningSystem
    prometheus: RunningPrometheus
    http: httpx.Client
    metrics_port: int
    alerts: AlertReceiver
    moment: float


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The run."""
    program("prometheus")
    folder = Path(tmp_path_factory.mktemp("observed"))
    metrics_port, alerts = free_port(), AlertReceiver()
    vendor = VendorThread(VendorByModel(key=_GOOD_KEY))
    vendor.start()
    environment = {
        "OPENAI_API_KEY": f"sk-one-that-was-revoked,{_GOOD_KEY}",
        "OPENAI_BASE_URL": vendor.server.base_url,
        "OPENAI_MODELS": "say,fail",
        "GATEWAY_METRICS_PORT": str(metrics_port),
        "PENSTOCK_LOG_FORMAT": "json",
        "PENSTOCK_ACCESS_LOG": "all",
    }
    system = start_system(folder / "home", extra_env=environment)
    jobs = {name.lower().replace("_", "-"): system.ports[f"{name}_METRICS_PORT"] for name in SERVICES}
    prometheus = start_prometheus(folder, {"gateway": metrics_port, **jobs}, alerts.port)
    headers = {"authorization": f"Bearer {system.key}"}
    http = httpx.Client(base_url=system.url, headers=headers, timeout=HANG_SECONDS)
    try:
        scrape(prometheus)
        for _ in range(2):
            use(http)
            scrape(prometheus)
        yield Run(
            system=system,
            prometheus=prometheus,
            http=http,
            metrics_port=metrics_port,
            alerts=alerts,
            moment=time.time(),
        )
    finally:
        http.close()
        prometheus.stop()
        alerts.stop()
        system.stop()
        vendor.stop()


def scrape(prometheus: RunningPrometheus) -> None:
    """Wait until everything was scraped that happened before."""
    moment = time.time()
    wait_for(lambda: prometheus.scraped_after(moment, 5), "a scrape of all five services")


def use(http: httpx.Client) -> None:
    """Use the system in every way that the dashboards show."""
    price = {"provider": "openai", "model": "say", "input": "1000", "output": "1000"}
    http.put("/api/v1/prices", json=price).raise_for_status()
    http.put("/api/v1/budgets", json={"scope": "total", "limit": "1000"}).raise_for_status()
    for path in ("/health", "/api/v1/nothing-there", "/api/v1/monitoring/providers"):
        http.get(path)
    http.post("/api/v2/auth/login", json={"username": "nobody-here", "password": "wrong"})
    _complete(http)
    _chat(http)
    _devices(http)


def _complete(http: httpx.Client) -> None:
    messages = [{"role": "user", "content": "how is the pump?"}]
    for model, stream in (
        ("openai/say", True),
        ("openai/say", False),
        ("openai/fail", False),
        ("fallback/rules", True),
    ):
        http.post("/v1/chat/completions", json={"model": model, "messages": messages, "stream": stream})


def _chat(http: httpx.Client) -> None:
    for question in ("What was the mean current of WLD001?", "Hi there!"):
        conversation = http.post("/api/v1/conversations", json={}).raise_for_status().json()
        path = f"/api/v1/conversations/{conversation['id']}/stream"
        # The offline provider calls tools.
        asked = {"content": question, "role": "user", "model": "fallback/rules"}
        http.post(path, json=asked).raise_for_status()


def _devices(http: httpx.Client) -> None:
    rows = "timestamp,value\n2026-01-01 00:00:00,1.5\nyesterday,2.5\n2026-01-01 00:00:02,3.5\n"
    query = {"device_code": "observed", "model_code": "thermometer", "create": "true"}
    http.post(
        "/api/v2/data/ingest", params=query, content=rows, headers={"content-type": "text/csv"}
    ).raise_for_status()
    device = {"device_code": "WLD001"}
    http.get("/api/v2/data/query/history", params={**device, "limit": "10"}).raise_for_status()
    http.get("/api/v2/data/statistics", params=device).raise_for_status()
    windows = {"model_code": "welding_ai_model", **device, "window_size": 1000, "fields": ["current"]}
    http.post("/api/v2/ai/features/extract", json=windows).raise_for_status()
    http.post("/api/v2/data/query/realtime", json={"model_code": "welding_ai_model"}).raise_for_status()
