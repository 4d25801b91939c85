"""The audit log over HTTP: who did what, never a secret, a tenant's own for its administrators, all for operators."""

import csv
import io
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOOK = {"name": "hook", "kind": "webhook", "url": "https://hooks.test/x?token=t0ken", "secret": "s3cret"}


async def call(gateway: Any, method: str, path: str, key: str = "", **options: Any) -> Any:
    return await gateway.client.request(method, path, headers=gateway.auth(key), **options)


async def entries(gateway: Any, key: str = "", **query: Any) -> list[dict[str, Any]]:
    return (await call(gateway, "GET", "/api/v1/audit", key, params=query)).json()["entries"]


async def newest(gateway: Any) -> dict[str, Any]:
    return (await entries(gateway, page_size=1))[0]


async def make_admin(gateway: Any, tenant: str) -> str:
    """Return the key of an administrator of a tenant of its own."""
    body = {"username": f"boss_{tenant}", "password": "a long pass phrase", "scopes": ["admin"], "tenant_id": tenant}
    await call(gateway, "POST", "/api/v1/users", json=body)
    login = {"username": body["username"], "password": body["password"]}
    token = (await gateway.client.post("/api/v2/auth/login", json=login)).json()["data"]["access_token"]
    return (await call(gateway, "POST", "/api/v1/keys", token, json={"name": "k"})).json()["key"]


ACTS: list[tuple[str, str, dict[str, Any], str]] = [
    ("/api/v1/keys", "key", {"name": "robot", "scopes": ["chat"]}, "robot"),
    ("/api/v1/users", "user", {"username": "judged-by-the-log", "password": "a long pass phrase"}, "judged-by-the-log"),
    ("/api/v1/channels", "channel", HOOK, "hook"),
    (
        "/api/v1/alarms", "alarm",
        {"name": "silent", "watch": "no_data", "device_codes": ["W"], "seconds": 9}, "silent",
    ),
    ("/api/v1/budgets", "budget", {"scope": "total", "limit": "5.00"}, "5.00 USD"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "kind", "body", "told"), ACTS)
async def test_making_and_deleting_are_recorded_with_who_what_and_from_where(
    gateway: Any, path: str, kind: str, body: dict[str, Any], told: str
) -> None:
    made = await call(gateway, "POST", path, json=body)
    assert made.status_code == 201
    entry = await newest(gateway)
    assert (entry["action"], entry["outcome"], entry["username"]) == (f"{kind}.create", "done", "admin")
    assert (entry["tenant_id"], entry["address"]) == ("default", "127.0.0.1")
    assert entry["request_id"] == made.headers["x-request-id"]
    assert entry["details"]["id"] == made.json()["id"]
    assert told in str(entry["details"])
    identity = made.json()["id"]
    await call(gateway, "DELETE", f"{path}/{identity}")
    entry = await newest(gateway)
    assert (entry["action"], entry["target"]) == (f"{kind}.delete", identity)


async def test_no_secret_of_an_act_is_in_the_log_or_in_the_store(gateway: Any) -> None:
    made = (await call(gateway, "POST", "/api/v1/keys", json={"name": "robot", "scopes": ["chat"]})).json()
    await call(gateway, "POST", "/api/v1/channels", json=HOOK)
    await call(gateway, "POST", "/api/v1/users", json={"username": "mallory", "password": "correct horse battery"})
    whole = (await call(gateway, "GET", "/api/v1/audit?page_size=1000")).text
    stored = b"".join(path.read_bytes() for path in gateway.home.glob("gateway.db*"))
    for secret in (made["key"], "t0ken", "s3cret", "correct horse battery"):
        assert secret not in whole
        assert secret.encode() not in stored


async def test_a_failed_sign_in_is_recorded_under_the_tenant_of_its_user_and_no_unknown_name_is_kept(
    gateway: Any,
) -> None:
    for username in ("admin", "my-passw0rd-by-mistake"):
        refused = await gateway.client.post("/api/v2/auth/login", json={"username": username, "password": "wrong"})
        assert refused.status_code == 401
    unknown, known = await entries(gateway, action="sign_in.fail", page_size=2)
    assert (known["username"], known["outcome"], known["address"]) == ("admin", "refused", "127.0.0.1")
    assert unknown["username"] is None
    assert "my-passw0rd-by-mistake" not in str(unknown)


