"""The configuration file: more providers, aliases and prices, checked before any of it is used."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    TypeAdapter,
    ValidationError,
    model_validator,
)

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
from llm_service.domain.model.route import FALLBACK, RoutingTable, Seat, is_embedding_model
from llm_service.settings import LlmSettings
from penstock_kit.errors import FailedPrecondition, FieldViolation

_HTTP_URL = TypeAdapter(HttpUrl)


def _http_url(text: str) -> str:
    _HTTP_URL.validate_python(text)
    return text.rstrip("/")


def _http_url_or_none(text: str) -> str:
    return _http_url(text) if text else ""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CassetteRow(_Row):
    """The tape of a provider with the dialect `cassette`, and the dialect of the vendor on it."""

    file: str = Field(min_length=1)
    dialect: Literal["openai", "anthropic", "gemini"] = "openai"
    record: bool = False


class ProviderRow(_Row):
    """One more provider. `api_key_env` names the environment variables that hold its keys (comma separated each).

    Only a cassette that is played back needs no base URL.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    dialect: Literal["openai", "anthropic", "gemini", "cassette"] = "openai"
    base_url: Annotated[str, AfterValidator(_http_url_or_none)]
    cassette: CassetteRow | None = None
    api_key_env: str | tuple[str, ...] = ""
    models: tuple[str, ...] = Field(min_length=1)
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    weight: float = Field(default=1.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _without_vendor(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        given = cast(dict[str, Any], row)
        return {"base_url": "", **given} if given.get("dialect") == "cassette" else given

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.dialect == "cassette") is not (self.cassette is not None):
            raise ValueError("the dialect cassette and the field cassette go together")
        if not self.base_url and (self.cassette is None or self.cassette.record):
            raise ValueError("base_url is missing")
        return self


class PriceRow(_Row):
    """The operator's price of one model in USD per million tokens; one that embeds needs no `output`."""

    provider: str
    model: str
    input: Decimal = Field(ge=0)
    output: Decimal | None = Field(default=None, ge=0)
    cache_read: Decimal | None = Field(default=None, ge=0)
    cache_write: Decimal | None = Field(default=None, ge=0)


class ConfigurationFile(_Row):
    """The whole file. `order` and `policy` win over the settings; `weights` are those of providers by name."""

    order: tuple[str, ...] = ()
    policy: Literal["", "order", "weight", "cost", "latency", "hedge"] = ""
    weights: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict[str, float])
    aliases: dict[str, str | tuple[str, ...]] = Field(default_factory=dict[str, str | tuple[str, ...]])
    providers: tuple[ProviderRow, ...] = ()
    prices: tuple[PriceRow, ...] = ()


class Configuration:
    """Everything that says who answers and what it costs, from the settings and the file together."""

    def __init__(self, settings: LlmSettings, file: ConfigurationFile, environment: Callable[[str], str]) -> None:
        named = {profile.name: profile for profile in _vendor_profiles(settings)}
        named |= {row.name: _profile(row, environment) for row in file.providers}
        named[FALLBACK] = FALLBACK_PROFILE
        order = [name for name in (file.order or settings.order) if name in named and name != FALLBACK]
        order += [name for name in named if name not in order and name != FALLBACK]
        self.profiles = tuple(_weighed(named[name], file.weights) for name in [*order, FALLBACK])
        policy = file.policy or settings.policy
        aliases = {name: (to,) if isinstance(to, str) else to for name, to in file.aliases.items()}
        self.routing = self._table(aliases, policy, embedding=False)
        self.embedding_routing = self._table(aliases, policy, embedding=True)
        self.prices = {(row.provider, row.model): _price(row) for row in file.prices}

    def _table(self, aliases: dict[str, tuple[str, ...]], policy: str, *, embedding: bool) -> RoutingTable:
        """Every provider has a seat, so that any of its models can be named; listed are those of one kind."""
        seats = tuple(_seat(profile, embedding=embedding) for profile in self.profiles)
        return RoutingTable(seats=seats, aliases=aliases, policy=policy)


def load_configuration(settings: LlmSettings, environment: Callable[[str], str]) -> Configuration:
    """Return the configuration of `settings` and the file it names.

    Raises FailedPrecondition (CONFIGURATION_INVALID) naming the file and each wrong place in it.
    """
    return Configuration(settings, _read_file(settings.config_file), environment)


def _read_file(path: str) -> ConfigurationFile:
    if not path:
        return ConfigurationFile()
    import yaml

    try:
        decoded = yaml.safe_load(Path(path).read_text("utf-8"))
        return ConfigurationFile.model_validate(decoded or {})
    except OSError as error:
        raise _invalid(path, error.strerror or str(error)) from error
    except yaml.YAMLError as error:
        raise _invalid(path, f"it is not YAML: {str(error).splitlines()[0]}") from error
    except ValidationError as error:
        problems = [
            FieldViolation(field=".".join(map(str, problem["loc"])), description=problem["msg"])
            for problem in error.errors(include_url=False, include_input=False)
        ]
        listed = "; ".join(f"{problem.field}: {problem.description}" for problem in problems)
        raise _invalid(path, listed, problems) from None


def _invalid(path: str, why: str, problems: list[FieldViolation] | None = None) -> FailedPrecondition:
    message = f"LLM_CONFIG_FILE {path} can't be used: {why}"
    return FailedPrecondition(message, reason="CONFIGURATION_INVALID", violations=problems or ())


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


def _seat(profile: ProviderProfile, *, embedding: bool) -> Seat:
    models = tuple(model for model in profile.models if is_embedding_model(model) is embedding)
    return Seat(provider=profile.name, models=models, weight=profile.weight)


def _price(row: PriceRow) -> Price:
    return Price(input=row.input, output=row.output, cache_read=row.cache_read, cache_write=row.cache_write)
