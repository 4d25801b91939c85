"""When a conversation is summarised, how much of it, from what, and what stands there when no model writes it."""

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime

import pytest

from chat_stream_service.domain.memory.summary import (
    ConversationSummary,
    Summarizer,
    list_messages,
    oldest,
)
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.language_model import (
    ModelEvent,
    ModelRequest,
    ModelStarted,
    TextDelta,
    ThinkingDelta,
)
from chat_stream_service.domain.model.message import Message, PromptMessage, Role
from penstock_kit.errors import Unavailable

ANN = Owner(tenant_id="acme", user_id="ann")
NONE = ConversationSummary()


def said(number: int, role: Role, content: str = "") -> Message:
    """A message of ten tokens, four of them for itself."""
    return Message(
        id=f"msg_{number}",
        conversation_id="c",
        role=role,
        content=content or chr(ord("a") + number).ljust(24, "."),
        create_time=datetime(2026, 3, 1, tzinfo=UTC),
    )


def turns(count: int) -> list[Message]:
    """So many questions with an answer each, ten tokens a message."""
    roles = (Role.USER, Role.ASSISTANT)
    return [said(number, roles[number % 2]) for number in range(2 * count)]


class Kept:
    """The messages of a conversation and its summary."""

    def __init__(self, messages: Sequence[Message], summary: ConversationSummary = NONE) -> None:
        self.messages, self.summary = messages, summary
        self.saved: list[tuple[ConversationSummary, ConversationSummary]] = []

    async def load(self, owner: Owner, conversation_id: str) -> tuple[ConversationSummary, Sequence[Message]]:
        assert (owner, conversation_id) == (ANN, "c")
        return self.summary, self.messages

    async def save(
        self, owner: Owner, conversation_id: str, summary: ConversationSummary, *, before: ConversationSummary
    ) -> bool:
        assert (owner, conversation_id) == (ANN, "c")
        self.saved.append((summary, before))
        return True


class Writer:
    """A model that answers with what it was given, and remembers what it was asked."""

    def __init__(self, *batches: Sequence[ModelEvent], error: Unavailable | None = None) -> None:
        self.batches, self.error = batches, error
        self.asked: list[ModelRequest] = []

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[ModelEvent]]:
        self.asked.append(request)
        for batch in self.batches:
            yield batch
        if self.error is not None:
            raise self.error


STARTED = ModelStarted(provider="p", model="m")


def summarizer(store: Kept, model: Writer, tokens: int = 100) -> Summarizer:
    return Summarizer(store=store, model=model, history_tokens=tokens)


@pytest.mark.parametrize(("tokens", "is_due"), [(80, False), (79, True)])
async def test_a_summary_is_due_when_more_than_three_quarters_of_the_history_are_filled(
    tokens: int, is_due: bool
) -> None:
    store, model = Kept(turns(3)), Writer([STARTED, TextDelta(text="They met.")])
    made = summarizer(store, model, tokens)
    assert made.is_due([PromptMessage(role=each.role, content=each.content) for each in store.messages]) is is_due
    await made.update(ANN, "c")
    assert bool(store.saved) is is_due
    assert bool(model.asked) is is_due


async def test_the_oldest_turns_are_summarised_until_half_is_left_and_the_model_is_told_them_alone() -> None:
    before = ConversationSummary(summary="They met.", until="msg_before")
    store = Kept(turns(5), before)
    model = Writer([STARTED], [ThinkingDelta(text="Hm."), TextDelta(text=" They")], [TextDelta(text=" talked. ")])
    await summarizer(store, model).update(ANN, "c")
    assert store.saved == [(ConversationSummary(summary="They talked.", until="msg_5"), before)]
    (request,) = model.asked
    system, told = request.messages
    assert (system.role, told.role, request.include_thinking) == (Role.SYSTEM, Role.USER, False)
    lines = "\n".join(f"{each.role.value}: {each.content}" for each in store.messages[:6])
    assert told.content == f"Summary until now:\nThey met.\n\nSaid since:\n{lines}"


@pytest.mark.parametrize(
    "model",
    [
        Writer([ModelStarted(provider="fallback", model="rules"), TextDelta(text="I am offline.")]),
        Writer([STARTED, TextDelta(text="They")], error=Unavailable("down", reason="LLM_UNAVAILABLE")),
        Writer([STARTED, TextDelta(text=" \n")]),
    ],
    ids=["offline", "failed", "nothing said"],
)
async def test_without_a_text_of_a_model_the_questions_and_answers_are_listed(model: Writer) -> None:
    store = Kept(turns(5))
    await summarizer(store, model).update(ANN, "c")
    ((summary, _),) = store.saved
    assert summary.summary == list_messages("", store.messages[:6])
    assert summary.summary.splitlines()[:2] == [f"User: {'a'.ljust(24, '.')}", f"Assistant: {'b'.ljust(24, '.')}"]
    assert "(none)" in model.asked[0].messages[1].content


@pytest.mark.parametrize(("left", "until"), [(0, 8), (19, 8), (20, 8), (40, 6), (59, 6), (60, 4), (1000, 2)])
def test_whole_turns_go_from_the_oldest_on_as_few_as_leave_no_more_than_may_stay(left: int, until: int) -> None:
    messages = turns(5)
    assert list(oldest(messages, left)) == messages[:until]


def test_the_results_of_tools_stay_with_their_turn_and_the_last_turn_always_stays() -> None:
    messages = [said(n, role) for n, role in enumerate((Role.USER, Role.ASSISTANT, Role.TOOL, Role.ASSISTANT))]
    last = [said(9, Role.USER), said(10, Role.ASSISTANT)]
    assert list(oldest([*messages, *last], 5)) == messages
    assert list(oldest(messages, 5)) == []
    assert list(oldest([said(1, Role.ASSISTANT)], 5)) == []


def test_a_list_has_the_earlier_summary_a_line_of_each_question_and_answer_and_nothing_of_tools() -> None:
    listed = list_messages(
        "They met.\n\nThey ate.",
        [
            said(1, Role.USER, "What\nis   it? " + "x" * 300),
            said(2, Role.ASSISTANT, " "),
            said(3, Role.TOOL, "a table"),
            said(4, Role.ASSISTANT, "y" * 400),
        ],
    )
    question = "User: " + ("What is it? " + "x" * 300)[:199] + "…"
    assert listed.splitlines() == ["They met.", "They ate.", question, "Assistant: " + "y" * 299 + "…"]


@pytest.mark.parametrize(("length", "kept"), [(2995, 2), (2996, 1), (9000, 1)])
def test_the_oldest_lines_of_a_list_go_when_it_is_too_long_and_one_always_stays(length: int, kept: int) -> None:
    lines = ["old", "x" * length]
    assert list_messages("\n".join(lines), []).splitlines() == lines[-kept:]


async def test_where_no_model_answered_none_is_asked_and_the_summary_lists_what_was_said() -> None:
    store, model = Kept(turns(5)), Writer([STARTED, TextDelta(text="They met.")])
    await summarizer(store, model).update(ANN, "c", by_model=False)
    assert model.asked == []
    ((made, before),) = store.saved
    assert (made.summary, made.until, before) == (list_messages("", store.messages[:6]), "msg_5", NONE)
