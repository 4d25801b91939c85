"""A pool that has the prices at hand before a provider is used."""

from collections.abc import Awaitable, Callable

from llm_service.domain.model.provider import Provider
from llm_service.domain.model.provider_pool import ProviderPool


class PricedPool:
    """Waits, on a provider's first use, until its prices can be looked up."""

    def __init__(self, inner: ProviderPool, *, ready: Callable[[str], Awaitable[None]]) -> None:
        self._inner = inner
        self._ready = ready

    async def get(self, name: str) -> Provider:
        """Return the inner pool's provider."""
        await self._ready(name)
        return await self._inner.get(name)
