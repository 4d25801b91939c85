"""Order: as the operator wrote them down."""

from collections.abc import Sequence

from llm_service.domain.model.route import Candidate


class Order:
    """Leaves the candidates as they are. Hedging starts from it too: first the first, then the others."""

    def arrange(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return `candidates`."""
        return candidates