async def test_a_failed_sign_in_of_a_namesake_is_in_the_log_of_its_own_tenant_alone(gateway: Any) -> None:
    for tenant in ("default", "evil"):
        wish = {"username": "omar", "password": "correct horse battery", "tenant_id": tenant}
        await call(gateway, "POST", "/api/v1/users", json=wish)
    names: list[Any] = []
    for who in ({"username": "omar", "tenant_id": "evil"}, {"username": "omar"}, {"username": "default/omar"}):
        refused = await gateway.client.post("/api/v2/auth/login", json={**who, "password": "wrong"})
        assert refused.status_code == 401
        found = await entries(gateway, action="sign_in.fail", page_size=1)
        names.append(found[0]["username"] if found else "nothing")
    # Of evil's nothing is here; of one that may be either's, that it was.
    assert names[0] != "omar"
    assert names[1:] == [None, "omar"]


async def test_an_act_that_was_refused_for_want_of_a_right_is_recorded_and_a_wrong_body_is_not(gateway: Any) -> None:
    key = (await call(gateway, "POST", "/api/v1/keys", json={"name": "weak", "scopes": ["telemetry:read"]})).json()
    refused = await call(gateway, "POST", "/api/v1/users", key["key"], json={"username": "x", "password": "y" * 20})
    assert refused.status_code == 403
    entry = await newest(gateway)
    assert (entry["action"], entry["outcome"], entry["key_id"]) == ("user.create", "refused", key["id"])
    await call(gateway, "DELETE", "/api/v1/users/user_of_another_tenant", key["key"])
    entry = await newest(gateway)
    assert (entry["action"], entry["outcome"], entry["target"]) == ("user.delete", "refused", None)
    await call(gateway, "POST", "/api/v1/alarms", json={"name": ""})
    await call(gateway, "GET", "/api/v1/keys")
    assert (await newest(gateway))["id"] == entry["id"]


async def test_administrators_read_their_tenant_alone_operators_all_and_others_nothing(gateway: Any) -> None:
    boss = await make_admin(gateway, "acme")
    await call(gateway, "POST", "/api/v1/alarms", boss, json=ACTS[3][2])
    theirs = await entries(gateway, boss)
    assert {entry["tenant_id"] for entry in theirs} == {"acme"}
    assert theirs[0]["action"] == "alarm.create"
    assert (theirs[-1]["action"], theirs[-1]["username"]) == ("user.create", "admin"), "an operator's act on the tenant"
    for tenant in ("default", "*"):
        refused = await call(gateway, "GET", "/api/v1/audit", boss, params={"tenant_id": tenant})
        assert (refused.status_code, refused.json()["reason"]) == (403, "SCOPE_REQUIRED")
    assert {"acme", "default"} <= {entry["tenant_id"] for entry in await entries(gateway, tenant_id="*", page_size=500)}
    assert {entry["tenant_id"] for entry in await entries(gateway, tenant_id="acme")} == {"acme"}
    reader = (await call(gateway, "POST", "/api/v1/keys", json={"name": "r", "scopes": ["telemetry:write"]})).json()
    assert (await call(gateway, "GET", "/api/v1/audit", reader["key"])).status_code == 403


async def test_pages_hold_every_entry_once_while_others_come(gateway: Any) -> None:
    for at in range(5):
        await call(gateway, "POST", "/api/v1/alarms", json={**ACTS[3][2], "name": f"n{at}"})
    seen: list[str] = []
    token = ""
    for _ in range(3):
        page = (await call(gateway, "GET", "/api/v1/audit", params={"page_size": 2, "page_token": token})).json()
        seen += [entry["details"]["name"] for entry in page["entries"]]
        token = page["next_page_token"]
        await call(gateway, "POST", "/api/v1/alarms", json={**ACTS[3][2], "name": "later"})
    assert seen[:5] == ["n4", "n3", "n2", "n1", "n0"]
    wrong = await call(gateway, "GET", "/api/v1/audit", params={"page_token": "x"})
    assert (wrong.status_code, wrong.json()["reason"]) == (400, "PAGE_TOKEN_INVALID")


async def test_as_csv_no_cell_is_a_formula(gateway: Any) -> None:
    await call(gateway, "DELETE", "/api/v1/alarms/=cmd()")
    await call(gateway, "POST", "/api/v1/alarms", json={**ACTS[3][2], "name": '=cmd("x")'})
    answer = await call(gateway, "GET", "/api/v1/audit", params={"format": "csv", "page_size": 3})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-next-page-token"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 3
    assert rows[0]["action"] == "alarm.create"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


async def test_a_filter_by_action_user_and_time_is_heeded(gateway: Any) -> None:
    made = (await call(gateway, "POST", "/api/v1/alarms", json=ACTS[3][2])).json()
    entry = await newest(gateway)
    both: dict[str, Any] = {
        "action": "alarm.create",
        "user_id": entry["user_id"],
        "start_time": entry["time"],
        "page_size": 1,
    }
    assert (await entries(gateway, **both))[0]["details"]["id"] == made["id"]
    assert await entries(gateway, action="alarm.create", end_time="2020-01-01") == []
    assert await entries(gateway, user_id="usr_none") == []
