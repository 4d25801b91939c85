"""Questions about Penstock itself get a command or a page; polite words, trade and effectiveness run no wrong query."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_service.domain.offline.about_penstock import About, about_penstock
from llm_service.domain.offline.about_text import about_text
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, Intent, Language, Operator, Remark, Statistic
from llm_service.domain.offline.small_talk import SmallTalk, courtesy
from llm_service.providers.fallback import FallbackProvider
from llm_service.testing import asked
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HOW = st.sampled_from(["How do I", "how can we", "How to", "Can I", "where can I", "I want to know how to"])
SEND = st.sampled_from(["add", "connect", "register", "import", "upload", "send"])
THING = st.sampled_from(["a device", "a new machine", "my own data", "our sensors", "a CSV file", "another pump"])
HOW_HAN = st.sampled_from(["怎么", "如何", "怎样才能", "能不能", "我想"])
SEND_HAN = st.sampled_from(["添加", "接入", "导入", "上传", "注册", "新增"])
THING_HAN = st.sampled_from(["设备", "一台新机器", "我们的数据", "自己的焊机", "传感器数据"])
POLITE = st.sampled_from(
    ["ok", "great", "Good job", "好的", "很好", "知道了", "I see", "all right", "perfect", "太好了", "行", "fine"]
)
SECOND = st.sampled_from(["", "!", ".", ", thanks", ", great", "，谢谢", "，辛苦了"])
TRADE = st.sampled_from(["customers", "orders", "invoices", "complaints", "work orders"])
TRADE_HAN = st.sampled_from(["客户", "订单", "发票", "投诉", "工单"])
WRONG = st.sampled_from(
    [
        *("Any problems?", "any anomalies?", "Is there anything I should worry about?", "Is everything ok?"),
        *("有什么异常吗？", "一切正常吗？", "有没有问题？", "anything unusual?"),
    ]
)


@pytest.fixture
def talk(tool_talk: Callable[..., Any], new_id: Callable[[str], str]) -> Any:
    """A dialogue with the offline provider, which has no tools."""

    def none(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return {}

    return tool_talk(FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id), (), none)


def about(text: str) -> About | None:
    return about_penstock(text, parse_prompt(text, NOW, known_devices=("WLD001",)))


@given(HOW, SEND, THING)
def test_how_to_add_a_device_or_data_is_asked_of_penstock(how: str, send: str, thing: str) -> None:
    assert about(f"{how} {send} {thing}?") is About.DEVICE


@given(HOW_HAN, SEND_HAN, THING_HAN)
def test_how_to_add_a_device_is_asked_of_penstock_in_chinese(how: str, send: str, thing: str) -> None:
    assert about(f"{how}{send}{thing}？") is About.DEVICE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How do I reset the password?", About.PASSWORD),
        ("怎么重置密码？", About.PASSWORD),
        ("Where is the API key?", About.KEY),
        ("how do I back up?", About.BACKUP),
        ("如何备份？", About.BACKUP),
        ("How do I stop Penstock?", About.STOP),
        ("How can I use the API from Python?", About.PROGRAM),
        ("What is Penstock?", About.PENSTOCK),
        ("Penstock 是什么？", About.PENSTOCK),
        ("Where is the documentation?", About.PENSTOCK),
        ("How do I configure a model?", About.MODEL),
        ("how do I export WLD001's data", About.EXPORT),
        ("can I download the readings of WLD001 as csv?", About.EXPORT),
        ("export WLD001's data of today", About.EXPORT),
        ("怎么导出WLD001的数据？", About.EXPORT),
    ],
)
def test_what_is_asked_of_penstock_is_known(text: str, expected: About) -> None:
    assert about(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "How can I see the data of WLD001?",
        "How do I find the machine that used the most gas yesterday?",
        "WLD001 的数据怎么增加了？",
        "How do you feel about the current?",
        "add a device called pump-7",
    ],
)
def test_what_names_a_machine_a_field_or_a_time_is_no_question_about_penstock(text: str) -> None:
    assert about(text) is None


@pytest.mark.parametrize("language", Language)
def test_an_export_is_the_command_for_the_device_that_is_named(language: Language) -> None:
    text = about_text(About.EXPORT, language, "valve1-0")
    assert "history?device_code=valve1-0" in text
    assert "> valve1-0.csv" in text
    assert "device_code=WLD001" in about_text(About.EXPORT, language, "x; rm")


@pytest.mark.parametrize("what", [each for each in About if each is not About.MODEL])
@pytest.mark.parametrize("language", Language)
def test_each_question_about_penstock_names_a_command_or_a_page(what: About, language: Language) -> None:
    text = about_text(what, language)
    assert any(sign in text for sign in ("`", ".md", "Ctrl-C"))


async def test_how_to_add_a_device_is_answered_with_the_readmes_command(talk: Any) -> None:
    answer = await talk.ask("How do I add a device?")
    assert "/api/v2/data/ingest" in answer
    assert "create=true" in answer


@given(POLITE, SECOND)
def test_polite_words_behind_a_question_ask_for_nothing_of_its_machine(first: str, second: str) -> None:
    assert asked("mean current of WLD001 yesterday", f"{first}{second}").intent is Intent.CHAT
    assert courtesy(f"{first}{second}") in {SmallTalk.NICETY, SmallTalk.THANKS}


@pytest.mark.parametrize("text", ["and the good ones?", "ok, and WLD002?", "good?", "is that good"])
def test_what_asks_on_is_no_polite_word(text: str) -> None:
    assert courtesy(text) is None


@given(POLITE)
def test_a_question_goes_on_behind_polite_words(said: str) -> None:
    query = asked("mean current of WLD001 yesterday", said, "and of WLD002?")
    assert (query.devices, query.statistics, query.conditions) == (("WLD002",), (Statistic.MEAN,), ())


@pytest.mark.parametrize(
    "text", ["How are you?", "你好吗？", "hey, how are you doing today?", "吃了吗？", "今天过得怎么样", "what's up?"]
)
async def test_small_talk_gets_a_sentence_and_no_query(talk: Any, text: str) -> None:
    answer = await talk.ask(text)
    assert answer.startswith(("All right", "好的"))


@given(TRADE, st.sampled_from(["did we have yesterday", "does WLD001 have", "were there this week"]))
def test_trade_is_not_in_the_data(what: str, rest: str) -> None:
    assert parse_prompt(f"How many {what} {rest}?", NOW).refused == what


@given(TRADE_HAN, st.sampled_from(["昨天有多少{}", "{}什么时候来", "WLD001 有几个{}", "最近的{}怎么样"]))
def test_trade_is_not_in_the_data_in_chinese(what: str, text: str) -> None:
    assert parse_prompt(text.format(what), NOW).refused == what


async def test_trade_is_said_not_to_be_in_the_data_and_nothing_else(talk: Any) -> None:
    assert "not in the data" in await talk.ask("How many orders did we finish yesterday?")
    assert "model" not in await talk.ask("How many orders did we finish yesterday?")


@given(WRONG)
def test_whatever_is_wrong_is_asked_of_all_machines(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.all_devices, query.unread) == (Intent.ANOMALY, True, ())


@pytest.mark.parametrize("text", ["What's wrong with you?", "I have a problem", "any problems with the printer?"])
def test_what_is_wrong_elsewhere_is_asked_of_no_machine(text: str) -> None:
    assert parse_prompt(text, NOW).intent is Intent.CHAT


@pytest.mark.parametrize(
    "text", ["What is our OEE?", "OEE of WLD001 yesterday", "WLD001 昨天的 OEE 是多少", "设备综合效率是多少"]
)
def test_of_the_effectiveness_the_part_is_told_that_readings_know(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.conditions == (Condition(field="current", operator=Operator.GE, value=5.0),)
    assert (query.statistics, query.fields, query.unread) == ((Statistic.SHARE,), (), ())
    assert any(note.remark is Remark.OEE for note in query.notes)
    assert query.all_devices is ("WLD001" not in text)
