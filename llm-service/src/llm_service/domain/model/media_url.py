"""Which URLs of pictures, files and recordings are handed on to a model's server, which fetches them.

A server of the operator's own fetches from inside the operator's network, so that its callers would reach whatever
that network holds: the metadata of a cloud, the pages of a router, the services beside it. Hence hosts are read here
strictly, as one form that every parser of URLs reads alike, and inner ones are refused unless they are allowed.
"""

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

from penstock_kit.errors import InvalidArgument, PermissionDenied
from penstock_kit.outbound.destinations import Destinations, Network, check_form, is_address

# No user information, no escapes, no letters beyond ASCII, no backslash: readers differ over each of them.
_URL: Final = re.compile(r"https?://(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?(?=[/?#]|\Z)", re.IGNORECASE)
_PATTERN: Final = re.compile(r"\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", re.IGNORECASE)
# What ends the names of private networks: of RFC 6761, 6762, 8375 and 9476, and those that routers and clusters use.
# The namespaces are those that every Kubernetes has, whose pods find ``kubernetes.default`` without more.
_INNER: Final = (
    *(".test", ".invalid", ".arpa", ".consul", ".docker", ".cluster", ".default", ".kube-system", ".kube-public"),
    *(".localhost", ".local", ".internal", ".home.arpa", ".alt", ".onion"),
    *(".localdomain", ".lan", ".home", ".corp", ".intranet", ".private", ".svc"),
)
# Characters of a URL that is read at all.
_LONGEST: Final = 8192
_ANY: Final = "*"


class MediaUrls:
    """Decides by `allowed`: ``*`` for all that is public, hosts (``cdn.example.com``, ``*.example.com``), addresses and
    networks (``10.0.0.0/8``). What is named by more than ``*`` may be an inner one. ValueError for any other entry.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        networks = {entry: network for entry in allowed if (network := _network(entry))}
        hosts = [entry for entry in allowed if entry not in networks]
        for entry in hosts:
            if not _PATTERN.fullmatch(entry):
                raise ValueError(f"{entry!r} is no host, *.host, address, network or *")
        self._any = _ANY in hosts
        self._named = Destinations(hosts=tuple(entry for entry in hosts if entry != _ANY))
        self._addresses = Destinations(networks=tuple(networks.values()))
        self._networks = tuple(networks.values())

    @property
    def addresses(self) -> Destinations:
        """Where names may lead that nothing but ``*`` allows."""
        return self._addresses

    def check(self, url: str) -> str:
        """Return the name in a URL that nothing but ``*`` allows, and whose addresses are to be looked at therefore.

        Return an empty text for a data URL and for any other that is allowed; InvalidArgument (MEDIA_URL_INVALID) else.
        """
        if url.startswith("data:"):
            return ""
        found = _URL.match(url) if len(url) <= _LONGEST else None
        if found is None:
            text = f"must be an http or https URL of at most {_LONGEST} characters with a plain host, without a user"
            raise _invalid(f"the URL of a picture, file or recording {text}")
        host = (found[1] or found[2]).lower().removesuffix(".")
        if ".." in f".{host}.":
            raise _invalid(f"the URL of a picture, file or recording has an empty part in its host {host!r}")
        try:
            check_form(host)
        except PermissionDenied as error:
            raise _invalid(f"the URL of a picture, file or recording: {error.message}") from None
        if not (self._allows_address(host) if is_address(host) else self._allows_name(host)):
            what = "which is none of the allowed hosts" if not self._any else "which is not on the public internet"
            raise _invalid(f"the URL of a picture, file or recording leads to {host!r}, {what}")
        return "" if is_address(host) or self._names(host) else host

    def _allows_address(self, host: str) -> bool:
        address = ipaddress.ip_address(host)
        if not self._any and not any(address in network for network in self._networks):
            return False
        return self._addresses.allows(address)

    def _allows_name(self, host: str) -> bool:
        return self._names(host) or (self._any and "." in host and not host.endswith(_INNER))

    def _names(self, host: str) -> bool:
        """Return whether a host is allowed by its name."""
        try:
            self._named.check_host(host)
        except PermissionDenied:
            return False
        return True


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        return None


def _invalid(text: str) -> InvalidArgument:
    remedy = "send the content itself as a data URL, or let the operator allow the host in LLM_MEDIA_HOSTS"
    return InvalidArgument(f"{text}; {remedy}", reason="MEDIA_URL_INVALID")
