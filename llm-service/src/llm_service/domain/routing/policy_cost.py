"""Cost: the cheapest first."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from llm_service.domain.billing.price import PriceBook
from llm_service.domain.model.route import Candidate
from llm_service.domain.model.usage import Usage

# What is compared: a question with three times as many prompt tokens as answer tokens.
_TYPICAL: Final = Usage(input=750_000, output=250_000)


class CheapestFirst:
    """Sorts by the price of a typical million tokens; an unknown price comes after every known one."""

    def __init__(self, prices: PriceBook) -> None:
        self._prices = prices

    def arrange(self, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Return the candidates, the cheapest first; the score is USD per million tokens."""
        priced = [(self._price(each), each) for each in candidates]
        priced.sort(key=lambda pair: (pair[0] is None, pair[0] or Decimal(0)))
        return [_explained(candidate, price) for price, candidate in priced]

    def _price(self, candidate: Candidate) -> Decimal | None:
        return self._prices.cost(candidate.provider, candidate.model, _TYPICAL).amount


def _explained(candidate: Candidate, price: Decimal | None) -> Candidate:
    if price is None:
        return replace(candidate, why=f"{candidate.why}; its price is unknown, so it comes after the known ones")
    shown = f"{price.normalize():f}"
    return replace(
        candidate, score=float(price), why=f"{candidate.why}; {shown} USD per million tokens (3 prompt : 1 answer)"
    )
