"""Weight: by chance, in proportion to the weights of the providers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log

from llm_service.domain.model.route import Candidate


class Weight:
    """Draws without putting back (Efraimidis and Spirakis 2006: the largest u^(1/w) comes first).

    `weight_of` says what a provider weighs, above 0; `random` returns numbers in [0, 1).
    """

    def __init__(self, *, weight_of: Callable[[str], float], random: Callable[[], float]) -> None:
        self._weight_of = weight_of
        self._random = random

    def arrange(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return the candidates in the order they were drawn; the score is the weight."""
        drawn = [(log(1.0 - self._random()) / self._weight_of(each.provider), each) for each in candidates]
        drawn.sort(key=lambda pair: pair[0], reverse=True)
        return [self._explained(candidate) for _, candidate in drawn]

    def _explained(self, candidate: Candidate) -> Candidate:
        weight = self._weight_of(candidate.provider)
        return replace(candidate, score=weight, why=f"{candidate.why}; drawn by weight {weight:g}")
