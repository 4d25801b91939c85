"""Memory of the whole installation: every process tells its own, shared pages by their share."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVICES = {"gateway", "llm-service", "chat-stream-service", "feature-service", "cache-service"}


async def test_all_five_services_tell_resident_and_proportional_memory(gateway):
    answer = await gateway.client.get("/api/v1/monitoring/metrics/memory", headers=gateway.auth())
    data = answer.json()
    assert set(data["services"]) == SERVICES
    # The fakes are served by this process: what each tells is its own.
    for name, each in data["services"].items():
        assert 10 < each["pss_mb"] <= each["rss_mb"] + 1 < 10_000, name
    total = sum(each["pss_mb"] for each in data["services"].values())
    assert data["memory"]["total_pss_mb"] == pytest.approx(total, abs=1)
    assert data["memory"]["total_rss_mb"] >= data["memory"]["total_pss_mb"]


async def test_a_service_that_does_not_answer_is_listed_without_figures(start_gateway):
    gateway = await start_gateway(cache_address="127.0.0.1:1")
    answer = await gateway.client.get("/api/v1/monitoring/metrics/memory", headers=gateway.auth())
    services = answer.json()["services"]
    assert set(services) == SERVICES
    assert services["cache-service"] == {"rss_mb": None, "pss_mb": None, "detail": "it does not answer"}
    assert services["llm-service"]["pss_mb"] > 10
