"""What a short text says, read once and compared often."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from penstock_kit.text.token import Kind, Token
from penstock_kit.text.tokenize import fold_text, tokens_of

_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LATIN: Final = re.compile(r"[a-z]{2,}", re.IGNORECASE)
_KANA: Final = re.compile(r"[\u3040-\u30ff]")
_OTHERS: Final = (
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
)
# Capitals that name something: past the first word of a sentence, or more than one in a word.
_NAME: Final = re.compile(r"(?<=[^.!?:\s] )[A-Z][a-zA-Z]+|\b[A-Z]{2,}\b|\b[A-Z][a-z]+[A-Z]\w*")
_QUOTED: Final = re.compile(r"[\"“”«»《](.{1,200}?)[\"“”«»》]|(?<!\w)'([^']{1,200})'(?!\w)")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A text as tokens. What follows is told from them when first asked for."""

    text: str
    tokens: tuple[Token, ...]

    @cached_property
    def language(self) -> str:
        """The language by its script: ``en`` for Latin letters, ``zh``, ``ja``, …; empty without letters."""
        if _KANA.search(self.text):
            return "ja"
        for language, letters in _OTHERS:
            if letters.search(self.text):
                return language
        if _HAN.search(self.text):
            return "zh"
        return "en" if _LATIN.search(self.text) else ""

    @cached_property
    def by_kind(self) -> Mapping[Kind, tuple[str, ...]]:
        """Return the concepts of each kind, sorted."""
        found: dict[Kind, list[str]] = {kind: [] for kind in Kind}
        for token in self.tokens:
            found[token.kind].append(token.concept)
        return {kind: tuple(sorted(concepts)) for kind, concepts in found.items()}

    @cached_property
    def sequence(self) -> tuple[Token, ...]:
        """Return all but filler, in order."""
        return tuple(token for token in self.tokens if token.kind is not Kind.FILLER)

    @cached_property
    def content(self) -> frozenset[str]:
        """Return the concepts that say what the text is about."""
        said = frozenset(token.concept for token in self.tokens if token.kind in _CONTENT)
        if "where" in self.by_kind[Kind.INTENT]:
            said -= _PLACED
        return said - _CONVERTS if len(self.by_kind[Kind.UNIT]) > 1 else said

    @property
    def _implied(self) -> frozenset[str]:
        """What the words ask for already: the cost of something is how much it is."""
        return frozenset({"howmany"}) if self._words & _COSTS else frozenset()

    @property
    def _words(self) -> frozenset[str]:
        return frozenset(self.by_kind[Kind.WORD])

    @cached_property
    def names(self) -> frozenset[str]:
        """Return what is written like a name, in lower case."""
        return frozenset(found[0].casefold() for found in _NAME.finditer(fold_text(self.text)))

    @cached_property
    def quoted(self) -> tuple[str, ...]:
        """Return what stands in quotation marks."""
        found = _QUOTED.finditer(fold_text(self.text))
        return tuple(sorted((each[1] or each[2]).casefold().strip() for each in found))

    @cached_property
    def intent(self) -> str:
        """Return what a question asks for, ``how`` or ``why``; empty when it asks what something is."""
        asked = self.by_kind[Kind.INTENT]
        named = sorted({each for each in asked if each != "whether"} - self._implied)
        if named:
            return " ".join(named)
        return "whether" if "whether" in asked or _WHETHER.match(self.text) else ""


_CONTENT: Final = frozenset({Kind.WORD, Kind.NUMBER, Kind.UNIT, Kind.CODE, Kind.DATE, Kind.ZONE})
_COSTS: Final = frozenset({"cost", "价格"})
# Where something is: stored, kept and found are the same. A conversion between two units goes without saying.
_PLACED: Final = frozenset({"store", "存储", "locat", "found"})
_CONVERTS: Final = frozenset({"convert"})
_WHETHER: Final = re.compile(
    r"\s*(?:is|are|was|were|does|do|did|has|have|may|must|should|will|would|can|could)\b(?!\s+(?:you|we) )",
    re.IGNORECASE,
)


def read_text(text: str) -> Reading:
    """Read a text; the work is linear in its length."""
    return Reading(text=text, tokens=tuple(tokens_of(text)))
