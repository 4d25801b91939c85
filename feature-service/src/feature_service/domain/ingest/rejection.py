"""Rows that were refused, and why."""

from dataclasses import dataclass, field
from typing import Final

MAX_LISTED: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One refused row: the line of the file (the header is 1) or the row's index from 1, and the reason."""

    line: int
    reason: str


@dataclass(slots=True)
class Rejections:
    """Every refusal counted, the first MAX_LISTED of them kept."""

    count: int = 0
    listed: list[Rejection] = field(default_factory=list[Rejection])

    def add(self, line: int, reason: str) -> None:
        """Count the row of `line` as refused."""
        self.count += 1
        if len(self.listed) < MAX_LISTED:
            self.listed.append(Rejection(line=line, reason=reason))
