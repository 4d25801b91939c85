"""Questions are read once, and what is kept of them is what reading them again would come to."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from types import FrameType

import pytest

from llm_service.domain.model.message import Message, Role, TextPart, ToolCall, text_message
from llm_service.domain.offline import question_memo
from llm_service.domain.offline.conversation import conversation_from_messages
from llm_service.domain.offline.no_time import NO_TIME, TimeNeeded
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.question_memo import QuestionMemo

NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
TIMES = (
    NOW,
    NOW + timedelta(seconds=1),
    datetime(2025, 2, 28, 23, 59, 59, tzinfo=timezone(timedelta(hours=8))),
    datetime(2024, 6, 1, 13, 0, tzinfo=timezone(timedelta(hours=-5))),
)
DEVICES, NAMES, FIELDS = ("WLD001", "WLD002"), {"Hydraulic press": "WLD002"}, ("current", "voltage")
TIMELESS = ("Hello!", "How is WLD002?", "How is the hydraulic press?", "mean current of WLD001", "WLD001 的平均电流")
TIMED = (
    *("What was the mean current of WLD001 in the last hour?", "And yesterday?", "WLD001 昨天的平均电流", "since 8 am"),
    *("current of WLD001 on 2026-11-20 at 10:30", "was it warmer than an hour ago?", "what is usual for this time?"),
    *("Durchschnitt current von WLD001 heute", "the shift before", "next week", "at the same time on Monday"),
)


def read(memo: QuestionMemo, text: str, now: datetime) -> StructuredQuery:
    return memo.parse(text, now, devices=DEVICES, names=NAMES, fields=FIELDS)


def steps_of(work: Callable[[], object]) -> int:
    """How many functions a work calls."""
    count = 0

    def count_call(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(count_call)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("text", [*TIMELESS, *TIMED, " ".join(TIMED[:4]), " ".join(TIMELESS * 3), "x " * 600])
def test_whatever_was_read_before_a_question_means_what_it_means_at_its_time(text: str) -> None:
    memo = QuestionMemo()
    for now in (*TIMES, *TIMES):
        expected = parse_prompt(text, now, known_devices=DEVICES, known_fields=FIELDS, device_names=NAMES)
        assert read(memo, text, now) == expected


@pytest.mark.parametrize("text", TIMELESS)
def test_a_question_whose_words_need_no_time_is_read_once(text: str) -> None:
    memo = QuestionMemo()
    first = read(memo, text, NOW)
    assert all(read(memo, text, now) is first for now in TIMES)


@pytest.mark.parametrize("text", TIMED[:4])
def test_a_question_that_needs_a_time_is_read_once_for_each(text: str) -> None:
    memo = QuestionMemo()
    first, second = read(memo, text, TIMES[0]), read(memo, text, TIMES[2])
    assert first is not second
    assert read(memo, text, TIMES[0]) is first
    assert read(memo, text, TIMES[2]) is second


def test_who_knows_other_names_asks_other_questions() -> None:
    memo = QuestionMemo()
    text = "mean level of press1"
    one = memo.parse(text, NOW, devices=(), names={}, fields=("level",))
    other = memo.parse(text, NOW, devices=(), names={"press1": "P-7"}, fields=("level",))
    assert (one.devices, other.devices) == (("press1",), ("P-7",))
    assert memo.parse(text, NOW, devices=(), names={}, fields=("level",)) is one


def test_what_is_kept_is_bounded_and_what_was_read_last_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question_memo, "_MOST_QUESTIONS", 4)
    monkeypatch.setattr(question_memo, "_MOST_ASKERS", 2)
    memo = QuestionMemo()
    kept = read(memo, "How is WLD002?", NOW)
    for number in range(10):
        read(memo, f"How is WLD{number}?", NOW)
        assert read(memo, "How is WLD002?", NOW) is kept
    oldest = read(memo, "How is WLD0?", NOW)
    for number in range(10):
        memo.parse("How is it?", NOW, devices=(f"D{number}",), names={}, fields=())
    assert read(memo, "How is WLD0?", NOW) == oldest
    assert read(memo, "How is WLD0?", NOW) is not oldest


def test_the_names_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question_memo, "_MOST_NAMES", 10)
    memo = QuestionMemo()
    small = read(memo, "How is WLD002?", NOW)
    many = tuple(f"D{number}" for number in range(20))
    first, again = (memo.parse("How is D1?", NOW, devices=many, names={}, fields=()) for _ in range(2))
    assert first == again
    assert first is not again
    assert read(memo, "How is WLD002?", NOW) is small


def test_a_time_that_is_none_answers_nothing() -> None:
    for ask in (
        lambda: NO_TIME.tzinfo,
        lambda: NO_TIME < NOW,
        lambda: NOW > NO_TIME,
        lambda: NOW - NO_TIME,  # pyright: ignore[reportUnknownLambdaType, reportOperatorIssue]
        lambda: NO_TIME - timedelta(1),
        lambda: NO_TIME == NOW,
        lambda: hash(NO_TIME),
        lambda: f"{NO_TIME}",
    ):
        with pytest.raises(TimeNeeded):
            ask()


def test_the_further_questions_of_a_conversation_take_a_fraction_of_the_steps_of_its_first() -> None:
    texts = [f"mean {statistic} of WLD00{number}" for number in range(3) for statistic in ("current", "voltage")]
    messages = tuple(text_message(Role.USER, text) for text in (*texts, "How is WLD002?"))
    memo = QuestionMemo()

    def ask(now: datetime) -> tuple[StructuredQuery, ...]:
        return conversation_from_messages(messages, memo=memo).queries(now)

    expected = conversation_from_messages(messages).queries(NOW)
    first, second = steps_of(lambda: ask(NOW)), steps_of(lambda: ask(NOW + timedelta(minutes=5)))
    assert second < first / 3
    assert ask(NOW) == expected


def test_results_of_tools_before_the_question_are_not_decoded_again() -> None:
    asked = text_message(Role.USER, "mean current of WLD001")
    call = ToolCall(id="c", name="device_statistics", arguments='{"device_code": "WLD001"}')
    result = Message(role=Role.TOOL, parts=(TextPart(text='{"rows": 3}'),), tool_call_id="c")
    turn = (asked, Message(role=Role.ASSISTANT, tool_calls=(call,)), result)
    assert len(conversation_from_messages(turn).outcomes) == 1
    results = (result,) * 100
    before = steps_of(lambda: conversation_from_messages((*turn, *results, asked)))
    since = steps_of(lambda: conversation_from_messages((*turn, *results)))
    assert before < 0.6 * since
