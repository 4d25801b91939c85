"""Keys with limits, budgets, costs, prices, routes and the configuration over HTTP."""

import csv
import io

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.common.v1.common_pb2 import Money, Usage
from penstock.llm.v1 import cost_pb2, llm_pb2

from gateway.auth import api_keys
from gateway.auth.sql_store import SqlIdentityStore

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def call(gateway, method, path, *, key="", status=200, **options):
    answer = await gateway.client.request(method, path, headers=gateway.auth(key), **options)
    assert answer.status_code == status, answer.text
    return answer


async def make_key(gateway, **wish):
    answer = await call(gateway, "POST", "/api/v1/keys", status=201, json={"name": "k", **wish})
    return answer.json()


async def test_a_key_is_made_with_its_limits_and_budget(gateway):
    policy = {"allowed_models": ["openai/*"], "tokens_per_minute": 1000, "requests_per_minute": 10}
    made = await make_key(gateway, policy=policy, budget={"limit": "2.50", "period": "day"})
    kept = (await call(gateway, "GET", f"/api/v1/keys/{made['id']}/policy")).json()
    assert kept == {"key_id": made["id"], "semantic_cache": False, **policy}
    (budget,) = (await call(gateway, "GET", "/api/v1/budgets")).json()["budgets"]
    assert (budget["scope"], budget["subject"], budget["period"]) == ("key", made["id"], "day")
    assert budget["limit"]["amount"] == "2.50"


async def test_a_key_whose_budget_is_refused_does_not_exist(gateway):
    plain = await make_key(gateway, scopes=["models"])
    user = {"username": f"u-{plain['id']}", "password": "a long enough password", "scopes": ["models"]}
    await call(gateway, "POST", "/api/v1/users", status=201, json=user)
    login = await gateway.client.post("/api/v2/auth/login", json={k: user[k] for k in ("username", "password")})
    token = login.json()["data"]["access_token"]
    wish = {"name": "k", "budget": {"limit": "5"}, "policy": {"requests_per_minute": 5}}
    refused = await call(gateway, "POST", "/api/v1/keys", key=token, status=403, json=wish)
    assert refused.json()["reason"] == "ADMIN_REQUIRED"
    assert (await call(gateway, "GET", "/api/v1/keys", key=token)).json()["keys"] == []
    assert gateway.fakes.costs.policies == {}


async def test_a_key_that_is_one_too_many_leaves_no_policy_and_no_budget(gateway, monkeypatch):
    monkeypatch.setattr(api_keys, "MAX_KEYS", 0)
    wish = {"name": "k", "budget": {"limit": "5"}, "policy": {"requests_per_minute": 5}}
    refused = await call(gateway, "POST", "/api/v1/keys", status=429, json=wish)
    assert refused.json()["reason"] == "API_KEYS_LIMIT_EXCEEDED"
    assert (gateway.fakes.costs.policies, gateway.fakes.costs.budgets) == ({}, {})


async def test_a_key_never_exists_without_the_limits_that_were_asked_for(gateway, monkeypatch):
    limited, add_key = [], SqlIdentityStore.add_key

    async def add(store, key, **bounds):
        limited.append((key.id, set(gateway.fakes.costs.policies)))
        return await add_key(store, key, **bounds)

    monkeypatch.setattr(SqlIdentityStore, "add_key", add)
    made = await make_key(gateway, policy={"requests_per_minute": 5})
    assert limited == [(made["id"], {made["id"]})]


async def test_a_deleted_user_leaves_no_limits_of_the_keys_and_none_of_its_own(gateway):
    login = {"username": "leaver", "password": "four unlikely words here", "tenant_id": "elsewhere"}
    user = (await call(gateway, "POST", "/api/v1/users", status=201, json=login)).json()
    session = await gateway.client.post("/api/v2/auth/login", json={k: login[k] for k in ("username", "password")})
    token = session.json()["data"]["access_token"]
    policy = {"policy": {"requests_per_minute": 5}}
    key = (await call(gateway, "POST", "/api/v1/keys", key=token, status=201, json={"name": "k", **policy})).json()
    stays = await make_key(gateway, budget={"limit": "1"}, **policy)
    await call(gateway, "DELETE", f"/api/v1/users/{user['id']}", status=204)
    costs = gateway.fakes.costs
    (asked,) = [each for each in costs.requests if isinstance(each, cost_pb2.DeleteUserLimitsRequest)]
    assert (asked.tenant_id, asked.user_id, list(asked.key_ids)) == ("elsewhere", user["id"], [key["id"]])
    assert (set(costs.policies), [each.subject for each in costs.budgets.values()]) == ({stays["id"]}, [stays["id"]])


