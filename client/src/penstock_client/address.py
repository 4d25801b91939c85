"""The address of a gateway, as programs and settings write it."""

from urllib.parse import urlsplit

_SCHEMES = ("http", "https")


def web_address(text: str) -> str:
    """Return the address without a slash at its end. Raises ValueError, which quotes it, for what is none."""
    url = text.strip()
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket without its other, a port beyond 65535
        is_whole = False
    if not is_whole or any(sign.isspace() for sign in url):
        raise ValueError(
            "a gateway's address begins with http:// or https:// and has a host, as http://127.0.0.1:8000; "
            f"given: {text!r}"
        )
    return url.rstrip("/")


def web_addresses(text: str) -> list[str]:
    """Return the addresses that `text` lists with commas between. Raises ValueError as :func:`web_address` does."""
    return [web_address(each) for each in text.split(",") if each.strip()]
