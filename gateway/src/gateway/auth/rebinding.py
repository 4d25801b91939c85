"""The guard against DNS rebinding: a page of a stranger must not reach this server through a browser.

A browser sends the Host of the name that led here, and the Origin of the page. A name that a stranger points at this
address is none of ours; an address (or a loopback name) cannot be pointed anywhere.
"""

import ipaddress
from urllib.parse import urlsplit

from penstock_kit.errors import PermissionDenied

_LOOPBACK = "localhost"


class RebindingGuard:
    """Admits requests for `hosts` (names, with or without a port), loopback names and addresses.

    A request with an Origin comes from a page: one of the same host, or of `origins` (``https://app.example``).
    """

    def __init__(self, *, hosts: tuple[str, ...], origins: tuple[str, ...]) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origin.lower() for origin in origins)

    def check(self, *, host: str, origin: str | None) -> None:
        """Raise PermissionDenied (HOST_DENIED, ORIGIN_DENIED) for a request of a stranger's page."""
        if not self._is_ours(host):
            message = f"the host {host!r} is not one of this server; name it in PENSTOCK_PUBLIC_HOSTS if it is"
            raise PermissionDenied(message, reason="HOST_DENIED")
        if origin is not None and not self._may_call(origin.lower(), host.lower()):
            raise PermissionDenied(f"the origin {origin!r} may not call this", reason="ORIGIN_DENIED")

    def _is_ours(self, host: str) -> bool:
        lowered = host.lower()
        name = _name(lowered)
        return lowered in self._hosts or name in self._hosts or _is_fixed(name)

    def _may_call(self, origin: str, host: str) -> bool:
        if origin in self._origins:
            return True
        try:
            parts = urlsplit(origin)
            return parts.netloc == host or (_is_loopback(parts.hostname or "") and _is_loopback(_name(host)))
        except ValueError:
            return False


def _name(host: str) -> str:
    """Return the host without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_fixed(name: str) -> bool:
    return _is_loopback(name) or _address(name) is not None


def _is_loopback(name: str) -> bool:
    address = _address(name)
    return name == _LOOPBACK or name.endswith(f".{_LOOPBACK}") or (address is not None and address.is_loopback)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
