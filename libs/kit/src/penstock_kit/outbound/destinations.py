"""Where a service may connect to on somebody's word: hosts by an allow list, addresses by what they are."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from penstock_kit.errors import PermissionDenied, Unavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Not on the public internet, whatever this Python's `is_global` says: clouds' metadata and wire servers beyond
# link-local, IETF assignments, 6to4 relays, site-local, local NAT64, IPv4-compatible and translated forms, SRv6,
# discard, documentation.
_REFUSED: Final[Sequence[Network]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
        *("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20"),
        *("5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10"),
    )
)

_NUMERIC_END: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destinations:
    """Allowed hosts (``api.example.com``, ``*.example.com``, ``*``) and networks, of those otherwise refused.

    Refused are addresses that do not belong to the public internet: loopback, private, link-local (there clouds
    serve their metadata and credentials), shared, multicast and reserved ones, also in an IPv6 disguise.
    """

    hosts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    def check_host(self, host: str) -> None:
        """Raise PermissionDenied unless `host` is on the list (HOST_DENIED) and plainly written (HOST_INVALID)."""
        name = host.lower().rstrip(".")
        check_form(name)
        if not any(_fits(name, pattern) for pattern in self.hosts):
            allowed = ", ".join(self.hosts) or "none"
            raise PermissionDenied(f"the host {host!r} is not among allowed_hosts ({allowed})", reason="HOST_DENIED")

    def allows(self, address: Address) -> bool:
        """Return whether a connection to `address` may be made."""
        return all(self._allows_one(each) for each in _faces(address))

    def checked(self, host: str, addresses: Iterable[str]) -> Sequence[str]:
        """Return those of a host's addresses that may be connected to; PermissionDenied when there is none."""
        found = list(addresses)
        good = [text for text in found if self.allows(ipaddress.ip_address(text.partition("%")[0]))]
        if not good:
            text = f"{host!r} leads to {', '.join(found)}, which is not on the public internet nor in allowed_networks"
            raise PermissionDenied(text, reason="ADDRESS_DENIED")
        return good

    def _allows_one(self, address: Address) -> bool:
        if any(address in network for network in self.networks if network.version == address.version):
            return True
        if any(address in network for network in _REFUSED if network.version == address.version):
            return False
        return address.is_global and not address.is_multicast


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, an address itself included; Unavailable (HOST_UNAVAILABLE) when it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: a part of the name is longer than 63 characters
        raise Unavailable(f"the host {host!r} has no address ({error})", reason="HOST_UNAVAILABLE") from None
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def is_address(host: str) -> bool:
    """Return whether a host is an address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_form(host: str) -> None:
    """Raise PermissionDenied (HOST_INVALID) for an address in a form that readers take for different things.

    ``127.1``, ``0177.0.0.1``, ``0x7f000001`` and ``2130706433`` are names to some and 127.0.0.1 to others, and
    ``0192.168.0.1`` is no octal number to most and 192.168.0.1 to some: what ends in a number is an address (WHATWG).
    """
    if is_address(host):
        if "%" in host:
            raise PermissionDenied(f"the address {host!r} has a zone; name the address alone", reason="HOST_INVALID")
        return
    try:
        meant = socket.inet_ntoa(socket.inet_aton(host)) if host.isascii() else ""
    except OSError:
        meant = ""
    if meant:
        raise PermissionDenied(f"the address {host!r} is oddly written; write {meant}", reason="HOST_INVALID")
    if _NUMERIC_END.search(host):
        raise PermissionDenied(
            f"the host {host!r} ends in a number and is no address; write a name, or an address like 127.0.0.1",
            reason="HOST_INVALID",
        )
    if ":" in host:
        raise PermissionDenied(f"{host!r} is neither a host nor an address", reason="HOST_INVALID")


def _fits(name: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return name.endswith(pattern[1:].lower())
    return name == pattern.lower()


def _faces(address: Address) -> Iterable[Address]:
    """Yield an address and the IPv4 address inside it, where an IPv6 one is a way to reach that."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        inner = (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()), _translated(address))
        yield from (each for each in inner if each is not None)


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address in an address of the NAT64 prefix 64:ff9b::/96."""
    if address in ipaddress.IPv6Network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
