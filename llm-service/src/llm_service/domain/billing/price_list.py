"""The prices in force: set at run time, then the configuration file's, then the catalogue's, then our own rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from llm_service.domain.billing.builtin_prices import OWN_PRICES
from llm_service.domain.billing.price import Price, cost_by
from llm_service.domain.model.usage import FREE, UNKNOWN_COST, Cost, PriceSource, Usage

Model = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedModel:
    """One row of the list. `since` is when an operator set it at run time."""

    provider: str
    model: str
    price: Price
    source: PriceSource
    since: datetime | None = None


class Catalogue(Protocol):
    """Public list prices. It is loaded on first need, off the event loop, and never asks the network."""

    async def load(self) -> None:
        """Return when prices can be looked up."""
        ...

    def price(self, provider: str, model: str) -> Price | None:
        """Return the list price, None when unknown or not loaded yet."""
        ...


class PriceStore(Protocol):
    """The prices set at run time; of a model the last one counts."""

    async def put(self, provider: str, model: str, price: Price) -> PricedModel:
        """Set the price of a model."""
        ...

    async def all(self) -> dict[Model, PricedModel]:
        """Return every price set, by provider and model."""
        ...


class PriceList:
    """Answers what calls cost. Providers in `free` cost nothing; what is in no list is unknown, never 0."""

    def __init__(self, catalogue: Catalogue, *, free: frozenset[str]) -> None:
        self._catalogue = catalogue
        self._free = free
        self._set: Mapping[Model, PricedModel] = {}
        self._configured: Mapping[Model, Price] = {}

    async def ready(self, provider: str) -> None:
        """Return when the prices of `provider` can be looked up."""
        if provider not in self._free:
            await self._catalogue.load()

    def configure(self, prices: Mapping[Model, Price]) -> None:
        """Take over the configuration file's prices."""
        self._configured = dict(prices)

    def take(self, rows: Mapping[Model, PricedModel]) -> None:
        """Take over the prices set at run time."""
        self._set = dict(rows)

    def cost(self, provider: str, model: str, usage: Usage) -> Cost:
        """Return what `usage` of the model costs."""
        found = self._find(provider, model)
        if found is None:
            return FREE if provider in self._free else UNKNOWN_COST
        return cost_by(found.price, usage, found.source)

    def savings(self, provider: str, model: str, usage: Usage) -> Cost:
        """Return what the provider's prompt cache saved."""
        found = self._find(provider, model)
        if found is None:
            return FREE if provider in self._free else UNKNOWN_COST
        return Cost(amount=found.price.saved(usage), source=found.source)

    def rows(self, models: Mapping[str, tuple[str, ...]]) -> list[PricedModel]:
        """Return the operator's prices and those of the listed `models` by provider, in order."""
        wanted = {(provider, model) for provider, names in models.items() for model in names}
        wanted |= set(self._set) | set(self._configured)
        found = (self._find(provider, model) for provider, model in sorted(wanted))
        return [row for row in found if row is not None]

    def _find(self, provider: str, model: str) -> PricedModel | None:
        if (row := self._set.get((provider, model))) is not None:
            return row
        price, source = self._configured.get((provider, model)), PriceSource.OPERATOR
        if price is None and provider not in self._free:
            price = self._catalogue.price(provider, model) or OWN_PRICES.get((provider, model))
            source = PriceSource.CATALOGUE
        return None if price is None else PricedModel(provider=provider, model=model, price=price, source=source)
