"""Two tenants, every route of the OpenAPI page, real ids of the other: nothing is shown, and nothing changes."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from penstock_testkit.pictures import png
from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS, until_true
from tests.e2e.tenant_matrix import MEMBER, OPEN, ROWS, SCRAPED, USERS, Row

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD: Final = "four unlikely words here"
# Measured by a device of the one tenant, and to be found in no answer to the other.
MEASURED: Final = "4242.125"
_MEMBERS: Final = [*MEMBER]
# A fellow is a member of the tenant who owns nothing of what its user has.
FELLOW: Final = "north.fellow"
_PEOPLE: Final = {"north": ("admin", "user", "fellow"), "south": ("admin", "user")}
_OF_ONE_USER: Final = ("conversation", "stream", "client", "key")
# Of a refusal for want of a scope, in the shape of whatever surface; and for what an operator may do in a route of all.
_GATEWAYS_WORDS: Final = (
    "the credentials carry",
    "only operators see and make users",
    "you cannot grant operator",
    "the alarm is somebody else's",
    "the device 'north-device' is somebody else's",
)
# What a member does with what that member made, and an administrator with all there is.
_MAKERS: Final = {
    "PUT /api/v1/alarms/{alarm_id}",
    "DELETE /api/v1/alarms/{alarm_id}",
    "POST /api/v1/alerts/{fingerprint}/snooze",
    "DELETE /api/v2/metadata/devices/{device_code}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Who calls, by name; and the ids of what the tenant `north` has."""

    callers: Mapping[str, httpx.AsyncClient]
    world: Mapping[str, str]

    async def call(self, caller: str, row: Row) -> httpx.Response:
        """Call a row with the ids of the tenant `north`."""
        path = row.path(self.world).replace("{model_id}", "fallback/rules")
        return await self.callers[caller].request(row.method, path, **row.options(self.world))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(system: RunningSystem) -> AsyncIterator[House]:
    """Tenants `north` and `south` with an administrator and a user each; `north`'s user owns one of everything."""
    async with AsyncExitStack() as stack:

        async def client(credential: str = "") -> httpx.AsyncClient:
            headers = {"Authorization": f"Bearer {credential}"} if credential else {}
            made = httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS)
            return await stack.enter_async_context(made)

        callers = {"anonymous": await client(), "operator": await client(system.key)}
        world = {"tenant": "north", "username": "north.user", "password": PASSWORD}
        for tenant, roles in _PEOPLE.items():
            for role in roles:
                scopes = ["admin"] if role == "admin" else _MEMBERS
                name = f"{tenant}.{role}"
                wish = {"username": name, "password": PASSWORD, "tenant_id": tenant, "scopes": scopes}
                user = await sent(callers["operator"], "POST", "/api/v1/users", json=wish)
                signing = {"username": name, "password": PASSWORD}
                pair = await sent(callers["anonymous"], "POST", "/api/v2/auth/login", json=signing)
                callers[name] = await client(pair["data"]["access_token"])
                if name == "north.user":
                    # The session that the matrix signs out of is not the one that it asks with.
                    other = await sent(callers["anonymous"], "POST", "/api/v2/auth/login", json=signing)
                    world |= {"user": user["id"], "refresh": other["data"]["refresh_token"]}
        for scope in _MEMBERS:
            key = await sent(
                callers["north.user"], "POST", "/api/v1/keys", json={"name": f"only {scope}", "scopes": [scope]}
            )
            callers[scope] = await client(key["key"])
        yield House(
            callers=callers, world={**world, **await possessions(callers["north.user"], callers["north.admin"])}
        )


