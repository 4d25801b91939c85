"""How well the semantic cache tells questions apart: precision and recall over labelled pairs, at every threshold."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from bench.semantic_pairs import Pair, read_pairs
from cache_service.domain.semantic.gate import Gate
from cache_service.domain.semantic.guards import refusing_guard
from llm_service.domain.offline.embedding import DIMENSIONS, hashed_vector
from penstock_kit.text import read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A pair with its similarity and what refuses it: a guard, or a rule on what may be cached."""

    pair: Pair
    similarity: float
    refused_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Of the pairs that hit at a threshold, how many should; of those that should, how many hit."""

    threshold: float
    precision: float
    recall: float
    hits: int


@cache
def judged_pairs() -> Sequence[Judged]:
    """Judge every pair with the embedder that needs nothing installed."""
    return [judge(pair) for pair in read_pairs()]


def judge(pair: Pair) -> Judged:
    """Judge one pair as a look-up does: rules on the question, the similarity, the guards."""
    first, second, gate = read_text(pair.first), read_text(pair.second), Gate()
    refused = gate.question(first) or gate.question(second) or refusing_guard(first, second)
    return Judged(pair=pair, similarity=_similarity(pair.first, pair.second), refused_by=refused)


def quality(judged: Sequence[Judged], threshold: float, *, guarded: bool = True) -> Quality:
    """Return precision and recall at a threshold; without hits the precision is 1."""
    hits = [each for each in judged if each.similarity >= threshold and not (guarded and each.refused_by)]
    right = sum(each.pair.same for each in hits)
    wanted = sum(each.pair.same for each in judged)
    precision = right / len(hits) if hits else 1.0
    return Quality(threshold=threshold, precision=precision, recall=right / wanted, hits=len(hits))


def _similarity(first: str, second: str) -> float:
    one, other = (array("f", hashed_vector(text, DIMENSIONS)) for text in (first, second))
    return sum(a * b for a, b in zip(one, other, strict=True))
