"""The gateway's settings: every environment variable it reads, with its default."""

import ipaddress
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from gateway.auth.oidc.url import url_problem
from gateway.connection.limits import HttpLimits
from penstock_kit.database import sqlite_url
from penstock_kit.settings import ServiceAddress, ServiceSettings

MEBIBYTE = 1024 * 1024
_SLASHES_OF_ORIGIN: Final = 2
# The schema of its tables on PostgreSQL.
SCHEMA: Final = "gateway"


class GatewaySettings(ServiceSettings):
    """What the gateway needs to start; see docs/configuration.md for the whole list."""

    http_port: int = Field(default=8000, ge=0, le=65535, alias="PENSTOCK_HTTP_PORT", description="HTTP port.")
    host: str = Field(
        default="127.0.0.1", alias="PENSTOCK_BIND_HOST", description="Address of the HTTP port; 0.0.0.0 for all."
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        alias="PENSTOCK_WORKERS",
        description="How many gateways `penstock up` runs behind the one port, for machines with cores to spare.",
    )
    worker: int = Field(
        default=0,
        ge=0,
        alias="PENSTOCK_WORKER",
        description="Which of several gateways this one is; set by `penstock up`.",
    )
    worker_folder: Path | None = Field(
        default=None,
        alias="PENSTOCK_WORKER_FOLDER",
        description="What the gateways of a machine tell each other; set by `penstock up`.",
    )
    listen_fd: int | None = Field(
        default=None,
        ge=3,
        alias="PENSTOCK_LISTEN_FD",
        description="Descriptor of a socket that listens already; set by `penstock up`.",
    )
    metrics_fd: int | None = Field(
        default=None,
        ge=3,
        alias="PENSTOCK_METRICS_FD",
        description="The same for GATEWAY_METRICS_PORT.",
    )
    database_url: SecretStr = Field(
        default=SecretStr(""),
        alias="DATABASE_URL",
        description="Users, keys and tokens; empty for PENSTOCK_HOME/gateway.db.",
    )
    own_database_url: SecretStr = Field(
        default=SecretStr(""),
        alias="GATEWAY_DATABASE_URL",
        description="The database of this service alone, in place of DATABASE_URL.",
    )
    kept_answer_hours: float = Field(
        default=24,
        ge=1,
        alias="LLM_KEPT_ANSWER_HOURS",
        description="Hours for which an answer is given again under its idempotency key.",
    )
    llm_address: ServiceAddress = Field(default="127.0.0.1:50051", alias="LLM_SERVICE_ADDRESS")
    chat_address: ServiceAddress = Field(default="127.0.0.1:50052", alias="CHAT_STREAM_SERVICE_ADDRESS")
    feature_address: ServiceAddress = Field(default="127.0.0.1:50053", alias="FEATURE_SERVICE_ADDRESS")
    cache_address: ServiceAddress = Field(default="127.0.0.1:50054", alias="CACHE_SERVICE_ADDRESS")

    jwt_secret: SecretStr = Field(
        default=SecretStr(""),
        alias="JWT_SECRET",
        description="HS256 secret of at least 32 bytes; empty: stored.",
    )
    jwt_previous_secret: SecretStr = Field(
        default=SecretStr(""), alias="JWT_PREVIOUS_SECRET", description="Still accepted while a new secret takes over."
    )
    access_token_seconds: int = Field(default=900, ge=10, alias="PENSTOCK_ACCESS_TOKEN_SECONDS")
    refresh_token_seconds: int = Field(default=14 * 86400, ge=60, alias="PENSTOCK_REFRESH_TOKEN_SECONDS")
    admin_password: SecretStr = Field(
        default=SecretStr(""),
        alias="PENSTOCK_ADMIN_PASSWORD",
        description="Of the first start; empty: random.",
    )
    admin_key: SecretStr = Field(
        default=SecretStr(""), alias="PENSTOCK_ADMIN_KEY", description="Of the first start; empty: random."
    )

    public_url: str = Field(
        default="",
        alias="PENSTOCK_PUBLIC_URL",
        description="URL under which browsers reach the gateway, as `https://penstock.example.com`.",
    )
    oidc_client_id: str = Field(
        default="", max_length=512, alias="PENSTOCK_OIDC_CLIENT_ID", description="What the issuer calls this system."
    )
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""),
        alias="PENSTOCK_OIDC_CLIENT_SECRET",
        description="What this system proves itself with to the issuer; empty for a public client.",
    )
    oidc_scopes: str = Field(
        default="openid profile email",
        alias="PENSTOCK_OIDC_SCOPES",
        description="What the issuer is asked for; some give groups only when `groups` is among them.",
    )
    oidc_groups_claim: str = Field(
        default="groups",
        min_length=1,
        alias="PENSTOCK_OIDC_GROUPS_CLAIM",
        description="The claim that lists somebody's groups; one inside another with dots, as `realm_access.roles`.",
    )
    oidc_groups_file: str = Field(
        default="",
        alias="PENSTOCK_OIDC_GROUPS_FILE",
        description="YAML of which group gives which role and tenant; see docs/single-sign-on.md.",
    )
    oidc_networks: str = Field(
        default="",
        alias="PENSTOCK_OIDC_NETWORKS",
        description="Networks, comma separated, in which the issuer may be beside the public internet.",
    )
    oidc_seconds: float = Field(
        default=5.0,
        gt=0,
        alias="PENSTOCK_OIDC_SECONDS",
        description="How long the issuer may take for an answer.",
    )
    oidc_label: str = Field(
        default="single sign-on",
        min_length=1,
        max_length=60,
        alias="PENSTOCK_OIDC_LABEL",
        description="Its name on the pages, behind `Sign in with`.",
    )
    oidc_session_seconds: int = Field(
        default=8 * 3600,
        ge=60,
        alias="PENSTOCK_OIDC_SESSION_SECONDS",
        description="After which a session that the issuer began ends, whatever PENSTOCK_REFRESH_TOKEN_SECONDS says.",
    )
    oidc_issuer: str = Field(
        default="",
        max_length=512,
        alias="PENSTOCK_OIDC_ISSUER",
        description="URL of the OpenID Connect issuer, exactly as it calls itself; empty: no single sign-on.",
    )
    password_sign_in: bool = Field(
        default=True,
        alias="PENSTOCK_PASSWORD_SIGN_IN",
        description="Whether passwords count beside single sign-on; API keys always do.",
    )

    cors_origins: str = Field(
        default="*", alias="PENSTOCK_CORS_ORIGINS", description="Origins that browsers may call from, comma separated."
    )
    public_hosts: str = Field(
        default="",
        alias="PENSTOCK_PUBLIC_HOSTS",
        description="Names under which callers reach /mcp, comma separated; localhost and IP addresses always do.",
    )
    trusted_proxies: str = Field(
        default="", alias="PENSTOCK_TRUSTED_PROXIES", description="Whose X-Forwarded-For counts, comma separated."
    )
    metrics_access: Literal["local", "everybody"] = Field(
        default="local",
        alias="PENSTOCK_METRICS_ACCESS",
        description="Who reads /metrics without an operator's key: scrapers on this machine, or everybody.",
    )
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        alias="GATEWAY_METRICS_PORT",
        description="Port of /metrics that asks for no key, on PENSTOCK_BIND_HOST; for a network of scrapers. 0: none.",
    )
    access_log: Literal["all", "errors", "off"] = Field(
        default="errors", alias="PENSTOCK_ACCESS_LOG", description="Requests that get a log line; errors: from 400 on."
    )
    max_connections: int = Field(
        default=0,
        ge=0,
        alias="PENSTOCK_MAX_CONNECTIONS",
        description="Open connections at most; 0, or more than that: what the limit on open files leaves.",
    )
    head_seconds: float = Field(
        default=10.0, gt=0, alias="PENSTOCK_HEAD_SECONDS", description="How long the head of a request may take."
    )
    body_seconds: float = Field(
        default=20.0,
        gt=0,
        alias="PENSTOCK_BODY_SECONDS",
        description="How long a body may come more slowly than PENSTOCK_BODY_RATE.",
    )
    body_rate: int = Field(
        default=100, ge=0, alias="PENSTOCK_BODY_RATE", description="Bytes a second of a body at least; 0: any."
    )
    overload_delay: float = Field(
        default=0.1,
        ge=0,
        alias="PENSTOCK_OVERLOAD_DELAY",
        description="Seconds a request may wait in our own queues before new work is refused by 503; 0: any.",
    )
    max_body_bytes: int = Field(default=20 * MEBIBYTE, ge=1024, alias="PENSTOCK_MAX_BODY_BYTES")
    max_ingest_bytes: int = Field(default=4096 * MEBIBYTE, ge=1024, alias="PENSTOCK_MAX_INGEST_BYTES")
    hold_seconds: float = Field(
        default=10.0, gt=0, alias="PENSTOCK_STREAM_HOLD_SECONDS", description="How long a stream waits for content."
    )
    heartbeat_seconds: float = Field(default=15.0, gt=0, alias="PENSTOCK_STREAM_HEARTBEAT_SECONDS")
    completion_seconds: float = Field(
        default=600.0, gt=0, alias="PENSTOCK_COMPLETION_SECONDS", description="Deadline when the caller names none."
    )
    stream_seconds: float = Field(
        default=3600.0, gt=0, alias="PENSTOCK_STREAM_SECONDS", description="Longest life of one event stream."
    )
    resume_seconds: float = Field(
        default=3.0, ge=0, alias="PENSTOCK_STREAM_RESUME_SECONDS", description="How long a broken stream is mended."
    )

    alert_seconds: float = Field(
        default=15.0,
        ge=0,
        alias="PENSTOCK_ALERT_SECONDS",
        description="Between two evaluations of alerts and alarms; 0: none by this gateway.",
    )
    audit_days: int = Field(
        default=365, ge=1, alias="PENSTOCK_AUDIT_DAYS", description="How long entries of the audit log are kept."
    )
    notify_networks: str = Field(
        default="",
        alias="PENSTOCK_NOTIFY_NETWORKS",
        description="Networks, comma separated, to which notifications may go beside the public internet.",
    )
    smtp_host: str = Field(default="", alias="PENSTOCK_SMTP_HOST", description="Mail server; empty: no e-mail.")
    smtp_port: int = Field(default=587, ge=1, le=65535, alias="PENSTOCK_SMTP_PORT", description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        alias="PENSTOCK_SMTP_SECURITY",
        description="`starttls`, `tls` or `none`; without what is asked for nothing is sent.",
    )
    smtp_username: str = Field(default="", alias="PENSTOCK_SMTP_USERNAME", description="Empty: no sign-in.")
    smtp_password: SecretStr = Field(default=SecretStr(""), alias="PENSTOCK_SMTP_PASSWORD")
    smtp_sender: str = Field(
        default="penstock@localhost", alias="PENSTOCK_SMTP_SENDER", description="Sender's address of notifications."
    )

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def _url(cls, text: str) -> str:
        if text and (problem := url_problem(text)):
            raise ValueError(problem)
        return text

    @field_validator("public_url")
    @classmethod
    def _root(cls, text: str) -> str:
        if text.rstrip("/").count("/") > _SLASHES_OF_ORIGIN or "?" in text:
            raise ValueError("must have no path: the pages are at its root")
        return text

    @field_validator("oidc_scopes")
    @classmethod
    def _with_openid(cls, text: str) -> str:
        if "openid" not in text.split():
            raise ValueError("must have `openid` among them; else the issuer does not say who signs in")
        return text

    @field_validator("oidc_issuer")
    @classmethod
    def _complete(cls, text: str, info: ValidationInfo) -> str:
        needed = {
            "oidc_client_id": "PENSTOCK_OIDC_CLIENT_ID",
            "oidc_groups_file": "PENSTOCK_OIDC_GROUPS_FILE",
            "public_url": "PENSTOCK_PUBLIC_URL",
        }
        missing = [alias for name, alias in needed.items() if info.data.get(name) == ""]
        if text and missing:
            raise ValueError(f"needs {' and '.join(missing)}, too; see docs/single-sign-on.md")
        return text

    @field_validator("password_sign_in")
    @classmethod
    def _some_sign_in(cls, wanted: bool, info: ValidationInfo) -> bool:
        if not wanted and info.data.get("oidc_issuer") == "":
            raise ValueError("must be on while PENSTOCK_OIDC_ISSUER is not set: else nobody could sign in")
        return wanted

    @field_validator("notify_networks", "oidc_networks")
    @classmethod
    def _networks(cls, text: str) -> str:
        for entry in _listed(text):
            ipaddress.ip_network(entry)
        return text

    @property
    def named_database_url(self) -> str:
        """URL of the database that the settings name, empty for a file under PENSTOCK_HOME."""
        return self.own_database_url.get_secret_value() or self.database_url.get_secret_value()

    def store_url(self) -> str:
        """Return the URL of the identity store."""
        return self.named_database_url or sqlite_url(self.home / "gateway.db")

    def connection_limit(self) -> int:
        """Return how many connections this gateway takes: its share of PENSTOCK_MAX_CONNECTIONS, 0 without one."""
        return -(-self.max_connections // self.workers) if self.worker_folder else self.max_connections

    def networks(self) -> tuple[str, ...]:
        """Return the networks to which notifications may go beside the public internet."""
        return _listed(self.notify_networks)

    def oidc_allowed_networks(self) -> tuple[str, ...]:
        """Return the networks in which the issuer may be beside the public internet."""
        return _listed(self.oidc_networks)

    def http_limits(self) -> HttpLimits:
        """Return what a connection may cost."""
        return HttpLimits(head_seconds=self.head_seconds, body_seconds=self.body_seconds, body_rate=self.body_rate)

    def origins(self) -> tuple[str, ...]:
        """Return the allowed origins, ``("*",)`` for all."""
        return _listed(self.cors_origins)

    def own_hosts(self) -> tuple[str, ...]:
        """Return the names of this server."""
        return (*_listed(self.public_hosts), self.host)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (entry.strip() for entry in text.split(","))))
