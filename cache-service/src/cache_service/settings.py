"""What the cache service can be told from outside."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from cache_service.domain.limit import MAX_VALUE_BYTES
from penstock_kit.settings import GrpcServiceSettings

MOST_COMPARED: Final = 20_000
"""Vectors of a partition that are compared one by one."""


class CacheSettings(GrpcServiceSettings):
    """The settings of cache-service; see docs/configuration.md."""

    port: int = Field(default=50054, ge=0, le=65535, alias="CACHE_SERVICE_PORT", description="gRPC port.")
    metrics_port: int = Field(
        default=9154, ge=0, le=65535, alias="CACHE_SERVICE_METRICS_PORT", description="Port of /metrics."
    )
    max_entries: int = Field(default=100_000, ge=1, alias="CACHE_MAX_ENTRIES", description="Values held at most.")
    max_bytes: int = Field(
        default=64 * 1024 * 1024, ge=MAX_VALUE_BYTES, alias="CACHE_MAX_BYTES", description="Bytes of values at most."
    )
    max_counters: int = Field(default=100_000, ge=1, alias="CACHE_MAX_COUNTERS")
    max_sessions: int = Field(default=100_000, ge=1, alias="CACHE_MAX_SESSIONS")
    max_locks: int = Field(default=100_000, ge=1, alias="CACHE_MAX_LOCKS")
    default_ttl: float = Field(default=3600.0, gt=0, alias="CACHE_DEFAULT_TTL", description="Seconds, when none given.")
    negative_ttl: float = Field(
        default=60.0, gt=0, alias="CACHE_NEGATIVE_TTL", description="Seconds of a negative entry, when none given."
    )
    local_entries: int = Field(
        default=10_000,
        ge=0,
        alias="CACHE_LOCAL_ENTRIES",
        description="Copies of Redis' values here at most.",
    )
    local_bytes: int = Field(
        default=16 * 1024 * 1024, ge=0, alias="CACHE_LOCAL_BYTES", description="Bytes of these copies at most."
    )
    semantic_store: Literal["auto", "memory", "sqlite", "redis"] = Field(
        default="auto",
        alias="CACHE_SEMANTIC_STORE",
        description="Where answers of the semantic cache are; auto: Redis if set, else semantic-cache.db at home.",
    )
    semantic_thresholds: Annotated[dict[str, float], NoDecode] = Field(
        default={"fallback/hashing": 0.85, "*": 0.92},
        alias="CACHE_SEMANTIC_THRESHOLDS",
        description="Least cosine similarity of a semantic hit by the model that made the vectors; *: of all others.",
    )
    semantic_partition_entries: int = Field(
        default=20_000,
        ge=1,
        alias="CACHE_SEMANTIC_PARTITION_ENTRIES",
        description="Answers of one partition at most; above 20000 the extra usearch must be installed.",
    )
    semantic_tenant_entries: int = Field(
        default=50_000, ge=1, alias="CACHE_SEMANTIC_TENANT_ENTRIES", description="Answers of one tenant at most."
    )
    semantic_tenant_partitions: int = Field(
        default=1_000, ge=1, alias="CACHE_SEMANTIC_TENANT_PARTITIONS", description="Partitions of one tenant at most."
    )
    semantic_max_vectors: int = Field(
        default=100_000, ge=1, alias="CACHE_SEMANTIC_MAX_VECTORS", description="Vectors in this process at most."
    )
    semantic_max_ttl: float = Field(
        default=7 * 86_400.0, gt=0, alias="CACHE_SEMANTIC_MAX_TTL", description="Longest life of an answer, seconds."
    )
    semantic_max_temperature: float = Field(
        default=1.0,
        ge=0,
        alias="CACHE_SEMANTIC_MAX_TEMPERATURE",
        description="Answers that were asked for at a higher temperature are not stored.",
    )
    semantic_model: Path | None = Field(
        default=None,
        alias="CACHE_SEMANTIC_MODEL",
        description="Folder with model.onnx and tokenizer.json, for questions without a vector (extra embedder).",
    )
    redis_url: SecretStr = Field(default=SecretStr(""), alias="REDIS_URL", description="Empty: memory.")

    @field_validator("semantic_thresholds", mode="before")
    @classmethod
    def _split_thresholds(cls, value: Any) -> Any:
        """Read ``model=0.9,*=0.95``."""
        if not isinstance(value, str):
            return value
        pairs = (pair.rpartition("=") for pair in value.split(",") if pair.strip())
        return {name.strip(): similarity.strip() for name, _, similarity in pairs}

    @field_validator("semantic_thresholds")
    @classmethod
    def _check_thresholds(cls, value: dict[str, float]) -> dict[str, float]:
        for name, similarity in value.items():
            if not (name and 0 < similarity <= 1):
                message = (
                    f"{name or 'a threshold without a model'}={similarity:g}: give model=similarity, above 0 up to 1"
                )
                raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _check_semantic(self) -> Self:
        if self.semantic_store == "redis" and not self.redis_url.get_secret_value():
            message = "CACHE_SEMANTIC_STORE is redis and REDIS_URL is not set; set it, or use auto, sqlite or memory"
            raise ValueError(message)
        if self.semantic_partition_entries > MOST_COMPARED and find_spec("usearch") is None:
            message = (
                f"CACHE_SEMANTIC_PARTITION_ENTRIES is {self.semantic_partition_entries} and usearch is not installed; "
                f"install penstock-cache-service[usearch], or set {MOST_COMPARED} or less"
            )
            raise ValueError(message)
        if self.semantic_model is not None and not (find_spec("onnxruntime") and find_spec("tokenizers")):
            message = (
                f"CACHE_SEMANTIC_MODEL is {self.semantic_model} and onnxruntime or tokenizers is not installed; "
                "install penstock-cache-service[embedder], or unset it"
            )
            raise ValueError(message)
        return self
