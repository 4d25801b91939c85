"""What llm-service can be told from outside. The only module here that reads the environment."""

import os
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from llm_service.domain.model.media_url import MediaUrls
from penstock_kit.database import sqlite_url
from penstock_kit.settings import GrpcServiceSettings, ServiceAddress

Names = Annotated[tuple[str, ...], NoDecode]
_NO_SECRET = SecretStr("")
# The schema of its tables on PostgreSQL.
SCHEMA: Final = "llm_service"


class LlmSettings(GrpcServiceSettings):
    """The settings of llm-service; see docs/configuration.md. Lists are comma separated."""

    port: int = Field(default=50051, ge=0, le=65535, alias="LLM_SERVICE_PORT", description="gRPC port.")
    metrics_port: int = Field(
        default=9151, ge=0, le=65535, alias="LLM_SERVICE_METRICS_PORT", description="Port of /metrics."
    )
    database_url: SecretStr = Field(
        default=_NO_SECRET, alias="DATABASE_URL", description="Empty: SQLite in llm.db under PENSTOCK_HOME."
    )
    own_database_url: SecretStr = Field(
        default=SecretStr(""),
        alias="LLM_SERVICE_DATABASE_URL",
        description="The database of this service alone, in place of DATABASE_URL.",
    )
    cache_service_address: ServiceAddress = Field(default="127.0.0.1:50054", alias="CACHE_SERVICE_ADDRESS")
    ledger_days: float = Field(
        default=0,
        ge=0,
        alias="LLM_LEDGER_DAYS",
        description="Days after which a call leaves the cost ledger; 0: never. What is spent of budgets stays.",
    )
    kept_answer_hours: float = Field(
        default=24,
        ge=1,
        alias="LLM_KEPT_ANSWER_HOURS",
        description="Hours for which an answer is given again under its idempotency key.",
    )
    order: Names = Field(
        default=("gemini", "openai", "anthropic", "qwen", "glm", "deepseek", "fallback"),
        alias="LLM_PROVIDER_ORDER",
        description="Order in which configured providers are asked.",
    )
    policy: Literal["order", "weight", "cost", "latency", "hedge"] = Field(
        default="order", alias="LLM_POLICY", description="How a provider is chosen among those that could answer."
    )
    fallback: bool = Field(
        default=True, alias="LLM_FALLBACK", description="Whether the offline provider stands in when others fail."
    )
    config_file: str = Field(default="", alias="LLM_CONFIG_FILE", description="YAML with more providers and aliases.")
    config_watch_seconds: float = Field(
        default=2.0, ge=0, alias="LLM_CONFIG_WATCH_SECONDS", description="How often the file is looked at; 0: never."
    )
    media_hosts: Names = Field(
        default=("*",),
        alias="LLM_MEDIA_HOSTS",
        description="Where models' servers may fetch pictures and files: hosts, *.hosts, networks; *: public; none.",
    )
    https_proxy: SecretStr = Field(
        default=_NO_SECRET,
        alias="HTTPS_PROXY",
        description="Proxy of calls to vendors over https.",
    )
    http_proxy: SecretStr = Field(
        default=_NO_SECRET, alias="HTTP_PROXY", description="Proxy of calls to vendors over http."
    )
    no_proxy: str = Field(
        default="",
        alias="NO_PROXY",
        description="Hosts and networks that are called directly; *: all.",
    )
    ssl_cert_file: str = Field(
        default="", alias="SSL_CERT_FILE", description="Certificates (PEM) to trust instead of the system's."
    )
    connect_timeout: float = Field(default=2.0, gt=0, alias="LLM_CONNECT_TIMEOUT", description="Seconds.")
    first_token_timeout: float = Field(default=30.0, gt=0, alias="LLM_FIRST_TOKEN_TIMEOUT", description="Seconds.")
    idle_timeout: float = Field(default=30.0, gt=0, alias="LLM_IDLE_TIMEOUT", description="Seconds between contents.")
    answer_timeout: float = Field(
        default=600.0, gt=0, alias="LLM_ANSWER_TIMEOUT", description="Seconds for an answer that is not streamed."
    )
    retries: int = Field(
        default=1, ge=0, le=5, alias="LLM_RETRIES", description="How often the last provider of a route is asked again."
    )
    breaker_calls: int = Field(
        default=5, ge=1, alias="LLM_BREAKER_CALLS", description="Calls within 30 s of which half must fail to open it."
    )
    breaker_seconds: float = Field(
        default=10.0, gt=0, alias="LLM_BREAKER_SECONDS", description="How long an open breaker rests at first."
    )
    unknown_price: Literal["allow", "refuse"] = Field(
        default="allow", alias="LLM_UNKNOWN_PRICE", description="Whether models without a known price may be used."
    )
    budget_output_tokens: int = Field(
        default=8192,
        ge=16,
        alias="LLM_BUDGET_OUTPUT_TOKENS",
        description="Longest answer when a budget applies and the caller names no limit.",
    )
    rules_refresh_seconds: float = Field(
        default=5.0, gt=0, alias="LLM_RULES_REFRESH_SECONDS", description="How soon other replicas' budgets count."
    )
    recovery_seconds: float = Field(
        default=10.0, gt=0, alias="LLM_RECOVERY_SECONDS", description="How often calls of killed processes are settled."
    )
    exact_cache: bool = Field(
        default=False,
        alias="LLM_EXACT_CACHE",
        description="Share exact answers within a tenant unasked. Else at temperature 0 a user's own.",
    )
    response_cache_seconds: float = Field(
        default=3600.0, gt=0, alias="LLM_RESPONSE_CACHE_SECONDS", description="How long answers are cached."
    )
    semantic_embedder: str = Field(
        default="fallback/hashing",
        alias="LLM_SEMANTIC_EMBEDDER",
        description="Model that makes the vectors of the semantic cache; its calls are metered. As it is: made here.",
    )
    semantic_embed_timeout: float = Field(
        default=0.3, gt=0, alias="LLM_SEMANTIC_EMBED_TIMEOUT", description="Seconds for a vector; later is a miss."
    )
    semantic_lookup_timeout: float = Field(
        default=0.05, gt=0, alias="LLM_SEMANTIC_LOOKUP_TIMEOUT", description="Seconds for a look-up; later is a miss."
    )
    hedge_delay: float = Field(
        default=1.0, gt=0, alias="LLM_HEDGE_DELAY", description="Seconds before hedging while a p95 is not known."
    )

    gemini_api_key: SecretStr = Field(default=_NO_SECRET, alias="GEMINI_API_KEY")
    gemini_base_url: str = Field(default="", alias="GEMINI_BASE_URL")
    gemini_models: Names = Field(default=(), alias="GEMINI_MODELS")
    openai_api_key: SecretStr = Field(default=_NO_SECRET, alias="OPENAI_API_KEY")
    openai_base_url: str = Field(default="", alias="OPENAI_BASE_URL")
    openai_models: Names = Field(default=(), alias="OPENAI_MODELS")
    anthropic_api_key: SecretStr = Field(default=_NO_SECRET, alias="ANTHROPIC_API_KEY")
    anthropic_base_url: str = Field(default="", alias="ANTHROPIC_BASE_URL")
    anthropic_models: Names = Field(default=(), alias="ANTHROPIC_MODELS")
    qwen_api_key: SecretStr = Field(default=_NO_SECRET, alias="QWEN_API_KEY")
    qwen_base_url: str = Field(default="", alias="QWEN_BASE_URL")
    qwen_models: Names = Field(default=(), alias="QWEN_MODELS")
    glm_api_key: SecretStr = Field(default=_NO_SECRET, alias="GLM_API_KEY")
    glm_base_url: str = Field(default="", alias="GLM_BASE_URL")
    glm_models: Names = Field(default=(), alias="GLM_MODELS")
    deepseek_api_key: SecretStr = Field(default=_NO_SECRET, alias="DEEPSEEK_API_KEY")
    deepseek_base_url: str = Field(default="", alias="DEEPSEEK_BASE_URL")
    deepseek_models: Names = Field(default=(), alias="DEEPSEEK_MODELS")

    @field_validator("*", mode="before")
    @classmethod
    def _split_names(cls, value: Any, info: Any) -> Any:
        listed = info.field_name in ("order", "media_hosts") or str(info.field_name).endswith("_models")
        if listed and isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("media_hosts")
    @classmethod
    def _check_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        named = () if hosts == ("none",) else hosts
        MediaUrls(named)
        return named

    @property
    def named_database_url(self) -> str:
        """URL of the database that the settings name, empty for a file under PENSTOCK_HOME."""
        return self.own_database_url.get_secret_value() or self.database_url.get_secret_value()

    @property
    def database(self) -> str:
        """URL of the database, the SQLite file under PENSTOCK_HOME when none is set."""
        return self.named_database_url or sqlite_url(self.home / "llm.db")

    def vendor_keys(self, vendor: str) -> tuple[str, ...]:
        """Return the vendor's API keys; several are comma separated in its setting."""
        secret: SecretStr = getattr(self, f"{vendor}_api_key")
        return tuple(key.strip() for key in secret.get_secret_value().split(",") if key.strip())

    def vendor_base_url(self, vendor: str) -> str:
        """Return the base URL set for the vendor, or empty."""
        return getattr(self, f"{vendor}_base_url")

    def vendor_models(self, vendor: str) -> tuple[str, ...]:
        """Return the models set for the vendor, or none."""
        return getattr(self, f"{vendor}_models")


def environment_variable(name: str) -> str:
    """Return a variable that the configuration file refers to by name, empty when it is not set."""
    return os.environ.get(name, "")
