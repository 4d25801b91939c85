"""Schema migrations at start: Alembic, loaded only when the schema is behind.

A service keeps ``migrations/env.py`` and ``migrations/versions/*.py`` in its package. The env.py is::

    from penstock_kit.database import run_migrations
    from llm_service.adapters.table import metadata

    run_migrations(metadata)

A revision only adds: what the code of the revision before needs stays, so that both run over one database. One that
takes something away says ``contracts = True``, and comes a release later. The database says which revisions' code it
serves.

Services may share one database: each has a version table of its own, named after its package, and on PostgreSQL a
schema for all its tables.
"""

import asyncio
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.exc import ProgrammingError

from penstock_kit.database.asynchronous import AsyncConnection
from penstock_kit.database.database import Database, open_database
from penstock_kit.errors import FailedPrecondition
from penstock_kit.logging import get_logger

_REVISION: Final = re.compile(r"^revision\b[^=\n]*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)
_DOWN: Final = re.compile(r"^down_revision\b[^=\n]*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)
_CONTRACTS: Final = re.compile(r"^contracts\b[^=\n]*=\s*True\b", re.MULTILINE)
_LOCK_SECONDS: Final = 60.0  # how long SQLite waits while other processes migrate
_LOCK: Final = 0x70656E73746F636B  # "penstock" in ASCII

log = get_logger(__name__)


async def migrate(url: str, script_location: Path, *, schema: str = "") -> bool:
    """Bring the schema at `url` to the newest revision in `script_location`; return whether anything was done.

    Safe to run from several processes at once: they queue on the store's write lock, and those that come after the
    first find nothing left to do. All revisions are applied in one transaction. On PostgreSQL tables that are not
    there yet are made in `schema`, which is made too; those of an earlier version stay where they are. Raises
    FailedPrecondition (SCHEMA_UNSUPPORTED) when a newer version wrote the database that does not serve this one.
    """
    revisions = _revisions(script_location)
    database = open_database(url, readers=1, reconnect_seconds=0, lock_seconds=_LOCK_SECONDS, schema=schema)
    try:
        async with database.read() as connection:
            if await connection.run_sync(_is_current, script_location, revisions):
                return False
        await asyncio.to_thread(_load_alembic)  # before the lock is held: it takes longer than most migrations
        async with database.write() as connection:
            await _lock(connection, database)
            if await connection.run_sync(_is_current, script_location, revisions):
                return False
            await connection.run_sync(_make_schema, database, script_location)
            await connection.run_sync(_upgrade, script_location)
            await connection.run_sync(_note_compatible, script_location, revisions)
        log.info("schema migrated", service=script_location.parent.name, revision=revisions.newest)
        return True
    finally:
        await database.close()


def run_migrations(metadata: MetaData) -> None:
    """Run inside Alembic, from a service's env.py: apply the revisions on the connection that migrate() opened."""
    from alembic import context

    options = context.config.attributes
    context.configure(
        connection=options["connection"],
        target_metadata=metadata,
        version_table=options["version_table"],
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def version_table(script_location: Path) -> str:
    """Return the name of the table that holds the revision: ``llm_service_schema`` for llm_service/migrations."""
    return f"{script_location.parent.name}_schema"


def newest_revision(script_location: Path) -> str:
    """Return the newest revision that this version of a service has."""
    return _revisions(script_location).newest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Revisions:
    """The revisions that this version of a service has, and those whose code runs on the schema of the newest."""

    known: frozenset[str]
    newest: str
    compatible: tuple[str, ...]


def _revisions(script_location: Path) -> _Revisions:
    """Read all revisions and the newest from the files, without importing them."""
    texts = [path.read_text("utf-8") for path in sorted((script_location / "versions").glob("*.py"))]
    sources = {found[1]: text for text in texts if (found := _REVISION.search(text))}
    parents = {revision: found[1] for revision, text in sources.items() if (found := _DOWN.search(text))}
    heads = sources.keys() - parents.values()
    if len(heads) != 1:
        message = f"{script_location} must have exactly one newest revision, it has {sorted(heads)}"
        raise FailedPrecondition(message, reason="MIGRATIONS_INVALID")
    newest = next(iter(heads))
    compatible = [newest]
    while not _CONTRACTS.search(sources[compatible[-1]]) and compatible[-1] in parents:
        compatible.append(parents[compatible[-1]])
    return _Revisions(known=frozenset(sources), newest=newest, compatible=tuple(compatible))


def _is_current(connection: Connection, script_location: Path, revisions: _Revisions) -> bool:
    """Return whether the schema has the newest revision, or a newer one that serves this version too.

    Raises FailedPrecondition (SCHEMA_UNSUPPORTED) for one that does not.
    """
    table = version_table(script_location)
    if not inspect(connection).has_table(table):
        return False
    found = connection.execute(text(f'SELECT version_num FROM "{table}"')).scalar()  # noqa: S608 - our own name
    if found and found not in revisions.known:
        if revisions.newest in _compatible(connection, script_location):
            log.warning("the schema is of a newer version, which serves this one too", revision=found)
            return True
        message = f"the database has schema revision {found}, which this version does not know; run a newer one"
        raise FailedPrecondition(message, reason="SCHEMA_UNSUPPORTED", metadata={"revision": found})
    return found == revisions.newest


def compatible_table(script_location: Path) -> str:
    """Return the name of the table that lists the revisions whose code the schema serves."""
    return f"{script_location.parent.name}_compatible"


def _compatible(connection: Connection, script_location: Path) -> set[str]:
    table = compatible_table(script_location)
    if not inspect(connection).has_table(table):
        return set()
    return set(connection.execute(text(f'SELECT revision FROM "{table}"')).scalars())  # noqa: S608 - our own name


def _note_compatible(connection: Connection, script_location: Path, revisions: _Revisions) -> None:
    table = compatible_table(script_location)
    connection.execute(text(f'CREATE TABLE IF NOT EXISTS "{table}" (revision VARCHAR(32) PRIMARY KEY)'))
    connection.execute(text(f'DELETE FROM "{table}"'))  # noqa: S608 - our own name
    rows = [{"revision": revision} for revision in revisions.compatible]
    connection.execute(text(f'INSERT INTO "{table}" VALUES (:revision)'), rows)  # noqa: S608 - our own name


async def _lock(connection: AsyncConnection, database: Database) -> None:
    if not database.is_sqlite:  # on SQLite the transaction itself is the lock
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _make_schema(connection: Connection, database: Database, script_location: Path) -> None:
    """Make the schema for tables that are not there yet; a user who may not make one has them in the default schema."""
    if not database.schema or database.is_sqlite or inspect(connection).has_table(version_table(script_location)):
        return
    try:
        with connection.begin_nested():
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{database.schema}"'))
    except ProgrammingError as error:
        why = "grant CREATE on the database to have one schema a service"
        log.warning("the tables go into the default schema", schema=database.schema, detail=str(error.orig), remedy=why)


def _load_alembic() -> None:
    import_module("alembic.command")
    import_module("alembic.config")


def _upgrade(connection: Any, script_location: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(script_location).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = version_table(script_location)
    command.upgrade(config, "head")
