"""What a turn used and cost, summed over its model calls."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_UNKNOWN: Final = "unknown"
_FREE: Final = "free"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens in disjoint classes: their sum is what the vendors sold."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            estimated=self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Money as a decimal; `amount` is None when a price is unknown, and an unknown part makes the sum unknown.

    `source` says where the price came from: ``catalogue``, ``operator``, ``free`` or ``unknown``.
    """

    amount: Decimal | None = Decimal(0)
    currency: str = "USD"
    source: str = _FREE

    def __add__(self, other: "Cost") -> "Cost":
        if self.amount is None or other.amount is None or self.currency != other.currency:
            return UNKNOWN_COST
        priced = other if self.source == _FREE else self
        return Cost(amount=self.amount + other.amount, currency=self.currency, source=priced.source)


NO_USAGE: Final = Usage()
NO_COST: Final = Cost()
UNKNOWN_COST: Final = Cost(amount=None, source=_UNKNOWN)
