"""Several conversations of one owner in a store: what is done in one is seen in no other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chat_stream_service.adapters.sql_conversation_store import SqlConversationStore
from chat_stream_service.adapters.sql_erasure_store import SqlErasureStore
from chat_stream_service.adapters.sql_memory import SqlMemory
from chat_stream_service.adapters.sql_summary_store import SqlSummaryStore
from chat_stream_service.domain.memory.erasure import Erasure
from chat_stream_service.domain.memory.summary import ConversationSummary
from chat_stream_service.domain.model.conversation import Conversation, ConversationChanges, Owner
from chat_stream_service.domain.model.conversation_store import StreamRecord
from chat_stream_service.domain.model.event import CompleteState, Status
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.memory import RememberedTurn
from chat_stream_service.domain.model.message import Message, Role
from penstock_kit.database import Database
from penstock_kit.errors import NotFound
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANN = Owner(tenant_id="acme", user_id="ann")
END = CompleteState(status=Status.COMPLETED, content="yes", thinking="", model="m")


@pytest.fixture
async def store(database: Database) -> SqlConversationStore:
    """A store with the conversations a and b, each of a question and an answer, the messages of both in turn."""
    made = SqlConversationStore(database)
    for name in "ab":
        await made.create(Conversation(id=name, owner=ANN, title="", create_time=NOW, update_time=NOW))
    for name in "ab":
        await made.begin_stream(header(name), message(name, 1), title=f"about {name}")
    for name in "ab":
        await made.end_stream(record(name), [message(name, 2)])
    return made


def header(conversation_id: str, stream_id: str = "") -> StreamHeader:
    return StreamHeader(
        stream_id=stream_id or f"strm_{conversation_id}",
        conversation_id=conversation_id,
        tenant_id="acme",
        user_id="ann",
        create_time=NOW,
        request_id="the same",
    )


def message(conversation_id: str, number: int) -> Message:
    return Message(
        id=f"msg_{number}_{conversation_id}",
        conversation_id=conversation_id,
        role=Role.USER if number % 2 else Role.ASSISTANT,
        content=f"{number} in {conversation_id}",
        create_time=NOW + timedelta(seconds=number),
        stream_id=f"strm_{conversation_id}",
    )


def record(conversation_id: str) -> StreamRecord:
    return StreamRecord(header=header(conversation_id), last_sequence=2, terminal_event=END, end_time=NOW)


async def said(store: SqlConversationStore, conversation_id: str) -> list[str]:
    page = await store.messages_page(ANN, conversation_id, size=10, token="")
    return [each.content for each in page.items]


async def test_each_conversation_has_its_own_title_count_history_and_stream_of_a_request(
    store: SqlConversationStore,
) -> None:
    for name in "ab":
        opened = await store.open_turn(ANN, name, request_id="the same", history_limit=10)
        assert [each.content for each in opened.history] == [f"1 in {name}", f"2 in {name}"]
        assert opened.earlier_stream_id == f"strm_{name}"
        assert (opened.conversation.title, opened.conversation.message_count) == (f"about {name}", 2)
        assert await said(store, name) == [f"1 in {name}", f"2 in {name}"]
    assert (await store.open_turn(ANN, "a", request_id="", history_limit=0)).history == ()


async def test_a_turn_that_ends_makes_its_own_conversation_the_last_used_and_ends_its_own_stream(
    store: SqlConversationStore,
) -> None:
    for number, stream in ((3, "strm_open"), (5, "strm_next")):
        begun = replace(header("a", stream), request_id="")
        await store.begin_stream(begun, message("a", number), title="another title")
    ended = replace(record("a"), header=begun)
    await store.end_stream(ended, [])
    first, second = (await store.list_page(ANN, size=10, token="")).items
    assert [(each.id, each.message_count, each.title) for each in (first, second)] == [
        ("a", 4, "about a"),
        ("b", 2, "about b"),
    ]
    assert first.update_time > second.update_time == NOW + timedelta(seconds=2)
    assert (await store.stream(ANN, "strm_open")).terminal_event is None
    assert await store.stream(ANN, "strm_next") == ended
    assert await store.stream(ANN, "strm_b") == record("b")


async def test_a_change_of_one_conversation_leaves_the_other_as_it_was(store: SqlConversationStore) -> None:
    other = await store.get(ANN, "b")
    changes = ConversationChanges(title="mine", model="p/m", personality_id="per_1")
    changed = await store.update(ANN, "a", changes)
    assert (changed.title, changed.model, changed.personality_id) == ("mine", "p/m", "per_1")
    emptied = await store.update(ANN, "a", ConversationChanges(personality_id=""))
    assert emptied == replace(changed, personality_id="")
    assert await store.get(ANN, "b") == other


async def test_a_delete_leaves_the_other_conversation_with_all_that_belongs_to_it(store: SqlConversationStore) -> None:
    await store.delete(ANN, "a")
    with pytest.raises(NotFound, match="'a'"):
        await store.delete(ANN, "a")
    assert [each.id for each in (await store.list_page(ANN, size=10, token="")).items] == ["b"]
    assert await said(store, "b") == ["1 in b", "2 in b"]
    assert await store.stream(ANN, "strm_b") == record("b")


async def test_a_page_that_is_just_full_is_the_last(store: SqlConversationStore) -> None:
    for size, more in ((1, True), (2, False)):
        conversations = await store.list_page(ANN, size=size, token="")
        messages = await store.messages_page(ANN, "a", size=size, token="")
        assert (len(conversations.items), len(messages.items)) == (size, size)
        assert [bool(conversations.next_token), bool(messages.next_token)] == [more, more]


async def test_a_summary_is_of_one_conversation_and_what_it_sums_up_is_read_no_more(
    store: SqlConversationStore, database: Database
) -> None:
    summaries, none = SqlSummaryStore(database), ConversationSummary()
    assert [each.content for each in (await summaries.load(ANN, "a"))[1]] == ["1 in a", "2 in a"]
    summary = ConversationSummary(summary="they met", until="msg_1_a")
    assert await summaries.save(ANN, "a", summary, before=none)
    loaded, after = await summaries.load(ANN, "a")
    assert (loaded, [each.content for each in after]) == (summary, ["2 in a"])
    opened = await store.open_turn(ANN, "a", request_id="", history_limit=10)
    assert (opened.summary, [each.content for each in opened.history]) == ("they met", ["2 in a"])
    assert (await summaries.load(ANN, "b"))[0] == none
    assert (await store.open_turn(ANN, "b", request_id="", history_limit=10)).summary == ""
    assert await said(store, "a") == ["1 in a", "2 in a"], "nothing that was said is gone"


async def test_a_conversation_is_forgotten_alone_and_by_its_owner_alone(
    store: SqlConversationStore, database: Database
) -> None:
    memory = SqlMemory(database)
    for name in "ab":
        await memory.keep(
            RememberedTurn(
                owner=ANN,
                conversation_id=name,
                stream_id=f"strm_{name}",
                question=f"Pump P100 in hall {name}",
                answer="It runs.",
                create_time=NOW,
            )
        )
    for stranger in (replace(ANN, user_id="bob"), replace(ANN, tenant_id="other")):
        await memory.forget(stranger, "a")
    assert len(await memory.recall(ANN, "pump P100")) == 2
    await memory.forget(ANN, "a")
    assert [note.question for note in await memory.recall(ANN, "pump P100")] == ["Pump P100 in hall b"]


async def test_of_what_one_word_finds_the_newest_five_are_recalled_newest_first(
    store: SqlConversationStore, database: Database
) -> None:
    memory = SqlMemory(database)
    for number in range(7):
        await memory.keep(
            RememberedTurn(
                owner=ANN,
                conversation_id="ab"[number % 2],
                stream_id=f"strm_{number}",
                question=f"P100 {number}",
                answer="It runs.",
                create_time=NOW,
            )
        )
        await memory.set_vector(f"strm_{number}", bytes([number]), model="m")
    assert [note.question for note in await memory.recall(ANN, "P100")] == [f"P100 {n}" for n in (6, 5, 4, 3, 2)]
    assert [vector for _, vector in await memory.vectors(ANN, model="m", most=2)] == [b"\x06", b"\x05"]


async def test_an_erasure_is_read_back_as_it_was_noted(database: Database) -> None:
    erasures = SqlErasureStore(database, clock=ManualClock())
    noted = [
        Erasure(id="era_1", memory="mem0", owner=ANN, conversation_id="gone"),
        Erasure(id="era_2", memory="own", owner=Owner(tenant_id="other", user_id="bob"), conversation_id="gone too"),
    ]
    await erasures.add(noted)
    assert await erasures.list_pending(most=10) == noted
    await erasures.remove("era_1")
    assert await erasures.list_pending(most=10) == noted[1:]
