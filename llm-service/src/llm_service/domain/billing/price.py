"""What calls cost: a price per million tokens and class, from the operator, a catalogue, or nowhere."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from llm_service.domain.model.usage import FREE, UNKNOWN_COST, Cost, PriceSource, Usage

_MILLION: Final = Decimal(1_000_000)
_HOUR_FACTOR: Final = Decimal("1.6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens. Reasoning is billed as output, cache classes without a price as input.

    `cache_write` is the price of what is kept for five minutes, `cache_write_hour` for an hour; without one it is 1.6
    times the other, which is how Anthropic lists the two (1.25 and 2 times the price of input).

    Without a price of `output` (models that embed make none) a call with output has no known price.

    `long` is what counts instead for the whole call once its prompt is longer than `long_from` tokens.
    """

    input: Decimal
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_hour: Decimal | None = None
    long_from: int = 0
    long: "Price | None" = None

    def amount(self, usage: Usage) -> Decimal | None:
        """Return what `usage` costs, exact; None when it has output and there is no price of that."""
        price = self._for(usage)
        if price.output is None and usage.completion:
            return None
        cache_read = price.input if price.cache_read is None else price.cache_read
        total = (
            price.input * usage.input
            + cache_read * usage.cache_read
            + price.writes(usage)
            + (price.output or 0) * usage.completion
        )
        return total / _MILLION

    def saved(self, usage: Usage) -> Decimal:
        """Return what the provider's prompt cache saved: reads below the price of input, less dearer writes."""
        price = self._for(usage)
        cache_read = price.input if price.cache_read is None else price.cache_read
        read = (price.input - cache_read) * usage.cache_read
        return (read + price.input * usage.cache_write - price.writes(usage)) / _MILLION

    def writes(self, usage: Usage) -> Decimal:
        """Return what the writes of `usage` into the provider's prompt cache cost, times a million."""
        if not usage.cache_write:
            return Decimal(0)
        short = self.input if self.cache_write is None else self.cache_write
        hour = self.cache_write_hour
        if hour is None:
            hour = short if self.cache_write is None else self.cache_write * _HOUR_FACTOR
        return short * (usage.cache_write - usage.cache_write_hour) + hour * usage.cache_write_hour

    def _for(self, usage: Usage) -> "Price":
        return self.long if self.long is not None and usage.prompt > self.long_from else self


class PriceBook(Protocol):
    """Where prices come from."""

    def cost(self, provider: str, model: str, usage: Usage) -> Cost:
        """Return what `usage` of the model costs; an unknown price is an unknown cost, never 0."""
        ...

    def savings(self, provider: str, model: str, usage: Usage) -> Cost:
        """Return what the provider's prompt cache saved of it, unknown when the price is."""
        ...


def cost_of(prices: PriceBook, provider: str, asked: str, answered: str, usage: Usage) -> Cost:
    """Return what `usage` costs by the price of the model that was asked for, else of the one that says it answered."""
    cost = prices.cost(provider, asked, usage)
    return prices.cost(provider, answered, usage) if cost.amount is None and asked != answered else cost


def savings_of(prices: PriceBook, provider: str, asked: str, answered: str, usage: Usage) -> Cost:
    """Return what the provider's prompt cache saved, by the same price."""
    savings = prices.savings(provider, asked, usage)
    return prices.savings(provider, answered, usage) if savings.amount is None and asked != answered else savings


def cost_by(price: Price, usage: Usage, source: PriceSource) -> Cost:
    """Return what `usage` costs at `price`, unknown when the price does not cover it."""
    amount = price.amount(usage)
    return UNKNOWN_COST if amount is None else Cost(amount=amount, source=source)


class OperatorPrices:
    """Prices from the operator's configuration; the offline provider is free, everything else unknown."""

    def __init__(self, prices: dict[tuple[str, str], Price], free: frozenset[str]) -> None:
        self._prices = prices
        self._free = free

    def cost(self, provider: str, model: str, usage: Usage) -> Cost:
        """Return the cost by the operator's row for exactly this provider and model."""
        price = self._prices.get((provider, model))
        if price is not None:
            return cost_by(price, usage, PriceSource.OPERATOR)
        return FREE if provider in self._free else UNKNOWN_COST

    def savings(self, provider: str, model: str, usage: Usage) -> Cost:
        """Return the savings by the same row."""
        price = self._prices.get((provider, model))
        return UNKNOWN_COST if price is None else Cost(amount=price.saved(usage), source=PriceSource.OPERATOR)
