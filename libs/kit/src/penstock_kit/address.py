"""Addresses of services as settings hold them → the targets that gRPC opens, and as people read them."""

import ipaddress
from typing import Final

from penstock_kit.errors import InvalidArgument

_SCHEMES: Final = ("dns:", "ipv4:", "ipv6:", "unix:", "passthrough:")
_LOOPBACK: Final = {"localhost": "127.0.0.1"}


def target_of(addresses: str) -> str:
    """Return the gRPC target of ``host:port``, of several of them separated by commas, or of a gRPC URI as it is.

    Calls go to all replicas in turn, and around those that don't answer. Several addresses must be IP addresses of
    one family; a name with several answers is one address, ``dns:///name:port``. InvalidArgument (ADDRESS_INVALID).
    """
    entries = [entry.strip() for entry in addresses.split(",") if entry.strip()]
    if addresses.lstrip().startswith(_SCHEMES):
        return addresses.strip().rstrip(",")
    if len(entries) < 2:
        return _single(addresses, entries)
    families, literals = zip(*map(_literal, entries), strict=True)
    if len(set(families)) > 1:
        raise _invalid(addresses, "mixes IPv4 and IPv6")
    return f"ipv{families[0]}:{','.join(literals)}"


def bracketed(host: str) -> str:
    """Return `host` as it stands in a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def host_and_port(host: str, port: int) -> str:
    """Return ``host:port`` as it stands in URLs and logs."""
    return f"{bracketed(host)}:{port}"


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches what listens on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _single(text: str, entries: list[str]) -> str:
    if not entries:
        raise _invalid(text, "names no service")
    host, _, port = entries[0].rpartition(":")
    if not host or not _is_number(port):
        raise _invalid(text, "has no port")
    return entries[0]


def _literal(entry: str) -> tuple[int, str]:
    host, _, port = entry.rpartition(":")
    host = _LOOPBACK.get(host, host)
    try:
        family = ipaddress.ip_address(host.strip("[]")).version
    except ValueError:
        raise _invalid(entry, "is no IP address and port") from None
    if not _is_number(port):
        raise _invalid(entry, "has no port")
    return family, f"{host}:{port}"


def _is_number(port: str) -> bool:
    return port.isascii() and port.isdigit()


def _invalid(text: str, what: str) -> InvalidArgument:
    remedy = (
        "one address is written host:50052, several 10.0.0.1:50052,10.0.0.2:50052; "
        "for a name with several use dns:///name:port"
    )
    return InvalidArgument(f"{text!r} {what}; {remedy}", reason="ADDRESS_INVALID")
