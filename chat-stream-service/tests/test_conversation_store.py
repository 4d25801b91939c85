"""Conversations on both databases."""

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from chat_stream_service.adapters.sql_conversation_store import SqlConversationStore
from chat_stream_service.domain.model.conversation import Conversation, ConversationChanges, Owner
from chat_stream_service.domain.model.conversation_store import StreamRecord
from chat_stream_service.domain.model.event import CompleteState, ErrorEvent, Status, ToolCall
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.message import Message, Role
from chat_stream_service.domain.model.picture import Picture
from chat_stream_service.domain.model.usage import UNKNOWN_COST, Cost, Usage
from penstock_kit.database import Database
from penstock_kit.errors import InvalidArgument, NotFound
from penstock_testkit.pictures import png
from penstock_testkit.waiting import HANG_SECONDS

NOW = datetime(2026, 3, 4, 5, 6, 7, 891_011, tzinfo=UTC)
ANN = Owner(tenant_id="acme", user_id="ann")
BOB = Owner(tenant_id="acme", user_id="bob")


@pytest.fixture
def store(database: Database) -> SqlConversationStore:
    return SqlConversationStore(database)


def conversation(number: int = 1, *, owner: Owner = ANN, title: str = "") -> Conversation:
    time = NOW + timedelta(seconds=number)
    return Conversation(
        id=f"conv_{number:03}",
        owner=owner,
        title=title,
        create_time=time,
        update_time=time,
        model="openai/gpt-5",
        labels={"shift": "früh"},
    )


def header(stream_id: str = "strm_1", *, request_id: str = "") -> StreamHeader:
    return StreamHeader(
        stream_id=stream_id,
        conversation_id="conv_001",
        tenant_id="acme",
        user_id="ann",
        create_time=NOW,
        request_id=request_id,
    )


