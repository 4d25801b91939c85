"""What the recorder makes of a request: which are acts, what an entry says, and what an outage of the store costs."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from structlog.testing import capture_logs

from gateway.audit.entry import ACTIONS, AuditEntry
from gateway.audit.recorder import AuditRecorder
from gateway.auth.identity import User
from gateway.auth.scope import MEMBER_SCOPES
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import Unavailable
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ADA = User(
    id="user_ada", tenant_id="acme", username="ada", password_hash="", scopes=MEMBER_SCOPES, active=True,
    create_time=NOW,
)  # fmt: skip
CALLER = Caller(user_id="user_ada", tenant_id="acme", key_id="key_1")
NOBODY = Caller(user_id="", tenant_id="")
# What changes something and is no act: data, questions, sessions, and what is only looked up.
NO_ACTS = {
    "DELETE /api/v1/clients/{client_id}", "DELETE /api/v1/conversations/{conversation_id}",
    "PATCH /api/v1/conversations/{conversation_id}", "POST /api/v1/alertmanager", "POST /api/v1/cache/warmup",
    "POST /api/v1/clients", "POST /api/v1/clients/{client_id}/ticket", "POST /api/v1/conversations",
    "POST /api/v1/conversations/{conversation_id}/stream",
    "POST /api/v1/conversations/{conversation_id}/stream-debug",
    "POST /api/v1/conversations/{conversation_id}/ticket", "POST /api/v1/llm/parse",
    "POST /api/v1/streams/{stream_id}/stop", "POST /api/v1/streams/{stream_id}/ticket", "POST /api/v2/ai/anomalies",
    "POST /api/v2/ai/features/dataset", "POST /api/v2/ai/features/extract", "POST /api/v2/auth/login",
    "POST /api/v2/auth/logout", "POST /api/v2/auth/oidc/session", "POST /api/v2/auth/refresh",
    "POST /api/v2/data/ingest", "POST /api/v2/data/query/history", "POST /api/v2/data/query/realtime",
    "POST /api/v2/write", "POST /api/v3/write_lp",
    "POST /mcp", "POST /query", "POST /v1/chat/completions", "POST /v1/dashboard/ticket",
    "POST /v1/embeddings", "POST /v1/messages", "POST /v1/messages/count_tokens", "POST /v1/responses", "POST /write",
}  # fmt: skip


class Store:
    """Keeps entries, or is away."""

    def __init__(self, *, away: bool = False, users: Mapping[tuple[str, str], tuple[str, str]] | None = None) -> None:
        self.away = away
        self.users = users or {}
        self.entries: list[AuditEntry] = []
        self.asked: list[tuple[str, str]] = []
        self.pruned = asyncio.Event()
        self.pruned_at: list[datetime] = []

    async def append(self, entry: AuditEntry) -> None:
        if self.away:
            raise Unavailable("the database cannot be used", reason="STORAGE_UNAVAILABLE")
        self.entries.append(entry)

    async def user_named(self, username: str, tenant_id: str = "") -> tuple[str, str] | None:
        self.asked.append((username, tenant_id))
        return self.users.get((username, tenant_id))

    async def prune(self, now: datetime) -> None:
        self.pruned_at.append(now)
        self.pruned.set()


def scope(method: str, path: str, **parameters: str) -> dict[str, Any]:
    whole = path.format(**parameters)
    route = SimpleNamespace(path=path)
    return {
        "type": "http", "method": method, "path": whole, "route": route, "path_params": parameters,
        "client": ("10.0.0.1", 5),
    }  # fmt: skip


async def answer(
    store: Store,
    asked: dict[str, Any],
    *,
    status: int = 201,
    body: bytes = b"{}",
    caller: Caller = CALLER,
    sends: bytes = b"",
    recorder: AuditRecorder | None = None,
) -> list[Mapping[str, Any]]:
    """Answer a request under the recorder; return what was sent."""
    untyped: Any = store
    sent: list[Mapping[str, Any]] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def send(message: Any) -> None:
        sent.append({**message, "entries": len(store.entries)})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": sends}

    with use_context(CallContext(request_id="req_1", caller=caller)):
        recorder = recorder or AuditRecorder(untyped, ManualClock(start=NOW))
        await recorder.around(app)(asked, receive, send)
    return sent


async def test_an_act_is_written_down_before_its_answer_begins() -> None:
    store = Store()
    asked = scope("POST", "/api/v1/keys/{key_id}/rotate", key_id="key_2")
    sent = await answer(store, asked, body=b'{"id": "key_2", "key": "psk_secret", "name": "ci"}')
    assert [(each["type"], each["entries"]) for each in sent] == [
        ("http.response.start", 1), ("http.response.body", 1),
    ]  # fmt: skip
    assert store.entries == [
        AuditEntry(
            time=NOW, tenant_id="acme", user_id="user_ada", key_id="key_1", address="10.0.0.1", request_id="req_1",
            action="key.rotate", target="key_2", outcome="done", details={"id": "key_2", "name": "ci"},
        )
    ]  # fmt: skip


async def test_an_act_that_cannot_be_written_down_is_answered_and_is_a_line_of_the_log() -> None:
    store = Store(away=True)
    with capture_logs() as logged:
        sent = await answer(store, scope("POST", "/api/v1/keys"))
    assert [(each["type"], each.get("status")) for each in sent] == [
        ("http.response.start", 201), ("http.response.body", None),
    ]  # fmt: skip
    assert [(line["log_level"], line["event"], line["path"], line["reason"]) for line in logged] == [
        ("error", "an act is not in the audit log", "/api/v1/keys", "STORAGE_UNAVAILABLE")
    ]


@pytest.mark.parametrize(
    ("status", "outcomes"), [(200, ["done"]), (299, ["done"]), (300, []), (403, ["refused"]), (401, []), (404, [])]
)
async def test_what_was_done_and_what_a_right_was_missing_for_are_acts(status: int, outcomes: list[str]) -> None:
    store = Store()
    await answer(store, scope("DELETE", "/api/v1/keys/{key_id}", key_id="key_2"), status=status, body=b'{"id": "x"}')
    assert [entry.outcome for entry in store.entries] == outcomes
    assert [(entry.target, entry.details) for entry in store.entries if entry.outcome == "refused"] in ([], [("", {})])


async def test_of_refusals_the_first_hundred_of_a_user_in_an_hour_are_recorded_and_all_that_is_done() -> None:
    store, clock = Store(), ManualClock(start=NOW)
    recorder = AuditRecorder(cast("Any", store), clock)

    async def ask(times: int, status: int, caller: Caller = CALLER) -> int:
        before = len(store.entries)
        for _ in range(times):
            await answer(store, scope("POST", "/api/v1/keys"), status=status, caller=caller, recorder=recorder)
        return len(store.entries) - before

    assert await ask(101, 403) == 100
    assert await ask(1, 403, replace(CALLER, key_id="key_2")) == 0, "another key of the same user"
    assert await ask(1, 403, replace(CALLER, user_id="user_bob")) == 1
    assert await ask(101, 201) == 101
    clock.advance(3601)
    assert await ask(101, 403) == 100


async def test_an_act_with_a_long_answer_says_of_it_what_one_with_a_short_does() -> None:
    store = Store()
    body = orjson.dumps({"id": "persona_1", "name": "calm", "prompt": "x" * 100_000})
    await answer(store, scope("POST", "/api/v1/personalities"), body=body)
    assert [entry.details for entry in store.entries] == [{"id": "persona_1", "name": "calm"}]


async def test_nobodys_requests_and_reads_are_no_acts() -> None:
    store = Store()
    await answer(store, scope("POST", "/api/v1/keys"), caller=NOBODY)
    await answer(store, scope("GET", "/api/v1/keys"))
    await answer(store, scope("POST", "/api/v1/conversations"))
    assert store.entries == []


async def sign_in(store: Store, user: User | None, action: str = "", **details: str) -> None:
    untyped: Any = store
    with use_context(CallContext(request_id="req_1", caller=NOBODY)):
        recorder = AuditRecorder(untyped, ManualClock(start=NOW))
        await recorder.record_sign_in(scope("GET", "/auth/oidc/callback"), user, action, details)


async def test_after_many_entries_the_log_is_shortened_before_its_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.audit.recorder._PRUNE_ENTRIES", 3)
    store = Store()
    recorder = AuditRecorder(cast("Any", store), ManualClock(start=NOW))
    async with recorder.running(), asyncio.timeout(HANG_SECONDS):
        for _ in range(3):
            await store.pruned.wait()
            store.pruned.clear()
            for _ in range(3):
                await answer(store, scope("POST", "/api/v1/keys"), recorder=recorder)
    assert len(store.pruned_at) >= 3


async def test_a_sign_in_of_somebody_unknown_that_failed_is_the_operators_to_read() -> None:
    store = Store()
    await sign_in(store, None)
    assert store.entries == [
        AuditEntry(
            time=NOW, tenant_id="default", user_id="", key_id="", address="10.0.0.1", request_id="req_1",
            action="sign_in.fail", target="", outcome="refused",
        )
    ]  # fmt: skip


async def test_what_a_sign_in_did_to_a_user_is_the_tenants_to_read() -> None:
    store = Store()
    await sign_in(store, ADA, "user.update", scopes="chat")
    await sign_in(store, ADA)
    told = [(entry.tenant_id, entry.user_id, entry.target, entry.action, entry.outcome) for entry in store.entries]
    assert told == [
        ("acme", "user_ada", "user_ada", "user.update", "done"),
        ("acme", "user_ada", "user_ada", "sign_in.fail", "refused"),
    ]
    assert [entry.details for entry in store.entries] == [{"scopes": "chat"}, {}]


async def test_a_sign_in_that_cannot_be_written_down_goes_on_and_is_a_line_of_the_log() -> None:
    with capture_logs() as logged:
        await sign_in(Store(away=True), ADA, "user.create")
    assert [(line["event"], line["path"]) for line in logged] == [
        ("an act is not in the audit log", "/auth/oidc/callback")
    ]


async def test_a_login_with_a_body_that_is_no_login_is_written_down_too() -> None:
    store = Store()
    await answer(store, scope("POST", "/api/v2/auth/login"), status=401, caller=NOBODY)
    assert [(entry.action, entry.tenant_id, entry.outcome) for entry in store.entries] == [
        ("sign_in.fail", "default", "refused")
    ]


def test_whatever_changes_something_is_an_act_or_known_to_be_none() -> None:
    paths = orjson.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_bytes())["paths"]
    changing = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} & {
        f"{method} {path}" for path in paths for method in ("POST", "PUT", "PATCH", "DELETE")
    }
    assert {" ".join(action) for action in ACTIONS} == changing - NO_ACTS


def test_an_acts_word_says_what_was_done() -> None:
    words = {"POST": "create", "PUT": "update", "DELETE": "delete"}
    odd = {action: name for action, name in ACTIONS.items() if name.partition(".")[2] != words[action[0]]}
    assert odd == {
        ("POST", "/api/v2/auth/password"): "password.change",
        ("POST", "/api/v1/keys/{key_id}/rotate"): "key.rotate",
        ("PUT", "/api/v1/keys/{key_id}/policy"): "key.limit",
        ("POST", "/api/v1/channels/{channel_id}/test"): "channel.test",
        ("POST", "/api/v1/alerts/{fingerprint}/acknowledge"): "alert.acknowledge",
        ("POST", "/api/v1/alerts/{fingerprint}/snooze"): "alert.snooze",
        ("POST", "/api/v1/llm/reload"): "configuration.reload",
        ("DELETE", "/api/v1/cache"): "cache.clear",
        ("DELETE", "/api/v1/cache/semantic"): "cache.clear",
        ("PUT", "/api/v1/engines/current"): "engine.choose",
    }


@pytest.mark.parametrize(
    ("asked", "wrapped"),
    [
        ({"type": "http", "method": "POST", "path": "/api/v1/keys"}, True),
        ({"type": "http", "method": "DELETE", "path": "/api/v1/keys/key_2"}, True),
        ({"type": "http", "method": "POST", "path": "/api/v2/auth/login"}, True),
        ({"type": "http", "method": "GET", "path": "/api/v1/keys"}, False),
        ({"type": "http", "method": "HEAD", "path": "/api/v1/keys"}, False),
        ({"type": "http", "method": "POST", "path": "/v1/chat/completions"}, False),
        ({"type": "websocket", "path": "/api/v1/keys"}, False),
    ],
)
async def test_only_what_may_be_an_act_is_looked_at_and_everything_else_passes_as_it_is(
    asked: dict[str, Any], wrapped: bool
) -> None:
    untyped: Any = Store()
    seen: list[bool] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(_message: Any) -> None:
        return None

    async def app(passed: Any, receiving: Any, sending: Any) -> None:
        seen.append(passed is asked and (receiving is receive) is (sending is send) is not wrapped)

    await AuditRecorder(untyped, ManualClock(start=NOW)).around(app)(asked, receive, send)
    assert seen == [True]


@pytest.mark.parametrize("status", [200, 400, 422, 429, 503])
async def test_only_a_login_with_a_wrong_name_or_password_is_a_failed_sign_in(status: int) -> None:
    store = Store()
    await answer(store, scope("POST", "/api/v2/auth/login"), status=status, caller=NOBODY)
    assert store.entries == []


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ({"username": "ada"}, [("ada", "")]),
        ({"username": "ada", "tenant_id": "acme"}, [("ada", "acme")]),
        ({"username": "acme/ada"}, [("ada", "acme")]),
        ({"username": "ada", "tenant_id": ["acme"]}, [("ada", "")]),
        ({"username": ["ada"]}, []),
    ],
)
async def test_a_failed_sign_in_is_its_tenants_where_the_name_says_whose_it_is(
    body: dict[str, Any], asked: list[tuple[str, str]]
) -> None:
    store = Store(users={("ada", "acme"): ("user_ada", "acme"), ("ada", ""): ("user_only", "globex")})
    await answer(store, scope("POST", "/api/v2/auth/login"), status=401, caller=NOBODY, sends=orjson.dumps(body))
    expected = [store.users[name] for name in asked] or [("", "default")]
    assert store.asked == asked
    assert [(entry.user_id, entry.tenant_id) for entry in store.entries] == expected
    assert [(entry.target, entry.action, entry.key_id) for entry in store.entries] == [
        (expected[0][0], "sign_in.fail", "")
    ]


async def test_only_an_operators_act_is_in_the_log_of_the_tenant_that_its_answer_names() -> None:
    store = Store()
    told = b'{"id": "user_2", "tenant_id": "globex"}'
    await answer(store, scope("POST", "/api/v1/users"), body=told)
    operator = replace(CALLER, scopes=frozenset({"operator"}))
    await answer(store, scope("POST", "/api/v1/users"), body=told, caller=operator)
    assert [entry.tenant_id for entry in store.entries] == ["acme", "globex"]


async def test_old_entries_are_deleted_while_the_recorder_runs_and_nothing_goes_on_after_it() -> None:
    store = Store()
    untyped: Any = store
    before = asyncio.all_tasks()
    async with AuditRecorder(untyped, ManualClock(start=NOW)).running():
        await asyncio.wait_for(store.pruned.wait(), HANG_SECONDS)
        assert {task.get_name() for task in asyncio.all_tasks() - before} == {"audit"}
    assert store.pruned_at == [NOW]
    assert asyncio.all_tasks() == before
