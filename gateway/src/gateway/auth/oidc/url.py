"""Addresses of an issuer's and of this system's: which of them are safe to send anybody to."""

from urllib.parse import urlsplit

from penstock_kit.address import is_loopback


def url_problem(url: str) -> str:
    """Return what is wrong with an address, empty when it is one of TLS, or of this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is no URL"
    if not host or parts.username is not None or parts.fragment or any(character <= " " for character in url):
        return "must be a URL with a host, and without user, fragment and spaces"
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return ""
    return "must begin with https:// (http:// is for this machine alone)"
