"""Follow-ups by the clock, by what lies before, and by the other machine mean what a listener takes them for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.query import Statistic
from llm_service.testing import NOW, asked

YESTERDAY = datetime(2026, 11, 27, tzinfo=UTC)
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
HAN = ("一", "两", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
MINUTE = timedelta(minutes=1)


@settings(deadline=None)
@given(hour=st.integers(0, 23), said=st.integers(1, 12), chinese=st.booleans())
def test_a_bare_hour_is_the_one_nearest_to_the_time_before_and_as_exact(hour: int, said: int, chinese: bool) -> None:
    first, then = f"mean current of WLD003 yesterday at {hour:02d}:00", f"and at {NUMBERS[said - 1]}?"
    if chinese:
        first, then = f"WLD003昨天{hour:02d}:00的平均电流", f"那{HAN[said - 1]}点呢？"
    query = asked(first, then)
    choices = {said % 12, said % 12 + 12}
    assert query.time is not None
    assert query.time.start is not None
    nearest = min(abs(each - hour) for each in choices)
    assert query.time.start.hour in choices
    assert abs(query.time.start.hour - hour) == nearest
    assert query.time.start.date() == YESTERDAY.date()
    assert query.time.end == query.time.start + MINUTE
    assert (query.devices, query.statistics, query.unread) == (("WLD003",), (Statistic.MEAN,), ())


@pytest.mark.parametrize(
    ("follow", "hour"), [("and at 3 pm?", 15), ("and at 03:00?", 3), ("那凌晨三点呢？", 3), ("and at 3 am?", 3)]
)
def test_an_hour_whose_half_is_said_stays_in_it(follow: str, hour: int) -> None:
    query = asked("mean current of WLD003 at 14:00 yesterday", follow)
    assert query.time is not None
    assert query.time.start == YESTERDAY.replace(hour=hour)


def test_a_bare_hour_behind_a_part_of_a_day_lies_within_it() -> None:
    query = asked("mean current of WLD003 yesterday evening", "and at nine?")
    assert query.time is not None
    assert query.time.start == YESTERDAY.replace(hour=21)


@settings(deadline=None)
@given(
    minutes=st.integers(2, 59),
    form=st.sampled_from(
        [
            *(("{} minutes later?", 1), ("and {} minutes after that?", 1), ("再过{}分钟呢？", 1), ("{}分钟后呢？", 1)),
            *(("过了{}分钟呢？", 1), ("and {} minutes before that?", -1), ("{} minutes earlier?", -1)),
            ("往前{}分钟呢？", -1),
        ]
    ),
)
def test_so_many_minutes_later_count_from_the_time_before(minutes: int, form: tuple[str, int]) -> None:
    text, sign = form
    query = asked("mean current of WLD003 at 14:00 yesterday", "and at three?", text.format(minutes))
    assert query.time is not None
    assert query.time.start is not None
    assert query.time.start == YESTERDAY.replace(hour=15) + sign * minutes * MINUTE
    assert query.time.end == query.time.start + MINUTE


BEFORE = st.sampled_from(["and before that?", "before that?", "之前呢？", "在那之前呢？", "再之前呢", "and earlier?"])
AFTER = st.sampled_from(["and after that?", "afterwards?", "之后呢？", "那之后呢？", "and after that"])


@settings(deadline=None)
@given(before=BEFORE, hours=st.integers(1, 12))
def test_before_that_is_as_long_a_time_before(before: str, hours: int) -> None:
    first = asked(f"mean current of WLD003 in the last {hours} hours").time
    query = asked(f"mean current of WLD003 in the last {hours} hours", before)
    assert first is not None
    assert first.start is not None
    assert query.time is not None
    assert (query.time.start, query.time.end) == (first.start - timedelta(hours=hours), first.start)


@settings(deadline=None)
@given(after=AFTER)
def test_after_that_is_as_long_a_time_behind(after: str) -> None:
    query = asked("mean current of WLD003 yesterday from 9:00 to 10:00", after)
    assert query.time is not None
    assert (query.time.start, query.time.end) == (YESTERDAY.replace(hour=10), YESTERDAY.replace(hour=11))


@pytest.mark.parametrize(
    ("first", "then"), [("When did WLD003 stop last?", "and before that?"), ("WLD003上次停机是什么时候", "再之前呢？")]
)
def test_before_the_last_stop_there_is_the_one_before_it(first: str, then: str) -> None:
    query = asked(first, then)
    assert (query.latest, query.once, query.devices) == (2, False, ("WLD003",))


OTHER = st.sampled_from(
    ["and the other one?", "the other machine?", "and the other?", "另一台呢？", "另外一台呢？", "那另外那台呢？"]
)


@settings(deadline=None)
@given(other=OTHER)
def test_of_two_machines_spoken_of_the_other_is_the_one_not_asked_last(other: str) -> None:
    query = asked("stops of WLD003 yesterday", "and WLD001?", other)
    assert (query.devices, query.another, query.unread) == (("WLD003",), "", ())
    assert asked("stops of WLD003 yesterday", "and WLD001?", other, other).devices == ("WLD001",)


@settings(deadline=None)
@given(other=OTHER)
def test_the_other_machine_is_none_of_those_before(other: str) -> None:
    query = asked("stops of WLD003 yesterday", other)
    assert (query.devices, query.except_devices, query.another) == ((), ("WLD003",), "any")
    assert query.time == asked("stops of WLD003 yesterday").time


@pytest.mark.parametrize("text", ["And the other machine in that hall?", "同一车间的另一台呢？"])
def test_the_other_machine_may_be_that_of_the_same_hall(text: str) -> None:
    query = asked("stops of WLD003 yesterday", text)
    assert (query.another, query.unread) == ("group", ())


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("and the voltage of the first one?", "WLD003"),
        ("and the voltage of the second one?", "WLD002"),
        ("第一台的电压呢？", "WLD003"),
        ("第二台的电压呢？", "WLD002"),
        ("最后一台的电压呢？", "WLD002"),
    ],
)
def test_the_first_one_is_that_of_the_devices_told_before(text: str, device: str) -> None:
    query = asked("mean current of WLD003 and WLD002 yesterday", text)
    assert (query.devices, query.references, query.fields) == ((device,), (), ("voltage",))


@pytest.mark.parametrize("text", ["and the first one, what was its average current?", "第一台的平均电流呢"])
def test_the_first_one_behind_a_ranking_is_the_first_of_it(text: str) -> None:
    query = asked("Rank the machines by gas used yesterday", text)
    assert query.winner is not None
    assert query.fields == ("current",)


def test_the_second_of_a_ranking_is_asked_for_as_no_place_in_the_list_of_devices() -> None:
    query = asked("Rank the machines by gas used yesterday", "and the average current of the second one?")
    assert (query.references, query.another) == ((), "any")


@pytest.mark.parametrize("text", ["昨天下午两点的温度是多少度？", "的温度是几度"])
def test_degrees_are_no_word_that_was_not_understood(text: str) -> None:
    assert asked(f"WLD004{text}").unread == ()


Row = dict[str, Any]
PLACES = {"WLD001": "A", "WLD002": "B", "WLD003": "A", "WLD004": "B"}


def shop(*codes: str) -> Callable[[str, Row], Row]:
    def answer(name: str, arguments: Row) -> Row:
        if name == "list_devices":
            cards = [
                {"device_code": code, "fields": ["current"], "labels": {"source": "demo", "hall": PLACES[code]}}
                for code in codes
            ]
            return {"devices": cards}
        told = {"field": "current", "unit": "A", "count": 9, "mean": float(arguments["device_code"][-1])}
        return {"device_code": arguments["device_code"], "row_count": 9, "rows_in_range": 9, "statistics": [told]}

    return answer


KEYS = {
    "list_devices": ("search",),
    "device_statistics": ("device_code", "fields", "start_time", "end_time", "conditions"),
}


@pytest.fixture
def talk_in(shop_talk: Callable[..., Any]) -> Callable[..., Any]:
    def begun(*codes: str) -> Any:
        return shop_talk(NOW, KEYS, shop(*codes))

    return begun


async def test_of_two_machines_there_are_the_other_one_is_told(talk_in: Callable[..., Any]) -> None:
    talk = talk_in("WLD001", "WLD002")
    await talk.ask("mean current of WLD001 yesterday")
    assert "WLD002" in await talk.ask("and the other one?")


async def test_of_more_machines_it_is_asked_which_other_one_is_meant(talk_in: Callable[..., Any]) -> None:
    talk = talk_in(*PLACES)
    await talk.ask("mean current of WLD001 yesterday")
    answer = await talk.ask("另一台呢？")
    assert "WLD002、WLD003、WLD004" in answer
    assert "WLD001" not in answer


async def test_the_other_machine_of_the_same_hall_is_told(talk_in: Callable[..., Any]) -> None:
    talk = talk_in(*PLACES)
    await talk.ask("mean current of WLD002 yesterday")
    answer = await talk.ask("and the other machine in that hall?")
    assert "WLD004" in answer
    assert "4 A" in answer