async def possessions(user: httpx.AsyncClient, admin: httpx.AsyncClient) -> dict[str, str]:
    """Make one of everything that has an id; return the ids."""
    conversation = (await sent(user, "POST", "/api/v1/conversations", json={"title": "north's own"}))["id"]
    question = {"content": "north's own question", "pictures": [{"data": base64.b64encode(png()).decode()}]}
    asked = await user.post(f"/api/v1/conversations/{conversation}/stream", json=question)
    told = await sent(user, "GET", f"/api/v1/conversations/{conversation}/messages")
    csv = "timestamp,temp,label\n" + "".join(
        f"2026-01-01T00:{row // 60:02d}:{row % 60:02d}Z,{MEASURED},{row // 300 % 2}\n" for row in range(1200)
    )
    query = {"device_code": "north-device", "model_code": "north-model", "create": "true"}
    await sent(user, "POST", "/api/v2/data/ingest", params=query, content=csv, headers={"Content-Type": "text/csv"})
    wish = {"model_code": "north-model", "device_codes": ["north-device"], "window_size": 20, "label_column": "label"}
    dataset = await sent(user, "POST", "/api/v2/ai/features/dataset", json=wish)
    devices = {"device_codes": ["north-device"]}
    detected = await sent(user, "POST", "/api/v2/ai/anomalies", json=devices)
    personality = {"name": "north's own", "prompt": "north's own words"}
    template = {"name": "north's own", "content": "north's own {{x}}"}
    budget = {"scope": "total", "limit": "1000"}
    channel = {
        "name": "north's own",
        "kind": "webhook",
        "url": "https://hook.invalid/hook",
        "secret": "north's own secret",
    }
    alarm = {"name": "north's own", "watch": "no_data", "device_codes": ["north-device"], "seconds": 1}
    alarm_id = (await sent(user, "POST", "/api/v1/alarms", json=alarm))["id"]
    return {
        "conversation": conversation,
        "picture": told["messages"][0]["pictures"][0]["id"],
        "stream": asked.headers["x-stream-id"],
        "client": (await sent(user, "POST", "/api/v1/clients", json={"name": "north's own"}))["id"],
        "key": (await sent(user, "POST", "/api/v1/keys", json={"name": "north's own"}))["id"],
        "device": "north-device",
        "model": "north-model",
        "dataset": dataset["data"]["dataset_id"],
        "detector": detected["data"]["detector_id"],
        "personality": (await sent(admin, "POST", "/api/v1/personalities", json=personality))["id"],
        "template": (await sent(admin, "POST", "/api/v1/templates", json=template))["id"],
        "budget": (await sent(admin, "POST", "/api/v1/budgets", json=budget))["id"],
        "alarm": alarm_id,
        "alert": await firing(user, alarm_id),
        "channel": (await sent(admin, "POST", "/api/v1/channels", json=channel))["id"],
    }


async def firing(client: httpx.AsyncClient, alarm_id: str) -> str:
    """Return the fingerprint of what an alarm found, once it did."""
    found: list[str] = []

    async def fires() -> bool:
        alerts = (await sent(client, "GET", "/api/v1/alerts?status=firing"))["alerts"]
        found.extend(alert["fingerprint"] for alert in alerts if alert["rule_id"] == alarm_id)
        return bool(found)

    await until_true(fires)
    return found[0]


async def sent(client: httpx.AsyncClient, method: str, path: str, **options: Any) -> Any:
    response = await client.request(method, path, **options)
    assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
    return response.json()


_SEEN_BY: Final = {
    "north.user": (
        "/api/v1/conversations", "/api/v1/conversations/{conversation}", "/api/v1/streams/{stream}", "/api/v1/clients",
        "/api/v1/keys/{key}/policy", "/api/v2/metadata/devices", "/api/v2/metadata/models", "/api/v2/ai/datasets",
        "/api/v2/data/query/history?device_code={device}&limit=5000", "/api/v1/engines",
    ),
    "north.admin": (
        "/api/v1/keys", "/api/v1/users", "/api/v1/budgets", "/api/v1/personalities", "/api/v1/templates",
        "/api/v1/prices?provider=openai",
    ),
    "south.admin": ("/api/v1/keys", "/api/v1/users", "/api/v1/budgets", "/api/v2/metadata/devices"),
    "operator": ("/api/v1/users", "/api/v1/keys", "/api/v1/users?tenant_id=far"),
}  # fmt: skip


async def state(house: House) -> dict[tuple[str, str], Any]:
    """Return everything that somebody could have changed, as those see it whose it is."""
    found: dict[tuple[str, str], Any] = {}
    for caller, paths in _SEEN_BY.items():
        for path in paths:
            body = await sent(house.callers[caller], "GET", path.format(**house.world))
            found[caller, path] = {name: value for name, value in body.items() if name != "execution_time"}
    return found


def lacks(caller: str, needs: str) -> bool:
    """Whether the scopes of `caller` do not reach as far as `needs`."""
    if needs in {"", OPEN}:
        return False
    if needs in {"operator", SCRAPED}:
        return caller != "operator"
    if needs == "admin":
        return not caller.endswith("admin") and caller != "operator"
    return caller in MEMBER and caller != needs


def refusal(caller: str, row: Row) -> int | None:
    """Return the status with which `caller` has to be refused; None where it may call."""
    if row.needs == OPEN or (row.needs == SCRAPED and caller == "anonymous"):
        return None
    if caller == "anonymous":
        return 401
    if lacks(caller, row.needs):
        return 403
    if caller == FELLOW and row.route in _MAKERS:
        return 403
    return 404 if row.names and not reaches(caller, row) else None


def reaches(caller: str, row: Row) -> bool:
    """Whether what the row names is there for `caller`, who has the scope."""
    if "/keys/" in row.route:  # the key has every scope of its user, and each narrow key one
        return caller in {"north.user", "north.admin"}
    if "/users/" in row.route:
        return caller in {"north.admin", "operator"}
    ours = {"north.user", *MEMBER} if row.names == USERS else {"north.user", "north.admin", FELLOW, *MEMBER}
    return caller in ours


