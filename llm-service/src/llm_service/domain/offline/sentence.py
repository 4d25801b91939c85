"""A question as lexemes, and which of them were understood."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Final

from llm_service.domain.offline.lexicon import NO_SENSES, Kind, Lexeme, Senses

_MOST_SKIPPED: Final = 4


@dataclass(slots=True)
class Sentence:
    """Lexemes in order; rules mark those they understood, so that no word is read twice and none is lost."""

    lexemes: list[Lexeme]
    used: set[int] = field(default_factory=set[int])

    def __len__(self) -> int:
        return len(self.lexemes)

    def senses(self, at: int) -> Senses:
        """Return the senses of the lexeme at `at`; none outside the sentence and where it was understood before."""
        free = 0 <= at < len(self.lexemes) and at not in self.used
        return self.lexemes[at].senses if free else NO_SENSES

    def has(self, at: int, kind: Kind) -> bool:
        """Whether the lexeme at `at` can be a `kind`."""
        return kind in self.senses(at)

    def lexeme_senses(self, at: int) -> Senses:
        """Return the senses of the lexeme at `at`, understood or not."""
        return self.lexemes[at].senses if 0 <= at < len(self.lexemes) else NO_SENSES

    def labelled(self, at: int) -> bool:
        """Whether the lexeme at `at`, understood or not, is a label."""
        return 0 <= at < len(self.lexemes) and Kind.LABEL in self.lexemes[at].senses

    def text(self, at: int) -> str:
        """Return the lexeme's text, "" outside the sentence."""
        return self.lexemes[at].text if 0 <= at < len(self.lexemes) else ""

    def raw(self, at: int) -> str:
        """Return the lexeme as written, "" outside the sentence."""
        return self.lexemes[at].raw if 0 <= at < len(self.lexemes) else ""

    def number(self, at: int) -> float | None:
        """Return the value of digits at `at`, None for anything else and what was understood before."""
        free = 0 <= at < len(self.lexemes) and at not in self.used
        return self.lexemes[at].number if free else None

    def digits(self, at: int) -> str:
        """Return the digits at `at`, "" for anything else, also for a number with a point or commas."""
        digits = self.lexemes[at].digits if self.number(at) is not None else ""
        return digits if digits.isdecimal() else ""

    def glued(self, at: int) -> bool:
        """Whether there is no blank between the lexeme at `at` and the one before."""
        return 0 <= at < len(self.lexemes) and self.lexemes[at].tokens[0].glued

    def skip(self, at: int, kinds: Container[Kind], step: int = 1) -> int:
        """Return the first place from `at` on whose lexeme is none of `kinds`, a bounded number of places away."""
        for _ in range(_MOST_SKIPPED):
            if not any(kind in kinds for kind in self.senses(at)):
                return at
            at += step
        return at

    def find(self, kind: Kind) -> Iterable[int]:
        """Yield the places of lexemes that can be a `kind`."""
        return [at for at in range(len(self.lexemes)) if self.has(at, kind)]

    def use(self, begin: int, end: int) -> None:
        """Mark the lexemes from `begin` up to `end` as understood."""
        self.used.update(range(max(begin, 0), min(end, len(self.lexemes))))
