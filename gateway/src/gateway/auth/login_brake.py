"""What stands between a login and its guesser: three counts of failures, from narrow to wide."""

import ipaddress
from typing import Final

from gateway.auth.throttle import Throttle
from penstock_kit.clock import Clock

_IPV6_SITE: Final = 64
_MOST_KNOWN: Final = 10_000


class LoginBrake:
    """Counts failed logins per name and address, per address, and per name over all addresses.

    The first stops a guesser without stopping anybody elsewhere. The other two are wide brakes against many names
    from one place and many places for one name; from where a name has logged in before, it still can. An IPv6 address
    stands for its /64, which is one customer's. All tables are bounded.
    """

    def __init__(self, *, clock: Clock, pairs: int = 5, addresses: int = 30, names: int = 100) -> None:
        self._pairs = Throttle(clock=clock, limit=pairs)
        self._addresses = Throttle(clock=clock, limit=addresses)
        self._names = Throttle(clock=clock, limit=names)
        self._known: dict[tuple[str, str], None] = {}

    def check(self, username: str, address: str) -> None:
        """Raise ResourceExhausted (ATTEMPTS_LIMIT_EXCEEDED) with the time to wait when there were too many failures."""
        place = site(address)
        self._pairs.check(f"{place} {username}")
        if (place, username) not in self._known:
            self._addresses.check(place)
            self._names.check(username)

    def failed(self, username: str, address: str) -> None:
        """Count one failure."""
        place = site(address)
        self._pairs.failed(f"{place} {username}")
        self._addresses.failed(place)
        self._names.failed(username)

    def succeeded(self, username: str, address: str) -> None:
        """Forget the failures of this name at this address, and remember that it belongs there."""
        place = site(address)
        self._pairs.succeeded(f"{place} {username}")
        self._known.pop((place, username), None)
        if len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[place, username] = None


def site(address: str) -> str:
    """Return whom an address belongs to: an IPv4 address itself, an IPv6 address's /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed.packed, _IPV6_SITE), strict=False))
    return str(parsed)
