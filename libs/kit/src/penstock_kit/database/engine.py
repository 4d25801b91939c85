"""The SQLAlchemy engines behind a Database, tuned per store."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import URL

from penstock_kit.database.asynchronous import AsyncEngine, create_async_engine
from penstock_kit.database.postgresql_url import driver_options
from penstock_kit.database.sqlite_driver import connect
from penstock_kit.database.write_ahead_log import WRITER_PRAGMAS

NO_BEGIN: Final = "penstock_no_begin"  # execution option of a connection for what can't run in a transaction
_CONNECT_SECONDS: Final = 5
_COMMAND_SECONDS: Final = 30

_SHARED_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA foreign_keys = ON",
)

# A schema that is not there is passed over, so that tables of an earlier version are found where they are.
_SESSION: Final = (
    "SELECT set_config('search_path', concat_ws(', ', $1::text, nullif(current_setting('search_path'), '')), false),"
    " set_config('application_name', $2, false)"
)

# The values of statements are people's words and secrets' digests: neither errors nor logs show them.
_QUIET: Final[dict[str, Any]] = {"hide_parameters": True, "echo": False}


def sqlite_writer(url: URL, *, pragmas: Sequence[str], lock_seconds: float) -> AsyncEngine:
    """Return the engine of the one connection that writes: the pool is the queue of the writers."""
    engine = create_async_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_timeout=_COMMAND_SECONDS,
        connect_args=_connecting(pragmas, lock_seconds),
        **_QUIET,
    )

    # The driver would begin lazily and deferred: a transaction that reads first could then fail to upgrade its lock.
    def begin(connection: Any) -> None:
        if not connection.get_execution_options().get(NO_BEGIN):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine.sync_engine, "begin", begin)
    return engine


def sqlite_readers(url: URL, *, readers: int, pragmas: Sequence[str], lock_seconds: float) -> AsyncEngine:
    """Return the engine of the connections that read; they cannot write, and never wait for the writer."""
    return create_async_engine(
        url,
        pool_size=readers,
        max_overflow=0,
        pool_timeout=_COMMAND_SECONDS,
        pool_reset_on_return=None,
        skip_autocommit_rollback=True,
        connect_args=_connecting(pragmas, lock_seconds),
        **_QUIET,
    )


def writer_pragmas(*, cache_mb: int, mmap_mb: int) -> tuple[str, ...]:
    """Return the statements that tune a connection to SQLite."""
    sizes = (f"PRAGMA cache_size = {-1024 * cache_mb}", f"PRAGMA mmap_size = {mmap_mb * 1024 * 1024}")
    return (*_SHARED_PRAGMAS, *WRITER_PRAGMAS, *sizes)


def reader_pragmas(*, cache_mb: int, mmap_mb: int) -> tuple[str, ...]:
    """Return the statements that tune a connection to SQLite and keep it from writing."""
    return (*writer_pragmas(cache_mb=cache_mb, mmap_mb=mmap_mb), "PRAGMA query_only = ON")


def postgresql(url: URL, *, connections: int, schema: str = "") -> AsyncEngine:
    """Return the engine of a PostgreSQL server; a connection that died is found out before it is used.

    Names without a schema mean what is in `schema`, then what they mean anyhow.
    """
    url, options = driver_options(url)
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=connections,
        pool_timeout=_CONNECT_SECONDS,
        pool_pre_ping=True,
        pool_recycle=1800,
        skip_autocommit_rollback=True,
        connect_args={"timeout": _CONNECT_SECONDS, "command_timeout": _COMMAND_SECONDS, **options},
        **_QUIET,
    )
    if schema:
        event.listen(engine.sync_engine, "connect", partial(_look_first_in, schema))
    return engine


def _look_first_in(schema: str, connection: Any, _: object) -> None:
    async def look(driver: Any) -> None:
        await driver.execute(_SESSION, f'"{schema}"', application_name(schema))

    connection.run_async(look)


def application_name(schema: str) -> str:
    """Return the name under which pg_stat_activity lists the connections of the service that has the schema."""
    return f"penstock {schema}"


def _connecting(pragmas: Sequence[str], lock_seconds: float) -> dict[str, Any]:
    # No isolation level: transactions are begun by us, above, and readers have none.
    return {"async_creator_fn": partial(connect, pragmas=pragmas, lock_seconds=lock_seconds), "isolation_level": None}
