"""Alerts while somebody else holds the database: nothing ends for good, and nothing is told twice."""

import sqlite3
from pathlib import Path

from alert_world import ALARM, CHANNEL, World

from gateway.main import MIGRATIONS
from penstock_kit.database import open_database, sqlite_url
from penstock_testkit.databases import lay_out
from penstock_testkit.waiting import until


async def test_a_database_that_is_locked_for_a_while_delays_the_alerts_and_ends_none(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "gateway.db")
    await lay_out(url, MIGRATIONS)
    database = open_database(url, lock_seconds=0.05)
    world = World(database)
    await world.store.put_channel(CHANNEL)
    await world.store.put_alarm(ALARM)
    world.devices.holds = True
    gateway = world.gateway(seconds=0.02)
    other = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with gateway.running():
        await until(lambda: gateway.failures >= 3)
        assert world.sender.sent == []
        other.execute("ROLLBACK")
        await until(lambda: world.told() == ["fired 1"])
        world.devices.holds = False
        await until(lambda: world.told() == ["fired 1", "resolved 1"])
    other.close()
    await database.close()
