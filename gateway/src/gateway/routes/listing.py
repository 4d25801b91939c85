"""One page of a list, as every route answers it."""

from collections.abc import Sequence
from typing import Any


def listing(name: str, entries: Sequence[Any], next_page_token: str) -> dict[str, Any]:
    """Return the page's `entries` under `name`, with the token of the next page: null on the last one."""
    return {name: entries, "next_page_token": next_page_token or None}
