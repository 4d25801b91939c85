"""The context of a call: its caller, request id, deadline and trace, propagated through every hop as metadata."""

import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from penstock_kit.ids import new_id

USER_KEY: Final = "x-penstock-user"
TENANT_KEY: Final = "x-penstock-tenant"
KEY_KEY: Final = "x-penstock-key"
SCOPES_KEY: Final = "x-penstock-scopes"
REQUEST_ID_KEY: Final = "x-request-id"
TRACEPARENT_KEY: Final = "traceparent"
TRACESTATE_KEY: Final = "tracestate"

OPERATOR_SCOPE: Final = "operator"
ADMIN_SCOPE: Final = "admin"
DEFAULT_TENANT: Final = "default"
_MAX_REQUEST_ID: Final = 128
# Callers whose metadata is remembered: the same few ask again and again.
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The identity behind a call, as the gateway established it. `key_id` is empty for a JWT.

    `credential_version` says which secret of the key, or since which password of the user's, was shown, `session_id`
    which sign-in an access token is of. They are no part of the identity and stay in the gateway, which looks them up
    again where a connection or ticket outlives its request.
    """

    user_id: str
    tenant_id: str = DEFAULT_TENANT
    key_id: str = ""
    scopes: frozenset[str] = frozenset()
    credential_version: int = field(default=0, compare=False)
    session_id: str = field(default="", compare=False)

    @property
    def is_admin(self) -> bool:
        """Whether the caller may do everything within its tenant."""
        return ADMIN_SCOPE in self.scopes or OPERATOR_SCOPE in self.scopes

    @property
    def is_operator(self) -> bool:
        """Whether the caller may do what concerns the installation: all tenants at once."""
        return OPERATOR_SCOPE in self.scopes


ANONYMOUS: Final = Caller(user_id="")
SYSTEM: Final = Caller(user_id="system", scopes=frozenset({ADMIN_SCOPE, OPERATOR_SCOPE}))


@dataclass(frozen=True, slots=True)
class CallContext:
    """The context of one call: `deadline` is in seconds of ``time.monotonic()``, None for no limit.

    `traceparent` and `tracestate` are the W3C headers the call came with; they are propagated
    unchanged when this process records no spans of its own.
    """

    request_id: str
    caller: Caller = ANONYMOUS
    deadline: float | None = None
    traceparent: str = ""
    tracestate: str = ""

    def remaining(self) -> float | None:
        """Return the seconds left, never below 0, or None without a deadline."""
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - time.monotonic())

    # Not dataclasses.replace, which costs ten times as much: these two are made for every request.

    def of_caller(self, caller: Caller) -> "CallContext":
        """Return this call, made by `caller`."""
        return CallContext(self.request_id, caller, self.deadline, self.traceparent, self.tracestate)

    def until(self, deadline: float) -> "CallContext":
        """Return this call with another deadline, in seconds of ``time.monotonic()``."""
        return CallContext(self.request_id, self.caller, deadline, self.traceparent, self.tracestate)

    def unlimited(self) -> "CallContext":
        """Return this call without a deadline, for work that others wait for too."""
        return CallContext(self.request_id, self.caller, None, self.traceparent, self.tracestate)


_CURRENT: ContextVar[CallContext | None] = ContextVar("penstock_call_context", default=None)


def current_context() -> CallContext:
    """Return the context of the call being served; outside of one, a fresh anonymous context."""
    return _CURRENT.get() or CallContext(request_id=new_id("req"))


def context_if_any() -> CallContext | None:
    """Return the context of the call being served, or None outside of one."""
    return _CURRENT.get()


def set_context(context: CallContext) -> None:
    """Make `context` current for the rest of this task (for edges, where a task is one call)."""
    _CURRENT.set(context)


@contextmanager
def use_context(context: CallContext) -> Generator[CallContext]:
    """Make `context` current inside the block."""
    token = _CURRENT.set(context)
    try:
        yield context
    finally:
        _CURRENT.reset(token)


def context_to_metadata(context: CallContext) -> tuple[tuple[str, str], ...]:
    """Return the gRPC metadata that carries `context` (the deadline travels as the call's timeout)."""
    pairs = [(REQUEST_ID_KEY, _encoded(context.request_id)), *_caller_pairs(context.caller)]
    if context.traceparent:
        pairs.append((TRACEPARENT_KEY, context.traceparent))
        if context.tracestate:
            pairs.append((TRACESTATE_KEY, context.tracestate))
    return tuple(pairs)


def context_from_metadata(
    metadata: Iterable[tuple[str, str | bytes]] | None, time_remaining: float | None
) -> CallContext:
    """Return the context that the metadata of a received call carries.

    `time_remaining` is in seconds, None without a deadline. A call without a request id gets one;
    a call without a user is ANONYMOUS in the default tenant.
    """
    values = {key: value for key, value in metadata or () if isinstance(value, str)}
    get = values.get
    return CallContext(
        request_id=_decoded(get(REQUEST_ID_KEY, ""))[:_MAX_REQUEST_ID] or new_id("req"),
        caller=_caller(get(USER_KEY, ""), get(TENANT_KEY, ""), get(KEY_KEY, ""), get(SCOPES_KEY, "")),
        deadline=None if time_remaining is None else time.monotonic() + time_remaining,
        traceparent=get(TRACEPARENT_KEY, ""),
        tracestate=get(TRACESTATE_KEY, ""),
    )


@lru_cache(_REMEMBERED)
def _caller_pairs(caller: Caller) -> tuple[tuple[str, str], ...]:
    if not caller.user_id:
        return ()
    pairs = [(USER_KEY, _encoded(caller.user_id)), (TENANT_KEY, _encoded(caller.tenant_id))]
    if caller.key_id:
        pairs.append((KEY_KEY, _encoded(caller.key_id)))
    if caller.scopes:
        pairs.append((SCOPES_KEY, ",".join(sorted(caller.scopes))))
    return tuple(pairs)


@lru_cache(_REMEMBERED)
def _caller(user: str, tenant: str, key: str, scopes: str) -> Caller:
    """Return the caller that four values of metadata stand for."""
    if not user:
        return ANONYMOUS
    return Caller(
        user_id=_decoded(user),
        tenant_id=_decoded(tenant) or DEFAULT_TENANT,
        key_id=_decoded(key),
        scopes=frozenset(filter(None, scopes.split(","))),
    )


def _encoded(text: str) -> str:
    """Metadata values are printable ASCII; anything else is percent-encoded."""
    if text.isascii() and text.isprintable() and "%" not in text:
        return text
    return quote(text, safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}")


def _decoded(text: str) -> str:
    return unquote(text) if "%" in text else text
