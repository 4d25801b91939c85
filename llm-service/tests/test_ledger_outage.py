"""Rows wait while the store is down and are written once it is back."""

import asyncio
from pathlib import Path

from sqlalchemy import text

from llm_service.adapters.sql_ledger import SqlLedger
from llm_service.domain.ledger import CostGroup, LedgerFilter
from llm_service.testing import ledger_row
from penstock_kit.database import migrate, open_database, sqlite_url

MIGRATIONS = Path(__file__).parents[1] / "src" / "llm_service" / "migrations"


async def test_rows_wait_for_a_locked_store_and_are_written_once(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "llm.db")
    await migrate(url, MIGRATIONS)
    database, other = open_database(url), open_database(url)
    ledger = SqlLedger(database)
    task = asyncio.create_task(ledger.run())
    async with other.write() as connection:
        await connection.execute(text("UPDATE llm_ledger SET provider = provider"))
        for at in range(10):
            ledger.record(ledger_row(f"call_{at}"))
        assert not task.done()
    [total] = await ledger.summarize(LedgerFilter(tenant_id="default"), CostGroup.TOTAL)
    assert total.requests == 10
    ledger.close()
    await task
    await database.close()
    await other.close()
