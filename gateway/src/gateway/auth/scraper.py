"""Who may read the metrics, which add up what all tenants do."""

import ipaddress
from typing import Final

from fastapi import Request

from gateway.auth.guard import Guard
from gateway.auth.rebinding import RebindingGuard
from gateway.auth.scope import OPERATOR

_CREDENTIALS: Final = ("authorization", "x-api-key")
# A request that says this was passed on by a proxy, whose address is not its sender's.
_PASSED_ON: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class ScraperGuard:
    """Admits operators, and from this machine whoever sends no credentials; with `everybody`, all.

    A browser on this machine is from here too, and shows strangers' pages: they are refused by `rebinding`.
    """

    def __init__(self, guard: Guard, rebinding: RebindingGuard, *, everybody: bool) -> None:
        self._guard = guard
        self._rebinding = rebinding
        self._everybody = everybody

    async def admit(self, request: Request) -> None:
        """Return when the metrics may be read; raise Unauthenticated or PermissionDenied."""
        if self._everybody:
            return
        if _is_local(request):
            self._rebinding.check(host=request.headers.get("host", ""), origin=request.headers.get("origin"))
            return
        await self._guard.admit(request.headers.raw, OPERATOR)


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in (*_CREDENTIALS, *_PASSED_ON)):
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
