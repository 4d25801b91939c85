"""Concepts and their opposites, in both languages."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from penstock_kit.text import chinese, english


def _opposites() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for first, second in english.antonyms() | chinese.antonyms():
        found[first].add(second)
    return {concept: frozenset(others) for concept, others in found.items()}


OPPOSITES: Final = _opposites()
"""By concept: what turns it round."""
