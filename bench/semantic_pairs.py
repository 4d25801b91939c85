"""Labelled pairs of questions: what a semantic cache may answer alike, and what it must tell apart.

Half of the pairs, chosen by a hash of their text, is held out: the guards, the word lists and the thresholds of the
cache are made by looking at the other half alone.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAIRS: Final = Path(__file__).parent / "data" / "semantic_pairs.tsv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two questions. `same`: the answer to one answers the other; `kind` names what they differ in."""

    same: bool
    language: str
    kind: str
    first: str
    second: str

    @property
    def held_out(self) -> bool:
        """Whether the pair is for the final figures only."""
        return hashlib.sha256(f"{self.first}\n{self.second}".encode()).digest()[0] % 2 == 1


def read_pairs() -> Sequence[Pair]:
    """Return all pairs of the data file."""
    rows = (line.split("\t") for line in PAIRS.read_text(encoding="utf-8").splitlines()[1:])
    return [
        Pair(same=label == "same", language=language, kind=kind, first=first, second=second)
        for label, language, kind, first, second in rows
    ]
