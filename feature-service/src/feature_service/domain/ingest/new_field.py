"""How many fields one body may add: each makes work for the store, for which the next body has to wait."""

from collections.abc import Collection
from typing import Final

from penstock_kit.errors import Unprocessable

MAX_NEW: Final = 20_000
"""Fields that one body may add to all its devices together."""
MAX_ADDED: Final = 2_000
"""Fields that one body may add to a device that has some already: its stored rows get them too."""


class NewFields:
    """Counts what one body adds to its devices; raises Unprocessable FIELDS_LIMIT_EXCEEDED when that is too much."""

    def __init__(self) -> None:
        self._count = 0

    def add(self, device_code: str, stored: Collection[str], brought: Collection[str]) -> None:
        """Take what is stored of a device and what the body brings."""
        new = len(set(brought).difference(stored))
        if stored and new > MAX_ADDED:
            raise _too_many(f"{new} new fields to device {device_code!r}, which has {len(stored)}", MAX_ADDED)
        self._count += new
        if self._count > MAX_NEW:
            raise _too_many(f"more than {MAX_NEW} new fields to its devices", MAX_NEW)


def _too_many(what: str, most: int) -> Unprocessable:
    return Unprocessable(
        f"the body brings {what}; at most {most} at once are possible, so send it in parts",
        reason="FIELDS_LIMIT_EXCEEDED",
    )
