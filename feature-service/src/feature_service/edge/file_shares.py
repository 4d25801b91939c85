"""How many files one tenant is sent at once: each is in memory in part until it is read, or on the disk in whole."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from penstock_kit.errors import ResourceExhausted

MOST_AT_ONCE: Final = 8
"""Files of rows or features that are made and sent at once for one tenant."""


class FileShares:
    """Counts the files that are being sent, by tenant: who reads slowly, or not at all, keeps a bounded memory."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    @contextmanager
    def share(self, tenant_id: str) -> Generator[None]:
        """Count a file of the tenant until the block ends. Raises ResourceExhausted EXPORTS_LIMIT_EXCEEDED."""
        if self._open[tenant_id] >= self._most:
            raise ResourceExhausted(
                f"{self._most} files of rows or features are being sent to this tenant already; read one of them to "
                "its end, or close it, and ask again",
                reason="EXPORTS_LIMIT_EXCEEDED",
            )
        self._open[tenant_id] += 1
        try:
            yield
        finally:
            self._open[tenant_id] -= 1
            if not self._open[tenant_id]:
                del self._open[tenant_id]
