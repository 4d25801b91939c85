"""The ports through which providers are reached by name: built when first asked for, and what is known of them."""

from dataclasses import dataclass
from typing import Protocol

from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider import Provider, TokenCounter


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedProvider:
    """A provider in use: what its first use cost in resident bytes and seconds.

    `import_seconds` is the part of `load_seconds` that went into importing the vendor's SDK; 0 when it was there.
    """

    provider: Provider
    memory_bytes: int
    load_seconds: float
    import_seconds: float = 0.0
    counter: TokenCounter | None = None


class ProviderPool(Protocol):
    """Providers by name."""

    async def get(self, name: str) -> Provider:
        """Return the provider, building it on first use; raises ProviderError when that is impossible."""
        ...


class ProviderCatalog(Protocol):
    """What is known of the configured providers without building one."""

    def get_loaded_providers(self) -> list[str]:
        """Return the names of the providers built so far, in the order they were."""
        ...

    def get_available_providers(self) -> list[str]:
        """Return the names of all configured providers in order."""
        ...

    def profile(self, name: str) -> ProviderProfile:
        """Return the profile of a configured provider."""
        ...

    def loaded(self, name: str) -> LoadedProvider | None:
        """Return what is known of a provider's loading, None before its first use."""
        ...
