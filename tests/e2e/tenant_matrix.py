"""Every route of the OpenAPI page: what it needs, what it names, and how its rightful caller uses it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

World = Mapping[str, str]
Filled = Callable[[World], Any]

OPEN: Final = "open"
# Open to scrapers on this machine without credentials, and to operators.
SCRAPED: Final = "scraped"
MEMBER: Final = ("chat", "models", "telemetry:read", "telemetry:write", "costs")
ROLES: Final = ("admin", "operator")

# Whose the thing is that a route names: then it is nowhere for everybody else.
USERS: Final = "user's"
TENANTS: Final = "tenant's"
PARAMETERS: Final = {
    "conversation_id": "conversation", "stream_id": "stream", "client_id": "client", "key_id": "key",
    "user_id": "user", "budget_id": "budget", "device_code": "device", "model_code": "model", "dataset_id": "dataset",
    "alarm_id": "alarm", "fingerprint": "alert", "channel_id": "channel", "picture_id": "picture",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way to call a route. `needs` is a scope, a role, ``""`` for any known caller, OPEN or SCRAPED.

    `names` says whose the thing is that the request names; `status` are the answers to its rightful caller. `last` is
    what ends something that other rows need.
    """

    route: str
    needs: str
    names: str = ""
    identity: str = ""
    json: Filled | None = None
    query: Filled | None = None
    content: str = ""
    status: tuple[int, ...] = (200,)
    last: int = 0
    by: str = ""

    @property
    def method(self) -> str:
        """Return the HTTP method."""
        return self.route.partition(" ")[0]

    def path(self, world: World) -> str:
        """Return the path with the ids of `world`."""
        path = self.route.partition(" ")[2]
        for parameter, name in PARAMETERS.items():
            path = path.replace("{" + parameter + "}", world[name])
        return path.replace("{identity}", world.get(self.identity, ""))

    def options(self, world: World) -> dict[str, Any]:
        """Return what an HTTP client sends beside method and path."""
        options: dict[str, Any] = {}
        if self.json is not None:
            options["json"] = self.json(world)
        if self.query is not None:
            options["params"] = self.query(world)
        if self.content:
            options |= {"content": self.content, "headers": {"Content-Type": "text/csv"}}
        return options


def same(value: Any) -> Filled:
    """Return what gives `value` whatever the world."""
    return lambda world: value


_ASK: Final = same({"content": "hello"})
_CHAT: Final = same({"model": "fallback/rules", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 50})
_TEXT: Final = {"model": "fallback/rules", "input": "hello"}
_PRICE: Final = same({"provider": "openai", "model": "matrix", "input": "1", "output": "1"})
_TOTAL: Final = {"scope": "total", "limit": "900"}
_ALARM: Final = same({"name": "silent", "watch": "no_data", "device_codes": ["north-device"], "seconds": 1})
_CHANNEL: Final = same({"name": "hook", "kind": "webhook", "url": "https://hook.invalid/hook"})
_POINT: Final = "machines,device=made temp=1 1767312000000000000"
_CSV: Final = "timestamp,temp\n2026-01-03T00:00:00Z,1\n"


def _of_device(world: World) -> dict[str, Any]:
    return {"device_code": world["device"]}


def _of_model(world: World) -> dict[str, Any]:
    return {"model_code": world["model"]}


def _windows(world: World) -> dict[str, Any]:
    return {"model_code": world["model"], "device_code": world["device"], "window_size": 20}


def _dataset(world: World) -> dict[str, Any]:
    codes = {"model_code": world["model"], "device_codes": [world["device"]]}
    return {**codes, "window_size": 20, "label_column": "label"}


def _anomalies(world: World) -> dict[str, Any]:
    return {"model_code": world["model"], "device_codes": [world["device"]], "window_size": 20}


def _call_tool(world: World) -> dict[str, Any]:
    call = {"name": "device_statistics", "arguments": {"device_code": world["device"]}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}


def _user(suffix: str, **fields: Any) -> Filled:
    password = "four unlikely words here"
    return lambda world: {"username": f"{world['tenant']}.{suffix}", "password": password, **fields}


def _crud(path: str, noun: str, **fields: str) -> tuple[Row, ...]:
    one, body = f"{path}/{{identity}}", same({"name": "changed", **fields})
    return (
        Row(route=f"POST {path}", needs="admin", json=body, status=(201,)),
        Row(route=f"GET {path}", needs="chat"),
        Row(route=f"GET {one}", needs="chat", names=TENANTS, identity=noun),
        Row(route=f"PUT {one}", needs="admin", names=TENANTS, identity=noun, json=body),
        Row(route=f"DELETE {one}", needs="admin", names=TENANTS, identity=noun, status=(204,), last=1),
    )


