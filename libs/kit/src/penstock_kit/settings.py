"""The frozen settings every service starts from, read from the environment and ``.env``.

The only module of the kit that reads the environment.
"""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from penstock_kit.address import is_loopback, target_of
from penstock_kit.errors import InvalidArgument
from penstock_kit.installation import secret_weakness
from penstock_kit.redaction import is_secret_name, mask_secret, mask_urls
from penstock_kit.secret_files import SecretFiles

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "console"]


def _checked_address(text: str) -> str:
    try:
        target_of(text)
    except InvalidArgument as error:
        raise ValueError(error.message) from None
    return text


# host:port of a service, addresses of several replicas with commas, or dns:///name:port.
ServiceAddress = Annotated[str, AfterValidator(_checked_address)]


class ServiceSettings(BaseSettings):
    """The settings of every service. A service subclasses it and adds fields with their environment names as alias.

    Every field needs an alias: that is its name in the environment (in any case). An empty value counts as unset,
    unknown names are ignored. In code fields are given by their own names.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        populate_by_name=True,
        # Fields may be given by name in code, but the environment only speaks in aliases: without
        # this prefix `home` would be read from HOME. It applies to names, not to aliases.
        env_prefix="PENSTOCK_FIELD_",
    )

    home: Path = Field(default=Path("var"), alias="PENSTOCK_HOME", description="Folder that holds all state.")
    log_level: LogLevel = Field(default="info", alias="PENSTOCK_LOG_LEVEL")
    log_format: LogFormat = Field(default="json", alias="PENSTOCK_LOG_FORMAT")
    grace_seconds: float = Field(
        default=20.0, ge=0, alias="PENSTOCK_GRACE_SECONDS", description="Seconds running calls get at shutdown."
    )
    overload_lag: float = Field(
        default=0.3,
        ge=0,
        alias="PENSTOCK_OVERLOAD_LAG",
        description="Seconds of standing event-loop lag above which a service refuses new work; 0: never.",
    )
    retention_seconds: float = Field(
        default=3600.0,
        ge=1,
        alias="PENSTOCK_RETENTION_SECONDS",
        description="Seconds between two looks for what is older than its time.",
    )
    otlp_endpoint: str = Field(
        default="", alias="OTEL_EXPORTER_OTLP_ENDPOINT", description="OTLP/gRPC collector; empty for no export."
    )
    multiplex_calls: bool = Field(
        default=True,
        alias="PENSTOCK_MULTIPLEX_CALLS",
        description="Whether frequent calls between services share streams; off: each is a gRPC call of its own.",
    )
    service_secret: SecretStr = Field(
        default=SecretStr(""),
        alias="PENSTOCK_SERVICE_SECRET",
        description="What calls between services carry, 32 characters or more, the same everywhere.",
    )
    service_secret_file: Path | None = Field(
        default=None,
        alias="PENSTOCK_SERVICE_SECRET_FILE",
        description="The file that holds it; made when it is not there. `penstock up` makes and passes one.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add the files of secrets to where settings come from."""
        del file_secret_settings
        return init_settings, env_settings, dotenv_settings, SecretFiles(settings_cls, env_settings, dotenv_settings)

    @field_validator("service_secret")
    @classmethod
    def _strong(cls, secret: SecretStr) -> SecretStr:
        weakness = secret_weakness(secret.get_secret_value()) if secret.get_secret_value() else ""
        if weakness:
            raise ValueError(weakness)
        return secret

    def secret_values(self) -> tuple[str, ...]:
        """Return the values of the settings that must not be read in a log or an error, without the empty ones."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(text for value in values if isinstance(value, SecretStr) and (text := value.get_secret_value()))


class GrpcServiceSettings(ServiceSettings):
    """The settings that every gRPC service has besides: where it listens, how long pieces gather, connections live."""

    host: str = Field(
        default="127.0.0.1",
        alias="PENSTOCK_SERVICE_BIND_HOST",
        description="Address of the gRPC and metrics ports; beyond loopback only with PENSTOCK_SERVICE_SECRET.",
    )
    gather_seconds: float = Field(
        default=0.008,
        ge=0,
        le=0.1,
        alias="PENSTOCK_GATHER_SECONDS",
        description="The longest that pieces of answers wait for those of others, where many streams are busy.",
    )

    connection_age: float = Field(
        default=60.0,
        ge=0,
        alias="PENSTOCK_CONNECTION_AGE_SECONDS",
        description="Seconds after which a connection takes no new calls, so that callers find new replicas; 0: never.",
    )

    @field_validator("host")
    @classmethod
    def _guarded(cls, host: str, info: ValidationInfo) -> str:
        secret: SecretStr = info.data.get("service_secret") or SecretStr("")
        if not is_loopback(host) and not secret.get_secret_value() and info.data.get("service_secret_file") is None:
            raise ValueError(
                "a service listens beyond this machine only with a secret of the installation; "
                "set PENSTOCK_SERVICE_SECRET or PENSTOCK_SERVICE_SECRET_FILE, the same for all"
            )
        return host


__all__ = [
    "GrpcServiceSettings",
    "LogFormat",
    "LogLevel",
    "ServiceAddress",
    "ServiceSettings",
    "load",
    "mask_secret",
    "masked",
    "settings_problems",
]

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def load(cls: type[SettingsT], **overrides: Any) -> SettingsT:
    """Return the settings of this process, or exit with code 2 after one line per problem on stderr.

    `overrides` win over the environment, by alias or field name. Secret values never appear in the lines.
    """
    try:
        return cls(**overrides)
    except ValidationError as error:
        for line in settings_problems(cls, error):
            sys.stderr.write(f"{line}\n")
        raise SystemExit(2) from None


def settings_problems(cls: type[BaseSettings], error: ValidationError) -> list[str]:
    """Return one line per wrong setting: its environment name, what is wrong, and the value unless it is secret."""
    lines: list[str] = []
    for problem in error.errors(include_url=False):
        name = _environment_name(cls, str(problem["loc"][0]) if problem["loc"] else "")
        given = "" if problem["type"] == "missing" else f" (given: {_shown(name, problem['input'])})"
        lines.append(f"setting {name or cls.__name__}: {problem['msg']}{given}")
    return lines


def masked(settings: BaseSettings) -> dict[str, Any]:
    """Return the settings by environment name, with secrets masked: for logs and ``penstock doctor``."""
    result: dict[str, Any] = {}
    for field_name in type(settings).model_fields:
        name = _environment_name(type(settings), field_name)
        result[name] = _masked_value(name, getattr(settings, field_name))
    return result


def _masked_value(name: str, value: Any) -> Any:
    if isinstance(value, SecretStr):
        return mask_secret(value.get_secret_value()) if value.get_secret_value() else ""
    if isinstance(value, str) and value:
        return mask_secret(value) if is_secret_name(name) else mask_urls(value)
    return str(value) if isinstance(value, Path) else value


def _shown(name: str, value: Any) -> str:
    return str(_masked_value(name, value)) if isinstance(value, str) else type(value).__name__


def _environment_name(cls: type[BaseSettings], name: str) -> str:
    field = cls.model_fields.get(name)
    return field.alias if field is not None and field.alias else name
