"""The ledger in SQLite and in PostgreSQL: the same behaviour."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from llm_service.adapters.ledger_spool import LedgerSpool
from llm_service.adapters.sql_ledger import SqlLedger
from llm_service.adapters.sql_retention import delete_old_rows
from llm_service.domain.billing.ledger import CostGroup, LedgerFilter, LedgerRow, Outcome
from llm_service.domain.model.usage import UNKNOWN_COST, Cost, PriceSource, Usage
from penstock_kit.database import Database, sqlite_url
from penstock_testkit.databases import migrated

MIGRATIONS = Path(__file__).parents[1] / "src" / "llm_service" / "migrations"
TIME = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROW = LedgerRow(
    id="call_000",
    create_time=TIME,
    tenant_id="default",
    user_id="u1",
    key_id="k1",
    request_id="req_1",
    operation="chat",
    provider="openai",
    model="gpt",
    requested_model="openai/gpt",
    usage=Usage(input=10, cache_read=4, cache_write=3, output=2, reasoning=1),
    cost=Cost(amount=Decimal("0.000123456789"), source=PriceSource.OPERATOR),
    outcome=Outcome.OK,
    duration=1.5,
    time_to_first_token=0.25,
    finish_reason="stop",
    surface="chat",
    end_user="somebody",
    labels={"team": "a"},
)
MINE = LedgerFilter(tenant_id="default")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "llm.db")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with migrated(url, MIGRATIONS) as opened:
        yield opened


@pytest.fixture
async def ledger(database: Database, tmp_path: Path) -> AsyncIterator[SqlLedger]:
    made = SqlLedger(database, LedgerSpool(tmp_path / "spool.jsonl"))
    task = asyncio.create_task(made.run())
    yield made
    made.close()
    await task


async def test_a_row_comes_back_as_it_was(ledger: SqlLedger) -> None:
    ledger.record(ROW)
    page = await ledger.list_rows(MINE, page_size=10, page_token="")
    assert page.rows == (ROW,)


async def test_an_unknown_cost_stays_unknown(ledger: SqlLedger) -> None:
    ledger.record(replace(ROW, cost=UNKNOWN_COST, time_to_first_token=None))
    page = await ledger.list_rows(MINE, page_size=10, page_token="")
    assert page.rows[0].cost == UNKNOWN_COST


async def test_the_same_row_twice_is_one_row(ledger: SqlLedger) -> None:
    ledger.record(ROW)
    await ledger.flush()
    ledger.record(ROW)
    [total] = await ledger.summarize(MINE, CostGroup.TOTAL)
    assert total.requests == 1


async def test_sums_are_exact_and_unknown_prices_are_counted_apart(ledger: SqlLedger) -> None:
    for at in range(1000):
        ledger.record(replace(ROW, id=f"call_{at:04d}"))
    ledger.record(replace(ROW, id="call_x", cost=UNKNOWN_COST, outcome=Outcome.ERROR))
    [total] = await ledger.summarize(MINE, CostGroup.TOTAL)
    assert total.cost.amount == Decimal("0.123456789")
    assert (total.requests, total.failures, total.unpriced) == (1001, 1, 1)
    assert total.usage == Usage(input=10010, cache_read=4004, cache_write=3003, output=2002, reasoning=1001)
    assert total.mean_duration == pytest.approx(1.5)


async def test_groups_have_their_own_sums(ledger: SqlLedger) -> None:
    ledger.record(ROW)
    ledger.record(replace(ROW, id="call_001", provider="local", user_id="u2", key_id=""))
    ledger.record(replace(ROW, id="call_002", create_time=TIME + timedelta(days=1)))
    for group, expected in {
        CostGroup.PROVIDER: {"openai": 2, "local": 1},
        CostGroup.MODEL: {"openai/gpt": 2, "local/gpt": 1},
        CostGroup.USER: {"u1": 2, "u2": 1},
        CostGroup.KEY: {"k1": 2, "": 1},
        CostGroup.DAY: {"2026-11-21": 2, "2026-11-22": 1},
        CostGroup.MINUTE: {f"{TIME:%Y-%m-%dT%H:%MZ}": 2, f"{TIME + timedelta(days=1):%Y-%m-%dT%H:%MZ}": 1},
    }.items():
        assert {row.group: row.requests for row in await ledger.summarize(MINE, group)} == expected


async def test_a_group_tells_what_of_it_failed_was_cached_and_saved_and_how_long_it_took(ledger: SqlLedger) -> None:
    saved = Cost(amount=Decimal("0.25"), source=PriceSource.OPERATOR)
    for row in (
        replace(ROW, cached=True, cache_savings=saved, duration=1.0),
        replace(ROW, id="call_001", outcome=Outcome.ERROR, cache_savings=saved, duration=2.0),
        replace(ROW, id="call_002", outcome=Outcome.CANCELLED, duration=6.0),
        replace(ROW, id="call_003", provider="local", usage=replace(ROW.usage, estimated=True), cost=UNKNOWN_COST),
        replace(ROW, id="call_004", tenant_id="acme", cached=True, outcome=Outcome.ERROR, cache_savings=saved),
    ):
        ledger.record(row)
    openai, local = await ledger.summarize(MINE, CostGroup.PROVIDER)
    assert (openai.group, openai.requests, openai.failures, openai.cached, openai.unpriced) == ("openai", 3, 1, 1, 0)
    assert openai.savings == Cost(amount=Decimal("0.5"), source=PriceSource.OPERATOR)
    assert (openai.mean_duration, openai.usage.estimated) == (pytest.approx(3.0), False)
    assert (local.group, local.requests, local.failures, local.cached, local.unpriced) == ("local", 1, 0, 0, 1)
    assert (local.usage.estimated, local.usage.output) == (True, 2)
    assert (local.cost, local.savings) == (replace(UNKNOWN_COST, amount=Decimal(0)),) * 2


async def test_the_dearest_group_is_first_and_of_equal_ones_the_first_by_name(ledger: SqlLedger) -> None:
    for number, (key, cents) in enumerate((("b", 1), ("c", 3), ("a", 1), ("d", None), ("c", 1))):
        amount = None if cents is None else Decimal(cents)
        cost = UNKNOWN_COST if amount is None else Cost(amount=amount, source=PriceSource.OPERATOR)
        ledger.record(replace(ROW, id=f"call_{number}", key_id=key, cost=cost))
    rows = await ledger.summarize(MINE, CostGroup.KEY)
    assert [(row.group, row.cost.amount) for row in rows] == [("c", 4), ("a", 1), ("b", 1), ("d", 0)]


async def test_minutes_and_days_begin_with_their_first_moment_and_come_in_order(ledger: SqlLedger) -> None:
    micro = timedelta(microseconds=1)
    begin = datetime(2026, 11, 22, tzinfo=UTC)
    for number, (time, cents) in enumerate(((begin, 1), (begin - micro, 2), (begin + timedelta(minutes=1), 9))):
        cost = Cost(amount=Decimal(cents), source=PriceSource.OPERATOR)
        ledger.record(replace(ROW, id=f"call_{number}", create_time=time, cost=cost))
    found = {
        group: [(row.group, row.cost.amount) for row in await ledger.summarize(MINE, group)]
        for group in (CostGroup.MINUTE, CostGroup.DAY)
    }
    assert found == {
        CostGroup.MINUTE: [("2026-11-21T23:59Z", 2), ("2026-11-22T00:00Z", 1), ("2026-11-22T00:01Z", 9)],
        CostGroup.DAY: [("2026-11-21", 2), ("2026-11-22", 10)],
    }


@pytest.mark.parametrize(
    ("sources", "shared"),
    [
        ((PriceSource.OPERATOR, PriceSource.OPERATOR), PriceSource.OPERATOR),
        ((PriceSource.CATALOGUE, PriceSource.OPERATOR), PriceSource.CATALOGUE),
        ((PriceSource.OPERATOR, PriceSource.CATALOGUE), PriceSource.CATALOGUE),
    ],
)
async def test_a_sum_has_the_source_that_its_rows_share_and_of_mixed_ones_the_catalogues(
    ledger: SqlLedger, sources: tuple[PriceSource, ...], shared: PriceSource
) -> None:
    for number, source in enumerate(sources):
        ledger.record(replace(ROW, id=f"call_{number}", cost=Cost(amount=Decimal(1), source=source)))
    [total] = await ledger.summarize(MINE, CostGroup.TOTAL)
    assert (total.cost.source, total.savings.source) == (shared, shared)


async def test_a_filter_without_a_tenant_sums_up_all_of_them(ledger: SqlLedger) -> None:
    ledger.record(ROW)
    ledger.record(replace(ROW, id="call_001", tenant_id="acme"))
    [total] = await ledger.summarize(LedgerFilter(tenant_id=None), CostGroup.TOTAL)
    assert total.requests == 2


async def test_an_empty_ledger_has_an_empty_total(ledger: SqlLedger) -> None:
    [total] = await ledger.summarize(MINE, CostGroup.TOTAL)
    assert (total.requests, total.cost.amount) == (0, Decimal(0))
    assert await ledger.summarize(MINE, CostGroup.MODEL) == []


async def test_other_tenants_users_and_times_are_left_out(ledger: SqlLedger) -> None:
    ledger.record(ROW)
    for other in (
        LedgerFilter(tenant_id="acme"),
        replace(MINE, user_id="u2"),
        replace(MINE, key_id="k2"),
        replace(MINE, start=TIME + timedelta(seconds=1)),
        replace(MINE, end=TIME),
    ):
        [total] = await ledger.summarize(other, CostGroup.TOTAL)
        assert total.requests == 0
    [total] = await ledger.summarize(replace(MINE, start=TIME, end=TIME + timedelta(seconds=1)), CostGroup.TOTAL)
    assert total.requests == 1


async def test_pages_follow_each_other_newest_first(ledger: SqlLedger) -> None:
    for at in range(5):
        ledger.record(replace(ROW, id=f"call_{at}"))
    seen: list[str] = []
    token = ""
    while True:
        page = await ledger.list_rows(MINE, page_size=2, page_token=token)
        seen += [row.id for row in page.rows]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["call_4", "call_3", "call_2", "call_1", "call_0"]


async def test_a_page_that_is_just_full_is_the_last_and_pages_keep_to_their_filter(ledger: SqlLedger) -> None:
    for number in range(4):
        ledger.record(replace(ROW, id=f"call_{number}"))
        ledger.record(replace(ROW, id=f"call_{number}x", tenant_id="acme"))
        ledger.record(replace(ROW, id=f"call_{number}y", key_id="k2"))
    mine = replace(MINE, key_id="k1")
    first = await ledger.list_rows(mine, page_size=2, page_token="")
    last = await ledger.list_rows(mine, page_size=2, page_token=first.next_page_token)
    assert [row.id for row in (*first.rows, *last.rows)] == ["call_3", "call_2", "call_1", "call_0"]
    assert (first.next_page_token, last.next_page_token) == ("call_2", "")


async def test_names_longer_than_their_column_are_cut_and_not_refused(ledger: SqlLedger) -> None:
    ledger.record(replace(ROW, end_user="x" * 1000, model="m" * 1000))
    page = await ledger.list_rows(MINE, page_size=1, page_token="")
    assert (len(page.rows[0].end_user), len(page.rows[0].model)) == (256, 256)


async def test_closing_writes_what_is_left(database: Database, tmp_path: Path) -> None:
    ledger = SqlLedger(database, LedgerSpool(tmp_path / "spool.jsonl"))
    for at in range(1200):
        ledger.record(replace(ROW, id=f"call_{at}"))
    ledger.close()
    await ledger.run()
    reader = SqlLedger(database, LedgerSpool(tmp_path / "spool.jsonl"))
    [total] = await reader.summarize(MINE, CostGroup.TOTAL)
    assert total.requests == 1200


async def test_rows_that_are_older_than_their_time_go_and_newer_ones_stay(
    ledger: SqlLedger, database: Database
) -> None:
    for day in range(10):
        ledger.record(replace(ROW, id=f"call_{day:03}", create_time=TIME + timedelta(days=day)))
    await ledger.list_rows(MINE, page_size=10, page_token="")
    assert await delete_old_rows(database, TIME + timedelta(days=7)) == 7
    page = await ledger.list_rows(MINE, page_size=10, page_token="")
    assert [row.id for row in page.rows] == ["call_009", "call_008", "call_007"]
