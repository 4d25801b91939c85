"""Keys with limits, budgets, repeated requests and the reports on them, through the whole system."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS
from tests.clients.vendor import VendorThread

MESSAGES = [{"role": "user", "content": "how is the pump?"}]


@pytest.fixture
async def admin(system: RunningSystem) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the administrator."""
    headers = {"authorization": f"Bearer {system.key}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS) as client:
        yield client


async def make_key(admin: httpx.AsyncClient, **wish: Any) -> tuple[str, dict[str, str]]:
    """Make a key; return its id and its headers."""
    made = await admin.post("/api/v1/keys", json={"name": "limited", "scopes": ["models", "costs"], **wish})
    assert made.status_code == 201, made.text
    return made.json()["id"], {"authorization": f"Bearer {made.json()['key']}"}


async def ask(admin: httpx.AsyncClient, headers: dict[str, str], model: str = "openai/say", **more: Any) -> Any:
    body = {"model": model, "messages": MESSAGES, **more}
    return await admin.post("/v1/chat/completions", headers=headers, json=body)


async def test_a_key_reaches_only_the_models_it_is_allowed(admin: httpx.AsyncClient) -> None:
    _, headers = await make_key(admin, policy={"allowed_models": ["openai/say"]})
    assert (await ask(admin, headers)).status_code == 200
    refused = await ask(admin, headers, "openai/json")
    assert refused.status_code == 403
    assert "openai/json" in refused.json()["error"]["message"]


async def test_a_key_over_its_requests_per_minute_is_told_to_wait(admin: httpx.AsyncClient) -> None:
    _, headers = await make_key(admin, policy={"requests_per_minute": 1})
    assert (await ask(admin, headers)).status_code == 200
    limited = await ask(admin, headers)
    assert limited.status_code == 429
    assert int(limited.headers["retry-after-ms"]) > 0
    assert limited.json()["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": MESSAGES}),
        ("/v1/responses", {"input": "how is the pump?"}),
        ("/v1/messages", {"messages": MESSAGES, "max_tokens": 50}),
    ],
    ids=str,
)
async def test_a_spent_budget_ends_the_calls_of_its_key_alone(
    admin: httpx.AsyncClient, vendor: VendorThread, path: str, body: dict[str, Any]
) -> None:
    price = {"provider": "openai", "model": "say", "input": "1000", "output": "1000"}
    assert (await admin.put("/api/v1/prices", json=price)).status_code == 200
    key_id, headers = await make_key(admin, budget={"limit": "0.000001", "period": "day"})
    calls = len(vendor.server.received)
    spent = await admin.post(path, headers=headers, json={"model": "openai/say", **body})
    assert spent.status_code == 429, spent.text
    assert spent.headers["x-should-retry"] == "false"
    assert len(vendor.server.received) == calls
    assert (await admin.post(path, json={"model": "openai/say", **body})).status_code == 200
    budgets = (await admin.get("/api/v1/budgets", headers=headers)).json()["budgets"]
    assert [budget["subject"] for budget in budgets] == [key_id]


async def test_the_reports_know_what_a_key_has_cost(admin: httpx.AsyncClient) -> None:
    price = {"provider": "openai", "model": "say", "input": "1", "output": "2"}
    assert (await admin.put("/api/v1/prices", json=price)).status_code == 200
    key_id, headers = await make_key(admin)
    assert (await ask(admin, headers)).status_code == 200
    summary = (await admin.get(f"/api/v1/costs/summary?group_by=model&key_id={key_id}")).json()
    (row,) = summary["rows"]
    assert (row["requests"], row["usage"]["total_tokens"]) == (1, 11)
    assert float(row["cost"]["amount"]) > 0
    (entry,) = (await admin.get(f"/api/v1/costs/ledger?key_id={key_id}")).json()["entries"]
    assert (entry["surface"], entry["outcome"]) == ("chat.completions", "ok")
    csv = (await admin.get(f"/api/v1/costs/summary?group_by=model&key_id={key_id}&format=csv")).text
    assert csv.splitlines()[1].startswith("openai/say,1,")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": MESSAGES}),
        ("/v1/responses", {"input": "how is the pump?"}),
        ("/v1/messages", {"messages": MESSAGES, "max_tokens": 50}),
    ],
    ids=str,
)
async def test_a_request_repeated_under_its_idempotency_key_is_one_call(
    admin: httpx.AsyncClient, vendor: VendorThread, path: str, body: dict[str, Any]
) -> None:
    headers = {"idempotency-key": f"once {path}"}
    calls = len(vendor.server.received)
    answers = [await admin.post(path, headers=headers, json={"model": "openai/say", **body}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert len(vendor.server.received) == calls + 1


async def test_a_route_is_explained_and_the_configuration_read_again(admin: httpx.AsyncClient) -> None:
    route = (await admin.get("/api/v1/llm/route?model=openai/say")).json()
    assert route["candidates"][0]["provider"] == "openai"
    assert route["candidates"][0]["eligible"] is True
    assert (await admin.post("/api/v1/llm/reload")).json() == {"applied": True}
