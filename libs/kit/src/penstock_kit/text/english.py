"""English words as concepts: synonyms are one, inflected forms are their stem."""

import re
from functools import lru_cache
from typing import Final

from penstock_kit.text.english_words import ANTONYMS, IRREGULAR, PHRASES, SYNONYMS

_REWRITES: Final = tuple((re.compile(pattern), wanted) for pattern, wanted in PHRASES)
_SHORTEST_STEM: Final = 4


def rewrite_phrases(text: str) -> str:
    """Return lower-case `text` with phrases of one meaning written as one word."""
    for pattern, wanted in _REWRITES:
        text = pattern.sub(wanted, text)
    return text


@lru_cache(maxsize=8192)
def concept_of(word: str) -> str:
    """Return the concept of a lower-case word."""
    return _CONCEPTS.get(word) or _CONCEPTS.get(_stem(word)) or _stem(word)


def _stem(word: str) -> str:
    """Return what `word` has in common with its other forms; it need not be a word."""
    word = word.removesuffix("'s").removesuffix("'")
    if word in IRREGULAR:
        word = IRREGULAR[word]
        return word if word in _KEPT else _bare(word)
    return _bare(word)


def _bare(word: str) -> str:
    word = _singular(word)
    for suffix in ("ations", "ation", "ating", "ated", "ates", "ator", "ate"):
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word.removesuffix(suffix)
    for suffix in ("ing", "ed", "ion", "ment", "ly"):
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM - 1:
            return _undoubled(word.removesuffix(suffix)).removesuffix("e")
    return word.removesuffix("e") if len(word) > _SHORTEST_STEM - 1 else word


def _singular(word: str) -> str:
    if len(word) > _SHORTEST_STEM and word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    if len(word) >= _SHORTEST_STEM and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _undoubled(stem: str) -> str:
    return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "lsz" else stem


_KEPT: Final = frozenset(form for word, form in IRREGULAR.items() if word == form)


def _synonyms() -> dict[str, str]:
    concepts: dict[str, str] = {}
    for line in SYNONYMS.strip().splitlines():
        concept, *others = line.split()
        for word in (concept, *others):
            concepts.setdefault(word, concept)
            concepts.setdefault(_stem(word), concept)
    return concepts


_CONCEPTS: Final = _synonyms()


def antonyms() -> frozenset[tuple[str, str]]:
    """Return pairs of concepts that are opposites, each in both orders."""
    pairs = [pair.split() for line in ANTONYMS.strip().splitlines() for pair in line.split("|")]
    # As they are too: words that link others are not stemmed.
    found = {(first, second) for first, second in pairs} | {
        (concept_of(one), concept_of(other)) for one, other in pairs
    }
    return frozenset({(a, b) for a, b in found if a != b} | {(b, a) for a, b in found if a != b})