_CONVERSATION: Final = "/api/v1/conversations/{conversation_id}"
_STREAM: Final = "/api/v1/streams/{stream_id}"
_KEY: Final = "/api/v1/keys/{key_id}"
_DEVICE: Final = "/api/v2/metadata/devices/{device_code}"
_MODEL: Final = "/api/v2/metadata/models/{model_code}"
_DATASET: Final = "/api/v2/ai/datasets/{dataset_id}"
_ALARM_ID, _ALERT, _CHANNEL_ID = (
    "/api/v1/alarms/{alarm_id}",
    "/api/v1/alerts/{fingerprint}",
    "/api/v1/channels/{channel_id}",
)
READ, WRITE = "telemetry:read", "telemetry:write"

ROWS: Final[tuple[Row, ...]] = (
    Row(route="GET /health", needs=OPEN),
    Row(route="GET /ready", needs=OPEN),
    Row(route="GET /ready/gateway", needs=OPEN),
    Row(route="GET /metrics", needs=SCRAPED),
    Row(route="GET /api/v2/metrics", needs=SCRAPED),
    Row(
        route="POST /api/v2/auth/login",
        needs=OPEN,
        json=lambda world: {"username": world["username"], "password": world["password"]},
    ),
    Row(route="POST /api/v2/auth/refresh", needs=OPEN, json=lambda world: {"refresh_token": world["refresh"]}),
    Row(route="POST /api/v2/auth/logout", needs=OPEN, json=lambda world: {"refresh_token": world["refresh"]}),
    Row(route="GET /api/v2/auth/methods", needs=OPEN),
    # The system of the matrix has no issuer.
    Row(route="POST /api/v2/auth/oidc/session", needs=OPEN, status=(412,)),
    Row(route="GET /api/v2/auth/me", needs="", by="north.user"),
    Row(
        route="POST /api/v2/auth/password",
        needs="",
        by="north.user",
        json=lambda world: {"current_password": world["password"], "new_password": "other words were likelier"},
        last=9,
    ),
    Row(route="GET /api/v1/keys", needs="", by="north.user"),
    Row(route="POST /api/v1/keys", needs="", by="north.user", json=same({"name": "made"}), status=(201,)),
    Row(route=f"GET {_KEY}", needs="", by="north.user", names=USERS),
    Row(route=f"GET {_KEY}/policy", needs="", by="north.user", names=USERS),
    Row(route=f"PUT {_KEY}/policy", needs="admin", names=TENANTS, json=same({"requests_per_minute": 600})),
    Row(route=f"POST {_KEY}/rotate", needs="", by="north.user", names=USERS, json=same({})),
    Row(route=f"DELETE {_KEY}", needs="", by="north.user", names=USERS, status=(204,), last=1),
    Row(route="GET /api/v1/users", needs="admin"),
    Row(route="GET /api/v1/users", needs="operator", query=same({"tenant_id": "far"})),
    Row(route="POST /api/v1/users", needs="admin", json=_user("made"), status=(201,)),
    Row(route="POST /api/v1/users", needs="operator", json=_user("far", tenant_id="far"), status=(201,)),
    Row(route="POST /api/v1/users", needs="operator", json=_user("op", scopes=["operator"]), status=(201,)),
    Row(route="DELETE /api/v1/users/{user_id}", needs="admin", names=TENANTS, status=(204,), last=9),
    Row(route="POST /api/v1/conversations", needs="chat", json=same({}), status=(201,)),
    Row(route="GET /api/v1/conversations", needs="chat"),
    Row(route=f"GET {_CONVERSATION}", needs="chat", names=USERS),
    Row(route=f"GET {_CONVERSATION}/messages", needs="chat", names=USERS),
    Row(route=f"GET {_CONVERSATION}/pictures/{{picture_id}}", needs="chat", names=USERS),
    Row(route=f"PATCH {_CONVERSATION}", needs="chat", names=USERS, json=same({"title": "changed"})),
    Row(route=f"POST {_CONVERSATION}/stream", needs="chat", names=USERS, json=_ASK),
    Row(route=f"POST {_CONVERSATION}/stream-debug", needs="chat", names=USERS, json=_ASK),
    Row(route=f"POST {_CONVERSATION}/ticket", needs="chat", names=USERS, status=(201,)),
    Row(route=f"DELETE {_CONVERSATION}", needs="chat", names=USERS, status=(204,), last=2),
    Row(route=f"GET {_STREAM}", needs="chat", names=USERS),
    Row(route=f"GET {_STREAM}/events", needs="chat", names=USERS),
    Row(route=f"POST {_STREAM}/stop", needs="chat", names=USERS),
    Row(route=f"POST {_STREAM}/ticket", needs="chat", names=USERS, status=(201,)),
    Row(route="GET /api/v1/health/stream", needs="operator"),
    Row(route="POST /api/v1/clients", needs="chat", json=same({"name": "made"}), status=(201,)),
    Row(route="GET /api/v1/clients", needs="chat"),
    Row(route="POST /api/v1/clients/{client_id}/ticket", needs="chat", names=USERS, status=(201,)),
    Row(route="DELETE /api/v1/clients/{client_id}", needs="chat", names=USERS, status=(204,), last=1),
    Row(route="GET /api/v1/engines", needs="chat"),
    Row(route="PUT /api/v1/engines/current", needs="operator", json=same({"name": "chat_engine"})),
    *_crud("/api/v1/personalities", "personality", prompt="Be brief."),
    *_crud("/api/v1/templates", "template", content="{{x}}"),
    Row(route="GET /v1/models", needs="models"),
    Row(route="GET /v1/models/{model_id}", needs="models"),
    Row(route="POST /v1/chat/completions", needs="models", json=_CHAT),
    Row(route="POST /v1/messages", needs="models", json=_CHAT),
    Row(route="POST /v1/messages/count_tokens", needs="models", json=_CHAT),
    Row(route="POST /v1/responses", needs="models", json=same(_TEXT)),
    Row(route="POST /v1/embeddings", needs="models", json=same(_TEXT)),
    Row(route="POST /api/v1/llm/parse", needs="models", json=same({"prompt": "mean current of WLD001"})),
    Row(route="GET /api/v1/llm/route", needs="models"),
    Row(route="POST /api/v1/llm/reload", needs="operator"),
    Row(route="GET /api/v1/costs/summary", needs="costs", query=same({"group_by": "user"})),
    Row(route="GET /api/v1/costs/ledger", needs="costs"),
    Row(route="GET /api/v1/budgets", needs="costs"),
    Row(route="POST /api/v1/budgets", needs="admin", json=same(_TOTAL), status=(201,)),
    Row(route="PUT /api/v1/budgets", needs="admin", json=same(_TOTAL)),
    Row(
        route="POST /api/v1/budgets",
        needs="admin",
        names=TENANTS,
        json=lambda world: {"scope": "key", "subject": world["key"], "limit": "900"},
        status=(201,),
    ),
    Row(
        route="POST /api/v1/budgets",
        needs="admin",
        names=TENANTS,
        json=lambda world: {"scope": "user", "subject": world["user"], "limit": "900"},
        status=(201,),
    ),
    Row(route="PUT /api/v1/budgets", needs="admin", names=TENANTS, json=lambda ids: {**_TOTAL, "id": ids["budget"]}),
    Row(route="PUT /api/v1/budgets/{budget_id}", needs="admin", names=TENANTS, json=same(_TOTAL)),
    Row(route="DELETE /api/v1/budgets/{budget_id}", needs="admin", names=TENANTS, status=(204,), last=1),
    Row(route="GET /api/v1/prices", needs="costs"),
    Row(route="PUT /api/v1/prices", needs="operator", json=_PRICE),
    Row(route="GET /api/v1/monitoring/providers", needs="operator"),
    Row(route="GET /api/v1/monitoring/metrics/memory", needs="operator"),
    Row(route="GET /v1/dashboard/realtime", needs="admin"),
    Row(route="GET /v1/dashboard/history", needs="admin"),
    Row(route="POST /v1/dashboard/ticket", needs="admin", status=(201,)),
    Row(route="GET /api/v1/cache/stats", needs="operator"),
    Row(route="GET /api/v1/cache/semantic/hits", needs="admin"),
    Row(route="GET /api/v1/cache/semantic/stats", needs="admin"),
    Row(route="DELETE /api/v1/cache/semantic", needs="admin", query=same({"prefix": "matrix"})),
    Row(route="DELETE /api/v1/cache", needs="operator", query=same({"prefix": "matrix:", "shared": "true"})),
    Row(route="DELETE /api/v1/cache", needs="operator", query=same({"prefix": "matrix:"})),
    Row(route="POST /api/v1/cache/warmup", needs="operator"),
    Row(route="POST /api/v2/metadata/models", needs=WRITE, json=same({"model_code": "made"}), status=(200, 201)),
    Row(route="GET /api/v2/metadata/models", needs=READ),
    Row(route=f"GET {_MODEL}", needs=READ, names=TENANTS),
    Row(route=f"PUT {_MODEL}", needs=WRITE, names=TENANTS, json=same({"name": "changed"})),
    Row(route=f"DELETE {_MODEL}", needs=WRITE, names=TENANTS, status=(200, 204), last=4),
    Row(route="POST /api/v2/metadata/devices", needs=WRITE, json=same({"device_code": "made"}), status=(200, 201)),
    Row(route="GET /api/v2/metadata/devices", needs=READ),
    Row(route=f"GET {_DEVICE}", needs=READ, names=TENANTS),
    Row(route=f"PUT {_DEVICE}", needs=WRITE, names=TENANTS, json=same({"name": "changed"})),
    Row(route=f"DELETE {_DEVICE}", needs=WRITE, names=TENANTS, status=(200, 204), last=3),
    Row(
        route="POST /api/v2/data/ingest",
        needs=WRITE,
        names=TENANTS,
        content=_CSV,
        query=lambda world: {"device_code": world["device"], "model_code": world["model"]},
    ),
    Row(route="GET /api/v2/data/query/history", needs=READ, names=TENANTS, query=_of_device),
    Row(route="POST /api/v2/data/query/history", needs=READ, names=TENANTS, json=_of_device),
    Row(route="POST /api/v2/data/query/realtime", needs=READ, names=TENANTS, json=_of_model),
    Row(route="GET /api/v2/data/statistics", needs=READ, names=TENANTS, query=_of_device),
    Row(route="POST /api/v2/ai/features/extract", needs=READ, names=TENANTS, json=_windows),
    Row(route="GET /api/v2/ai/plot", needs=READ, names=TENANTS, query=_of_device),
    Row(route="GET /api/v2/ai/features/stats", needs=READ, names=TENANTS, query=_of_model),
    Row(route="POST /api/v2/ai/anomalies", needs=READ, names=TENANTS, json=_anomalies),
    Row(
        route="POST /api/v2/ai/anomalies",
        needs=READ,
        names=TENANTS,
        json=lambda world: {"detector_id": world["detector"]},
    ),
    Row(route="POST /api/v2/ai/features/dataset", needs=WRITE, names=TENANTS, json=_dataset),
    Row(route="GET /api/v2/ai/datasets", needs=READ),
    Row(route=f"GET {_DATASET}", needs=READ, names=TENANTS),
    Row(route=f"GET {_DATASET}/manifest", needs=READ, names=TENANTS),
    Row(route=f"GET {_DATASET}/download", needs=READ, names=TENANTS),
    Row(route=f"DELETE {_DATASET}", needs=WRITE, names=TENANTS, status=(200, 204), last=1),
    Row(route="POST /mcp", needs=READ, json=_call_tool),
    Row(route="GET /v1/dashboard/realtime", needs="admin"),
    Row(route="GET /v1/dashboard/history", needs="admin"),
    Row(route="POST /v1/dashboard/ticket", needs="admin", status=(201,)),
    Row(route="GET /ping", needs=OPEN, status=(204,)),
    Row(route="GET /query", needs="", by="north.user", query=same({"q": "SHOW DATABASES"})),
    Row(route="POST /query", needs="", by="north.user", query=same({"q": "SHOW DATABASES"})),
    Row(route="POST /write", needs=WRITE, content=_POINT, status=(204,)),
    Row(route="POST /api/v2/write", needs=WRITE, content=_POINT, status=(204,)),
    Row(route="POST /api/v3/write_lp", needs=WRITE, content=_POINT, status=(204,)),
    Row(route="GET /api/v1/alarms", needs=READ),
    Row(route="POST /api/v1/alarms", needs=WRITE, json=_ALARM, status=(201,)),
    Row(route=f"GET {_ALARM_ID}", needs=READ, names=TENANTS),
    Row(route=f"PUT {_ALARM_ID}", needs=WRITE, names=TENANTS, json=_ALARM),
    Row(route=f"DELETE {_ALARM_ID}", needs=WRITE, names=TENANTS, status=(204,), last=1),
    Row(route="GET /api/v1/alerts", needs=READ),
    Row(route=f"POST {_ALERT}/acknowledge", needs=WRITE, names=TENANTS),
    Row(route=f"POST {_ALERT}/snooze", needs=WRITE, names=TENANTS, json=same({"seconds": 60})),
    Row(route="GET /api/v1/channels", needs="admin"),
    Row(route="POST /api/v1/channels", needs="admin", json=_CHANNEL, status=(201,)),
    Row(route=f"PUT {_CHANNEL_ID}", needs="admin", names=TENANTS, json=_CHANNEL),
    # Nobody is told there: the address is for documents.
    Row(route=f"POST {_CHANNEL_ID}/test", needs="admin", names=TENANTS, status=(502,)),
    Row(route=f"DELETE {_CHANNEL_ID}", needs="admin", names=TENANTS, status=(204,), last=1),
    Row(route="GET /api/v1/notifications", needs="admin"),
    Row(route="POST /api/v1/alertmanager", needs="operator", json=same({"alerts": []})),
    Row(route="GET /api/v1/audit", needs="admin"),
    Row(route="GET /api/v1/audit", needs="operator", query=same({"tenant_id": "far"})),
)
