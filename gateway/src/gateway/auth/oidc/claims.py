"""What the claims of an issuer say: who somebody is, and in which groups."""

from collections.abc import Mapping
from typing import Any, Final, cast

from gateway.auth.identity import ExternalIdentity
from penstock_kit.errors import PermissionDenied

_NAMES: Final = ("preferred_username", "email", "upn", "name")
_MOST_GROUPS: Final = 10_000


def external_identity(claims: Mapping[str, Any], groups_claim: str) -> ExternalIdentity:
    """Return whom verified `claims` are about.

    Raises PermissionDenied (GROUPS_LIMIT_EXCEEDED) where the issuer left the groups out because they are too many.
    """
    if _left_out(claims, groups_claim):
        message = (
            f"you are in more groups than the issuer writes into {groups_claim!r}; "
            "let its administrator send only those of this application, or roles"
        )
        raise PermissionDenied(message, reason="GROUPS_LIMIT_EXCEEDED")
    names = tuple(name for claim in _NAMES if isinstance(name := claims.get(claim), str) and name)
    groups = groups_in(claims, groups_claim)
    return ExternalIdentity(issuer=claims["iss"], subject=claims["sub"], names=names, groups=groups or ())


def groups_in(claims: Mapping[str, Any], groups_claim: str) -> tuple[str, ...] | None:
    """Return the groups that a claim lists, or the one that it is; None where the claim is not there.

    A claim inside another is written with dots, as in ``realm_access.roles``.
    """
    found = _claim(claims, groups_claim)
    if found is None:
        return None
    listed = cast("list[Any]", found) if isinstance(found, list) else [found]
    return tuple(group for group in listed[:_MOST_GROUPS] if isinstance(group, str))


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """Return the claim of this very name, which may have dots itself, else the one at the end of the way."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        found = cast("dict[str, Any]", found).get(step) if isinstance(found, dict) else None
    return found


def _left_out(claims: Mapping[str, Any], groups_claim: str) -> bool:
    elsewhere: Any = claims.get("_claim_names")
    return isinstance(elsewhere, dict) and groups_claim in elsewhere and groups_claim not in claims
