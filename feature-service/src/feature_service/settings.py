"""What the feature service can be told from outside."""

from typing import Final

from pydantic import Field, SecretStr

from penstock_kit.database import sqlite_url
from penstock_kit.settings import GrpcServiceSettings, ServiceAddress

# The schema of its tables on PostgreSQL.
SCHEMA: Final = "feature_service"


class FeatureSettings(GrpcServiceSettings):
    """The settings of feature-service; see docs/configuration.md."""

    port: int = Field(default=50053, ge=0, le=65535, alias="FEATURE_SERVICE_PORT", description="gRPC port.")
    metrics_port: int = Field(
        default=9153, ge=0, le=65535, alias="FEATURE_SERVICE_METRICS_PORT", description="Port of /metrics."
    )
    cache_address: ServiceAddress = Field(default="127.0.0.1:50054", alias="CACHE_SERVICE_ADDRESS")
    database_url: SecretStr = Field(
        default=SecretStr(""),
        alias="DATABASE_URL",
        description="Devices and models: sqlite:///… or postgresql://…; empty for feature.db in PENSTOCK_HOME.",
    )
    own_database_url: SecretStr = Field(
        default=SecretStr(""),
        alias="FEATURE_SERVICE_DATABASE_URL",
        description="The database of this service alone, in place of DATABASE_URL.",
    )
    telemetry_url: SecretStr = Field(
        default=SecretStr(""),
        alias="TELEMETRY_URL",
        description="Rows: duckdb:///path/to/file or postgresql://…; empty for telemetry.duckdb in PENSTOCK_HOME.",
    )
    telemetry_query_seconds: float = Field(
        default=60.0,
        ge=1,
        alias="TELEMETRY_QUERY_SECONDS",
        description="How long a question may take in a telemetry store that is a server (PostgreSQL).",
    )
    telemetry_memory_mb: int = Field(
        default=512, ge=64, alias="TELEMETRY_MEMORY_MB", description="Memory a question may use in the telemetry store."
    )
    telemetry_tables_file: str = Field(
        default="",
        alias="TELEMETRY_TABLES_FILE",
        description="Tables of the telemetry database (PostgreSQL) to read as devices, YAML or JSON.",
    )
    ingest_max_bytes: int = Field(
        default=2 * 1024**3, ge=1024, alias="INGEST_MAX_BYTES", description="Largest body of rows."
    )
    ingest_max_json_bytes: int = Field(
        default=64 * 1024**2, ge=1024, alias="INGEST_MAX_JSON_BYTES", description="Largest body of rows as JSON."
    )
    demo_data: bool = Field(
        default=True, alias="DEMO_DATA", description="Load a demo welding shop when there are no devices yet."
    )

    demo_live: bool = Field(
        default=True,
        alias="PENSTOCK_DEMO_LIVE",
        description="Let the demo welding shop go on while the system runs: new readings of its machines each minute.",
    )

    @property
    def named_database_url(self) -> str:
        """URL of the database that the settings name, empty for a file under PENSTOCK_HOME."""
        return self.own_database_url.get_secret_value() or self.database_url.get_secret_value()

    @property
    def records_url(self) -> str:
        """The URL of the database of devices and models."""
        return self.named_database_url or sqlite_url(self.home / "feature.db")

    @property
    def rows_url(self) -> str:
        """The URL of the telemetry store."""
        return self.telemetry_url.get_secret_value() or f"duckdb:///{self.home / 'telemetry.duckdb'}"
