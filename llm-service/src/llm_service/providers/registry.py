"""Providers built on their first use and kept: no vendor SDK is imported before somebody asks for it."""

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Final, Protocol, cast

from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider import Provider, TokenCounter
from llm_service.domain.model.provider_pool import LoadedProvider
from penstock_kit.aside import share_interpreter
from penstock_kit.clock import Clock
from penstock_kit.logging import get_logger

# Dialect -> the module that speaks it, each with a function build(profile, services).
DIALECTS: Final[Mapping[str, str]] = {
    "anthropic": "llm_service.providers.anthropic",
    "cassette": "llm_service.providers.cassette",
    "gemini": "llm_service.providers.gemini",
    "openai": "llm_service.providers.openai",
    "rules": "llm_service.providers.fallback",
}

# Dialect -> the vendor's SDK that its module imports, to be timed apart. Gemini's is left to the calls that need it.
SDKS: Final[Mapping[str, str]] = {"anthropic": "anthropic", "openai": "openai"}

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderServices:
    """What every provider is built with: the clock, ids, and seconds to wait for a connection."""

    clock: Clock
    new_id: Callable[[str], str]
    connect_timeout: float


class DialectModule(Protocol):
    """What a module in DIALECTS has."""

    def build(self, profile: ProviderProfile, services: ProviderServices) -> Provider:
        """Return a provider for `profile`; called off the event loop."""
        ...


def _first(_: ProviderProfile, providers: Sequence[Provider]) -> Provider:
    return providers[0]


def _first_counter(_: ProviderProfile, counters: Sequence[TokenCounter]) -> TokenCounter:
    return counters[0]


class ProviderRegistry:
    """The configured providers by name.

    A provider is built once for each of its keys; `wrap` puts the wrappers around each of these and
    `join` makes one provider of them, `join_counters` one counter of tokens where the vendor counts.
    """

    def __init__(
        self,
        profiles: Sequence[ProviderProfile],
        *,
        services: ProviderServices,
        wrap: Callable[[ProviderProfile, Provider], Provider],
        rss_bytes: Callable[[], int],
        join: Callable[[ProviderProfile, Sequence[Provider]], Provider] = _first,
        join_counters: Callable[[ProviderProfile, Sequence[TokenCounter]], TokenCounter] = _first_counter,
        dialects: Mapping[str, str] = DIALECTS,
    ) -> None:
        self._profiles = {profile.name: profile for profile in profiles}
        self._services = services
        self._wrap = wrap
        self._join = join
        self._join_counters = join_counters
        self._rss_bytes = rss_bytes
        self._dialects = dialects
        self._loaded: dict[str, LoadedProvider] = {}
        self._building: dict[str, asyncio.Task[LoadedProvider]] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    def configure(self, profiles: Sequence[ProviderProfile]) -> None:
        """Have these providers from now on. One that changed is built anew; calls under way end with the old one."""
        before, self._profiles = self._profiles, {profile.name: profile for profile in profiles}
        for name in [name for name in self._loaded if self._profiles.get(name) != before.get(name)]:
            task = asyncio.create_task(self._loaded.pop(name).provider.close())
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    def get_loaded_providers(self) -> list[str]:
        """Return the names of the providers built so far, in the order they were."""
        return list(self._loaded)

    def get_available_providers(self) -> list[str]:
        """Return the names of all configured providers in order."""
        return list(self._profiles)

    def profile(self, name: str) -> ProviderProfile:
        """Return the profile of a configured provider."""
        return self._profiles[name]

    def loaded(self, name: str) -> LoadedProvider | None:
        """Return what is known of a provider's loading, None before its first use."""
        return self._loaded.get(name)

    async def get(self, name: str) -> Provider:
        """Return the provider, building it on first use; many callers at once share one build.

        Raises ProviderError UNSUPPORTED when it can't be built (an SDK that is not installed).
        """
        loaded = self._loaded.get(name)
        if loaded is not None:
            return loaded.provider
        task = self._building.get(name)
        if task is None:
            task = self._building[name] = asyncio.create_task(self._build(name))
            task.add_done_callback(lambda _: self._building.pop(name, None))
        # A caller that leaves does not stop the build that others wait for.
        return (await asyncio.shield(task)).provider

    async def counter(self, name: str) -> TokenCounter | None:
        """Return who counts tokens with the provider's vendor, None when the vendor does not; builds on first use."""
        await self.get(name)
        loaded = self._loaded.get(name)
        return loaded.counter if loaded else None

    async def _build(self, name: str) -> LoadedProvider:
        profile, clock = self._profiles.get(name), self._services.clock
        if profile is None:
            message = f"provider {name} is not configured any more"
            raise ProviderError(message, provider=name, failure=FailureKind.UNSUPPORTED, asked=False)
        before, began = self._rss_bytes(), clock.monotonic()
        share_interpreter()
        try:
            import_seconds, providers = await asyncio.to_thread(self._build_each, profile)
        except Exception as error:  # whatever a vendor's library does when it is imported, others can stand in
            log.error("provider can't be loaded", provider=name, dialect=profile.dialect, detail=repr(error))
            why = f"its dialect {profile.dialect!r} is not available"
            if not isinstance(error, ImportError | KeyError):
                why = f"its dialect {profile.dialect!r} failed with {type(error).__name__}"
            message = f"provider {name} can't be loaded: {why}"
            raise ProviderError(message, provider=name, failure=FailureKind.UNSUPPORTED) from error
        counters = [each for each in providers if isinstance(each, TokenCounter)]
        loaded = LoadedProvider(
            provider=self._join(profile, [self._wrap(profile, provider) for provider in providers]),
            memory_bytes=max(0, self._rss_bytes() - before),
            load_seconds=clock.monotonic() - began,
            import_seconds=import_seconds,
            counter=self._join_counters(profile, counters) if counters else None,
        )
        if self._profiles.get(name) == profile:
            self._loaded[name] = loaded
        log.info("provider loaded", provider=name, memory_bytes=loaded.memory_bytes, seconds=loaded.load_seconds)
        return loaded

    def _build_each(self, profile: ProviderProfile) -> tuple[float, Sequence[Provider]]:
        began = self._services.clock.monotonic()
        if sdk := SDKS.get(profile.dialect):
            _import(sdk)
        imported = self._services.clock.monotonic() - began if sdk else 0.0
        module = cast(DialectModule, _import(self._dialects[profile.dialect]))
        each = [replace(profile, keys=(key,)) for key in profile.keys] or [profile]
        return imported, [module.build(one, self._services) for one in each]

    async def close(self) -> None:
        """Close every provider."""
        for loaded in self._loaded.values():
            await loaded.provider.close()
        self._loaded.clear()
        for task in tuple(self._retiring):
            task.cancel()


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except SystemExit as error:  # on the event loop it would end the service
        raise ImportError(f"{name} wants to exit: {error}", name=name) from error
