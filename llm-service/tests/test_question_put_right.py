"""What puts a question right keeps all the rest of it, whatever words say that it was wrong."""

import pytest

from llm_service.domain.offline.put_right import put_right
from llm_service.domain.offline.query import Intent, Statistic
from llm_service.domain.offline.small_talk import SmallTalk, courtesy
from llm_service.testing import asked

FORMS = [
    "no, I meant {}",
    "No, {}!",
    "no no, {}",
    "that's wrong, I asked for {}",
    "wrong machine, {}",
    "I said {}",
    "{} I mean",
    "oops, {}",
    "nope, {}",
    "不对，我说的是{}",
    "不对，是{}",
    "我问的是{}",
    "错了，{}",
    "打错了，是{}",
    "应该是{}",
    "我指的是{}",
    "不，我要的是{}",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("meant", "whole"),
    [
        ("WLD002", "mean current of WLD002 yesterday"),
        ("voltage", "mean voltage of WLD001 yesterday"),
        ("today", "mean current of WLD001 today"),
        ("hall B", "mean current of hall B yesterday"),
    ],
)
def test_what_was_meant_replaces_its_like_and_keeps_the_rest(form: str, meant: str, whole: str) -> None:
    query, wanted = asked("mean current of WLD001 yesterday", form.format(meant)), asked(whole)
    assert (query.intent, query.unread, query.negation) == (Intent.STATISTICS, (), "")
    assert (query.devices, query.references) == (wanted.devices, wanted.references)
    assert (query.fields, query.statistics, query.time) == (wanted.fields, (Statistic.MEAN,), wanted.time)


@pytest.mark.parametrize("text", ["oops, WLD002 not WLD001", "WLD002, not WLD001", "抱歉，是WLD002，不是WLD001"])
def test_what_is_denied_behind_what_was_meant_is_left_out(text: str) -> None:
    query = asked("mean current of WLD001 yesterday", text)
    assert (query.devices, query.statistics, query.unread, query.negation) == (("WLD002",), (Statistic.MEAN,), (), "")


@pytest.mark.parametrize(
    "text",
    [
        "no readings of WLD001?",
        "all machines not WLD002",
        "mean current not above 200",
        "不是WLD001，是WLD002",
        "不合格的有多少",
        "错误最多的是哪台",
        "no idea, tell me about WLD001",
        "no",
        "sorry",
    ],
)
def test_what_puts_nothing_right_is_left_as_it_is(text: str) -> None:
    assert put_right(text) == text


def test_no_with_a_day_is_no_courtesy() -> None:
    assert courtesy("no, today") is None
    assert courtesy("no, thanks") is SmallTalk.THANKS
    assert asked("mean current of WLD001 yesterday", "no, today").time == asked("mean current of WLD001 today").time
