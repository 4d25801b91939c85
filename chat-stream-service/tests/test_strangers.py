"""What belongs to one user is nobody else's: every statement of every store, by tenant and by user."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb

from chat_stream_service.adapters.sql_conversation_store import SqlConversationStore
from chat_stream_service.adapters.sql_memory import SqlMemory
from chat_stream_service.adapters.sql_personality_store import SqlPersonalityStore, SqlTemplateStore
from chat_stream_service.adapters.sql_summary_store import SqlSummaryStore
from chat_stream_service.domain.conversations.personality import Personality, Template
from chat_stream_service.domain.memory.summary import ConversationSummary
from chat_stream_service.domain.model.conversation import Conversation, ConversationChanges, Owner
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.memory import RememberedTurn
from chat_stream_service.domain.model.message import Message, Role
from penstock_kit.context import Caller
from penstock_kit.database import Database
from penstock_kit.errors import NotFound

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANN = Owner(tenant_id="acme", user_id="ann")
# Each differs from the owner in one thing alone.
STRANGERS = {
    "another user": Owner(tenant_id="acme", user_id="bob"),
    "another tenant": Owner(tenant_id="other", user_id="ann"),
}
stranger = pytest.mark.parametrize("owner", STRANGERS.values(), ids=STRANGERS)

Call = Callable[[Owner], Awaitable[Any]]


@pytest.fixture
async def conversations(database: Database) -> SqlConversationStore:
    """A store with a conversation of Ann's, a stream and a message in it."""
    store = SqlConversationStore(database)
    await store.create(Conversation(id="conv_1", owner=ANN, title="", create_time=NOW, update_time=NOW))
    header = StreamHeader(
        stream_id="strm_1", conversation_id="conv_1", tenant_id="acme", user_id="ann", create_time=NOW, request_id="r"
    )
    question = Message(
        id="msg_1", conversation_id="conv_1", role=Role.USER, content="secret", create_time=NOW, stream_id="strm_1"
    )
    await store.begin_stream(header, question, title="t")
    return store


@stranger
@pytest.mark.parametrize("request_id", ["", "new", "r"])
async def test_a_stranger_cannot_open_a_turn_in_somebodys_conversation(
    conversations: SqlConversationStore, owner: Owner, request_id: str
) -> None:
    with pytest.raises(NotFound) as caught:
        await conversations.open_turn(owner, "conv_1", request_id=request_id, history_limit=10)
    assert caught.value.reason == "CONVERSATION_NOT_FOUND"
    opened = await conversations.open_turn(ANN, "conv_1", request_id=request_id, history_limit=10)
    assert [message.content for message in opened.history] == ["secret"]


