"""What a service asks of its callers beyond being known: the roles above the scopes."""

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
