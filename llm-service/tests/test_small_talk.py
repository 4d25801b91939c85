"""What asks nothing of devices is answered in a word, and what no rule knows is said to be so."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent
from llm_service.domain.offline.small_talk import SmallTalk, small_talk
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
CODES = ("WLD001", "WLD002")
THANKS = st.sampled_from(
    ["thanks", "Thank you", "thank you very much", "ok thanks a lot", "谢谢", "多谢", "好的，谢谢"]
)
TAILS = st.sampled_from(["", "!", ".", ", that's all for now!", "，辛苦了"])
FAREWELLS = st.sampled_from(["bye", "Goodbye", "see you tomorrow", "再见", "拜拜"])
CLOCKS = st.sampled_from(
    ["what time is it", "What's the date today", "what time is it on the machines' clock", "现在几点了", "今天几号"]
)
ELSEWHERE = [
    "Who won the football yesterday?",
    "how many parts did we ship",
    "明天的产量会是多少？",
    "今天一共生产了多少件？",
]
QUESTIONS = st.sampled_from(
    ["thanks, and the mean current of {} today?", "good morning, is {} running?", "谢谢，{} 现在的电流是多少"]
)
ORDERS = [
    ("Is it safe to open WLD001?", "safe to"),
    ("Do I need to replace the contact tip on WLD001?", "replace"),
    ("帮我把WLD001停掉", "停掉"),
    ("谁负责WLD002的维修？", "谁负责"),
]


@pytest.fixture
def talk(tool_talk: Callable[..., Any], new_id: Callable[[str], str]) -> Any:
    """A dialogue with the offline provider, which has no tools."""

    def none(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return {}

    return tool_talk(FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id), (), none)


def said(text: str) -> SmallTalk | None:
    return small_talk(text, parse_prompt(text, NOW, known_devices=CODES))


@given(THANKS, TAILS)
def test_thanks_are_thanks_with_whatever_polite_word_behind_them(thanks: str, tail: str) -> None:
    assert said(f"{thanks}{tail}") is SmallTalk.THANKS


@given(FAREWELLS, st.sampled_from(["", "!", "."]))
def test_a_farewell_is_one(farewell: str, tail: str) -> None:
    assert said(f"{farewell}{tail}") is SmallTalk.FAREWELL


@given(CLOCKS, st.sampled_from(["", "?", "？"]))
def test_the_time_is_asked_for_whatever_clock_is_meant(question: str, mark: str) -> None:
    assert said(f"{question}{mark}") is SmallTalk.CLOCK


@pytest.mark.parametrize("text", ["At what time is it hottest on WLD001?", "WLD001 现在几点的数据最新"])
def test_a_time_of_a_machine_is_a_question_about_it(text: str) -> None:
    assert said(text) is None


@pytest.mark.parametrize("text", ["hello", "你好", "Good morning!"])
def test_a_greeting_is_one(text: str) -> None:
    assert said(text) is SmallTalk.GREETING


@pytest.mark.parametrize("text", ["Who are you?", "What can you do?", "你好，你能做什么？", "help"])
def test_who_answers_is_asked(text: str) -> None:
    assert said(text) is SmallTalk.HELP


@pytest.mark.parametrize("text", [*ELSEWHERE, "Hello, who won the match?"])
def test_anything_else_is_known_to_be_no_question_about_devices(text: str) -> None:
    assert said(text) is SmallTalk.OTHER


@given(QUESTIONS, st.sampled_from(CODES))
def test_a_polite_question_about_a_device_is_a_question(question: str, code: str) -> None:
    assert said(question.format(code)) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Thanks, that's all for now!", "You're welcome."),
        ("谢谢，辛苦了", "不客气。"),
        ("Bye", "Goodbye."),
        ("再见", "再见。"),
    ],
)
async def test_a_polite_word_is_answered_by_one(talk: Any, text: str, answer: str) -> None:
    assert await talk.ask(text) == answer


@pytest.mark.parametrize(("text", "stamp"), [("What time is it?", "It is 20"), ("现在几点了？", "现在是 20")])
async def test_the_time_is_told_with_the_clock_it_is_of(talk: Any, text: str, stamp: str) -> None:
    answer = await talk.ask(text)
    assert stamp in answer
    assert "UTC" in answer


@pytest.mark.parametrize(
    ("text", "first"), [(ELSEWHERE[0], "I can't answer that"), (ELSEWHERE[-1], "这个问题我回答不了")]
)
async def test_what_is_no_question_about_devices_is_said_to_be_none(talk: Any, text: str, first: str) -> None:
    assert (await talk.ask(text)).startswith(first)


@pytest.mark.parametrize(("text", "word"), ORDERS)
def test_what_readings_do_not_tell_is_refused_by_its_word(text: str, word: str) -> None:
    assert parse_prompt(text, NOW, known_devices=CODES).refused == word


@pytest.mark.parametrize("text", ["Should I be worried about WLD002?", "今天有什么需要注意的吗", "WLD001 需要关注吗"])
def test_whether_there_is_cause_to_worry_asks_for_anomalies(text: str) -> None:
    assert parse_prompt(text, NOW, known_devices=CODES).intent is Intent.ANOMALY


@pytest.mark.parametrize("text", ["Where is WLD001?", "Which hall is WLD001 in?", "WLD001 在哪个车间", "WLD001 在哪里"])
def test_where_a_machine_stands_is_told_with_its_labels(text: str) -> None:
    assert parse_prompt(text, NOW, known_devices=CODES).intent is Intent.LIST_DEVICES
