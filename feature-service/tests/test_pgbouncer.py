"""PostgreSQL behind a real pgbouncer: sessions work, transactions are refused with what would be right."""

import asyncio

import numpy as np
import pytest
from sqlalchemy import text

from feature_service.adapters.postgresql.telemetry_store import PostgresTelemetryStore
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span
from penstock_kit.database import open_database
from penstock_kit.errors import Unavailable
from penstock_testkit.servers.pgbouncer import OwnPgbouncer, pgbouncer_binary
from penstock_testkit.servers.process import free_port

pytestmark = pytest.mark.skipif(
    pgbouncer_binary() is None, reason="there is no pgbouncer here; scripts/monitoring-tools gets one"
)
# As docs/telemetry-stores.md has them.
SETTINGS = (
    "ignore_startup_parameters = application_name, timezone, jit, lock_timeout, idle_in_transaction_session_timeout, "
    "tcp_keepalives_idle, client_connection_check_interval, extra_float_digits\n"
)
KEY = SeriesKey(tenant_id="t", device_code="behind-pgbouncer")
ROWS = 1_000


@pytest.fixture
def pooled(postgres_url):
    """Return a function that starts a pgbouncer with settings of its own and gives the URL."""
    started = []

    def start(settings):
        started.append(OwnPgbouncer(server=postgres_url, port=free_port(), settings=settings))
        started[-1].start()
        return started[-1].url

    yield start
    for each in started:
        each.stop()


def rows(day):
    times = np.datetime64("2026-01-01", "us") + np.arange(ROWS) * np.timedelta64(1, "s") + np.timedelta64(day, "D")
    return Frame(timestamps=times, numbers={"a": np.arange(ROWS) * 1.0, f"new{day}": np.ones(ROWS)}, texts={})


async def use(url, days=3):
    """Store rows with ever more fields, and read them by many connections at once."""
    store = PostgresTelemetryStore(url)
    try:
        for day in range(days):
            await store.append(KEY, rows(day))
        counts = await asyncio.gather(*(store.row_count(KEY, Span()) for _ in range(30)))
        assert set(counts) == {days * ROWS}
        assert len(await store.read(KEY, ["a", "new1"], Span())) == days * ROWS
    finally:
        await store.close()


async def test_a_telemetry_store_works_behind_a_pgbouncer_of_sessions(pooled):
    await use(pooled(f"pool_mode = session\n{SETTINGS}"))


async def test_the_database_of_records_works_behind_a_pgbouncer_of_sessions(pooled):
    url = pooled(f"pool_mode = session\n{SETTINGS}")
    database = open_database(url, schema="records")
    try:

        async def answer():
            return (await database.rows(text("SELECT 41 + CAST(:one AS integer) AS sum"), {"one": 1}))[0][0]

        assert set(await asyncio.gather(*(answer() for _ in range(20)))) == {42}
    finally:
        await database.close()


async def test_a_pgbouncer_of_transactions_is_refused_with_the_setting_to_give(pooled):
    url = pooled(f"pool_mode = transaction\ndefault_pool_size = 2\n{SETTINGS}")
    with pytest.raises(Unavailable, match="use pool_mode = session") as caught:
        for _ in range(20):
            await use(url)
    assert caught.value.reason == "TELEMETRY_UNAVAILABLE"


async def test_a_pgbouncer_that_refuses_our_settings_is_told_how_to_take_them(pooled):
    with pytest.raises(Unavailable, match="let ignore_startup_parameters name them"):
        await use(pooled("pool_mode = session\n"))
