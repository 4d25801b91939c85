"""What the tests of alerts share: a world of gateways, importable by name."""

import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.main import MIGRATIONS
from penstock_kit.database import sqlite_url
from penstock_testkit.databases import migrated

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
async def world(tmp_path: Path) -> Any:
    from alert_world import ALARM, CHANNEL, World

    url = sqlite_url(tmp_path / "gateway.db")
    async with migrated(url, MIGRATIONS) as database:
        made = World(database)
        await made.store.put_channel(CHANNEL)
        await made.store.put_alarm(ALARM)
        yield made
