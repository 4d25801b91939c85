"""Whether a request's head is one that every recipient understands the same way (RFC 9112)."""

import re
from functools import lru_cache
from typing import Final

from gateway.connection.refusal import Refusal, coding_unknown, malformed, method_unknown, version_unknown

# RFC 9112, 3.2: a host name or address with a port; what a browser or a proxy could read otherwise is refused.
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+;=-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
_ABSOLUTE: Final = re.compile(rb"[hH][tT][tT][pP][sS]?://([^/?#]*)([^#]*)")
_VERSIONS: Final = frozenset({"1.0", "1.1"})
WATCHED: Final = frozenset({b"host", b"transfer-encoding", b"content-length", b"expect", b"upgrade"})
_OF_THE_UPGRADE: Final = frozenset({b"upgrade", b"http2-settings"})

Pairs = list[tuple[bytes, bytes]]


class RequestHead:
    """The fields of a head that decide how the message is read."""

    __slots__ = ("codings", "continues", "hosts", "length", "offers_upgrade")

    def __init__(self) -> None:
        self.hosts: list[bytes] = []
        self.codings: list[bytes] = []
        self.length = 0
        self.offers_upgrade = False
        self.continues = False

    def note(self, name: bytes, value: bytes) -> None:
        """Remember a field that is WATCHED; `name` in lower case."""
        match name:
            case b"host":
                self.hosts.append(value)
            case b"transfer-encoding":
                self.codings.append(value)
            case b"content-length":
                self.length = int(value)
            case b"upgrade":
                self.offers_upgrade = True
            case _:
                self.continues = value.lower() == b"100-continue"

    def objection(self, *, version: str, method: bytes, url: bytes) -> Refusal | None:
        """Return why the head is refused, None when it is not."""
        if version not in _VERSIONS:
            return version_unknown(version)
        if len(self.hosts) != 1 and (self.hosts or version == "1.1"):
            return malformed(f"a request has exactly one Host, this one has {len(self.hosts)}")
        if self.hosts and not _is_host(self.hosts[0]):
            return malformed(f"Host {self.hosts[0].decode('latin-1')!r} is no host; send name:port")
        if not url.isascii():
            return malformed("the target has bytes beyond ASCII; percent-encode them")
        if method == b"CONNECT":
            return method_unknown("CONNECT")
        return self._framing_objection(version) if self.codings else None

    def _framing_objection(self, version: str) -> Refusal | None:
        """RFC 9112, 6.1: where a body ends must leave no doubt."""
        if version == "1.0":
            return malformed("Transfer-Encoding has no meaning in HTTP/1.0; send a Content-Length")
        if len(self.codings) > 1 or self.codings[0].lower() != b"chunked":
            return coding_unknown(b", ".join(self.codings).decode("latin-1"))
        return None


@lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def origin_form(url: bytes) -> tuple[bytes, bytes] | None:
    """Return path and authority of a target in absolute form (``http://host/path``), None for any other."""
    if url.startswith(b"/"):
        return None
    found = _ABSOLUTE.fullmatch(url)
    if found is None:
        return None
    authority, rest = found[1], found[2]
    return (rest if rest.startswith(b"/") else b"/" + rest), authority.rpartition(b"@")[2]


def set_host(headers: Pairs, authority: bytes) -> None:
    """Make the authority of the target the only Host, as RFC 9112, 3.2.2 wants it."""
    headers[:] = [(b"host", authority), *(pair for pair in headers if pair[0] != b"host")]


def without_upgrade(headers: Pairs) -> Pairs:
    """Return `headers` without the offer of a protocol that is not taken."""
    kept = [pair for pair in headers if pair[0] not in _OF_THE_UPGRADE]
    return [(name, _without_tokens(value) if name == b"connection" else value) for name, value in kept]


def _without_tokens(value: bytes) -> bytes:
    tokens = [token.strip() for token in value.split(b",")]
    return b", ".join(token for token in tokens if token.lower() not in _OF_THE_UPGRADE) or b"keep-alive"
