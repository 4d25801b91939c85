"""Rows wait while the store is down and are written once it is back."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from llm_service.adapters.ledger_spool import LedgerSpool
from llm_service.adapters.sql_ledger import SqlLedger
from llm_service.domain.billing.ledger import CostGroup, LedgerFilter
from llm_service.testing import ledger_row
from penstock_kit.database import migrate, open_database, sqlite_url
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS, until

MIGRATIONS = Path(__file__).parents[1] / "src" / "llm_service" / "migrations"


async def test_rows_wait_for_a_locked_store_and_are_written_once(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "llm.db")
    await migrate(url, MIGRATIONS)
    database, other = open_database(url), open_database(url)
    ledger = SqlLedger(database, LedgerSpool(tmp_path / "spool.jsonl"))
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


async def test_what_the_store_never_took_is_on_disk_and_written_exactly_once_after_a_restart(tmp_path: Path) -> None:
    spool = LedgerSpool(tmp_path / "spool.jsonl")
    away = open_database(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    ledger = SqlLedger(away, spool)
    task = asyncio.create_task(ledger.run())
    for at in range(10):
        ledger.record(ledger_row(f"call_{at}"))
    ledger.close()
    await asyncio.wait_for(task, HANG_SECONDS)
    await away.close()
    assert [row.id for row in spool.rows()] == [f"call_{at}" for at in range(10)]

    url = sqlite_url(tmp_path / "llm.db")
    await migrate(url, MIGRATIONS)
    database = open_database(url)
    for _ in range(2):
        # The second time is a process that died after it wrote and before it forgot.
        spool.append([ledger_row(f"call_{at}") for at in range(10)])
        restarted = SqlLedger(database, spool)
        task = asyncio.create_task(restarted.run())
        restarted.record(ledger_row("call_new"))
        await restarted.flush()
        [total] = await restarted.summarize(LedgerFilter(tenant_id="default"), CostGroup.TOTAL)
        restarted.close()
        await asyncio.wait_for(task, HANG_SECONDS)
        assert total.requests == 11
        assert spool.is_empty
    await database.close()


def test_a_line_cut_short_by_a_crash_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "spool.jsonl"
    spool = LedgerSpool(path)
    spool.append([ledger_row("call_1"), ledger_row("call_2")])
    path.write_bytes(path.read_bytes()[:-20])
    assert [row.id for row in spool.rows()] == ["call_1"]


async def test_rows_that_memory_has_no_room_for_are_written_from_disk_after_every_outage(
    postgres_url: str, tmp_path: Path
) -> None:
    await migrate(postgres_url, MIGRATIONS)
    proxy, spool = FaultProxy(postgres_url), LedgerSpool(tmp_path / "spool.jsonl")
    database = open_database(proxy.url)
    ledger = SqlLedger(database, spool, most_waiting=2)
    task = asyncio.create_task(ledger.run())
    names = [f"call_{at}" for at in range(6)]
    for outage in (names[:3], names[3:]):
        for name in outage[:2]:
            ledger.record(ledger_row(name))
        await until(lambda: len(spool.rows()) == 2)
        ledger.record(ledger_row(outage[2]))
        await proxy.open()
        await until(lambda: ledger.written == ledger.taken and spool.is_empty)
        page = await ledger.list_rows(LedgerFilter(tenant_id="default"), page_size=10, page_token="")
        assert [row.id for row in reversed(page.rows)] == names[: ledger.taken]
        await proxy.cut()
    ledger.close()
    await asyncio.wait_for(task, HANG_SECONDS)
    await database.close()


async def test_a_row_that_neither_memory_nor_disk_has_room_for_is_told_of_and_the_others_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = sqlite_url(tmp_path / "llm.db")
    await migrate(url, MIGRATIONS)
    database = open_database(url)
    ledger = SqlLedger(database, LedgerSpool(tmp_path / "none" / "spool.jsonl"), most_waiting=2)
    for at in range(3):
        ledger.record(ledger_row(f"call_{at}"))
    task = asyncio.create_task(ledger.run())
    page = await ledger.list_rows(LedgerFilter(tenant_id="default"), page_size=10, page_token="")
    assert [row.id for row in page.rows] == ["call_2", "call_1"]
    [told] = [line for line in capsys.readouterr().out.splitlines() if "given up" in line]
    assert "call_0" in told
    ledger.close()
    await asyncio.wait_for(task, HANG_SECONDS)
    await database.close()


async def test_what_an_earlier_process_left_on_disk_is_written_although_nothing_is_recorded(tmp_path: Path) -> None:
    url, spool = sqlite_url(tmp_path / "llm.db"), LedgerSpool(tmp_path / "spool.jsonl")
    await migrate(url, MIGRATIONS)
    spool.append([ledger_row("call_1"), ledger_row("call_2")])
    database = open_database(url)
    ledger = SqlLedger(database, spool)
    task = asyncio.create_task(ledger.run())
    await until(lambda: spool.is_empty)
    [total] = await ledger.summarize(LedgerFilter(tenant_id="default"), CostGroup.TOTAL)
    assert total.requests == 2
    ledger.close()
    await asyncio.wait_for(task, HANG_SECONDS)
    await database.close()
