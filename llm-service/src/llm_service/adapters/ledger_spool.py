"""Ledger rows on disk while the database is away: appended and synced, read back at the next start."""

import os
from collections.abc import Sequence
from pathlib import Path

import orjson

from llm_service.adapters.ledger_row import columns_from_row, row_from_columns
from llm_service.domain.billing.ledger import LedgerRow
from penstock_kit.logging import get_logger

log = get_logger(__name__)


class LedgerSpool:
    """One file of JSON lines. A row may be in it twice, or be written already: its id tells."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read back."""
        return not self._path.exists()

    def append(self, rows: Sequence[LedgerRow]) -> None:
        """Write `rows` behind the others; they are on the disk when this returns. Raises OSError."""
        lines = b"".join(orjson.dumps(columns_from_row(row)) + b"\n" for row in rows)
        with self._path.open("ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    def rows(self) -> list[LedgerRow]:
        """Return every row. A line cut short by a crash is left out and told."""
        if self.is_empty:
            return []
        found: list[LedgerRow] = []
        for line in self._path.read_bytes().splitlines():
            try:
                found.append(row_from_columns(orjson.loads(line)))
            except (orjson.JSONDecodeError, KeyError, ValueError):
                log.warning("a spooled ledger row is cut short and left out", file=self._path.name)
        return found

    def clear(self) -> None:
        """Forget every row: they are all in the database."""
        self._path.unlink(missing_ok=True)
