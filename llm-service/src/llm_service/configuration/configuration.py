"""The configuration in words of the domain: who answers and what it costs, from the settings and the file."""

from collections.abc import Callable
from dataclasses import replace

from llm_service.configuration.file import ConfigurationFile, PriceRow, ProviderRow, read_configuration_file
from llm_service.configuration.proxy_rules import proxy_rules
from llm_service.domain.billing.price import Price
from llm_service.domain.model.profile import (
    FALLBACK_PROFILE,
    VENDORS,
    Cassette,
    ProviderProfile,
    Quirks,
    Vendor,
    vendor,
)
from llm_service.domain.model.route import FALLBACK, ProviderEntry, RoutingTable, is_embedding_model
from llm_service.domain.model.server import url_of
from llm_service.settings import LlmSettings


class Configuration:
    """Everything that says who answers and what it costs, from the settings and the file together."""

    def __init__(self, settings: LlmSettings, file: ConfigurationFile, environment: Callable[[str], str]) -> None:
        named = {profile.name: profile for profile in _vendor_profiles(settings)}
        named |= {row.name: _profile(row, environment) for row in file.providers}
        named[FALLBACK] = FALLBACK_PROFILE
        order = [name for name in (file.order or settings.order) if name in named and name != FALLBACK]
        order += [name for name in named if name not in order and name != FALLBACK]
        rules = proxy_rules(settings)
        weighed = (_weighed(named[name], file.weights) for name in [*order, FALLBACK])
        self.profiles = tuple(replace(each, proxy=rules.proxy_for(url_of(each))) for each in weighed)
        policy = file.policy or settings.policy
        aliases = {name: (to,) if isinstance(to, str) else to for name, to in file.aliases.items()}
        self.routing = self._table(aliases, policy, embedding=False)
        self.embedding_routing = self._table(aliases, policy, embedding=True)
        self.prices = {(row.provider, row.model): _price(row) for row in file.prices}

    def _table(self, aliases: dict[str, tuple[str, ...]], policy: str, *, embedding: bool) -> RoutingTable:
        """Every provider has a seat, so that any of its models can be named; listed are those of one kind."""
        entries = tuple(_provider_entry(profile, embedding=embedding) for profile in self.profiles)
        return RoutingTable(entries=entries, aliases=aliases, policy=policy)


def load_configuration(settings: LlmSettings, environment: Callable[[str], str]) -> Configuration:
    """Return the configuration of `settings` and the file it names.

    Raises FailedPrecondition (CONFIGURATION_INVALID) naming the file and, by line and column, each wrong place in it.
    """
    return Configuration(settings, read_configuration_file(settings), environment)


def _vendor_profiles(settings: LlmSettings) -> list[ProviderProfile]:
    """The vendors that are configured: by a key, or by a base URL of one's own that needs none."""
    return [
        _vendor_profile(row, settings)
        for row in VENDORS
        if settings.vendor_keys(row.name) or settings.vendor_base_url(row.name)
    ]


def _vendor_profile(row: Vendor, settings: LlmSettings) -> ProviderProfile:
    base_url = settings.vendor_base_url(row.name) or row.base_url
    return ProviderProfile(
        name=row.name,
        dialect=row.dialect,
        models=settings.vendor_models(row.name) or row.models,
        base_url=base_url.rstrip("/"),
        keys=settings.vendor_keys(row.name),
        quirks=row.quirks,
    )


def _profile(row: ProviderRow, environment: Callable[[str], str]) -> ProviderProfile:
    known = vendor(row.name)
    variables = (row.api_key_env,) if isinstance(row.api_key_env, str) else row.api_key_env
    keys = [key.strip() for name in variables if name for key in environment(name).split(",") if key.strip()]
    return ProviderProfile(
        name=row.name,
        dialect=row.dialect,
        models=row.models,
        base_url=row.base_url,
        keys=tuple(dict.fromkeys(keys)),
        quirks=known.quirks if known else Quirks(),
        headers=row.headers,
        weight=row.weight,
        cassette=Cassette(**row.cassette.model_dump()) if row.cassette else None,
    )


def _weighed(profile: ProviderProfile, weights: dict[str, float]) -> ProviderProfile:
    weight = weights.get(profile.name)
    return profile if weight is None else replace(profile, weight=weight)


def _provider_entry(profile: ProviderProfile, *, embedding: bool) -> ProviderEntry:
    models = tuple(model for model in profile.models if is_embedding_model(model) is embedding)
    return ProviderEntry(provider=profile.name, models=models, weight=profile.weight)


def _price(row: PriceRow) -> Price:
    return Price(
        input=row.input,
        output=row.output,
        cache_read=row.cache_read,
        cache_write=row.cache_write,
        cache_write_hour=row.cache_write_hour,
    )
