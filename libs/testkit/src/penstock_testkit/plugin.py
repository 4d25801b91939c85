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


@pytest.fixture
def log_stream() -> Iterator[io.StringIO]:
    """Where a test may have the log written; what it configured is undone behind it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


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
