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
    ("text", "first"), [(ELSEWHERE[0], "I can't answer that"), ("昨天的球赛谁赢了？", "这个问题我回答不了")]
)
async def test_what_is_no_question_about_devices_is_said_to_be_none(talk: Any, text: str, first: str) -> None:
    assert (await talk.ask(text)).startswith(first)


_PARTS = ["parts", "pieces", "workpieces"]
_MADE = ["did WLD001 finish today", "were produced yesterday", "has WLD002 made since noon", "did we ship this week"]
NOT_IN_THE_DATA = [
    *(f"How many {parts} {made}?" for parts in _PARTS for made in _MADE),
    *(
        f"{device}{day}{made}了多少件{what}？"
        for device in ("WLD001", "")
        for day in ("今天", "昨天")
        for made in ("生产", "完成", "焊")
        for what in ("", "工件")
    ),
    *(f"What's the weather like {place}?" for place in ("outside the plant", "today", "here")),
    *(f"这批{what}是哪家供应商的？" for what in ("焊丝", "气体")),
    "Which supplier does the wire of WLD001 come from?",
]
LEFT_OVER = [
    *(
        f"How {much} {material} {left}{where}?"
        for much, material in (("much", "wire"), ("many kg of", "wire"), ("many litres of", "gas"))
        for left in ("is left", "are left", "is remaining")
        for where in ("", " on WLD001")
    ),
    *(
        f"{device}{material}{left}"
        for device in ("", "WLD001 的")
        for material in ("焊丝", "气")
        for left in ("还剩多少", "还有多少")
    ),
    *("how much wire do we have in stock?", "is there enough wire for today?", "when will the gas of WLD001 run out?"),
    *("WLD001 的气还够用多久", "焊丝还能用多久", "WLD001的焊丝库存还有多少"),
]


@pytest.mark.parametrize("text", LEFT_OVER)
async def test_what_is_left_of_wire_or_gas_is_said_not_to_be_in_the_data(talk: Any, text: str) -> None:
    answer = await talk.ask(text)
    assert answer.startswith(("I can't answer that (“", "这个问题我回答不了（“"))
    assert all(word not in answer for word in ("_KEY", "key", "密钥", "restart", "重启"))


@pytest.mark.parametrize(
    "text",
    ["how much wire did WLD001 use today?", "今天用完了多少气", "WLD001 今天还有多少次停机", "WLD001 今天用了多少气"],
)
def test_what_was_used_is_no_question_for_what_is_left(text: str) -> None:
    assert parse_prompt(text, NOW).refused == ""


TO_COME = [
    *(
        f"如果{field}再加 {more}，温度{will}？"
        for field in ("电流", "电压")
        for more in ("10%", "20 A")
        for will in ("会升到多少", "会到多少", "会变成多少", "会上升多少")
    ),
    "What will the temperature of WLD001 be if the current goes up by 10 %?",
    "mean current of WLD001 tomorrow",
    "预测一下WLD001明天的温度",
]


@pytest.mark.parametrize("text", NOT_IN_THE_DATA)
async def test_what_readings_hold_nothing_of_is_said_not_to_be_in_them(talk: Any, text: str) -> None:
    answer = await talk.ask(text)
    assert answer.startswith(("I can't answer that (“", "这个问题我回答不了（“"))
    assert any(reason in answer for reason in ("not in the data", "数据里没有", "none can be counted", "无法计件"))
    assert "model" not in answer


@pytest.mark.parametrize("text", TO_COME)
async def test_what_is_still_to_come_is_not_predicted(talk: Any, text: str) -> None:
    answer = await talk.ask(text)
    assert "predict nothing" in answer or "不作预测" in answer


@pytest.mark.parametrize("text", ["how many good parts did WLD001 make today?", "WLD001今天有多少件合格"])
def test_parts_of_a_quality_are_counted_by_readings(text: str) -> None:
    query = parse_prompt(text, NOW, known_devices=CODES)
    assert (query.refused, len(query.conditions)) == ("", 1)


@pytest.mark.parametrize(
    "text", ["Who am I talking to?", "who are you", "hello", "Hi!", "Are you there?", "are you human?"]
)
async def test_it_says_who_it_is(talk: Any, text: str) -> None:
    assert (await talk.ask(text)).startswith("This is Penstock's offline assistant.")


@pytest.mark.parametrize("text", ["在吗？", "在吗", "你好", "您好！", "你是谁？", "我在和谁说话？", "有人吗？"])
async def test_it_says_who_it_is_in_chinese(talk: Any, text: str) -> None:
    assert (await talk.ask(text)).startswith("我是 Penstock 的离线助手。")


@pytest.mark.parametrize(("text", "word"), ORDERS)
def test_what_readings_do_not_tell_is_refused_by_its_word(text: str, word: str) -> None:
    assert parse_prompt(text, NOW, known_devices=CODES).refused == word


@pytest.mark.parametrize("text", ["Should I be worried about WLD002?", "今天有什么需要注意的吗", "WLD001 需要关注吗"])
def test_whether_there_is_cause_to_worry_asks_for_anomalies(text: str) -> None:
    assert parse_prompt(text, NOW, known_devices=CODES).intent is Intent.ANOMALY


@pytest.mark.parametrize("text", ["Where is WLD001?", "Which hall is WLD001 in?", "WLD001 在哪个车间", "WLD001 在哪里"])
def test_where_a_machine_stands_is_told_with_its_labels(text: str) -> None:
    assert parse_prompt(text, NOW, known_devices=CODES).intent is Intent.LIST_DEVICES
