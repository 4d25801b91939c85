"""Answers tell stretches, shares and means of ranges in the order and the words that were asked for."""

from datetime import UTC, datetime, timedelta

import pytest

from llm_service.domain.model.request import ToolDefinition
from llm_service.domain.offline.answer_events import fitting
from llm_service.domain.offline.answer_series import last
from llm_service.domain.offline.answer_states import since, stretches
from llm_service.domain.offline.answer_writer import Answered, Report, in_time
from llm_service.domain.offline.chinese import Chinese
from llm_service.domain.offline.conversation import Conversation
from llm_service.domain.offline.english import English
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.phrases import Spells
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.query import TimeRange
from llm_service.domain.offline.resolve import resolve_conditions
from llm_service.domain.offline.result import DeviceCard, DeviceStatistics, FittingTime, Series, Spell
from llm_service.domain.offline.shown_zone import ShownZone
from llm_service.domain.offline.toolbox import Toolbox

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
TODAY = datetime(2026, 11, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
REPORT = Report(English())


def told(hour: int, rows: int = 0, spells: int = 0, *, of: int = 100) -> Answered:
    """The answer for an hour of today: so many of `of` rows, in so many spells of a minute each."""
    time = TimeRange(start=TODAY + hour * HOUR, end=TODAY + (hour + 1) * HOUR)
    held = FittingTime(seconds=60.0 * spells, range_seconds=3600.0, spells=spells)
    result = DeviceStatistics(
        device="WLD001", row_count=rows, rows_in_range=of, fields=(), time=time, fitting=held if spells else None
    )
    return Answered(result=result, time=time)


def test_the_longest_stretches_are_told_with_the_longest_first() -> None:
    query = parse_prompt("the 2 longest stops of WLD001 today", NOW)
    lengths = (60.0, 300.0, 120.0)
    listed = tuple(Spell(start=TODAY + at * HOUR, seconds=seconds) for at, seconds in enumerate(lengths))
    held = FittingTime(seconds=480.0, range_seconds=3600.0, spells=3, listed=listed)
    lines = stretches(REPORT, query, held).splitlines()
    assert lines[0] == "In 3 stretches, 8 minutes in all; the 2 longest:"
    assert [line[-12:] for line in lines[1:]] == [" (5 minutes)", " (2 minutes)"]


def test_stretches_are_told_in_the_order_of_time_otherwise() -> None:
    query = parse_prompt("list the stops of WLD001 today", NOW)
    listed = (Spell(start=TODAY, seconds=60.0), Spell(start=TODAY + HOUR, seconds=300.0))
    held = FittingTime(seconds=360.0, range_seconds=3600.0, spells=2, listed=listed)
    assert [line[-11:] for line in stretches(REPORT, query, held).splitlines()[1:]] == [" (1 minute)", "(5 minutes)"]


@pytest.mark.parametrize(
    ("text", "shortest"),
    [
        ("stops of WLD001 longer than 20 s today", "20.001s"),
        ("stops of WLD001 of at least 20 s today", "20s"),
        ("stops of WLD001 longer than 2 hours today", "7200.001s"),
    ],
)
def test_longer_than_asks_the_tool_for_a_millisecond_more(text: str, shortest: str) -> None:
    schema = '{"type": "object", "properties": {"device_code": {}, "durations": {}, "shortest_spell": {}}}'
    tools = Toolbox((ToolDefinition(name="device_statistics", parameters=schema),))
    talk = Conversation(question=text, earlier=(), outcomes=(), cards=())
    calls = CallPlanner(talk, tools, parse_prompt(text, NOW)).statistics("fitting")
    assert [call.arguments["shortest_spell"] for call in calls] == [shortest]


def test_of_two_times_of_a_device_the_earlier_comes_first() -> None:
    assert in_time([told(9), told(8)]) == [told(8), told(9)]
    assert in_time([told(8), told(9)]) == [told(8), told(9)]


SPELLS = Spells(count=1, total="1 hour", whole="1 hour", share="100", fitting=5, readings=5, longest="", begin="")


@pytest.mark.parametrize(
    ("readings", "english", "chinese"), [(5, "Yes, always: ", "是，一直"), (6, "No, not ", "不，并非")]
)
def test_always_is_yes_only_where_all_readings_fit(readings: int, english: str, chinese: str) -> None:
    asked = Spells(
        **{name: getattr(SPELLS, name) for name in ("count", "total", "whole", "share", "fitting", "longest", "begin")},
        readings=readings,
        whether=True,
        always=True,
    )
    assert English().spells("WLD001", "today", "where x", asked).startswith(english)
    assert Chinese().spells("WLD001", "今天", "满足 x ", asked).startswith(chinese)


def test_shares_of_several_ranges_are_told_in_the_order_of_a_ranking() -> None:
    query = parse_prompt("which hour today had the highest scrap rate on WLD001", NOW)
    ranges = tuple(each.time for each in (told(0), told(1), told(2)) if each.time)
    asked = {name: getattr(query, name) for name in query.__slots__} | {"periods": ranges, "interval": None}
    text = fitting(REPORT, type(query)(**asked), [told(0, 10), told(1, 50), told(2, 20)])
    assert [line[-15:] for line in text.splitlines()[1:]] == [": 50 % (50/100)", ": 20 % (20/100)", ": 10 % (10/100)"]


def test_the_mean_of_all_hours_counts_a_cut_hour_by_its_part() -> None:
    query = parse_prompt("how often per hour does WLD001 stop, on average, today?", NOW)
    half = TimeRange(start=TODAY + 2 * HOUR, end=TODAY + 2.5 * HOUR)
    answered = [told(0, 9, 6), told(1, 9, 8), Answered(result=told(2, 9, 6).result, time=half)]
    ranges = tuple(each.time for each in answered if each.time)
    asked = {name: getattr(query, name) for name in query.__slots__} | {"periods": ranges, "interval": None}
    assert fitting(REPORT, type(query)(**asked), answered).splitlines()[-1] == "On average: 8 times."


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("在 2026-11-28 ，WLD001 最高", "在 2026-11-28，WLD001 最高"),
        ("WLD001 在 2026-11-28  与 WLD002", "WLD001 在 2026-11-28 与 WLD002"),
        ("满足 quality_label = good的统计（共 5 条）：", "满足 quality_label = good 的统计（共 5 条）："),
        ("| 时间（UTC） | current |", "| 时间（UTC） | current |"),
        ("1号焊机", "1号焊机"),
    ],
)
def test_chinese_answers_have_no_blanks_beside_their_marks(text: str, tidy: str) -> None:
    assert Chinese().tidy(text) == tidy