@stranger
async def test_a_stranger_reads_changes_and_deletes_no_conversation(
    conversations: SqlConversationStore, owner: Owner
) -> None:
    calls: list[Call] = [
        lambda who: conversations.get(who, "conv_1"),
        lambda who: conversations.update(who, "conv_1", ConversationChanges(title="mine now")),
        lambda who: conversations.messages_page(who, "conv_1", size=5, token=""),
        lambda who: conversations.stream(who, "strm_1"),
        lambda who: conversations.delete(who, "conv_1"),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            await call(owner)
    assert (await conversations.list_page(owner, size=5, token="")).items == []
    assert (await conversations.get(ANN, "conv_1")).title == "t"
    for call in calls:
        await call(ANN)


@stranger
async def test_a_stranger_sees_and_sets_no_summary(
    conversations: SqlConversationStore, database: Database, owner: Owner
) -> None:
    summaries = SqlSummaryStore(database)
    none, mine = ConversationSummary(summary="", until=""), ConversationSummary(summary="in short", until="msg_1")
    with pytest.raises(NotFound):
        await summaries.load(owner, "conv_1")
    assert not await summaries.save(owner, "conv_1", mine, before=none)
    assert await summaries.save(ANN, "conv_1", mine, before=none)


@stranger
async def test_vectors_notes_and_terms_of_another_user_are_never_fetched(
    conversations: SqlConversationStore, database: Database, owner: Owner
) -> None:
    memory = SqlMemory(database)
    question = "The valve V7 of the boiler sticks"
    await memory.keep(
        RememberedTurn(
            owner=ANN, conversation_id="conv_1", stream_id="strm_1", question=question, answer="Noted.", create_time=NOW
        )
    )
    await memory.set_vector("strm_1", b"vector", model="m")
    found = await memory.vectors(ANN, model="m", most=5)
    assert [vector for _, vector in found] == [b"vector"]
    assert list(await memory.vectors(owner, model="m", most=5)) == []
    assert list(await memory.notes(owner, [found[0][0]])) == []
    assert [note.question for note in await memory.recall(ANN, "What about valve V7?")] == [question]
    assert list(await memory.recall(owner, "What about valve V7?")) == []
    await memory.forget(owner, "conv_1")
    assert len(await memory.vectors(ANN, model="m", most=5)) == 1, "a stranger makes nobody forget"
    await memory.forget(ANN, "conv_1")
    assert list(await memory.vectors(ANN, model="m", most=5)) == []


async def test_personalities_and_templates_are_those_of_a_tenant(database: Database) -> None:
    personalities, templates = SqlPersonalityStore(database), SqlTemplateStore(database)
    pirate = Personality(id="pers_1", name="Pirate", prompt="Arr.", create_time=NOW, update_time=NOW)
    report = Template(id="tmpl_1", name="Report", content="{{content}}", create_time=NOW, update_time=NOW)
    await personalities.create(ANN, pirate)
    await templates.create(ANN, report)
    colleague, foreigner = STRANGERS.values()
    for store, item in ((personalities, pirate), (templates, report)):
        calls: list[Call] = [
            lambda who, store=store, item=item: store.get(who, item.id),
            lambda who, store=store, item=item: store.replace(who, item),
            lambda who, store=store, item=item: store.delete(who, item.id),
        ]
        for call in calls:
            with pytest.raises(NotFound):
                await call(foreigner)
        assert (await store.list_page(foreigner, size=5, token="")).items == []
        assert (await store.list_page(colleague, size=5, token="")).items == [item]
        for call in calls:
            await call(colleague)


@pytest.mark.parametrize("who", ["bob", "eve"])
async def test_a_stranger_cannot_ask_a_new_question_in_somebodys_conversation(
    chat: Any, request: pytest.FixtureRequest, who: str
) -> None:
    caller: Caller = request.getfixturevalue(who)
    conversation = await chat.conversation()
    await chat.answer(conversation, "The code is 1234.", request_id="mine")
    for request_id in ("", "another", "mine"):
        async with chat.as_caller(caller):
            with pytest.raises(NotFound) as caught:
                await chat.answer(conversation, "What is the code?", request_id=request_id)
        assert caught.value.reason == "CONVERSATION_NOT_FOUND"
    assert len(chat.llm.completions) == 1


@pytest.mark.parametrize("who", ["bob", "eve"])
async def test_a_stranger_cannot_use_another_tenants_personality_nor_anyones_stream(
    chat: Any, request: pytest.FixtureRequest, who: str
) -> None:
    caller: Caller = request.getfixturevalue(who)
    personality = await chat.personality(name="Pirate", prompt="Arr.")
    events = await chat.answer(await chat.conversation())
    async with chat.as_caller(caller):
        with pytest.raises(NotFound):
            await chat.read(events[0].stream_id)
        with pytest.raises(NotFound):
            await chat.streams.StopStream(pb.StopStreamRequest(stream_id=events[0].stream_id))
        own = await chat.conversation()
        if caller.tenant_id == "other":
            with pytest.raises(NotFound):
                await chat.answer(own, personality_id=personality)
        else:
            await chat.answer(own, personality_id=personality)
