"""Nothing a caller says on ``/api`` is passed over in silence: what a route does not know is refused by its name."""

import pytest

from penstock_kit.errors import InvalidArgument

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODIES = [
    ("POST", "/api/v2/data/query/realtime", {"model_code": "m"}),
    ("POST", "/api/v2/data/query/history", {"device_code": "W"}),
    ("POST", "/api/v2/ai/features/extract", {"device_code": "W"}),
    ("POST", "/api/v2/ai/features/dataset", {"model_code": "m"}),
    ("POST", "/api/v2/metadata/devices", {"device_code": "W"}),
    ("PUT", "/api/v2/metadata/devices/W", {}),
    ("POST", "/api/v2/metadata/models", {"model_code": "m"}),
    ("PUT", "/api/v2/metadata/models/m", {}),
    ("POST", "/api/v2/auth/login", {"username": "u", "password": "p"}),
    ("POST", "/api/v2/auth/refresh", {"refresh_token": "t"}),
    ("POST", "/api/v2/auth/logout", {"refresh_token": "t"}),
    ("POST", "/api/v2/auth/password", {"current_password": "p", "new_password": "q"}),
]


@pytest.mark.parametrize(("method", "path", "body"), BODIES)
async def test_an_unknown_field_of_a_body_is_refused_by_its_name(gateway, method, path, body):
    answer = await gateway.client.request(method, path, headers=gateway.auth(), json={**body, "windowsize": "s3cret"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "VALIDATION_FAILED")
    assert answer.json()["errors"] == [
        {"field": "windowsize", "description": "is unknown; this request has no such field"}
    ]
    assert "s3cret" not in answer.text


@pytest.mark.parametrize("body", [{"fields": [{"field_code": "a", "units": "A"}]}, {"defaults": {"window": 5}}])
async def test_an_unknown_field_is_refused_within_a_data_model_too(gateway, body):
    answer = await gateway.client.put("/api/v2/metadata/models/m", headers=gateway.auth(), json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] in {"fields[0].units", "defaults.window"}


async def test_every_strict_route_refuses_an_unknown_parameter_by_its_name(gateway):
    pages = (await gateway.client.get("/openapi.json")).json()["paths"]
    asked = 0
    for path, operations in pages.items():
        # Clients of InfluxDB send parameters of their own.
        is_strict = path.startswith(("/api/v1/", "/api/v2/")) and path != "/api/v2/write"
        for method in operations if is_strict else ():
            url = path.replace("{", "").replace("}", "")
            answer = await gateway.client.request(
                method, url, headers=gateway.auth(), params={"devce_code": "x"}, json={"refresh_token": "t"}
            )
            assert (answer.status_code, answer.json()["reason"]) == (422, "VALIDATION_FAILED"), (method, path)
            named = {error["field"] for error in answer.json()["errors"]}
            assert "devce_code" in named, (method, path, named)
            asked += 1
    assert asked >= 80


# A chat's question is what programs of others send too, with fields of their own; Alertmanager's are its own.
OPEN_BODIES = {
    "/api/v1/conversations/{conversation_id}/stream",
    "/api/v1/conversations/{conversation_id}/stream-debug",
    "/api/v1/alertmanager",
}


async def test_every_body_with_a_misspelt_field_is_refused_by_its_name(gateway):
    pages = (await gateway.client.get("/openapi.json")).json()["paths"]
    asked = 0
    for path, operations in pages.items():
        for method, operation in operations.items():
            is_json = "application/json" in operation.get("requestBody", {}).get("content", {})
            if not is_json or not path.startswith(("/api/v1/", "/api/v2/")) or path in OPEN_BODIES or "ingest" in path:
                continue
            url = path.replace("{", "").replace("}", "")
            answer = await gateway.client.request(method, url, headers=gateway.auth(), json={"scope": ["chat"]})
            named = {error["field"] for error in answer.json().get("errors", [])}
            assert (answer.status_code, "scope" in named) == (422, True), (method, path, answer.text)
            asked += 1
    assert asked >= 30


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "k", "policy": {"request_per_minute": 5}}, "policy.request_per_minute"),
        ({"name": "k", "budget": {"limit": "5", "perid": "day"}}, "budget.perid"),
    ],
)
async def test_a_misspelt_limit_makes_no_key_without_it(gateway, body, field):
    answer = await gateway.client.post("/api/v1/keys", headers=gateway.auth(), json=body)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])


async def test_a_misspelt_parameter_is_told_the_right_one(gateway):
    answer = await gateway.client.get("/api/v2/data/query/history?devicecode=W", headers=gateway.auth())
    assert "devicecode: is no parameter of this route; did you mean device_code?" in answer.json()["detail"]
    answer = await gateway.client.get("/api/v1/conversations?page_sise=5", headers=gateway.auth())
    assert "page_sise: is no parameter of this route; did you mean page_size?" in answer.json()["detail"]


async def test_the_routes_of_the_vendors_clients_take_what_those_add(gateway):
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    answer = await gateway.client.post("/v1/messages?beta=true", headers=gateway.auth(), json=body)
    assert answer.status_code == 200


async def test_who_may_not_ask_is_told_that_first(gateway):
    for path in ("/api/v2/metadata/devices", "/api/v1/conversations"):
        assert (await gateway.client.get(f"{path}?nonsense=1")).status_code == 401
    path = "/api/v1/conversations/conv_1/stream?nonsense=1"
    assert (await gateway.client.post(path, json={"content": "x"})).status_code == 401


async def test_rows_that_are_refused_altogether_are_counted_in_the_problem(gateway):
    metadata = {"line": "4", "rows_rejected": "5"}
    gateway.fakes.feature.refusal = InvalidArgument("a quote is open", reason="CSV_INVALID", metadata=metadata)
    answer = await gateway.client.post(
        "/api/v2/data/ingest", content=b"x", headers={**gateway.auth(), "content-type": "text/csv"}
    )
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert answer.json()["data"] == {
        "rows_accepted": 0,
        "rows_rejected": 5,
        "errors": [{"line": 4, "reason": "a quote is open"}],
    }


async def test_the_options_of_an_ingest_are_passed_on(gateway):
    query = "?device_column=d&decimal=,&encoding=cp1252&ignore_columns=a&ignore_columns=b&partial=true"
    await gateway.client.post(
        f"/api/v2/data/ingest{query}", content=b"x", headers={**gateway.auth(), "content-type": "text/csv"}
    )
    options = gateway.fakes.feature.options[0]
    assert (options.device_column, options.decimal, options.encoding, options.partial) == ("d", ",", "cp1252", True)
    assert list(options.ignore_columns) == ["a", "b"]
