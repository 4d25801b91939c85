"""The catalogue of list prices in the genai-prices package: its bundled data, never its updater."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from llm_service.domain.billing.price import Price

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelPrice

# Our names of vendors where the package has others; what is not here is found by its base URL.
_NAMES: Final = {"gemini": "google", "openai": "openai", "anthropic": "anthropic", "deepseek": "deepseek", "glm": "zai"}
# A caller may name any model, so not every one that was ever asked for is kept.
_MOST_KEPT: Final = 4_096


class GenaiPrices:
    """Looks prices up once for each model and keeps those asked for last. `base_url` says where a provider is."""

    def __init__(self, *, base_url: Callable[[str], str], most_kept: int = _MOST_KEPT) -> None:
        self._base_url = base_url
        self._snapshot: DataSnapshot | None = None
        self._loading: asyncio.Task[DataSnapshot] | None = None
        self._kept = lru_cache(most_kept)(self._look_up)

    async def load(self) -> None:
        """Import the data (0.5 s, 40 MB) off the event loop; many callers share one import."""
        if self._snapshot is None:
            if self._loading is None:
                self._loading = asyncio.create_task(asyncio.to_thread(_snapshot))
            self._snapshot = await asyncio.shield(self._loading)

    def price(self, provider: str, model: str) -> Price | None:
        """Return the list price of a model, None when there is none or the data is not loaded."""
        if self._snapshot is None:
            return None
        name = _NAMES.get(provider)
        base_url = None if name else self._base_url(provider) or None
        if name is None and base_url is None:
            return None
        return self._kept(model, name, base_url)

    def _look_up(self, model: str, name: str | None, base_url: str | None) -> Price | None:
        snapshot: Any = self._snapshot
        try:
            provider = snapshot.find_provider(None, name, base_url)
            # Not through the snapshot, which keeps whatever it was asked for.
            found = provider.find_model(model, all_providers=snapshot.providers)
            return None if found is None else _price(found.get_prices(datetime.now(UTC)))
        except (LookupError, ValueError):
            return None


def _snapshot() -> "DataSnapshot":
    from genai_prices.data_snapshot import get_snapshot

    return get_snapshot()


def _price(prices: "ModelPrice") -> Price | None:
    """The package's prices as ours; of several steps by length of the prompt the first is kept."""
    if prices.input_mtok is None:
        return None
    starts = [start for value in vars(prices).values() for start in _starts(value)]
    plain = _at(prices, 0)
    return _at(prices, 0, min(starts), _at(prices, min(starts) + 1)) if starts else plain


def _at(prices: "ModelPrice", prompt: int, long_from: int = 0, long: Price | None = None) -> Price:
    return Price(
        input=_step(prices.input_mtok, prompt) or Decimal(0),
        output=_step(prices.output_mtok, prompt),
        cache_read=_step(prices.cache_read_mtok, prompt),
        cache_write=_step(prices.cache_write_mtok, prompt),
        long_from=long_from,
        long=long,
    )


def _starts(value: Any) -> list[int]:
    return [tier.start for tier in getattr(value, "tiers", ())]


def _step(value: Any, prompt: int) -> Decimal | None:
    if value is None or isinstance(value, Decimal):
        return value
    return next((tier.price for tier in reversed(value.tiers) if prompt > tier.start), value.base)
