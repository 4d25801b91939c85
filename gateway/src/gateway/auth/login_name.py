"""Names that people log in with: ``name``, or ``tenant/name`` where several tenants have one."""

from typing import NamedTuple


class LoginName(NamedTuple):
    """Whom somebody means; without a tenant it may be anybody of that name."""

    username: str
    tenant_id: str


def parse_login_name(text: str, tenant_id: str = "") -> LoginName:
    """Return whom `text` means; a tenant that is named beside it counts before the one in it."""
    tenant, _, name = text.rpartition("/")
    return LoginName(username=name, tenant_id=tenant_id or tenant)