def message(number: int, role: Role = Role.USER, content: str = "Wie geht's? 你好", **fields: object) -> Message:
    made = Message(
        id=f"msg_{number:03}",
        conversation_id="conv_001",
        role=role,
        content=content,
        create_time=NOW + timedelta(seconds=10 + number),
        stream_id="strm_1",
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def picture(picture_id: str, data: bytes) -> Picture:
    return Picture(id=picture_id, media_type="image/png", size_bytes=len(data), data=data)


async def test_a_conversation_is_read_back_as_it_was_stored(store: SqlConversationStore) -> None:
    stored = conversation(title="Schweißen")
    await store.create(stored)
    assert await store.get(ANN, stored.id) == stored


async def test_pages_list_every_conversation_once_the_last_used_first(store: SqlConversationStore) -> None:
    for number in range(7):
        await store.create(replace(conversation(number), update_time=NOW + timedelta(seconds=number // 3)))
    await store.create(conversation(99, owner=BOB))
    seen: list[str] = []
    token = ""
    while True:
        page = await store.list_page(ANN, size=3, token=token)
        seen += [item.id for item in page.items]
        token = page.next_token
        if not token:
            break
    assert seen == [f"conv_{n:03}" for n in (6, 5, 4, 3, 2, 1, 0)]


def token_of(text: str) -> str:
    """A token that holds this text."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "nonsense", "W10", "WyJhIl0", "💥", "WzEsMl0", "\ufffd",
        token_of('[9223372036854775808,"conv_1"]'), token_of('[-9223372036854775809,"conv_1"]'),
        token_of('[1,"conv\\u0000"]'), token_of('[1e400,"conv_1"]'), token_of("[" * 100_000),
    ],
)  # fmt: skip
async def test_a_token_of_no_page_is_refused(store: SqlConversationStore, token: str) -> None:
    with pytest.raises(InvalidArgument, match="next_page_token"):
        await store.list_page(ANN, size=3, token=token)


async def test_an_update_changes_what_is_set_and_nothing_else(store: SqlConversationStore) -> None:
    await store.create(conversation(1, title="old"))
    changed = await store.update(ANN, "conv_001", ConversationChanges(title="new"))
    assert changed == replace(conversation(1), title="new")
    assert await store.update(ANN, "conv_001", ConversationChanges()) == changed
    with pytest.raises(NotFound):
        await store.update(BOB, "conv_001", ConversationChanges(title="mine"))


async def test_a_turn_is_stored_with_its_question_its_messages_and_its_end(store: SqlConversationStore) -> None:
    await store.create(conversation())
    await store.begin_stream(header(), message(1), title="Wie geht's?")
    call = ToolCall(tool_call_id="c1", name="list_devices", arguments_json='{"search": "焊"}')
    answer = message(2, Role.ASSISTANT, "", tool_calls=(call,), model="openai/gpt-5", usage=Usage(input_tokens=3))
    result = message(3, Role.TOOL, "none", tool_call_id="c1", name="list_devices", is_error=True)
    final = message(4, Role.ASSISTANT, "Gut.", thinking="Hm.", status="completed")
    ending = CompleteState(
        status=Status.COMPLETED,
        content="Gut.",
        thinking="Hm.",
        model="openai/gpt-5",
        usage=Usage(input_tokens=3, output_tokens=2),
        cost=Cost(amount=Decimal("0.00012"), source="catalogue"),
        message_id="msg_004",
    )
    record = StreamRecord(header=header(), last_sequence=9, terminal_event=ending, end_time=NOW)
    await store.end_stream(record, [answer, result, final])
    opened = await store.open_turn(ANN, "conv_001", request_id="", history_limit=10)
    assert opened.history == (message(1), answer, result, final)
    assert (opened.conversation.title, opened.conversation.message_count) == ("Wie geht's?", 4)
    assert opened.conversation.update_time == final.create_time
    assert await store.stream(ANN, "strm_1") == record


async def test_the_history_of_a_turn_is_the_newest_messages(store: SqlConversationStore) -> None:
    await store.create(conversation())
    await store.begin_stream(header(), message(1), title="t")
    await store.end_stream(StreamRecord(header=header(), end_time=NOW), [message(n) for n in range(2, 9)])
    opened = await store.open_turn(ANN, "conv_001", request_id="", history_limit=3)
    assert [item.id for item in opened.history] == ["msg_006", "msg_007", "msg_008"]


async def test_messages_come_in_pages_oldest_first(store: SqlConversationStore) -> None:
    await store.create(conversation())
    await store.begin_stream(header(), message(1), title="t")
    await store.end_stream(StreamRecord(header=header(), end_time=NOW), [message(n) for n in range(2, 6)])
    first = await store.messages_page(ANN, "conv_001", size=3, token="")
    second = await store.messages_page(ANN, "conv_001", size=3, token=first.next_token)
    assert [item.id for item in (*first.items, *second.items)] == [f"msg_{n:03}" for n in range(1, 6)]
    assert second.next_token == ""
    with pytest.raises(NotFound):
        await store.messages_page(BOB, "conv_001", size=3, token="")


async def test_a_given_title_is_kept(store: SqlConversationStore) -> None:
    await store.create(conversation(title="mine"))
    await store.begin_stream(header(), message(1), title="from the question")
    assert (await store.get(ANN, "conv_001")).title == "mine"


async def test_beginning_a_stream_twice_stores_its_question_once(store: SqlConversationStore) -> None:
    await store.create(conversation())
    await store.begin_stream(header(), message(1), title="t")
    await store.begin_stream(header(), message(1), title="t")
    assert (await store.get(ANN, "conv_001")).message_count == 1


async def test_a_request_id_leads_to_its_stream(store: SqlConversationStore) -> None:
    await store.create(conversation())
    await store.begin_stream(header("strm_1", request_id="r1"), message(1), title="t")
    await store.begin_stream(header("strm_2"), message(2), title="t")
    await store.begin_stream(header("strm_3"), message(3), title="t")
    opened = await store.open_turn(ANN, "conv_001", request_id="r1", history_limit=1)
    assert opened.earlier_stream_id == "strm_1"
    assert (await store.open_turn(ANN, "conv_001", request_id="r2", history_limit=1)).earlier_stream_id == ""


@pytest.mark.parametrize(
    "ending",
    [
        ErrorEvent(
            code=502, reason="PROVIDER_INTERRUPTED", message="it hung up", retryable=True, partial_content="half"
        ),
        CompleteState(status=Status.STOPPED, content="half", cost=UNKNOWN_COST),
        None,
    ],
)
async def test_every_kind_of_end_is_read_back(store: SqlConversationStore, ending: ErrorEvent | None) -> None:
    await store.create(conversation())
    await store.begin_stream(header(), message(1), title="t")
    record = StreamRecord(header=header(), last_sequence=3, terminal_event=ending, end_time=NOW)
    await store.end_stream(record, [message(2, Role.ASSISTANT)])
    assert await store.stream(ANN, "strm_1") == record
    with pytest.raises(NotFound):
        await store.stream(BOB, "strm_1")


async def test_a_delete_takes_messages_and_streams_along(store: SqlConversationStore) -> None:
    await store.create(conversation())
    await store.begin_stream(header(request_id="r1"), message(1), title="t")
    with pytest.raises(NotFound):
        await store.delete(BOB, "conv_001")
    await store.delete(ANN, "conv_001")
    with pytest.raises(NotFound):
        await store.stream(ANN, "strm_1")
    await store.create(conversation())
    assert (await store.messages_page(ANN, "conv_001", size=5, token="")).items == []


async def test_pictures_are_stored_with_their_question_and_read_by_their_owner_alone(
    store: SqlConversationStore,
) -> None:
    await store.create(conversation())
    await store.create(conversation(2))
    shown = (picture("pic_1", png(size=2**20)), picture("pic_2", b"\x00\xff\n"))
    await store.begin_stream(header(), message(1, pictures=shown), title="t")
    described = tuple(replace(each, data=b"") for each in shown)
    assert (await store.messages_page(ANN, "conv_001", size=5, token="")).items[0].pictures == described
    opened = await store.open_turn(ANN, "conv_001", request_id="", history_limit=5)
    assert opened.history[0].pictures == described
    read = await store.pictures(ANN, "conv_001", ["pic_2", "pic_1", "pic_none"])
    assert read == {each.id: each for each in shown}
    assert await store.pictures(BOB, "conv_001", ["pic_1"]) == {}
    assert await store.pictures(replace(ANN, tenant_id="other"), "conv_001", ["pic_1"]) == {}
    assert await store.pictures(ANN, "conv_002", ["pic_1"]) == {}, "another conversation of the same owner"


async def test_pictures_are_stored_with_their_question_or_neither_is(store: SqlConversationStore) -> None:
    await store.create(conversation())
    shown = picture("pic_1", b"a")
    await store.begin_stream(header(), message(1, pictures=(shown,)), title="t")
    await store.begin_stream(header("strm_2"), message(2, pictures=(shown,)), title="t")
    kept = (await store.messages_page(ANN, "conv_001", size=5, token="")).items
    assert [each.id for each in kept] == ["msg_001"]


async def test_a_delete_takes_the_pictures_along(store: SqlConversationStore) -> None:
    await store.create(conversation())
    await store.begin_stream(header(), message(1, pictures=(picture("pic_1", b"a"),)), title="t")
    await store.delete(ANN, "conv_001")
    await store.create(conversation())
    assert await store.pictures(ANN, "conv_001", ["pic_1"]) == {}


async def test_an_answer_that_comes_after_the_delete_is_not_stored(store: SqlConversationStore) -> None:
    await store.create(conversation())
    await store.begin_stream(header(), message(1), title="t")
    await store.delete(ANN, "conv_001")
    with pytest.raises(NotFound):
        await store.end_stream(StreamRecord(header=header(), end_time=NOW), [message(2, Role.ASSISTANT)])


async def test_turns_that_are_stored_at_once_are_each_stored_whole(store: SqlConversationStore) -> None:
    for number in range(1, 21):
        await store.create(conversation(number))

    def turn(number: int) -> tuple[StreamHeader, Message]:
        place = f"conv_{number:03}"
        asked = replace(message(number, content=f"question {number}"), conversation_id=place)
        return replace(header(f"strm_{number}"), conversation_id=place), asked

    turns = [turn(number) for number in range(1, 21)]
    lost = (
        replace(header("strm_lost"), conversation_id="conv_gone"),
        replace(message(99), conversation_id="conv_gone"),
    )
    begun = [store.begin_stream(begins, asked, title=f"title {asked.id}") for begins, asked in (*turns, lost, turns[0])]
    async with asyncio.timeout(HANG_SECONDS):
        await asyncio.gather(*begun)
        ends = [
            store.end_stream(
                StreamRecord(header=begins, last_sequence=7, terminal_event=None, end_time=NOW),
                [replace(asked, id=f"{asked.id}_answer", role=Role.ASSISTANT)],
            )
            for begins, asked in (*turns, lost)
        ]
        outcomes = await asyncio.gather(*ends, return_exceptions=True)
    assert outcomes[:-1] == [None] * 20
    assert isinstance(outcomes[-1], NotFound)
    for begins, asked in turns:
        found = await store.get(ANN, begins.conversation_id)
        assert (found.message_count, found.title) == (2, f"title {asked.id}")
        kept = (await store.messages_page(ANN, begins.conversation_id, size=9, token="")).items
        assert [each.id for each in kept] == [asked.id, f"{asked.id}_answer"]
        assert (await store.stream(ANN, begins.stream_id)).last_sequence == 7


async def test_of_two_ends_of_a_stream_that_come_at_once_the_first_counts(store: SqlConversationStore) -> None:
    await store.create(conversation())
    await store.begin_stream(header(), message(1), title="t")
    first, second = (ErrorEvent(code=500, reason=reason, message="m", retryable=False) for reason in ("A", "B"))
    async with asyncio.timeout(HANG_SECONDS):
        await asyncio.gather(
            *(
                store.end_stream(StreamRecord(header=header(), terminal_event=event, end_time=NOW), [message(number)])
                for number, event in ((2, first), (3, second))
            )
        )
    kept = (await store.messages_page(ANN, "conv_001", size=9, token="")).items
    ended = (await store.stream(ANN, "strm_1")).terminal_event
    assert ([each.id for each in kept], ended) in [(["msg_001", "msg_002"], first), (["msg_001", "msg_003"], second)]


async def test_a_page_of_long_messages_ends_before_it_is_more_than_is_sent_at_once(store: SqlConversationStore) -> None:
    await store.create(conversation())
    lengths = [1_500_000, 1_500_000, 1_500_000, 5_000_000, 5]
    for number, length in enumerate(lengths):
        await store.begin_stream(header(f"strm_{number}"), message(number, content="字" * length), title="")
    pages = [await store.messages_page(ANN, "conv_001", size=500, token="")]
    while pages[-1].next_token:
        pages.append(await store.messages_page(ANN, "conv_001", size=500, token=pages[-1].next_token))
    assert [[len(each.content) for each in page.items] for page in pages] == [
        lengths[:2],
        lengths[2:3],
        lengths[3:4],
        [5],
    ]
