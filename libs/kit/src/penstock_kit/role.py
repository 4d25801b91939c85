"""What is asked of callers beyond being known: scopes, and the roles above them."""

from collections.abc import Iterable, Set

from penstock_kit.context import ADMIN_SCOPE, OPERATOR_SCOPE, Caller, current_context
from penstock_kit.errors import PermissionDenied


def require_admin(what: str) -> Caller:
    """Return the current caller; raise PermissionDenied (ADMIN_REQUIRED) unless it administers its tenant.

    `what` says what is refused, such as ``change budgets``.
    """
    caller = current_context().caller
    if not caller.is_admin:
        message = f"only administrators {what}; this needs the scope {ADMIN_SCOPE!r}"
        raise PermissionDenied(message, reason="ADMIN_REQUIRED")
    return caller


def require_operator(what: str) -> Caller:
    """Return the current caller; raise PermissionDenied (OPERATOR_REQUIRED) unless it operates the installation.

    `what` says what is refused, such as ``set prices``: something that concerns every tenant.
    """
    caller = current_context().caller
    if not caller.is_operator:
        message = f"only operators {what}, for it concerns every tenant; this needs the scope {OPERATOR_SCOPE!r}"
        raise PermissionDenied(message, reason="OPERATOR_REQUIRED")
    return caller


def includes(held: Set[str], scope: str) -> bool:
    """Whether the scopes `held` grant `scope`; an empty scope is always granted."""
    return not scope or scope in held or OPERATOR_SCOPE in held or (ADMIN_SCOPE in held and scope != OPERATOR_SCOPE)


def require_scope(caller: Caller, scope: str) -> None:
    """Raise PermissionDenied (SCOPE_REQUIRED) unless `caller` has `scope`."""
    if not includes(caller.scopes, scope):
        message = f"this needs the scope {scope!r}; the credentials carry {scopes_text(caller.scopes)}"
        raise PermissionDenied(message, reason="SCOPE_REQUIRED", metadata={"scope": scope})


def scopes_text(scopes: Iterable[str]) -> str:
    """Return the scopes, sorted and joined by commas, for an error message; ``none`` without any."""
    return ", ".join(sorted(scopes)) or "none"
