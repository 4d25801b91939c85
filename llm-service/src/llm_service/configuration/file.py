"""The configuration file: more providers, aliases and prices, read whole or not at all."""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from llm_service.domain.model.profile import VENDORS
from llm_service.domain.model.route import AUTO, FALLBACK
from llm_service.settings import LlmSettings
from penstock_kit.errors import FailedPrecondition
from penstock_kit.yaml_document import Place, Problem, read_yaml_document, validation_problems

CONFIG_FILE: Final = "LLM_CONFIG_FILE"
_ORDER: Final = "LLM_PROVIDER_ORDER"
_VENDORS: Final = tuple(vendor.name for vendor in VENDORS)
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


def _in_plain_digits(value: object) -> object:
    """Return `value`; raise ValueError for a text with digits of other scripts, which Decimal would take."""
    if isinstance(value, str) and not value.isascii():
        raise ValueError("is a decimal number in the digits 0 to 9")
    return value


_Amount = Annotated[Decimal, BeforeValidator(_in_plain_digits), Field(ge=0)]


class PriceRow(_Row):
    """The operator's price of one model in USD per million tokens; one that embeds needs no `output`."""

    provider: str
    model: str
    input: _Amount
    output: _Amount | None = None
    cache_read: _Amount | None = None
    cache_write: _Amount | None = None
    cache_write_hour: _Amount | None = None


class ConfigurationFile(_Row):
    """The whole file. `order` and `policy` win over the settings; `weights` are those of providers by name."""

    order: tuple[str, ...] = ()
    policy: Literal["", "order", "weight", "cost", "latency", "hedge"] = ""
    weights: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict[str, float])
    aliases: dict[str, str | tuple[str, ...]] = Field(default_factory=dict[str, str | tuple[str, ...]])
    providers: tuple[ProviderRow, ...] = ()
    prices: tuple[PriceRow, ...] = ()


def read_configuration_file(settings: LlmSettings) -> ConfigurationFile:
    """Return the file that `settings` name, an empty one when they name none.

    Raises FailedPrecondition (CONFIGURATION_INVALID) that says, with line and column, everything wrong in it.
    """
    file = ConfigurationFile()
    if settings.config_file:
        document = read_yaml_document(settings.config_file, setting=CONFIG_FILE)
        try:
            file = ConfigurationFile.model_validate(document.value)
        except ValidationError as error:
            raise document.error(validation_problems(error)) from None
        if problems := list(_Check(file, settings).problems()):
            raise document.error(problems)
    _check_order(settings, file)
    return file


def _check_order(settings: LlmSettings, file: ConfigurationFile) -> None:
    known = {*_VENDORS, FALLBACK, *(row.name for row in file.providers)}
    if unknown := [name for name in settings.order if name not in known]:
        message = f"{_ORDER} names {', '.join(map(repr, unknown))}, which is no provider; {_there_are(known)}"
        raise FailedPrecondition(message, reason="CONFIGURATION_INVALID")


class _Check:
    """What is wrong with a file although each row of it is right by itself."""

    def __init__(self, file: ConfigurationFile, settings: LlmSettings) -> None:
        self._file = file
        self._models = {row.name: row.models for row in file.providers}
        for vendor in VENDORS:
            self._models.setdefault(vendor.name, settings.vendor_models(vendor.name) or vendor.models)
        self._models[FALLBACK] = ()

    def problems(self) -> Iterator[Problem]:
        """Yield each problem with its place."""
        yield from self._provider_problems()
        yield from self._unknown((("order", at), name) for at, name in enumerate(self._file.order))
        yield from _twice("name", ((("order", at), name) for at, name in enumerate(self._file.order)))
        yield from self._unknown((("weights", name), name) for name in self._file.weights)
        yield from self._alias_problems()
        prices = list(enumerate(self._file.prices))
        yield from self._unknown((("prices", at, "provider"), row.provider) for at, row in prices)
        yield from _twice("price", ((("prices", at), f"{row.provider}/{row.model}") for at, row in prices))

    def _provider_problems(self) -> Iterator[Problem]:
        rows = list(enumerate(self._file.providers))
        yield from _twice("provider", ((("providers", at, "name"), row.name) for at, row in rows))
        for at, row in rows:
            yield from _twice("model", ((("providers", at, "models", i), name) for i, name in enumerate(row.models)))
            if row.name == FALLBACK:
                yield ("providers", at, "name"), f"{FALLBACK!r} is the offline provider's own name; choose another"

    def _unknown(self, named: Iterable[tuple[Place, str]]) -> Iterator[Problem]:
        for place, name in named:
            if name not in self._models:
                yield place, f"there is no provider {name!r}; {_there_are(self._models)}"

    def _alias_problems(self) -> Iterator[Problem]:
        for alias, given in self._file.aliases.items():
            targets = (given,) if isinstance(given, str) else given
            if not targets:
                yield ("aliases", alias), "it stands for nothing; name a model such as openai/gpt-5"
            for at, target in enumerate(targets):
                if why := self._no_target(alias, target):
                    yield ("aliases", alias) if isinstance(given, str) else ("aliases", alias, at), why

    def _no_target(self, alias: str, target: str) -> str:
        """Return why `alias` can't stand for `target`, empty when it can."""
        provider, slash, model = target.partition("/")
        if slash and model and provider in self._models:
            return ""
        if target in {AUTO, *self._models} or any(target in models for models in self._models.values()):
            return ""
        if target in self._file.aliases:
            what = "itself" if target == alias else f"the alias {target!r}"
            return f"it leads to {what}; name a model such as openai/gpt-5"
        if slash:
            return f"{target!r} leads nowhere: there is no provider {provider!r}; {_there_are(self._models)}"
        return f"{target!r} leads nowhere: no provider lists it; write it as provider/model"


def _twice(what: str, named: Iterable[tuple[Place, str]]) -> Iterator[Problem]:
    """Yield the places of names that stood somewhere before."""
    seen = Counter[str]()
    for place, name in named:
        seen[name] += 1
        if seen[name] > 1:
            yield place, f"the {what} {name!r} is there already; keep one of them"


def _there_are(known: Iterable[str]) -> str:
    return f"there are: {', '.join(sorted(known))}"
