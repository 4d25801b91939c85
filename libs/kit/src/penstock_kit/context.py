"""Who is asking, under which request id and until when: carried through every hop of a call."""

import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
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

ADMIN_SCOPE: Final = "admin"
DEFAULT_TENANT: Final = "default"
_MAX_REQUEST_ID: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The identity behind a call, as the gateway established it. `key_id` is empty for a JWT."""

    user_id: str
    tenant_id: str = DEFAULT_TENANT
    key_id: str = ""
    scopes: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        """Whether the caller may do everything within its tenant."""
        return ADMIN_SCOPE in self.scopes


ANONYMOUS: Final = Caller(user_id="")
SYSTEM: Final = Caller(user_id="system", scopes=frozenset({ADMIN_SCOPE}))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """One call: `deadline` is in seconds of ``time.monotonic()``, None for no limit.

    `traceparent` and `tracestate` are the W3C headers the call came with; they are passed on as they
    are when this process records no spans of its own.
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
    pairs = [(REQUEST_ID_KEY, _encoded(context.request_id))]
    caller = context.caller
    if caller.user_id:
        pairs += [(USER_KEY, _encoded(caller.user_id)), (TENANT_KEY, _encoded(caller.tenant_id))]
        if caller.key_id:
            pairs.append((KEY_KEY, _encoded(caller.key_id)))
        if caller.scopes:
            pairs.append((SCOPES_KEY, ",".join(sorted(caller.scopes))))
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
    deadline = None if time_remaining is None else time.monotonic() + time_remaining
    return CallContext(
        request_id=_decoded(values.get(REQUEST_ID_KEY, ""))[:_MAX_REQUEST_ID] or new_id("req"),
        caller=_caller(values),
        deadline=deadline,
        traceparent=values.get(TRACEPARENT_KEY, ""),
        tracestate=values.get(TRACESTATE_KEY, ""),
    )


def _caller(values: dict[str, str]) -> Caller:
    user = _decoded(values.get(USER_KEY, ""))
    if not user:
        return ANONYMOUS
    return Caller(
        user_id=user,
        tenant_id=_decoded(values.get(TENANT_KEY, "")) or DEFAULT_TENANT,
        key_id=_decoded(values.get(KEY_KEY, "")),
        scopes=frozenset(filter(None, values.get(SCOPES_KEY, "").split(","))),
    )


def _encoded(text: str) -> str:
    """Metadata values are printable ASCII; anything else is percent-encoded."""
    if text.isascii() and text.isprintable() and "%" not in text:
        return text
    return quote(text, safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}")


def _decoded(text: str) -> str:
    return unquote(text) if "%" in text else text