async def test_every_operation_of_the_openapi_page_has_a_row(house: House) -> None:
    page = (await house.callers["anonymous"].get("/openapi.json")).json()
    described = {f"{method.upper()} {path}" for path, operations in page["paths"].items() for method in operations}
    assert described - {row.route for row in ROWS} == set(), "routes without a row in tests/e2e/tenant_matrix.py"
    assert {row.route for row in ROWS} - described == set(), "rows without a route"


async def test_whoever_may_not_is_refused_everywhere_and_nothing_changes(house: House) -> None:
    before, wrong, refused = await state(house), [], 0
    for row in ROWS:
        for caller in house.callers:
            expected = refusal(caller, row)
            if expected is None:
                continue
            answer = await house.call(caller, row)
            refused += 1
            # For want of a scope the gateway refuses by itself, not only the service behind it.
            early = expected != 403 or any(words in answer.text for words in _GATEWAYS_WORDS)
            if answer.status_code != expected or not early or MEASURED in answer.text:
                wrong.append(f"{caller}: {row.route} {answer.status_code}, not {expected}: {answer.text[:120]}")
    assert wrong == []
    assert refused > 500
    assert await state(house) == before


async def test_lists_and_sums_hold_nothing_of_another_tenant(house: House) -> None:
    secrets = {
        house.world[name]
        for name in (
            "conversation",
            "stream",
            "client",
            "key",
            "user",
            "budget",
            "dataset",
            "detector",
            "personality",
            "template",
        )
    } | {"north.user", "north-device", "north-model", "north's own", MEASURED}
    asked = 0
    for row in ROWS:
        if row.method != "GET" or row.names or row.route.startswith("GET /ready"):
            continue
        for caller in ("south.admin", "south.user", "operator"):
            if lacks(caller, row.needs):
                continue
            answer = await house.call(caller, row)
            assert answer.is_success, (caller, row.route, answer.text)
            assert not [secret for secret in secrets if secret in answer.text], (caller, row.route)
            asked += 1
    assert asked > 40


async def test_lists_hold_nothing_of_another_user_of_the_tenant(house: House) -> None:
    secrets = {house.world[name] for name in _OF_ONE_USER} | {"north's own question"}
    asked = 0
    for row in ROWS:
        if row.method != "GET" or row.names or lacks(FELLOW, row.needs):
            continue
        answer = await house.call(FELLOW, row)
        asked += answer.status_code == 200
        assert [secret for secret in secrets if secret in answer.text] == [], row.route
    assert asked > 10


async def test_a_tool_over_mcp_reads_no_device_of_another_tenant(house: House) -> None:
    row = next(row for row in ROWS if row.route == "POST /mcp")
    for caller, knows in (("north.user", True), ("telemetry:read", True), ("south.user", False), ("operator", False)):
        answer = await house.call(caller, row)
        assert answer.status_code == 200
        assert (MEASURED in answer.text) == knows, (caller, answer.text)


@pytest.mark.parametrize("path", ["/api/v1/ws/conversations/{conversation}", "/api/v1/ws/clients/{client}"])
async def test_a_socket_opens_for_nobody_else(house: House, system: RunningSystem, path: str) -> None:
    url = system.url.replace("http", "ws") + path.format(**house.world)
    for caller, client in house.callers.items():
        headers = {"Authorization": client.headers.get("Authorization", "")}
        if caller in {"north.user", "chat"}:
            async with connect(url, additional_headers=headers):
                continue
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, additional_headers=headers):
                pass
        status = 401 if caller == "anonymous" else 403 if lacks(caller, "chat") else 404
        assert refused.value.response.status_code == status, caller


async def test_an_answer_kept_for_one_tenant_is_given_to_no_other(house: House) -> None:
    body = {"model": "fallback/rules", "messages": [{"role": "user", "content": "say something to keep"}]}
    ids = []
    for caller in ("north.user", "north.user", "south.user"):
        headers = {"Idempotency-Key": "one-for-both"}
        answer = await house.callers[caller].post("/v1/chat/completions", json=body, headers=headers)
        assert answer.status_code == 200
        ids.append(answer.json()["id"])
    assert ids[0] == ids[1] != ids[2]


async def test_whoever_may_is_let_in_everywhere(house: House) -> None:
    """The control of the others: with the same requests each rightful caller succeeds. It ends what `north` has."""
    wrong = []
    for row in sorted(ROWS, key=lambda row: row.last):
        caller = row.by or rightful(row.needs)
        answer = await house.call(caller, row)
        if answer.status_code not in row.status:
            wrong.append(f"{caller}: {row.route} {answer.status_code}, not {row.status}: {answer.text[:120]}")
    assert wrong == []


def rightful(needs: str) -> str:
    """Return who may do just enough; what writes telemetry reads it too."""
    others = {"admin": "north.admin", "operator": "operator", "telemetry:write": "north.user"}
    return others.get(needs) or (needs if needs in MEMBER else "anonymous")
