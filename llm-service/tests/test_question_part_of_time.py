"""How much of a time conditions held is a duration, and "the next day" ends a range or is named."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, Operator, Statistic, StructuredQuery

NOW = datetime(2026, 11, 28, 17, 0, tzinfo=UTC)
TODAY = NOW.replace(hour=0)
PARTS = (
    *("How much of {time} was WLD001 {held}?", "For how much of {time} was WLD001 {held}?"),
    *("What part of {time} was WLD001 {held}?", "how much of {time} was the current of WLD001 {held}?"),
    *("how long was WLD001 {held} {time}?",),
)
SHARES = (
    *("What percentage of {time} was WLD001 {held}?", "what fraction of {time} was WLD001 {held}?"),
    *("share of time of {time} that WLD001 was {held}",),
)
PARTS_HAN = (
    *("WLD001{time}有多少时间电流{held}", "WLD001{time}电流{held}的时间有多长", "{time}WLD001电流{held}有多久"),
    *("WLD001{time}电流{held}的时间占多少",),
)
SHARES_HAN = ("{time}WLD001电流{held}占多少", "{time}WLD001电流{held}的比例", "{time}WLD001电流{held}占百分之几")
TIMES = {"the last hour": NOW - timedelta(hours=1), "today": TODAY, "yesterday": TODAY - timedelta(days=1)}
TIMES_HAN = {"过去一小时": NOW - timedelta(hours=1), "今天": TODAY, "昨天": TODAY - timedelta(days=1)}


def read(text: str) -> StructuredQuery:
    return parse_prompt(text, NOW, known_devices=("WLD001", "WLD002"), known_fields=("current", "temperature"))


def within(low: int, high: int) -> tuple[Condition, ...]:
    sides = ((Operator.GE, low), (Operator.LE, high))
    return tuple(Condition(field="current", operator=side, value=float(value), unit="A") for side, value in sides)


@settings(max_examples=60, deadline=None)
@given(text=st.sampled_from((*PARTS, *SHARES)), time=st.sampled_from([*TIMES]), low=st.integers(1, 200))
def test_how_much_of_a_time_lay_within_bounds_asks_for_a_time_or_a_share(text: str, time: str, low: int) -> None:
    query = read(text.format(time=time, held=f"between {low} and {low + 50} A"))
    assert query.conditions == within(low, low + 50)
    assert set(query.statistics) <= {Statistic.DURATION, Statistic.SHARE}
    assert query.statistics
    assert not query.unread
    assert query.time is not None
    assert query.time.start == TIMES[time]


@settings(max_examples=60, deadline=None)
@given(text=st.sampled_from((*PARTS_HAN, *SHARES_HAN)), time=st.sampled_from([*TIMES_HAN]), low=st.integers(1, 200))
def test_how_much_of_a_time_lay_within_bounds_is_asked_in_chinese(text: str, time: str, low: int) -> None:
    query = read(text.format(time=time, held=f"在{low}到{low + 50}安之间"))
    assert query.conditions == within(low, low + 50)
    assert set(query.statistics) <= {Statistic.DURATION, Statistic.SHARE}
    assert query.statistics
    assert not query.unread
    assert query.time is not None
    assert query.time.start == TIMES_HAN[time]


@given(text=st.sampled_from(PARTS), low=st.integers(1, 200), side=st.sampled_from(["above", "below"]))
def test_how_much_of_a_time_was_beyond_a_limit_asks_for_a_time(text: str, low: int, side: str) -> None:
    query = read(text.format(time="today", held=f"{side} {low} A"))
    operator = Operator.GT if side == "above" else Operator.LT
    assert query.conditions == (Condition(field="current", operator=operator, value=float(low), unit="A"),)
    assert query.statistics == (Statistic.DURATION,)
    assert (query.fields, query.unread) == ((), ())


@pytest.mark.parametrize("text", ["How much gas did WLD001 use while above 150 A today?", "gas of WLD001 today"])
def test_how_much_of_a_substance_is_no_time(text: str) -> None:
    assert Statistic.DURATION not in read(text).statistics


NEXT = ("{begin}:00 yesterday to {end}:00 the next day", "{begin}:00 yesterday until {end}:00 the following day")
NEXT_HAN = ("昨天{begin}点到次日{end}点", "昨天{begin}点至第二天{end}点", "昨天{begin}点到翌日{end}点")


@given(text=st.sampled_from((*NEXT, *NEXT_HAN)), begin=st.integers(18, 23), end=st.integers(1, 9))
def test_the_next_day_ends_a_range_that_passes_midnight(text: str, begin: int, end: int) -> None:
    time = text.format(begin=begin, end=end)
    query = read(f"WLD001{time}的平均电流" if text in NEXT_HAN else f"mean current of WLD001 from {time}")
    yesterday = TODAY - timedelta(days=1)
    assert query.time is not None
    assert (query.time.start, query.time.end) == (yesterday.replace(hour=begin), TODAY.replace(hour=end))
    assert (query.periods, query.unread) == ((), ())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        *((f"WLD001{word}8点到10点的平均电流", word) for word in ("次日", "第二天", "翌日", "隔天")),
        *((f"WLD001{word}的最高温度", word) for word in ("次日", "第二天", "翌日", "隔天")),
        ("mean current of WLD001 the next day from 8:00 to 10:00", "the next day"),
        ("mean current of WLD001 from 8:00 to 10:00 on the following day", "following day"),
    ],
)
def test_the_next_day_of_no_day_is_named_and_is_no_time_to_come(text: str, named: str) -> None:
    query = read(text)
    assert any(named in each for each in query.unread)
    assert all(each.start and each.start <= NOW for each in query.periods)
