"""Tables of an earlier version move into a schema of their service while it serves."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import insert, select

from penstock_cli.migrate.record_set import NAMES, load_record_set
from penstock_cli.migrate.schemas import move_into_schemas
from penstock_kit.database import Database, migrate, open_database

SCHEMAS = ("chat_stream_service", "feature_service", "gateway", "llm_service")


@pytest.fixture
async def looking(postgres_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def serving(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A llm-service of this version on tables that an earlier one made beside those of all the others."""
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    for name in NAMES:
        await migrate(postgres_url, load_record_set(name).migrations)
    database = open_database(postgres_url, schema="llm_service")
    yield database
    await database.close()


async def test_tables_move_into_the_schema_of_their_service_while_it_serves(serving: Database, looking: Any) -> None:
    table = next(table for table in load_record_set("llm-service").tables if table.name == "llm_budget")
    row = {"tenant_id": "t", "scope": "s", "subject": "u", "period": "day", "limit_pico": 1}
    async with serving.write() as connection:
        await connection.execute(insert(table).values(id="before", **row))
    assert await move_into_schemas() > 20
    async with serving.write() as connection:
        await connection.execute(insert(table).values(id="after", **row))
    async with serving.read() as connection:
        found = (await connection.execute(select(table.c.id).order_by(table.c.id))).scalars().all()
    assert found == ["after", "before"]
    listed = await looking.fetch(
        "SELECT DISTINCT table_schema FROM information_schema.tables"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
    )
    assert tuple(record[0] for record in listed) == SCHEMAS
    assert await move_into_schemas() == 0
    for name in NAMES:
        records = load_record_set(name)
        assert not await migrate(records.url, records.migrations, schema=records.schema)


@pytest.mark.usefixtures("serving")
async def test_ids_that_are_generated_go_on_after_the_move(looking: Any) -> None:
    names = "time, tenant_id, user_id, key_id, address, request_id, action, target, outcome, details"
    row = f"INSERT INTO {{}}.gateway_audit ({names}) VALUES (1, '', '', '', '', '', '', '', '', '') RETURNING id"
    assert await looking.fetchval(row.format("public")) == 1
    await move_into_schemas(["gateway"])
    assert await looking.fetchval(row.format("gateway")) == 2
