"""Every process shows its numbers."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from penstock_testkit.system import SERVICES, RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS
from tests.e2e.chat import ask


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_serves_its_metrics(system: RunningSystem, service: str) -> None:
    async with httpx.AsyncClient(timeout=HANG_SECONDS) as http:
        text = (await http.get(f"http://127.0.0.1:{system.ports[f'{service}_METRICS_PORT']}/metrics")).text
    assert "penstock_rpc_requests_total" in text
    assert "process_resident_memory_bytes" in text


async def test_every_metric_that_is_shown_is_on_the_page(system: RunningSystem, http: httpx.AsyncClient) -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    known = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    texts = [(await http.get("/metrics")).text]
    async with httpx.AsyncClient(timeout=HANG_SECONDS) as plain:
        for service in SERVICES:
            port = system.ports[f"{service}_METRICS_PORT"]
            texts.append((await plain.get(f"http://127.0.0.1:{port}/metrics")).text)
    shown = {
        name.removesuffix("_created") for text in texts for name in re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)
    }
    assert shown
    assert sorted(name for name in shown if name not in known and f"{name}_total" not in known) == []


async def test_sign_ins_are_counted_from_zero_on(system: RunningSystem, http: httpx.AsyncClient) -> None:
    text = (await http.get("/metrics")).text
    assert 'penstock_sign_ins_total{outcome="ok"}' in text
    before = float(re.findall(r'penstock_sign_ins_total\{outcome="refused"\} (\S+)', text)[0])
    refused = await http.post("/api/v2/auth/login", json={"username": "nobody-here", "password": "wrong"})
    assert refused.status_code == 401
    text = (await http.get("/metrics")).text
    assert float(re.findall(r'penstock_sign_ins_total\{outcome="refused"\} (\S+)', text)[0]) == before + 1


async def test_the_gateway_counts_requests_under_the_names_that_dashboards_use(http: httpx.AsyncClient) -> None:
    await ask(http, "Hi there!")
    for path in ("/metrics", "/api/v2/metrics"):
        text = (await http.get(path)).raise_for_status().text
        assert 'http_requests_total{endpoint="/api/v1/conversations",method="POST",status="20' in text
        assert "http_request_duration_seconds_bucket" in text


async def test_a_finished_chat_is_counted_as_ok_and_not_as_cancelled(tmp_path: Path) -> None:
    system = await asyncio.to_thread(start_system, tmp_path / "home", demo=False)
    try:
        headers = {"Authorization": f"Bearer {system.key}"}
        async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS) as http:
            await ask(http, "Hi there!")
        counted = await stream_chat_counts(system)
    finally:
        await asyncio.to_thread(system.stop)
    assert [line for line in counted if 'code="OK"' in line]
    assert not [line for line in counted if "CANCELLED" in line], counted


async def stream_chat_counts(system: RunningSystem) -> list[str]:
    """The counters of StreamChat; the RPC may end a moment after its last event."""
    url = f"http://127.0.0.1:{system.ports['CHAT_STREAM_SERVICE_METRICS_PORT']}/metrics"
    async with asyncio.timeout(HANG_SECONDS), httpx.AsyncClient(timeout=HANG_SECONDS) as http:
        while True:
            lines = (await http.get(url)).text.splitlines()
            counted = [line for line in lines if "rpc_requests_total{" in line and "/StreamChat" in line]
            if counted:
                return counted