async def test_a_budget_limits_its_key_however_many_other_budgets_there_are(gateway):
    await make_key(gateway, budget={"limit": "1"})
    limited = await make_key(gateway, budget={"limit": "2"})
    gateway.fakes.costs.most_listed = 1
    refused = await call(gateway, "POST", "/api/v1/keys", key=limited["key"], status=403, json={"name": "more"})
    assert refused.json()["reason"] == "KEY_LIMITS_DENIED"


async def test_a_budget_is_for_keys_and_users_of_its_own_tenant_even_when_an_operator_makes_it(gateway):
    user = {"username": "ute", "password": "a long enough password", "tenant_id": "elsewhere"}
    made = (await call(gateway, "POST", "/api/v1/users", status=201, json=user)).json()["id"]
    own = {"scope": "user", "subject": made, "period": "day", "limit": "5"}
    refused = await call(gateway, "POST", "/api/v1/budgets", status=404, json=own)
    assert refused.json()["reason"] == "USER_NOT_FOUND"
    assert gateway.fakes.costs.budgets == {}


async def test_only_administrators_change_what_a_key_may_use(gateway):
    made = await make_key(gateway, scopes=["models", "costs"])
    path = f"/api/v1/keys/{made['id']}/policy"
    await call(gateway, "PUT", path, key=made["key"], status=403, json={})
    await call(gateway, "PUT", path, json={"requests_per_minute": 5})
    assert (await call(gateway, "GET", path, key=made["key"])).json()["requests_per_minute"] == 5
    await call(gateway, "DELETE", f"/api/v1/keys/{made['id']}", status=204)
    assert made["id"] not in gateway.fakes.costs.policies


async def test_budgets_are_made_replaced_listed_and_deleted(gateway):
    body = {"scope": "total", "period": "month", "limit": "100"}
    made = (await call(gateway, "POST", "/api/v1/budgets", status=201, json=body)).json()
    path = f"/api/v1/budgets/{made['id']}"
    replaced = (await call(gateway, "PUT", path, json={**body, "limit": "120.5"})).json()
    assert (replaced["id"], replaced["limit"]["amount"]) == (made["id"], "120.5")
    assert len((await call(gateway, "GET", "/api/v1/budgets")).json()["budgets"]) == 1
    await call(gateway, "DELETE", path, status=204)
    assert (await call(gateway, "DELETE", path, status=404)).json()["reason"] == "BUDGET_NOT_FOUND"


@pytest.mark.parametrize("scope", ["key", "user"])
async def test_a_budget_for_nobody_is_refused_with_what_names_its_subject(gateway, scope):
    for subject, told in (("", f"GET /api/v1/{scope}s lists"), ("ann", f"there is no {scope} 'ann'")):
        body = {"scope": scope, "subject": subject, "limit": "5"}
        refused = (await call(gateway, "POST", "/api/v1/budgets", status=404, json=body)).json()
        assert told in refused["detail"]
        assert "id" in refused["detail"]
        assert refused["reason"] == f"{scope.upper()}_NOT_FOUND"


@pytest.mark.parametrize("limit", ["-1", "1e3", "NaN", "", "1.", 5], ids=str)
async def test_a_limit_that_is_no_decimal_amount_is_refused(gateway, limit):
    answer = await call(gateway, "POST", "/api/v1/budgets", status=422, json={"scope": "total", "limit": limit})
    assert answer.json()["errors"][0]["field"] == "limit"


async def test_budgets_are_changed_by_administrators_and_prices_by_operators_alone(gateway):
    made = await make_key(gateway, scopes=["costs"])
    for method, path in (("POST", "/api/v1/budgets"), ("PUT", "/api/v1/prices"), ("POST", "/api/v1/llm/reload")):
        await call(gateway, method, path, key=made["key"], status=403, json={})
    token = await administrator(gateway, "amy.prices")
    price = {"provider": "openai", "model": "gpt-5", "input": "0", "output": "0"}
    for method, path, body in (("PUT", "/api/v1/prices", price), ("POST", "/api/v1/llm/reload", None)):
        refused = await call(gateway, method, path, key=token, status=403, json=body)
        assert refused.json()["reason"] == "SCOPE_REQUIRED"
    assert gateway.fakes.costs.prices == {}
    await call(gateway, "GET", "/api/v1/budgets", key=made["key"])


