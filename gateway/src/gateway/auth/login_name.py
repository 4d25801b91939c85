"""Names that people log in with: ``name``, or ``tenant/name`` where several tenants have one."""

import unicodedata
from typing import NamedTuple


class LoginName(NamedTuple):
    """Whom somebody means; without a tenant it may be anybody of that name."""

    username: str
    tenant_id: str


def parse_login_name(text: str, tenant_id: str = "") -> LoginName:
    """Return whom `text` means, composed as names are stored, whatever keyboard wrote it (NFC).

    A tenant that is named beside it counts before the one in it.
    """
    tenant, _, name = composed(text).rpartition("/")
    return LoginName(username=name, tenant_id=tenant_id or tenant)


def composed(name: str) -> str:
    """Return `name` as it is stored, whatever keyboard wrote it: an accent that was typed behind its letter and a
    letter that has it are one (NFC)."""
    return unicodedata.normalize("NFC", name)
