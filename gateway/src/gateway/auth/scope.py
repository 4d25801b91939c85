"""What a caller may do. The list is closed; ``admin`` includes all the others."""

from collections.abc import Iterable
from typing import Final

from penstock_kit.context import ADMIN_SCOPE, Caller
from penstock_kit.errors import FieldViolation, InvalidArgument, PermissionDenied

CHAT: Final = "chat"
MODELS: Final = "models"
TELEMETRY_READ: Final = "telemetry:read"
TELEMETRY_WRITE: Final = "telemetry:write"
COSTS: Final = "costs"
ADMIN: Final = ADMIN_SCOPE

MEMBER_SCOPES: Final = frozenset({CHAT, MODELS, TELEMETRY_READ, TELEMETRY_WRITE, COSTS})
ALL_SCOPES: Final = MEMBER_SCOPES | {ADMIN}


def allows(caller: Caller, scope: str) -> bool:
    """Whether `caller` may do what `scope` stands for. An empty scope asks only for a known caller."""
    return not scope or scope in caller.scopes or ADMIN in caller.scopes


def require(caller: Caller, scope: str) -> None:
    """Raise PermissionDenied (SCOPE_MISSING) unless `caller` has `scope`."""
    if not allows(caller, scope):
        message = f"this needs the scope {scope!r}; the credentials carry {_listed(caller.scopes)}"
        raise PermissionDenied(message, reason="SCOPE_MISSING", metadata={"scope": scope})


def checked_scopes(asked: Iterable[str], *, granter: Caller) -> frozenset[str]:
    """Return `asked` as a set; raise when one is unknown or more than `granter` has."""
    scopes = frozenset(asked)
    unknown = scopes - ALL_SCOPES
    if unknown:
        description = f"unknown scopes {_listed(unknown)}; known are {_listed(ALL_SCOPES)}"
        violation = FieldViolation(field="scopes", description=description)
        raise InvalidArgument(description, reason="SCOPE_UNKNOWN", violations=[violation])
    beyond = frozenset(scope for scope in scopes if not allows(granter, scope))
    if beyond:
        raise PermissionDenied(f"you cannot grant {_listed(beyond)}, for you do not have it", reason="SCOPE_BEYOND_OWN")
    return scopes


def _listed(scopes: Iterable[str]) -> str:
    return ", ".join(sorted(scopes)) or "none"