async def test_costs_are_summed_as_json_and_as_csv(gateway):
    row = cost_pb2.CostRow(
        group="=openai", requests=3, usage=Usage(input_tokens=5, output_tokens=7), cost=Money(amount="0.00123"),
        cache_savings=Money(amount="0.0001"),
    )  # fmt: skip
    gateway.fakes.costs.summary = cost_pb2.SummarizeCostsResponse(rows=[row], total=cost_pb2.CostRow(requests=3))
    path = "/api/v1/costs/summary?group_by=provider&start_time=2026-11-01T00:00:00Z"
    summary = (await call(gateway, "GET", path)).json()
    assert summary["rows"][0]["cost"]["amount"] == "0.00123"
    assert summary["rows"][0]["usage"]["total_tokens"] == 12
    asked = gateway.fakes.costs.requests[0]
    assert asked.group_by == cost_pb2.COST_GROUP_PROVIDER
    assert asked.start_time == Timestamp(seconds=1_793_491_200)
    text = (await call(gateway, "GET", f"{path}&format=csv")).text
    (line,) = csv.DictReader(io.StringIO(text))
    assert (line["group"], line["cost"], line["cache_savings"]) == ("'=openai", "0.00123", "0.0001")


async def test_ungrouped_costs_are_one_row_of_csv_with_the_total(gateway):
    total = cost_pb2.CostRow(requests=3, cost=Money(amount="0.5"))
    gateway.fakes.costs.summary = cost_pb2.SummarizeCostsResponse(total=total)
    text = (await call(gateway, "GET", "/api/v1/costs/summary?format=csv")).text
    (line,) = csv.DictReader(io.StringIO(text))
    assert (line["group"], line["requests"], line["cost"]) == ("", "3", "0.5")


@pytest.mark.parametrize(
    ("accept", "query", "kind"),
    [
        ("text/csv", "", "text/csv"),
        ("text/csv;q=0.9, application/json;q=0.5", "", "text/csv"),
        ("text/csv, */*;q=0.1", "", "text/csv"),
        ("application/json, text/csv", "", "application/json"),
        ("text/csv;q=0", "", "application/json"),
        ("*/*", "", "application/json"),
        ("text/csv", "format=json", "application/json"),
        ("application/json", "format=csv", "text/csv"),
    ],
)
async def test_the_report_comes_as_the_caller_accepts_it(gateway, accept, query, kind):
    headers = {**gateway.auth(), "accept": accept}
    answer = await gateway.client.get(f"/api/v1/costs/summary?group_by=day&{query}", headers=headers)
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert "accept" in answer.headers["vary"]


async def test_the_ledger_is_listed_page_by_page(gateway):
    entry = cost_pb2.LedgerEntry(id="led_1", provider="openai", outcome="ok", cost=Money(amount="0.5"))
    gateway.fakes.costs.ledger = cost_pb2.ListLedgerResponse(entries=[entry], next_page_token="next")
    page = (await call(gateway, "GET", "/api/v1/costs/ledger?page_size=1&key_id=key_1")).json()
    assert (page["entries"][0]["id"], page["next_page_token"]) == ("led_1", "next")
    asked = gateway.fakes.costs.requests[0]
    assert (asked.page_size, asked.key_id) == (1, "key_1")


async def test_a_page_of_the_ledger_comes_as_csv_to_those_who_accept_it(gateway):
    entry = cost_pb2.LedgerEntry(id="led_1", provider="openai", outcome="ok", cost=Money(amount="0.5"), model="=cmd()")
    entry.create_time.FromJsonString("2026-11-21T10:00:00.25Z")
    entry.usage.input_tokens, entry.duration.seconds, entry.labels["team"] = 7, 2, "a,b"
    gateway.fakes.costs.ledger = cost_pb2.ListLedgerResponse(entries=[entry], next_page_token="next")
    by_accept = {**gateway.auth(), "accept": "text/csv"}
    answer = await gateway.client.get("/api/v1/costs/ledger", headers=by_accept)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert (answer.headers["x-next-page-token"], answer.headers["vary"]) == ("next", "accept")
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert (line["id"], line["create_time"], line["input_tokens"]) == ("led_1", "2026-11-21T10:00:00.250000Z", "7")
    assert (line["cost"], line["currency"], line["duration_ms"], line["model"]) == ("0.5", "USD", "2000.0", "'=cmd()")
    assert line["labels"] == '{"team":"a,b"}'
    assert (await call(gateway, "GET", "/api/v1/costs/ledger?format=csv")).text == answer.text
    as_json = await gateway.client.get("/api/v1/costs/ledger?format=json", headers=by_accept)
    assert as_json.json()["entries"][0]["id"] == "led_1"


async def test_an_operators_price_is_set_and_listed(gateway):
    price = {"provider": "openai", "model": "gpt-5", "input": "1.25", "output": "10"}
    await call(gateway, "PUT", "/api/v1/prices", json=price)
    (listed,) = (await call(gateway, "GET", "/api/v1/prices")).json()["prices"]
    assert (listed["input"], listed["cache_read"], listed["source"]) == ("1.25", None, "operator")


