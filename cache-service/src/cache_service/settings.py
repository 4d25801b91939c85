"""What the cache service can be told from outside."""

from pydantic import Field, SecretStr

from cache_service.domain.limit import MAX_VALUE_BYTES
from penstock_kit.settings import GrpcServiceSettings


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
    redis_url: SecretStr = Field(default=SecretStr(""), alias="REDIS_URL", description="Empty: memory.")
