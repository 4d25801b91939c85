"""Questions with pictures: what the model is shown, what is stored, who may see it."""

import asyncio
from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb
from penstock.llm.v1 import llm_pb2

from penstock_kit.context import current_context
from penstock_kit.errors import InvalidArgument, NotFound, Unavailable
from penstock_testkit.pictures import gif, jpeg, png, webp
from penstock_testkit.services import Hang, Step
from penstock_testkit.waiting import until_true


def pictures(*files: bytes) -> list[pb.Picture]:
    return [pb.Picture(data=data, media_type="text/html", id="mine") for data in files]


def shown(message: llm_pb2.Message) -> list[tuple[str, bytes]]:
    return [(part.image.media_type, part.image.data) for part in message.parts if part.HasField("image")]


def words(message: llm_pb2.Message) -> str:
    return "".join(part.text for part in message.parts)


def drops(chat: Any, name: str = "messages.image") -> list[Step]:
    said: list[Step] = chat.says("Hm.")
    first = llm_pb2.Started(id="a", provider="deepseek", model="deepseek-chat", dropped_params=[name])
    return [[llm_pb2.CompletionEvent(started=first)], *said[1:]]


async def picture(chat: Any, conversation: str, picture_id: str) -> pb.Picture:
    request = pb.GetPictureRequest(conversation_id=conversation, picture_id=picture_id)
    return (await chat.conversations.GetPicture(request)).picture


async def test_the_model_is_shown_the_pictures_with_the_kind_their_bytes_tell(chat: Any) -> None:
    await chat.answer(await chat.conversation(), "What is it?", pictures=pictures(png(), jpeg(), gif(), webp()))
    question = chat.llm.completions[-1].messages[-1]
    assert shown(question) == [
        ("image/png", png()),
        ("image/jpeg", jpeg()),
        ("image/gif", gif()),
        ("image/webp", webp()),
    ]
    assert words(question) == "What is it?"


async def test_pictures_alone_are_a_question(chat: Any) -> None:
    conversation = await chat.conversation()
    events = await chat.answer(conversation, "", pictures=pictures(png()))
    assert events[-1].HasField("complete_state")
    assert shown(chat.llm.completions[-1].messages[-1]) == [("image/png", png())]
    await chat.answer(conversation, "And now?")
    told = chat.llm.completions[-1].messages
    assert shown(told[1]) == [("image/png", png())], "the history shows it again"
    assert words(told[-1]) == "And now?"


async def test_stored_pictures_are_described_in_the_list_and_read_one_by_one(chat: Any, bob: Any) -> None:
    conversation = await chat.conversation()
    await chat.answer(conversation, pictures=pictures(png(), gif()))
    listed = (await chat.messages(conversation))[0].pictures
    assert [(each.media_type, each.size_bytes, each.data) for each in listed] == [
        ("image/png", len(png()), b""),
        ("image/gif", len(gif()), b""),
    ]
    assert {each.id for each in listed}.isdisjoint({"", "mine"}), "ids are the service's, not the caller's"
    found = await picture(chat, conversation, listed[1].id)
    assert (found.media_type, found.data) == ("image/gif", gif())
    other, ann = await chat.conversation(), current_context().caller
    async with chat.as_caller(bob):
        bobs = await chat.conversation()
    for caller, place, wanted in (
        (bob, conversation, listed[1].id),
        (bob, bobs, listed[1].id),
        (ann, other, listed[1].id),
        (ann, conversation, "pic_none"),
    ):
        async with chat.as_caller(caller):
            with pytest.raises(NotFound, match="there is no picture") as refused:
                await picture(chat, place, wanted)
            assert refused.value.reason == "PICTURE_NOT_FOUND"


async def test_a_deleted_conversation_takes_its_pictures_along(chat: Any) -> None:
    conversation = await chat.conversation()
    await chat.answer(conversation, pictures=pictures(png()))
    kept = (await chat.messages(conversation))[0].pictures[0].id
    await chat.conversations.DeleteConversation(pb.DeleteConversationRequest(id=conversation))
    with pytest.raises(NotFound):
        await picture(chat, conversation, kept)


