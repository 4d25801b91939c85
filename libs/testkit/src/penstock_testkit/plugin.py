# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Pytest fixtures that every member's tests may use."""

import io
import itertools
import logging
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import structlog

from penstock_testkit.fault_rows import Measured, NoteFault, append_row
from penstock_testkit.servers import PostgresServer, RedisServer, start_postgres, start_redis
from penstock_testkit.waiting import HANG_SECONDS

_names = itertools.count(1)


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """Undo behind each test what it configured of the log, its form above all: the next one starts with its own."""
    root, is_configured, configured = logging.getLogger(), structlog.is_configured(), structlog.get_config()
    handlers, levels = list(root.handlers), _log_levels()
    yield
    root.handlers[:] = handlers
    for name in _log_levels().keys() | levels.keys():
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    if is_configured:
        structlog.configure(**configured)


@pytest.fixture
def log_stream() -> io.StringIO:
    """Where a test may have the log written."""
    return io.StringIO()


@pytest.fixture
def note_fault() -> NoteFault:
    """Return what notes a row for `make faults`; a test notes it before it asserts, so that a miss is shown too."""
    return append_row


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measured:
    """Return what notes a figure for the row of the fault that the test shows; see tests/faults/fault_list.py."""
    return lambda figure: record_property("figure", figure)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One Redis for the whole session."""
    server = start_redis()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole session."""
    server = start_postgres()
    yield server
    server.stop()


@pytest.fixture
async def redis_url(redis_server: RedisServer) -> str:
    """An empty Redis database."""
    from redis.asyncio import Redis

    client = Redis.from_url(redis_server.url, socket_timeout=HANG_SECONDS)
    await client.flushdb()
    await client.aclose()
    return redis_server.url


@pytest.fixture
async def postgres_url(postgres_server: PostgresServer) -> str:
    """An empty PostgreSQL database of the test's own."""
    import asyncpg

    name = f"test_{next(_names)}"
    connection = await asyncpg.connect(postgres_server.url)
    await connection.execute(f"DROP DATABASE IF EXISTS {name}")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return urlsplit(postgres_server.url)._replace(path=f"/{name}").geturl()


def _log_levels() -> dict[str, int]:
    """Return the levels of the loggers that have one of their own, of the root's too."""
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    return {each.name: each.level for each in loggers if isinstance(each, logging.Logger) and each.level}
