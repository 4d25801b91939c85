"""Which telemetry store a URL means."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.errors import InvalidArgument
from penstock_kit.redaction import mask_urls
from penstock_kit.yaml_document import configuration_invalid

BeforeOpen = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    url: str
    before_open: BeforeOpen | None
    memory_mb: int
    query_seconds: float
    tables_file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind of store: how its URLs look, and what opens one."""

    form: str
    open: Callable[[_Options], TelemetryStore]


def open_telemetry(
    url: str,
    *,
    before_open: BeforeOpen | None = None,
    memory_mb: int = 512,
    query_seconds: float = 60.0,
    tables_file: str = "",
) -> TelemetryStore:
    """Return the store at `url`, which is connected to, or opened, when it is first used, after `before_open`.

    `memory_mb` is what a question may use in a store that computes in this process, `query_seconds` how long it may
    take in one that computes elsewhere. Raises InvalidArgument TELEMETRY_URL_INVALID, which lists the known forms, for
    any other URL, and FailedPrecondition CONFIGURATION_INVALID when `tables_file`, which names tables to read as
    devices, can't be used or the store is no PostgreSQL.
    """
    kind = _KINDS.get(url.partition("://")[0])
    if kind is None:
        raise _unknown(url)
    return kind.open(
        _Options(
            url=url,
            before_open=before_open,
            memory_mb=memory_mb,
            query_seconds=query_seconds,
            tables_file=tables_file,
        )
    )


def duckdb_file(url: str) -> Path | None:
    """Return the file that `url` names, None when another store has the rows. Raises as :func:`open_telemetry` does."""
    scheme = url.partition("://")[0]
    if scheme not in _KINDS:
        raise _unknown(url)
    if scheme != "duckdb":
        return None
    path = url.removeprefix("duckdb:///")
    if path in {"", url}:
        raise _unknown(url)
    return Path(path)


def _open_duckdb(options: _Options) -> TelemetryStore:
    if options.tables_file:
        why = "tables are read from PostgreSQL alone: name one in TELEMETRY_URL"
        raise configuration_invalid("TELEMETRY_TABLES_FILE", options.tables_file, why)
    path = duckdb_file(options.url)
    if path is None:
        raise _unknown(options.url)
    return DuckDbTelemetryStore(path, before_open=options.before_open, memory_mb=options.memory_mb)


def _open_postgresql(options: _Options) -> TelemetryStore:
    from feature_service.adapters.postgresql.telemetry_store import PostgresTelemetryStore
    from feature_service.adapters.table_file import read_tables
    from penstock_kit.database.url import postgresql_url

    _, _, rest = options.url.partition("://")
    if not rest.partition("/")[2]:
        raise _unknown(options.url)
    return PostgresTelemetryStore(
        postgresql_url(f"postgresql://{rest}", setting="TELEMETRY_URL", reason="TELEMETRY_URL_INVALID"),
        before_open=options.before_open,
        query_seconds=options.query_seconds,
        tables=read_tables(options.tables_file),
    )


def _open_tdengine(options: _Options) -> TelemetryStore:
    from feature_service.adapters.tdengine.telemetry_store import TDengineTelemetryStore

    if options.tables_file:
        why = "tables are read from PostgreSQL alone: name one in TELEMETRY_URL"
        raise configuration_invalid("TELEMETRY_TABLES_FILE", options.tables_file, why)
    return TDengineTelemetryStore(
        options.url,
        before_open=options.before_open,
        query_seconds=options.query_seconds,
        memory_mb=options.memory_mb,
    )


_TDENGINE: Final = _Kind(form="taosrest://user:password@host:6041/name", open=_open_tdengine)
_POSTGRESQL: Final = _Kind(form="postgresql://user:password@host:5432/name", open=_open_postgresql)
_KINDS: Final[Mapping[str, _Kind]] = {
    "duckdb": _Kind(form="duckdb:///path/to/file", open=_open_duckdb),
    "postgresql": _POSTGRESQL,
    "postgres": _POSTGRESQL,
    "postgresql+asyncpg": _POSTGRESQL,
    "taosrest": _TDENGINE,
    "taosrest+https": _TDENGINE,
}
"""The stores by the scheme of their URLs."""


def _unknown(url: str) -> InvalidArgument:
    forms = " or ".join(dict.fromkeys(kind.form for kind in _KINDS.values()))
    return InvalidArgument(
        f"TELEMETRY_URL {mask_urls(url)!r} is not the URL of a telemetry store; write {forms}",
        reason="TELEMETRY_URL_INVALID",
    )
