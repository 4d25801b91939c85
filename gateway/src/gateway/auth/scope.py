"""Scopes: the permissions of a caller. The list is closed; ``admin`` includes all but ``operator``, which includes
everything.
"""

from collections.abc import Iterable, Set
from typing import Final

from penstock_kit.context import ADMIN_SCOPE, OPERATOR_SCOPE, Caller
from penstock_kit.errors import FieldViolation, InvalidArgument, PermissionDenied
from penstock_kit.role import includes, scopes_text

CHAT: Final = "chat"
MODELS: Final = "models"
TELEMETRY_READ: Final = "telemetry:read"
TELEMETRY_WRITE: Final = "telemetry:write"
COSTS: Final = "costs"
ADMIN: Final = ADMIN_SCOPE
OPERATOR: Final = OPERATOR_SCOPE

MEMBER_SCOPES: Final = frozenset({CHAT, MODELS, TELEMETRY_READ, TELEMETRY_WRITE, COSTS})
ADMIN_SCOPES: Final = MEMBER_SCOPES | {ADMIN}
ALL_SCOPES: Final = ADMIN_SCOPES | {OPERATOR}


def includes_all(held: Set[str], scopes: Iterable[str]) -> bool:
    """Whether the scopes `held` grant every one of `scopes`."""
    return all(includes(held, scope) for scope in scopes)


def within(scopes: Iterable[str], held: Set[str]) -> frozenset[str]:
    """Return those of `scopes` that the scopes `held` grant."""
    return frozenset(scope for scope in scopes if includes(held, scope))


def check_scopes(requested: Iterable[str], *, granter: Caller) -> frozenset[str]:
    """Return `requested` as a set; raise when one is unknown or more than `granter` has."""
    scopes = frozenset(requested)
    unknown = scopes - ALL_SCOPES
    if unknown:
        description = f"unknown scopes {scopes_text(unknown)}; known are {scopes_text(ALL_SCOPES)}"
        violation = FieldViolation(field="scopes", description=description)
        raise InvalidArgument(description, reason="SCOPE_INVALID", violations=[violation])
    beyond = scopes - within(scopes, granter.scopes)
    if beyond:
        raise PermissionDenied(f"you cannot grant {scopes_text(beyond)}, for you do not have it", reason="SCOPE_DENIED")
    return scopes
