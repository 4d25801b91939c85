"""What the client takes from the environment when a program does not say it."""

import os
from collections.abc import Sequence
from typing import Final

from penstock_client.address import web_addresses

_URL: Final = "http://127.0.0.1:8000"


def gateway_urls(given: str | Sequence[str] | None) -> list[str]:
    """Return the gateways' addresses: those given, else PENSTOCK_URL's (commas between), else this machine's."""
    wanted = given or os.environ.get("PENSTOCK_URL") or _URL
    return web_addresses(wanted) if isinstance(wanted, str) else list(wanted)


def api_key(given: str | None) -> str:
    """Return the key given, else PENSTOCK_API_KEY, else none, without spaces and line breaks around it.

    Raises ValueError, which does not show the key, for what no header can carry.
    """
    key = (given if given is not None else os.environ.get("PENSTOCK_API_KEY", "")).strip()
    if any(not "!" <= sign <= "~" for sign in key):
        raise ValueError("the API key has a space, a line break or a sign beyond ASCII in it; give the key alone")
    return key