def test_litres_of_a_flow_are_those_of_a_minute() -> None:
    card = DeviceCard(code="WLD001", fields=("gas_flow",), units={"gas_flow": "L/min"})
    found = resolve_conditions(parse_prompt("WLD001今天气体流量低于10升的时间", NOW), card)
    assert [(each.value, each.unit) for each in found.conditions] == [(10.0, "L/min")]
    assert found.not_converted == ()


@pytest.mark.parametrize(("ahead", "told_so"), [(timedelta(0), False), (timedelta(minutes=1), False), (3 * HOUR, True)])
def test_a_last_reading_that_is_still_to_come_is_told_to_be_so(ahead: timedelta, told_so: bool) -> None:
    times = ShownZone(now=NOW)
    series = Series(device="WLD001", columns=("current",), times=(NOW + ahead,), rows=((5.0,),))
    for say, text, remark in (
        (English(times), "current of WLD001 now", "That is 3 hours ahead of now"),
        (Chinese(times), "WLD001现在的电流", "该时间比现在还晚3 小时"),
    ):
        assert (remark in last(Report(say), parse_prompt(text, NOW), series)) == told_so


def test_what_no_longer_holds_is_told_without_the_time_of_a_reading_that_is_not_the_last() -> None:
    query = parse_prompt("since when has WLD001 been running?", NOW)
    held = FittingTime(seconds=60.0, range_seconds=3600.0, spells=1, last=Spell(start=TODAY, seconds=60.0))
    result = DeviceStatistics(
        device="WLD001", row_count=60, fields=(), time=TimeRange(start=TODAY, end=TODAY + HOUR), fitting=held
    )
    text = since(REPORT, query, Answered(result=result, time=None))
    assert "at its last reading; it last did from 2026-11-28 00:00 to 2026-11-28 00:01 UTC (1 minute)" in text
    assert "01:00" not in text
