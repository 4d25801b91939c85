"""Conversations that nobody uses go after their time, the way a user deletes one."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from chat_stream_service.adapters.record import to_micros
from chat_stream_service.adapters.sql_retention import delete_unused, delete_unused_rows
from chat_stream_service.adapters.table import conversations, memories, messages
from chat_stream_service.domain.model.conversation import Owner
from penstock_kit.database import Database, sqlite_url
from penstock_kit.errors import NotFound
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import migrated

MIGRATIONS = Path(__file__).parents[1] / "src" / "chat_stream_service" / "migrations"
CLOCK = ManualClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "chat.db")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """A store with 120 conversations, the oldest first, each used an hour later than the one before."""
    async with migrated(url, MIGRATIONS) as opened:
        async with opened.write() as connection:
            await connection.execute(insert(conversations), [conversation(number) for number in range(120)])
            await connection.execute(insert(messages), [message(number) for number in range(120)])
            await connection.execute(insert(memories), [memory(number) for number in range(120)])
        yield opened


def conversation(number: int) -> dict[str, object]:
    used = to_micros(CLOCK.now() + timedelta(hours=number))
    texts = dict.fromkeys(("title", "model", "personality_id", "labels_json"), "")
    owner = {"tenant_id": "t", "user_id": f"u{number % 3}"}
    return {"id": f"c{number:03}", **owner, **texts, "message_count": 1, "create_time": 0, "update_time": used}


def message(number: int) -> dict[str, object]:
    texts = ("content", "stream_id", "model", "tool_calls_json", "tool_call_id", "name", "thinking", "usage_json")
    rest = {"role": "user", "is_error": False, "status": "", "create_time": 0}
    return {"id": f"m{number:03}", "conversation_id": f"c{number:03}", **dict.fromkeys(texts, ""), **rest}


def memory(number: int) -> dict[str, object]:
    texts = dict.fromkeys(("tenant_id", "user_id", "question", "answer", "vector_model"), "")
    ids = {"conversation_id": f"c{number:03}", "stream_id": f"s{number:03}"}
    return {**ids, **texts, "terms": "word", "create_time": 0}


async def left(database: Database) -> list[str]:
    async with database.read() as connection:
        found = list((await connection.execute(select(conversations.c.id).order_by(conversations.c.id))).scalars())
        said = list((await connection.execute(select(messages.c.id))).scalars())
        kept = list((await connection.execute(select(memories.c.stream_id))).scalars())
    assert len(said) == len(kept) == len(found)
    return found


async def test_unused_conversations_are_deleted_by_the_service_with_all_that_belongs_to_them(
    database: Database,
) -> None:
    asked: list[tuple[Owner, str]] = []

    async def delete(owner: Owner, conversation_id: str) -> None:
        asked.append((owner, conversation_id))
        async with database.write() as connection:
            await connection.execute(conversations.delete().where(conversations.c.id == conversation_id))
        if conversation_id == "c007":
            raise NotFound("its user was faster", reason="CONVERSATION_NOT_FOUND")

    moment = CLOCK.now() + timedelta(hours=70)
    assert await delete_unused(database, moment, delete) == 69
    assert asked[:2] == [(Owner(tenant_id="t", user_id="u0"), "c000"), (Owner(tenant_id="t", user_id="u1"), "c001")]
    assert await left(database) == [f"c{number:03}" for number in range(70, 120)]


async def test_without_the_service_they_are_deleted_in_batches(database: Database) -> None:
    before = database.counts.writes
    assert await delete_unused_rows(database, CLOCK.now() + timedelta(hours=119)) == 119
    assert database.counts.writes - before == 3
    assert await left(database) == ["c119"]
