"""The port through which providers are reached: by name, built when first asked for."""

from typing import Protocol

from llm_service.domain.model.provider import Provider


class ProviderPool(Protocol):
    """Providers by name."""

    async def get(self, name: str) -> Provider:
        """Return the provider, building it on first use; raises ProviderError when that is impossible."""
        ...
