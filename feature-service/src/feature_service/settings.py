"""What the feature service can be told from outside."""

from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from feature_service.domain.feature.native_library import KernelChoice
from feature_service.domain.ingest.message import PayloadFormat
from feature_service.domain.ingest.precision import nanoseconds_of
from feature_service.domain.ingest.topic_pattern import topic_patterns
from penstock_kit.database import sqlite_url
from penstock_kit.errors import InvalidArgument
from penstock_kit.settings import GrpcServiceSettings, ServiceAddress

# The schema of its tables on PostgreSQL.
SCHEMA: Final = "feature_service"


class PartitionBackend(StrEnum):
    """Where the partitions of a data set are computed."""

    THREADS = "threads"
    PROCESSES = "processes"
    DASK = "dask"


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
        description="Rows: duckdb:///path/to/file, postgresql://…, taosrest://…; empty: telemetry.duckdb in the home.",
    )
    telemetry_days: float = Field(
        default=0, ge=0, alias="TELEMETRY_DAYS", description="Days after which rows of devices are deleted; 0: never."
    )
    dataset_days: float = Field(
        default=0, ge=0, alias="DATASET_DAYS", description="Days after which a built data set is deleted; 0: never."
    )
    feature_kernel: KernelChoice = Field(
        default=KernelChoice.AUTO,
        alias="FEATURE_KERNEL",
        description="What computes features, the same to the bit: native (compiled at set-up), numpy, or auto: native "
        "where there is one.",
    )
    partition_backend: PartitionBackend = Field(
        default=PartitionBackend.THREADS,
        alias="PARTITION_BACKEND",
        description="Where features of data sets are computed: threads, processes, or dask (extra distributed).",
    )
    partition_workers: int = Field(
        default=0,
        ge=0,
        le=256,
        alias="PARTITION_WORKERS",
        description="Threads or processes that compute features of data sets; 0: one less than there are CPUs.",
    )
    dask_scheduler_address: str = Field(
        default="",
        alias="DASK_SCHEDULER_ADDRESS",
        description="Scheduler of the Dask cluster for PARTITION_BACKEND=dask: tcp://host:8786 or tls://…",
    )
    dataset_folder: str = Field(
        default="",
        alias="DATASET_FOLDER",
        description="Where built data sets lie; the same for all replicas. Empty: datasets in PENSTOCK_HOME.",
    )
    telemetry_query_seconds: float = Field(
        default=60.0,
        ge=1,
        alias="TELEMETRY_QUERY_SECONDS",
        description="How long a question may take in a telemetry store that is a server (PostgreSQL, TDengine).",
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

    mqtt_url: SecretStr = Field(
        default=SecretStr(""),
        alias="MQTT_URL",
        description="Broker to take rows from: mqtt://user:password@host:1883 or mqtts://…; empty: none (extra mqtt).",
    )
    mqtt_username: str = Field(default="", alias="MQTT_USERNAME", description="Who we are to the broker.")
    mqtt_password: SecretStr = Field(
        default=SecretStr(""), alias="MQTT_PASSWORD", description="The password of MQTT_USERNAME."
    )
    mqtt_ca_file: str = Field(
        default="", alias="MQTT_CA_FILE", description="Certificates (PEM) that the broker's is signed by; the system's."
    )
    mqtt_cert_file: str = Field(default="", alias="MQTT_CERT_FILE", description="Our certificate to the broker (PEM).")
    mqtt_key_file: str = Field(default="", alias="MQTT_KEY_FILE", description="The key of MQTT_CERT_FILE (PEM).")
    mqtt_topics: str = Field(
        default="penstock/{device}",
        alias="MQTT_TOPICS",
        description="Topics with rows, separated by commas: plant/+/{device}/data; also {model}, and # at the end.",
    )
    mqtt_share_group: str = Field(
        default="",
        alias="MQTT_SHARE_GROUP",
        description="Group of replicas that share the messages; empty: one made of the broker's login, which no device "
        "can guess; `off` for a subscription of each replica's own.",
    )
    mqtt_client_id: str = Field(
        default="",
        alias="MQTT_CLIENT_ID",
        description="Name of this replica's session at the broker; empty for one made once and kept in PENSTOCK_HOME.",
    )
    mqtt_tenant: str = Field(default="default", alias="MQTT_TENANT", description="Tenant that the rows belong to.")
    mqtt_payload: PayloadFormat = Field(
        default=PayloadFormat.AUTO, alias="MQTT_PAYLOAD", description="How payloads are written."
    )
    mqtt_timestamp_key: str = Field(
        default="timestamp", alias="MQTT_TIMESTAMP_KEY", description="Key of the time in a row of JSON."
    )
    mqtt_time_precision: str = Field(
        default="",
        alias="MQTT_TIME_PRECISION",
        description="Unit of times in line protocol: ns, us, ms, s, m or h; empty: ns.",
    )
    mqtt_device_tag: str = Field(
        default="",
        alias="MQTT_DEVICE_TAG",
        description="Tag of line protocol that names the device where the topic does not; empty: device, else host.",
    )
    mqtt_max_payload_bytes: int = Field(
        default=1024**2, ge=1024, alias="MQTT_MAX_PAYLOAD_BYTES", description="Largest message that is read."
    )
    mqtt_new_devices_per_hour: int = Field(
        default=10_000,
        ge=0,
        alias="MQTT_NEW_DEVICES_PER_HOUR",
        description="Devices that messages may register, at once and in every hour; 0: only those that are known.",
    )
    mqtt_in_flight: int = Field(
        default=2_000,
        ge=1,
        le=65_535,
        alias="MQTT_IN_FLIGHT",
        description="Messages the broker may give before the first of them is stored and acknowledged.",
    )
    mqtt_session_seconds: int = Field(
        default=86_400,
        ge=0,
        le=4_294_967_295,
        alias="MQTT_SESSION_SECONDS",
        description="How long the broker keeps the session, and what comes for it, while this replica is away.",
    )
    mqtt_drops_topic: str = Field(
        default="$SYS/broker/publish/messages/dropped",
        alias="MQTT_DROPS_TOPIC",
        description="Topic where the broker tells how many messages it dropped (Mosquitto's); empty: none.",
    )
    mqtt_on_stop: Literal["keep", "leave"] = Field(
        default="keep",
        alias="MQTT_ON_STOP",
        description="At a stop: keep the session for the next start, or leave the group for good (scale-in).",
    )

    @field_validator("mqtt_topics")
    @classmethod
    def _topics(cls, text: str) -> str:
        try:
            topic_patterns(text)
        except InvalidArgument as error:
            raise ValueError(error.message) from None
        return text

    @field_validator("mqtt_time_precision")
    @classmethod
    def _precision(cls, text: str) -> str:
        try:
            nanoseconds_of(text)
        except InvalidArgument as error:
            raise ValueError(error.message) from None
        return text

    @model_validator(mode="after")
    def _scheduler(self) -> Self:
        if self.partition_backend is PartitionBackend.DASK and not self.dask_scheduler_address:
            raise ValueError("PARTITION_BACKEND=dask needs DASK_SCHEDULER_ADDRESS, such as tcp://127.0.0.1:8786")
        return self

    @property
    def named_database_url(self) -> str:
        """URL of the database that the settings name, empty for a file under PENSTOCK_HOME."""
        return self.own_database_url.get_secret_value() or self.database_url.get_secret_value()

    @property
    def records_url(self) -> str:
        """The URL of the database of devices and models."""
        return self.named_database_url or sqlite_url(self.home / "feature.db")

    @property
    def keeps_own_records(self) -> bool:
        """Whether devices and models are in a file of this service alone, and not in a database that may be shared."""
        return not self.named_database_url

    @property
    def datasets_folder(self) -> Path:
        """The folder of the files of data sets."""
        return Path(self.dataset_folder) if self.dataset_folder else self.home / "datasets"

    @property
    def rows_url(self) -> str:
        """The URL of the telemetry store."""
        return self.telemetry_url.get_secret_value() or f"duckdb:///{self.home / 'telemetry.duckdb'}"