@pytest.mark.parametrize(
    ("files", "fields", "expected"),
    [
        ([png(), b"<svg/>"], {}, r"pictures\[1\] is an SVG drawing; PNG, JPEG, GIF and WebP are looked at"),
        ([png()] * 5, {}, "pictures are 5; a question has at most 4"),
        ([png(size=3 * 2**20 + 1)], {}, "at most 3 MiB are taken"),
        ([png()[:-5]], {}, "cut off before its end"),
        ([png()], {"role": "system"}, "only a user shows pictures"),
    ],
)
async def test_a_question_with_a_picture_that_cannot_be_taken_is_refused_before_anything_is_stored(
    chat: Any, files: list[bytes], fields: dict[str, str], expected: str
) -> None:
    conversation = await chat.conversation()
    with pytest.raises(InvalidArgument, match=expected):
        await chat.answer(conversation, pictures=pictures(*files), **fields)
    assert await chat.messages(conversation) == []
    assert chat.llm.completions == []


async def test_the_history_shows_the_newest_eight_pictures_and_names_the_others(chat: Any) -> None:
    conversation = await chat.conversation()
    for number in range(4):
        await chat.answer(conversation, f"Question {number}", pictures=pictures(*[png(width=number + 1)] * 3))
    await chat.answer(conversation, "Compare.", pictures=pictures(jpeg()))
    told = [message for message in chat.llm.completions[-1].messages if message.role == llm_pb2.ROLE_USER]
    assert [len(shown(message)) for message in told] == [0, 1, 3, 3, 1]
    assert words(told[0]) == "Question 0\n[3 pictures of then, not shown again]"
    assert words(told[1]) == "Question 1\n[2 pictures of then, not shown again]"


async def test_a_picture_that_made_its_answer_fail_does_not_make_the_later_ones_fail(chat: Any) -> None:
    conversation = await chat.conversation()
    chat.llm.rounds = [[RuntimeError("the vendor can't read the picture")], chat.says("Fine.")]
    events = await chat.answer(conversation, "What is it?", pictures=pictures(png()))
    assert events[-1].HasField("error")
    events = await chat.answer(conversation, "Never mind. How are you?")
    assert events[-1].complete_state.content == "Fine."
    told = chat.llm.completions[-1].messages
    assert [shown(message) for message in told] == [[], [], []]
    assert words(told[1]) == "What is it?\n[1 picture of then, not shown again]"


async def test_an_answer_of_a_model_that_takes_no_pictures_says_that_it_did_not_look(chat: Any) -> None:
    chat.llm.rounds = [drops(chat), drops(chat, "seed"), chat.says("I see.")]
    conversation = await chat.conversation()
    events = await chat.answer(conversation, pictures=pictures(png()))
    (notice,) = events[-1].complete_state.notices
    assert notice.startswith("The pictures were not looked at: deepseek/deepseek-chat takes none")
    again = await chat.read(events[0].stream_id)
    assert list(again[-1].complete_state.notices) == [notice]
    for _ in range(2):
        events = await chat.answer(conversation)
        assert list(events[-1].complete_state.notices) == []


async def test_answers_under_way_hold_no_more_pictures_than_there_is_memory_for(chat_with: Any) -> None:
    large = [png(size=3 * 2**20)] * 4
    async with chat_with(picture_memory_bytes=16 * 2**20) as chat:
        chat.llm.rounds = [[chat.started(), Hang()]]
        first, second = await chat.conversation(), await chat.conversation()
        running = asyncio.create_task(chat.answer(first, pictures=pictures(*large)))
        await until_true(lambda: is_active(chat, first))
        for _ in range(2):
            with pytest.raises(Unavailable, match="more pictures are being looked at") as refused:
                await chat.answer(second, pictures=pictures(*large))
            assert refused.value.reason == "LOAD_LIMIT_EXCEEDED"
        await chat.streams.StopStream(pb.StopStreamRequest(stream_id=await is_active(chat, first)))
        await running
        chat.llm.rounds = [chat.says("I see.")]
        for _ in range(3):
            events = await chat.answer(second, pictures=pictures(*large))
            assert events[-1].complete_state.content == "I see."


async def test_a_question_whose_conversation_is_not_there_holds_no_memory(chat_with: Any) -> None:
    async with chat_with(picture_memory_bytes=16 * 2**20) as chat:
        for _ in range(3):
            with pytest.raises(NotFound):
                await chat.answer("conv_none", pictures=pictures(*[png(size=3 * 2**20)] * 4))
        await chat.answer(await chat.conversation(), pictures=pictures(*[png(size=3 * 2**20)] * 4))


async def is_active(chat: Any, conversation: str) -> str:
    """Return the stream that runs in a conversation, empty when none does."""
    found = await chat.conversations.GetConversation(pb.GetConversationRequest(id=conversation))
    return found.conversation.active_stream_id
