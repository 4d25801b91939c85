"""Rows that were refused, and why; and what else is to be told of a body."""

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
    """Every refusal counted, the first `most` of them kept; `notes` say what was read otherwise than written.

    `rounded` counts, by field, the whole numbers of stored rows that a double does not hold.
    """

    most: int = MAX_LISTED
    count: int = 0
    listed: list[Rejection] = field(default_factory=list[Rejection])
    notes: list[str] = field(default_factory=list[str])
    rounded: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, line: int, reason: str) -> None:
        """Count the row of `line` as refused."""
        self.add_all([line], reason)

    def add_all(self, lines: "list[int]", reason: str) -> None:
        """Count the rows of `lines` as refused for the same reason."""
        self.count += len(lines)
        self.listed += [Rejection(line=line, reason=reason) for line in lines[: self.most - len(self.listed)]]

    def note(self, text: str) -> None:
        """Tell something of the body, once."""
        if text not in self.notes:
            self.notes.append(text)

    def add_rounded(self, name: str, count: int) -> None:
        """Count whole numbers of the field `name` that were rounded."""
        if count:
            self.rounded[name] = self.rounded.get(name, 0) + count
