"""Writes an entry for each act before its answer is sent."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType
from typing import Any, Final, cast

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.audit.entry import ACTIONS, SIGN_IN_FAILED, AuditEntry
from gateway.audit.store import AuditStore
from gateway.auth.identity import User
from gateway.auth.kept_answers import REPLAYED_HEADER
from gateway.auth.login_attempts import AttemptLimiter
from gateway.auth.login_name import parse_login_name
from penstock_kit.clock import Clock
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError, ResourceExhausted
from penstock_kit.logging import get_logger
from penstock_kit.supervision import supervise

log = get_logger(__name__)

_REPLAYED: Final = REPLAYED_HEADER.encode()
_LOGIN: Final = "/api/v2/auth/login"
_PREFIXES: Final = tuple(sorted({path.partition("{")[0].rstrip("/") for _, path in ACTIONS} | {_LOGIN}))
_OPERATORS: Final = "default"
_DONE_BELOW: Final = 300
_UNKNOWN, _FORBIDDEN = 401, 403
# Bytes of a login that are looked at.
_LARGEST: Final = 64 * 1024
_LONGEST_VALUE: Final = 200
_PRUNE_SECONDS: Final = 3600.0
# Entries after which the log is shortened before its hour: a flood of acts does not wait for it.
_PRUNE_ENTRIES: Final = 20_000
# Refusals of one user that are recorded in an hour: whoever has any key may ask for what it may not, without end.
_MOST_REFUSALS: Final = 100
_REFUSALS_SECONDS: Final = 3600.0
# What of an answer is told: names and figures, never a key, an address of a channel or a secret.
_TOLD: Final = (
    "id", "name", "username", "scopes", "provider", "model", "scope", "subject", "period", "limit", "kind", "watch",
    "device_code", "model_code", "active", "tenant_id",
)  # fmt: skip


class AuditRecorder:
    """Looks at requests that may be acts, and lets everything else pass untouched.

    An act is recorded when it was done, and when it was refused for want of a right; of refusals the first hundred of
    a user in an hour. One that can't be recorded is a line in the log: it is done already.
    """

    def __init__(self, store: AuditStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._refusals = AttemptLimiter(clock=clock, limit=_MOST_REFUSALS, window=_REFUSALS_SECONDS)
        self._appended = 0
        self._many = asyncio.Event()

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return `app` with its acts recorded."""

        async def audited(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"} or not scope["path"].startswith(_PREFIXES):
                await app(scope, receive, send)
                return
            request = _Request(self, scope, receive, send)
            await app(scope, request.receive, request.send)

        return audited

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Delete old entries once an hour, and after many new ones, until the block ends."""
        task = asyncio.create_task(supervise("audit", self._prune), name="audit")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def record(self, scope: Scope, status: int, asked: bytes, answered: bytes) -> None:
        """Store what a request was, if it was an act."""
        try:
            entry = await self._entry(scope, status, asked, answered)
            if entry is not None:
                await self._append(entry)
        except PenstockError as error:
            log.error("an act is not in the audit log", path=scope["path"], reason=error.reason, detail=error.message)

    async def _entry(self, scope: Scope, status: int, asked: bytes, answered: bytes) -> AuditEntry | None:
        if scope["path"] == _LOGIN:
            return await self._failed_sign_in(scope, asked) if status == _UNKNOWN else None
        action = ACTIONS.get((scope["method"], getattr(scope.get("route"), "path", "")))
        if action is None or (status >= _DONE_BELOW and status != _FORBIDDEN):
            return None
        done = status < _DONE_BELOW
        caller = current_context().caller
        if not caller.user_id or not (done or self._is_told(caller.user_id)):
            return None
        details = _details(answered if done else b"")
        return AuditEntry(
            time=self._clock.now(),
            # What an operator makes in another tenant is that tenant's affair.
            tenant_id=details.get("tenant_id", caller.tenant_id) if caller.is_operator else caller.tenant_id,
            user_id=caller.user_id,
            key_id=caller.key_id,
            address=_address(scope),
            request_id=current_context().request_id,
            action=action,
            # What a refused request names was looked up by nobody: it may be another tenant's.
            target="/".join(str(value) for value in scope.get("path_params", {}).values()) if done else "",
            outcome="done" if done else "refused",
            details=details,
        )

    def _is_told(self, user_id: str) -> bool:
        """Whether one more refusal of a user is recorded; counts it."""
        try:
            self._refusals.check(user_id)
        except ResourceExhausted:
            return False
        self._refusals.record_failure(user_id)
        return True

    async def _failed_sign_in(self, scope: Scope, asked: bytes) -> AuditEntry:
        """Return the entry of a sign-in that failed, for its tenant; for the operators where that is not certain.

        A name that nobody has may be a password in the wrong field.
        """
        body = _object(asked)
        username, named = body.get("username"), body.get("tenant_id")
        known = None
        if isinstance(username, str):
            name = parse_login_name(username, named if isinstance(named, str) else "")
            known = await self._store.user_named(name.username, name.tenant_id)
        user_id, tenant_id = known or ("", _OPERATORS)
        return AuditEntry(
            time=self._clock.now(),
            tenant_id=tenant_id,
            user_id=user_id,
            key_id="",
            address=_address(scope),
            request_id=current_context().request_id,
            action=SIGN_IN_FAILED,
            target=user_id,
            outcome="refused",
        )

    async def record_sign_in(
        self, scope: Scope, user: User | None, action: str = "", details: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Store what a sign-in through single sign-on did to `user`; without an action, that it failed."""
        entry = AuditEntry(
            time=self._clock.now(),
            tenant_id=user.tenant_id if user else _OPERATORS,
            user_id=user.id if user else "",
            key_id="",
            address=_address(scope),
            request_id=current_context().request_id,
            action=action or SIGN_IN_FAILED,
            target=user.id if user else "",
            outcome="done" if action else "refused",
            details={**details},
        )
        try:
            await self._append(entry)
        except PenstockError as error:
            log.error("an act is not in the audit log", path=scope["path"], reason=error.reason, detail=error.message)

    async def _append(self, entry: AuditEntry) -> None:
        await self._store.append(entry)
        self._appended += 1
        if self._appended >= _PRUNE_ENTRIES:
            self._many.set()

    async def _prune(self) -> None:
        while True:
            self._appended = 0
            self._many.clear()
            with suppress(PenstockError):
                await self._store.prune(self._clock.now())
            with suppress(TimeoutError):
                async with asyncio.timeout(_PRUNE_SECONDS):
                    await self._many.wait()


class _Request:
    """One request that may be an act: its answer waits for the entry."""

    def __init__(self, recorder: AuditRecorder, scope: Scope, receive: Receive, send: Send) -> None:
        self._recorder = recorder
        self._scope = scope
        self._receive = receive
        self._send = send
        self._start: Message | None = None
        self._asked = b""

    async def receive(self) -> Message:
        message = await self._receive()
        if self._scope["path"] == _LOGIN and len(self._asked) < _LARGEST:
            self._asked += message.get("body", b"")
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            # What was answered from memory was done, and written down, before.
            if (_REPLAYED, b"true") not in start["headers"]:
                await self._recorder.record(self._scope, start["status"], self._asked, message.get("body", b""))
            await self._send(start)
        await self._send(message)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _details(body: bytes) -> Mapping[str, str]:
    answer = _object(body)
    told = {**answer, **cast("dict[str, Any]", answer["data"])} if isinstance(answer.get("data"), dict) else answer
    return {name: _text(told[name]) for name in _TOLD if told.get(name) not in (None, "", [])}


def _text(value: Any) -> str:
    match value:
        case str():
            text = value
        case {"amount": str(amount), "currency": str(currency)}:
            text = f"{amount} {currency}"
        case _:
            text = orjson.dumps(value).decode()
    return text[:_LONGEST_VALUE]


def _object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`, empty where there is none."""
    try:
        found: Any = orjson.loads(body)
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
