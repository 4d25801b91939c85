"""What calls cost: a price per million tokens and class, from the operator, a catalogue, or nowhere."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from llm_service.domain.usage import FREE, UNKNOWN_COST, Cost, PriceSource, Usage

_MILLION: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens. Reasoning is billed as output, cache classes without a price as input."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None

    def amount(self, usage: Usage) -> Decimal:
        """Return what `usage` costs, exact."""
        cache_read = self.input if self.cache_read is None else self.cache_read
        cache_write = self.input if self.cache_write is None else self.cache_write
        total = (
            self.input * usage.input
            + cache_read * usage.cache_read
            + cache_write * usage.cache_write
            + self.output * usage.completion
        )
        return total / _MILLION


class PriceBook(Protocol):
    """Where prices come from."""

    def cost(self, provider: str, model: str, usage: Usage) -> Cost:
        """Return what `usage` of the model costs; an unknown price is an unknown cost, never 0."""
        ...


class OperatorPrices:
    """Prices from the operator's configuration; the offline provider is free, everything else unknown."""

    def __init__(self, prices: dict[tuple[str, str], Price], free: frozenset[str]) -> None:
        self._prices = prices
        self._free = free

    def cost(self, provider: str, model: str, usage: Usage) -> Cost:
        """Return the cost by the operator's row for exactly this provider and model."""
        price = self._prices.get((provider, model))
        if price is not None:
            return Cost(amount=price.amount(usage), source=PriceSource.OPERATOR)
        return FREE if provider in self._free else UNKNOWN_COST