async def test_a_route_is_explained(gateway):
    candidate = llm_pb2.RouteCandidate(provider="openai", model="gpt-5", eligible=False, why="breaker open")
    gateway.fakes.llm.route = llm_pb2.ExplainRouteResponse(policy="cost", candidates=[candidate], alias="fast")
    route = (await call(gateway, "GET", "/api/v1/llm/route?model=fast&policy=cost")).json()
    assert (route["policy"], route["alias"], route["candidates"][0]["why"]) == ("cost", "fast", "breaker open")
    assert gateway.fakes.llm.requests[0].model == "fast"


async def test_a_configuration_that_is_wrong_is_refused_with_its_error(gateway):
    assert (await call(gateway, "POST", "/api/v1/llm/reload")).json() == {"applied": True}
    gateway.fakes.llm.configuration_error = "line 3: unknown provider 'opnai'"
    refused = (await call(gateway, "POST", "/api/v1/llm/reload", status=412)).json()
    assert refused["reason"] == "CONFIGURATION_INVALID"
    assert "opnai" in refused["detail"]


async def administrator(gateway, name):
    """Make an administrator of the operator's own tenant; return an access token."""
    login = {"username": name, "password": "four unlikely words here"}
    await call(gateway, "POST", "/api/v1/users", status=201, json={**login, "scopes": ["admin"]})
    answer = await gateway.client.post("/api/v2/auth/login", json=login)
    return answer.json()["data"]["access_token"]


async def test_an_administrator_changes_no_limits_of_the_operators_keys_and_user(gateway):
    operators = await make_key(gateway, policy={"requests_per_minute": 5}, budget={"limit": "5"})
    token = await administrator(gateway, "amy.limits")
    (budget,) = (await call(gateway, "GET", "/api/v1/budgets")).json()["budgets"]
    policy, one = f"/api/v1/keys/{operators['id']}/policy", f"/api/v1/budgets/{budget['id']}"
    of_key = {"scope": "key", "subject": operators["id"], "limit": "0"}
    own = {"scope": "total", "limit": "0"}
    for method, path, body in (
        ("PUT", policy, {}), ("GET", policy, None), ("DELETE", one, None), ("PUT", one, own),
        ("POST", "/api/v1/budgets", of_key), ("PUT", "/api/v1/budgets", {**own, "id": budget["id"]}),
    ):  # fmt: skip
        refused = await call(gateway, method, path, key=token, status=404, json=body)
        assert refused.json()["reason"] == "KEY_NOT_FOUND"
    of_user = {"scope": "user", "subject": operators["user_id"], "limit": "0"}
    refused = await call(gateway, "POST", "/api/v1/budgets", key=token, status=403, json=of_user)
    assert refused.json()["reason"] == "USER_DENIED"
    assert (await call(gateway, "GET", policy)).json()["requests_per_minute"] == 5
    assert (await call(gateway, "GET", "/api/v1/budgets")).json()["budgets"] == [budget]
    await call(gateway, "POST", "/api/v1/budgets", key=token, status=201, json=own)


@pytest.mark.parametrize(
    "wish",
    [
        {"policy": {"allowed_models": ["openai/*"]}}, {"policy": {"requests_per_minute": 5}},
        {"policy": {"tokens_per_minute": 5}}, {"budget": {"limit": "5"}},
    ],
    ids=str,
)  # fmt: skip
async def test_a_key_with_limits_lifts_them_neither_for_itself_nor_by_another(gateway, wish):
    limited = await make_key(gateway, **wish)
    kept = (await call(gateway, "GET", "/api/v1/budgets")).json()["budgets"]
    others = [budget["id"] for budget in kept] or ["bud_none"]
    for method, path, body in (
        ("POST", "/api/v1/keys", {"name": "free"}),
        ("PUT", f"/api/v1/keys/{limited['id']}/policy", {}),
        ("DELETE", f"/api/v1/budgets/{others[0]}", None),
        ("POST", "/api/v1/budgets", {"scope": "total", "limit": "900"}),
        ("POST", "/api/v1/users", {"username": "free", "password": "four unlikely words here"}),
    ):
        refused = await call(gateway, method, path, key=limited["key"], status=403, json=body)
        assert refused.json()["reason"] == "KEY_LIMITS_DENIED"
    assert (await call(gateway, "GET", "/api/v1/budgets")).json()["budgets"] == kept


async def test_what_is_left_of_a_deleted_keys_budget_is_any_administrators_to_delete(gateway):
    gateway.fakes.costs.budgets["bud_7"] = cost_pb2.Budget(id="bud_7", scope="key", subject="key_gone", period="day")
    token = await administrator(gateway, "amy.leftovers")
    await call(gateway, "DELETE", "/api/v1/budgets/bud_7", key=token, status=204)
