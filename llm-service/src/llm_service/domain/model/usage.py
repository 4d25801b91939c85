"""Token counts in disjoint classes, and money as decimals."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call in disjoint classes: their sum is what the vendor sold.

    `input` is the prompt without cache reads and writes, `output` the answer without reasoning.
    `cache_write_hour` are those of `cache_write` that are kept for an hour instead of five minutes. `estimated` says
    that the vendor sent no counts and these are ours.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False
    cache_write_hour: int = 0

    @property
    def prompt(self) -> int:
        """The number of prompt tokens, cache reads and writes included."""
        return self.input + self.cache_read + self.cache_write

    @property
    def completion(self) -> int:
        """The number of tokens that the model generated, reasoning included."""
        return self.output + self.reasoning

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
            estimated=self.estimated or other.estimated,
            cache_write_hour=self.cache_write_hour + other.cache_write_hour,
        )


class PriceSource(StrEnum):
    """The source of a price."""

    CATALOGUE = "catalogue"
    OPERATOR = "operator"
    FREE = "free"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """An amount of money in `currency`; that of an unknown price is None, which is not 0."""

    amount: Decimal | None
    source: PriceSource
    currency: str = "USD"


UNKNOWN_COST = Cost(amount=None, source=PriceSource.UNKNOWN)
FREE = Cost(amount=Decimal(0), source=PriceSource.FREE)
# A call that reached nobody: there is no price to know.
NOTHING_SOLD = FREE
