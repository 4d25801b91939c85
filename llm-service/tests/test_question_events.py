"""Questions about moments, times, durations, amounts, rankings and alternatives are read as what they ask."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Operator, Statistic, StructuredQuery

NOW = datetime(2026, 11, 28, 12, 34, tzinfo=UTC)  # a Saturday
TODAY = datetime(2026, 11, 28, tzinfo=UTC)
UNITS = {"hours": ("小时", timedelta(hours=1)), "minutes": ("分钟", timedelta(minutes=1))}
CHINESE = ["零", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十"]
DAYS = {"today": ("今天", 0), "yesterday": ("昨天", 1), "2 days ago": ("前天", 2)}


def moment_of(query: StructuredQuery) -> datetime | None:
    assert query.time is not None
    assert query.time.instant
    return query.time.start


def only(query: StructuredQuery) -> tuple[Operator, float | str]:
    (condition,) = query.conditions
    return condition.operator, condition.value


@settings(deadline=None)
@given(count=st.integers(2, 10), unit=st.sampled_from(sorted(UNITS)), worded=st.booleans())
def test_so_long_ago_is_that_moment(count: int, unit: str, *, worded: bool) -> None:
    chinese, length = UNITS[unit]
    asked = [f"voltage of WLD001 {count} {unit} ago", f"WLD001在{CHINESE[count] if worded else count}{chinese}前的电压"]
    for text in asked:
        query = parse_prompt(text, NOW)
        assert (moment_of(query), query.fields, query.unread) == (NOW - count * length, ("voltage",), ()), text


@settings(deadline=None)
@given(hour=st.integers(0, 23), minute=st.integers(0, 59), day=st.sampled_from(sorted(DAYS)))
def test_a_time_of_a_day_is_that_moment(hour: int, minute: int, day: str) -> None:
    chinese, back = DAYS[day]
    wanted = TODAY - timedelta(days=back) + timedelta(hours=hour, minutes=minute)
    for text in (
        f"temperature of WLD001 {day} at {hour:02}:{minute:02}",
        f"what was the temperature of WLD001 at {hour:02}:{minute:02} {day}?",
        f"WLD001{chinese}{hour}点{minute:02}分的温度",
    ):
        query = parse_prompt(text, NOW)
        assert query.time is not None
        assert query.time.start == wanted, text
        # What is still to come has no value yet.
        assert query.time.instant == (wanted <= NOW), text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("temperature of WLD001 at noon", "2026-11-28 12:00"),
        ("temperature of WLD001 at midnight", "2026-11-28 00:00"),
        ("temperature of WLD001 at quarter to five yesterday afternoon", "2026-11-27 16:45"),
        ("temperature of WLD001 last Tuesday at 14:30", "2026-11-24 14:30"),
        ("temperature of WLD001 half an hour ago", "2026-11-28 12:04"),
        ("temperature of WLD001 yesterday at 5 pm Berlin time", "2026-11-27 16:00"),
        ("temperature of WLD001 at 2026-11-28T10:00:00+01:00", "2026-11-28 09:00"),
        ("WLD001中午12点的温度", "2026-11-28 12:00"),
        ("WLD001今天凌晨三点的温度", "2026-11-28 03:00"),
        ("WLD001昨天下午四点三刻的温度", "2026-11-27 16:45"),
        ("WLD001半小时前的温度", "2026-11-28 12:04"),
        ("WLD001零点的温度", "2026-11-28 00:00"),
    ],
)
def test_a_moment_is_read_in_the_ways_it_is_said(text: str, wanted: str) -> None:
    query = parse_prompt(text, NOW)
    moment = moment_of(query)
    assert moment is not None
    assert moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M") == wanted
    assert query.unread == ()


def test_a_moment_in_a_zone_is_that_of_its_summer_time() -> None:
    query = parse_prompt("current of WLD001 on 2026-07-01 at 10:00 Europe/Berlin", NOW)
    assert moment_of(query) == datetime(2026, 7, 1, 10, tzinfo=ZoneInfo("Europe/Berlin"))
    assert query.time is not None
    assert query.time.start is not None
    assert query.time.start.astimezone(UTC).hour == 8


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("current of WLD001 since noon", "2026-11-28 12:00", None),
        ("WLD001从中午到现在的电流", "2026-11-28 12:00", None),
        ("WLD001昨天上午九点到中午的电流", "2026-11-27 09:00", "2026-11-27 12:00"),
        ("WLD001从8点到中午的电流", "2026-11-28 08:00", "2026-11-28 12:00"),
        ("WLD001上午8点到中午的电流", "2026-11-28 08:00", "2026-11-28 12:00"),
        ("current of WLD001 from 8 to noon", "2026-11-28 08:00", "2026-11-28 12:00"),
        ("WLD001周五上午九点到中午的电流", "2026-11-27 09:00", "2026-11-27 12:00"),
        ("mean current of WLD001 in Q3", "2026-07-01 00:00", "2026-10-01 00:00"),
        ("mean current of WLD001 in Q1 2025", "2025-01-01 00:00", "2025-04-01 00:00"),
        ("WLD001第三季度的平均电流", "2026-07-01 00:00", "2026-10-01 00:00"),
        ("mean current of WLD001 this quarter", "2026-10-01 00:00", "2027-01-01 00:00"),
        ("mean current of WLD001 week to date", "2026-11-23 00:00", "2026-11-30 00:00"),
        ("mean current of WLD001 month to date", "2026-11-01 00:00", "2026-12-01 00:00"),
    ],
)
def test_ends_at_noon_and_stretches_of_the_calendar_are_ranges(text: str, start: str, end: str | None) -> None:
    query = parse_prompt(text, NOW)
    assert query.time is not None
    assert not query.time.instant
    shown = [moment and f"{moment:%Y-%m-%d %H:%M}" for moment in (query.time.start, query.time.end)]
    assert shown == [start, end]


def test_a_third_quartile_stays_a_percentile() -> None:
    assert parse_prompt("q3 of the current of WLD001 today", NOW).percentiles == (75.0,)


TIMES = st.sampled_from(
    [
        ("how many times did the current of WLD001 exceed {} today?", Statistic.EVENTS),
        ("how often was the current of WLD001 above {} today?", Statistic.EVENTS),
        ("WLD001今天电流超过{}几次", Statistic.EVENTS),
        ("WLD001今天电流大于{}的次数", Statistic.EVENTS),
        ("how long was the current of WLD001 above {} today?", Statistic.DURATION),
        ("what share of the time was the current of WLD001 above {} today?", Statistic.DURATION),
        ("WLD001今天电流超过{}多久", Statistic.DURATION),
        ("WLD001今天电流大于{}的时间占比", Statistic.DURATION),
    ]
)


@settings(deadline=None)
@given(asked=TIMES, value=st.integers(1, 900))
def test_times_and_durations_of_a_condition_are_asked_for(asked: tuple[str, Statistic], value: int) -> None:
    text, statistic = asked
    query = parse_prompt(text.format(value), NOW)
    assert query.statistics == (statistic,), text
    assert only(query) == (Operator.GT, value)
    assert query.unread == ()
    assert query.counted_as


@pytest.mark.parametrize(
    "text",
    [
        "did the current of WLD001 go above 250 in the last hour?",
        "was the current of WLD001 ever above 250 in the last hour?",
        "最近一小时WLD001的电流有没有超过250",
        "WLD001最近一小时电流超过250了吗",
    ],
)
def test_whether_something_ever_was_is_a_question_for_its_times(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.whether
    assert query.statistics == (Statistic.EVENTS,)
    assert only(query) == (Operator.GT, 250.0)


@pytest.mark.parametrize(
    ("text", "operator"),
    [
        ("what percent of the last 4 hours was WLD004 idle?", Operator.LT),
        ("how many hours was WLD003 in use yesterday?", Operator.GE),
        ("WLD004过去四小时空闲的比例", Operator.LT),
        ("WLD003昨天运行了多少小时", Operator.GE),
    ],
)
def test_a_state_is_a_condition_that_the_answer_tells(text: str, operator: Operator) -> None:
    query = parse_prompt(text, NOW)
    assert only(query) == (operator, 5.0)
    assert [note.words[1] for note in query.notes] == [f"current {operator} 5"]


@pytest.mark.parametrize("beside", ["idle machine's mean current of WLD004 today", "WLD004今天空闲平均电流"])
def test_a_state_that_nothing_leads_to_stays_unread(beside: str) -> None:
    query = parse_prompt(beside, NOW)
    assert not query.conditions
    assert query.unread in {("idle",), ("空闲",)}


@pytest.mark.parametrize(
    "text",
    [
        "readings of WLD001 where current is above 250 or voltage is below 15 today - how many?",
        "how many readings of WLD001 with current > 250 or voltage < 15 today",
        "WLD001今天电流高于250或者电压低于15的数据有多少条",
    ],
)
def test_of_conditions_joined_by_or_one_is_enough(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.any_condition
    assert [(each.field, each.operator) for each in query.conditions] == [
        ("current", Operator.GT),
        ("voltage", Operator.LT),
    ]
    assert query.unread == ()


def test_conditions_joined_by_or_and_and_stay_in_doubt() -> None:
    query = parse_prompt("how many readings of WLD001 with current > 2 and voltage > 3 or temperature > 4 today", NOW)
    assert not query.any_condition
    assert "or" in query.unread


@settings(deadline=None)
@given(count=st.integers(2, 9))
def test_so_many_of_a_ranking_are_asked_for(count: int) -> None:
    for text in (
        f"top {count} machines by average temperature today",
        f"the {count} machines with the highest average temperature today, ranked",
        f"今天平均温度最高的前{CHINESE[count]}台机器",
        f"今天平均温度最高的{count}台机器排名",
    ):
        query = parse_prompt(text, NOW)
        assert query.rank, text
        assert query.all_devices, text
        assert Statistic.MEAN in query.statistics
        if "ranked" not in text and "排名" not in text:
            assert query.top == count, text


@pytest.mark.parametrize(
    "text", ["in what unit is the current measured?", "what unit is current in?", "电流的单位是什么", "电流是什么单位"]
)
def test_units_are_asked_for(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.asks_unit, query.fields) == (Intent.LIST_DEVICES, True, ("current",))


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("mean current of WLD001 during the night shift (22:00 to 06:00)", False),
        ("WLD001早班（6点到14点）的平均电流", False),
        ("WLD001夜班22点到次日6点的平均电流", False),
        ("mean current of WLD001 during the day shift", True),
        ("mean current of WLD001 in the early shift last week", True),
        ("WLD001夜班9点到10点的平均电流", True),
    ],
)
def test_a_shift_is_understood_by_the_hours_beside_it(text: str, *, unread: bool) -> None:
    assert bool(parse_prompt(text, NOW).unread) == unread


@pytest.mark.parametrize("text", ["Will WLD001 be hot tomorrow?", "WLD001明天的温度是多少"])
def test_days_to_come_are_refused(text: str) -> None:
    assert parse_prompt(text, NOW).refused in {"tomorrow", "明天"}


@pytest.mark.parametrize(
    "text", ["difference in mean current of WLD001 between today and yesterday", "WLD001今天和昨天的平均电流相差多少"]
)
def test_a_difference_between_two_days_is_one_of_both(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.intent is Intent.COMPARE
    assert [time.start for time in query.periods] == [TODAY, TODAY - timedelta(days=1)]


@pytest.mark.parametrize(
    ("text", "recent"),
    [
        ("is the temperature of WLD001 rising?", True),
        ("WLD001温度在上升吗", True),
        ("is the temperature of WLD001 rising today?", False),
        ("trend of the temperature of WLD001", False),
    ],
)
def test_what_is_rising_is_asked_of_the_time_up_to_now(text: str, *, recent: bool) -> None:
    assert parse_prompt(text, NOW).recent == recent


@pytest.mark.parametrize("text", ["how much gas did WLD001 use today", "WLD001今天的用气总量", "WLD001今天累计用气量"])
def test_an_amount_is_an_integral(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.fields) == ((Statistic.INTEGRAL,), ("gas_flow",))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("mean current of WLD001 today 6:00-14:00", "2026-11-28 06:00", "2026-11-28 14:00"),
        ("mean current of WLD001 from 2026-11-28T06:00-05:00 on", "2026-11-28 11:00", None),
        ("mean current of WLD001 in the last quarter (Q3)", "2026-07-01 00:00", "2026-10-01 00:00"),
        ("mean current of WLD001 for the last quarter of an hour", "2026-11-28 12:19", "2026-11-28 12:34"),
        ("WLD001夜班22点到次日6点的平均电流", "2026-11-27 22:00", "2026-11-28 06:00"),
    ],
)
def test_a_dash_between_times_is_a_range_and_behind_a_date_an_offset(text: str, start: str, end: str | None) -> None:
    time = parse_prompt(text, NOW).time
    assert time is not None
    shown = [moment and moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M") for moment in (time.start, time.end)]
    assert shown == [start, end]


def test_a_greeting_is_neither_a_time_nor_a_quality() -> None:
    for text in ("Good morning, mean current of WLD001 in the last hour?", "早上好，WLD001最近一小时的平均电流"):
        query = parse_prompt(text, NOW)
        assert (query.conditions, query.periods, query.unread) == ((), (), ()), text


def test_what_is_excluded_is_of_the_field_that_is_asked_about() -> None:
    query = parse_prompt("mean current of WLD001 excluding values below 10 in the last hour", NOW)
    assert only(query) == (Operator.GE, 10.0)
    assert query.unread == ()


@pytest.mark.parametrize(
    ("text", "operator"),
    [
        ("今天WLD001电压跌破10伏多少次", Operator.LT),
        ("how many times did the voltage of WLD001 dip below 10 V today", Operator.LT),
        ("how many times did the voltage of WLD001 cross 10 V today", Operator.GT),
        ("WLD001今天电压超过了10伏几次", Operator.GT),
    ],
)
def test_verbs_of_crossing_a_value_compare(text: str, operator: Operator) -> None:
    query = parse_prompt(text, NOW)
    assert only(query) == (operator, 10.0)
    assert query.statistics == (Statistic.EVENTS,)


@pytest.mark.parametrize(
    "text", ["is WLD001 cooling down?", "WLD001在降温吗", "how fast is WLD001 heating up?", "WLD001升温多快"]
)
def test_heating_up_is_a_course_of_the_temperature(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.fields, query.unit, query.unread) == (Intent.TREND, ("temperature",), "", ())


def test_the_quality_of_the_latest_weld_is_asked_for() -> None:
    query = parse_prompt("what is the quality of the latest weld on WLD002?", NOW)
    assert (query.statistics, query.fields) == ((Statistic.LAST,), ("quality_label",))


@pytest.mark.parametrize("text", ["is the machine WLD001 busier today than yesterday?", "WLD001今天比昨天忙吗"])
def test_busier_is_for_how_long_a_machine_ran(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.statistics == (Statistic.DURATION,)
    assert only(query) == (Operator.GE, 5.0)
    assert len(query.periods) == 2


def test_times_in_a_list_are_of_the_same_half_of_the_day() -> None:
    for text in ("voltage of WLD001 yesterday at 4 pm, 5 pm and 6 pm", "WLD001昨天下午4点、5点、6点的电压"):
        query = parse_prompt(text, NOW)
        assert [time.start and time.start.hour for time in query.periods] == [16, 17, 18], text
        assert all(time.instant for time in query.periods)


@pytest.mark.parametrize(
    ("text", "statistics"),
    [
        ("total arc-on time of WLD001 today", (Statistic.DURATION,)),
        ("WLD001今天的燃弧时间总共多长", (Statistic.DURATION,)),
        ("idle time of WLD001 today", (Statistic.DURATION,)),
        ("when was WLD002 idle the longest today?", (Statistic.DURATION,)),
        ("WLD002今天空闲最久是什么时候", (Statistic.DURATION,)),
        ("过去20分钟WLD003超过200安的时间有多少秒", (Statistic.DURATION,)),
    ],
)
def test_times_of_running_and_idling_are_durations(text: str, statistics: tuple[Statistic, ...]) -> None:
    query = parse_prompt(text, NOW)
    assert query.statistics == statistics
    assert len(query.conditions) == 1
    assert query.unread == ()


def test_who_used_least_is_asked_by_what_was_used() -> None:
    query = parse_prompt("今天哪台机器用气最少", NOW)
    assert query.rank
    assert set(query.statistics) == {Statistic.INTEGRAL, Statistic.MIN}


@pytest.mark.parametrize("text", ["since when has WLD001 been above 60 degrees?", "WLD001温度从什么时候开始超过60度"])
def test_the_begin_of_what_still_holds_is_asked_for(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.since, query.unread, only(query)) == (True, (), (Operator.GT, 60))


def test_the_first_half_of_a_day_is_its_morning() -> None:
    time = parse_prompt("WLD001今天上半天的平均电流", NOW).time
    assert time is not None
    assert (time.start, time.end) == (TODAY, TODAY + timedelta(hours=12))


@pytest.mark.parametrize(
    "text",
    [
        "mean current of WLD003 in 15 minute steps for the last hour",
        "mean current of WLD003 at 15-minute intervals for the last hour",
        "WLD003最近一小时以15分钟为间隔的平均电流",
        "WLD003最近一小时平均电流，15分钟一个点",
    ],
)
def test_steps_of_time_are_rows_per_interval(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.interval == timedelta(minutes=15)
    assert query.time is not None
    assert query.time.start == NOW - timedelta(hours=1)
    assert query.unread == ()


@pytest.mark.parametrize("text", ["did any machine exceed 1000 A today?", "今天有没有机器电流超过1000安"])
def test_any_machine_is_every_one(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.all_devices
    assert query.whether


@pytest.mark.parametrize("text", ["今天WLD001的平均电流比WLD004高多少", "14:00的时候WLD001和WLD003的温度差"])
def test_a_difference_of_two_devices_is_a_comparison(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.unread) == (Intent.COMPARE, ())


def test_what_was_measured_a_while_ago_are_the_values_then() -> None:
    query = parse_prompt("what did WLD002 measure 10 minutes ago?", NOW)
    assert query.intent is Intent.STATISTICS
    assert moment_of(query) == NOW - timedelta(minutes=10)


def test_who_is_highest_of_two_at_the_moment_is_a_ranking_of_last_values() -> None:
    query = parse_prompt("Who has the highest temperature, WLD001 or WLD003, at the moment?", NOW)
    assert query.rank
    assert set(query.statistics) == {Statistic.MAX, Statistic.LAST}
    assert query.unread == ()


def test_summing_up_a_device_asks_for_its_usual_numbers() -> None:
    query = parse_prompt("sum up WLD003 since Friday", NOW)
    assert (query.intent, query.statistics, query.unread) == (Intent.STATISTICS, (), ())
