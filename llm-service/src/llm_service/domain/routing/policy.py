"""The port of a selection policy."""

from collections.abc import Sequence
from typing import Protocol

from llm_service.domain.model.route import Candidate


class Policy(Protocol):
    """Puts candidates in the order they are tried. The offline provider is never among them: it stays last."""

    def arrange(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return the same candidates in order, each with its score and why it stands where it stands."""
        ...
