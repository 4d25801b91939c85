"""Checks of single sign-on: the file of groups, and whether the issuer describes itself as the settings say."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from penstock_cli.doctor.finding import Finding, Need
from penstock_cli.settings import CliSettings
from penstock_kit.clock import SystemClock
from penstock_kit.errors import PenstockError

if TYPE_CHECKING:
    from gateway.settings import GatewaySettings

_ISSUER: Final = "PENSTOCK_OIDC_ISSUER"
_SECONDS: Final = 3.0


async def check_single_sign_on(settings: CliSettings) -> AsyncIterator[Finding]:
    """Yield what the file of groups says and the issuer answers, where single sign-on is set up."""
    if not settings.text(_ISSUER):
        return
    from gateway.settings import GatewaySettings

    try:
        gateway = GatewaySettings()
    except ValidationError:
        return  # told with the settings
    yield _groups(gateway.oidc_groups_file)
    yield await _issuer(gateway)


def _groups(path: str) -> Finding:
    from gateway.auth.oidc.group_rules import GROUPS_FILE, read_group_rules

    try:
        count = len(read_group_rules(path).rules)
    except PenstockError as error:
        remedy = "correct the file"
        return Finding(need=Need.REQUIRED, name=GROUPS_FILE, ok=False, detail=error.message, remedy=remedy)
    return Finding(need=Need.REQUIRED, name=GROUPS_FILE, ok=True, detail=f"{path}: {count} rules")


async def _issuer(settings: "GatewaySettings") -> Finding:
    """Ask the issuer for its description and its keys, from the addresses where the gateway would."""
    from gateway.auth.oidc.discovery import Discovery
    from gateway.composition.single_sign_on import issuer_http

    told: list[str] = []

    def note(url: str, detail: str) -> None:
        told.append(f"{url}: {detail}")

    http = issuer_http(settings, seconds=_SECONDS, note=note)
    try:
        metadata = await Discovery(settings.oidc_issuer, http, SystemClock()).metadata()
        await http.get(metadata.jwks_uri)
    except PenstockError as error:
        detail = f"{settings.oidc_issuer}: {'; '.join(told) or error.message}"
        remedy = "correct the setting or PENSTOCK_OIDC_NETWORKS, or start the issuer; until then nobody signs in there"
        return Finding(need=Need.RECOMMENDED, name=_ISSUER, ok=False, detail=detail, remedy=remedy)
    finally:
        await http.close()
    detail = f"{settings.oidc_issuer} answers; register {settings.public_url.rstrip('/')}/auth/oidc/callback there"
    return Finding(need=Need.RECOMMENDED, name=_ISSUER, ok=True, detail=detail)
