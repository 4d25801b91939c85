"""What is kept beside conversations: summaries that overtake each other, erasures that wait for their deletion."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chat_stream_service.adapters.sql_conversation_store import SqlConversationStore
from chat_stream_service.adapters.sql_erasure_store import SqlErasureStore
from chat_stream_service.adapters.sql_summary_store import SqlSummaryStore
from chat_stream_service.domain.memory.erasure import Erasure
from chat_stream_service.domain.memory.summary import ConversationSummary
from chat_stream_service.domain.model.conversation import Conversation, Owner
from chat_stream_service.main import MIGRATIONS
from penstock_kit.database import Database, sqlite_url
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import migrated

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANN = Owner(tenant_id="acme", user_id="ann")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    """A store with one conversation."""
    url = sqlite_url(tmp_path / "chat.db")
    async with migrated(url, MIGRATIONS) as opened:
        await SqlConversationStore(opened).create(
            Conversation(id="conv_1", owner=ANN, title="", create_time=NOW, update_time=NOW)
        )
        yield opened


async def test_of_two_summaries_made_at_once_the_second_changes_nothing(database: Database) -> None:
    store, none = SqlSummaryStore(database), ConversationSummary()
    first = ConversationSummary(summary="first", until="msg_2")
    assert await store.save(ANN, "conv_1", first, before=none)
    assert not await store.save(ANN, "conv_1", ConversationSummary(summary="late", until="msg_1"), before=none)
    assert (await store.load(ANN, "conv_1"))[0] == first


async def test_what_is_to_be_forgotten_waits_until_its_conversation_is_gone_and_oldest_goes_first(
    database: Database,
) -> None:
    store = SqlErasureStore(database, clock=ManualClock())
    noted = [
        Erasure(id=f"era_{number}", memory="m", owner=ANN, conversation_id=conversation)
        for number, conversation in ((3, "gone"), (1, "gone"), (2, "conv_1"))
    ]
    await store.add(noted)
    assert [erasure.id for erasure in await store.list_pending(most=10)] == ["era_1", "era_3"]
    assert [erasure.id for erasure in await store.list_pending(most=1)] == ["era_1"]
    await SqlConversationStore(database).delete(ANN, "conv_1")
    await store.remove("era_1")
    assert [erasure.id for erasure in await store.list_pending(most=10)] == ["era_2", "era_3"]
