"""The sets of records that can be moved: one for each service that keeps a database."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from sqlalchemy import Table

NAMES: Final = ("gateway", "llm-service", "chat-stream-service", "feature-service")
TELEMETRY: Final = "telemetry"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSet:
    """The records of a service: its tables, parents before children, and where they are.

    `file` is its file in a home, `setting` what names a database of its own, `url` the one that the settings name now,
    empty without any.
    """

    name: str
    file: str
    setting: str
    schema: str
    migrations: Path
    tables: Sequence[Table]
    url: str

    @property
    def progress_table(self) -> str:
        """The table in which a move notes how far it is."""
        return f"{self.schema}_migration"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What the package of a service says of its records."""

    file: str
    schema: str
    tables: Sequence[Table]
    migrations: Path
    settings: Any


def load_record_set(name: str) -> RecordSet:
    """Return the records of the service `name`, with what its settings say."""
    from penstock_kit.settings import load

    parts = _PARTS[name]()
    return RecordSet(
        name=name,
        file=parts.file,
        setting=f"{name.replace('-', '_').upper()}_DATABASE_URL",
        schema=parts.schema,
        migrations=parts.migrations,
        tables=parts.tables,
        url=load(parts.settings).named_database_url,
    )


def _migrations(settings: ModuleType) -> Path:
    """Return a service's folder of migrations: its `main` knows it too, and would import the whole service."""
    return Path(settings.__file__ or "").with_name("migrations")


def _gateway() -> _Parts:
    from gateway import settings
    from gateway.alerts.table import alarms
    from gateway.audit.table import audit
    from gateway.auth.table import metadata

    assert {alarms, audit} <= set(metadata.sorted_tables)
    return _Parts(
        file="gateway.db",
        schema=settings.SCHEMA,
        tables=metadata.sorted_tables,
        migrations=_migrations(settings),
        settings=settings.GatewaySettings,
    )


def _llm() -> _Parts:
    from llm_service import settings
    from llm_service.adapters.table import metadata

    return _Parts(
        file="llm.db",
        schema=settings.SCHEMA,
        tables=metadata.sorted_tables,
        migrations=_migrations(settings),
        settings=settings.LlmSettings,
    )


def _chat() -> _Parts:
    from chat_stream_service import settings
    from chat_stream_service.adapters.table import metadata

    return _Parts(
        file="chat.db",
        schema=settings.SCHEMA,
        tables=metadata.sorted_tables,
        migrations=_migrations(settings),
        settings=settings.ChatSettings,
    )


def _feature() -> _Parts:
    from feature_service import settings
    from feature_service.adapters.metadata.table import metadata

    return _Parts(
        file="feature.db",
        schema=settings.SCHEMA,
        tables=metadata.sorted_tables,
        migrations=_migrations(settings),
        settings=settings.FeatureSettings,
    )


_PARTS: Final = {
    "gateway": _gateway,
    "llm-service": _llm,
    "chat-stream-service": _chat,
    "feature-service": _feature,
}
