"""What a move says: progress while it runs, and a report of counts and checksums at the end."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from penstock_cli.migrate.compare import TableComparison
from penstock_cli.migrate.telemetry import SeriesComparison

_SECONDS: Final = 1.0
TRANSFORMATIONS: Final = {
    "into_sqlite": ["-0.0 is kept as 0.0: SQLite keeps no sign of a zero; both sides' checksums count them as equal"],
    "into_postgresql": [],
}


class ProgressLines:
    """Prints a line for each step, of tables that take long one a second."""

    def __init__(self, title: str, now: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._now = now
        self._last = 0.0
        self._said = ""

    def step(self, what: str, rows: int = 0, of: int = 0) -> None:
        """Print how far it is."""
        amount = f" {rows:,} of {of:,} rows" if of else ""
        line, now = f"{self._title}: {what}{amount}\n", self._now()
        if line == self._said or (rows < of and now - self._last < _SECONDS):
            return
        self._said, self._last = line, now
        sys.stdout.write(line)
        sys.stdout.flush()


class Report:
    """Collects what comparisons found."""

    def __init__(self, *, newer_ok: bool = False) -> None:
        self._newer_ok = newer_ok
        self._sets: dict[str, list[dict[str, Any]]] = {}
        self.differences = 0

    def add_table(self, title: str, found: TableComparison) -> None:
        """Take the comparison of a table, and print it."""
        counted = found.only_in_source + found.different + (0 if self._newer_ok else found.only_in_target)
        self.differences += counted
        rows = f"{found.source_rows:,} and {found.target_rows:,} rows"
        self._say(title, found.table, rows, found.checksums, found.named if counted else ())
        self._sets.setdefault(title, []).append(
            {
                "table": found.table,
                "rows": [found.source_rows, found.target_rows],
                "only_in_source": found.only_in_source,
                "only_in_target": found.only_in_target,
                "different": found.different,
                "ranges": found.ranges,
                "checksums": found.checksums,
                "named": found.named,
            }
        )

    def add_series(self, found: SeriesComparison) -> None:
        """Take the comparison of a series, and print it."""
        self.differences += len(found.named)
        self._say("telemetry", found.series, f"{found.rows:,} rows", found.checksums, found.named)
        self._sets.setdefault("telemetry", []).append(
            {"series": found.series, "rows": found.rows, "checksums": found.checksums, "named": found.named}
        )

    def write(self, file: Path | None, *, into: str) -> None:
        """Write everything into `file` as JSON; nothing without one."""
        if file is not None:
            content = {"differences": self.differences, "transformations": TRANSFORMATIONS[into], "sets": self._sets}
            file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def _say(self, title: str, what: str, rows: str, checksums: dict[str, str], named: Sequence[str]) -> None:
        import hashlib

        joined = hashlib.blake2b("".join(checksums.values()).encode(), digest_size=8).hexdigest()
        verdict = "differ" if named else f"agree, checksum {joined}"
        sys.stdout.write(f"{title}: {what}: {rows} {verdict}\n")
        for line in named:
            sys.stdout.write(f"  {line}\n")
