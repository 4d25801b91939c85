"""Questions for single stretches, for groups, in slips of the pen, and of parts of a day are read as they are meant."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.follow_up import completed
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, Intent, Note, Operator, Remark, Statistic
from llm_service.domain.offline.question_parts import by_label

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
TODAY = datetime(2026, 11, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
IDLE = Condition(field="current", operator=Operator.LT, value=5.0)
RUNNING = Condition(field="current", operator=Operator.GE, value=5.0)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("how many times did WLD002 stop today?", IDLE),
        ("WLD001今天停了几次", IDLE),
        ("how many stops did WLD003 have yesterday?", IDLE),
        ("how many times was the arc on today on WLD001?", RUNNING),
    ],
)
def test_a_verb_for_stopping_is_a_state_that_is_counted(text: str, state: Condition) -> None:
    query = parse_prompt(text, NOW)
    assert (query.conditions, query.statistics, query.unread) == ((state,), (Statistic.EVENTS,), ())


def test_an_order_to_stop_is_still_refused() -> None:
    assert parse_prompt("stop WLD001", NOW).refused == "stop"


LENGTHS = st.sampled_from(
    [("minutes", "分钟", timedelta(minutes=1)), ("seconds", "秒", timedelta(seconds=1)), ("hours", "小时", HOUR)]
)
ENGLISH = (
    "list all stops longer than {} on WLD003 today",
    "how many stops of more than {} did WLD003 have today?",
    "how often was WLD003 idle for more than {} today?",
    "how often was WLD003 idle for at least {} today?",
    "how many times was the temperature of WLD003 above 60 for over {} today?",
)
CHINESE = ("WLD003今天超过{}的停机有几次", "WLD003今天停机超过{}的有几次", "WLD003今天{}以上的停机有几次")


@settings(deadline=None)
@given(count=st.integers(2, 90), unit=LENGTHS, template=st.sampled_from((*ENGLISH, *CHINESE)))
def test_the_least_length_of_a_stretch_is_no_range_of_time(
    count: int, unit: tuple[str, str, timedelta], template: str
) -> None:
    english, chinese, length = unit
    query = parse_prompt(template.format(f"{count} {english}" if template in ENGLISH else f"{count}{chinese}"), NOW)
    assert (query.least, query.unread, query.statistics) == (count * length, (), (Statistic.EVENTS,))
    assert query.time is not None
    assert query.time.start == TODAY
    assert len(query.conditions) == 1


@pytest.mark.parametrize(
    "text", ["mean current of WLD001 over 3 hours", "mean current of WLD001 for more than 5 welds"]
)
def test_a_length_of_nothing_that_lasts_is_no_least_length(text: str) -> None:
    assert parse_prompt(text, NOW).least is None


@pytest.mark.parametrize(
    "text",
    [
        "how long did each stop of WLD002 take this morning?",
        "average length of a weld on WLD002 yesterday",
        "平均每次停机多长时间，WLD001，昨天",
        "WLD001今天每次停机多久",
        "list periods yesterday where WLD001 was down for more than 10 min",
        "list the stops of WLD001 today",
    ],
)
def test_the_single_stretches_are_asked_for(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.each, query.unread) == (True, ())
    assert Statistic.MEAN not in query.statistics


@pytest.mark.parametrize(
    "text",
    [
        "how much longer was WLD001 running than WLD002 today?",
        "was WLD001 running longer than WLD002 today?",
        "WLD001今天比WLD002多运行了多久",
    ],
)
def test_two_durations_are_compared(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.statistics, query.unread) == (Intent.COMPARE, (Statistic.DURATION,), ())
    assert query.conditions == (RUNNING,)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("哪个车间今天用气更多，A还是B？", ("A", "B")),
        ("which hall used more gas today, A or B?", ("A", "B")),
        ("which hall used more gas today?", ()),
        ("哪个车间今天平均电流最大", ()),
    ],
)
def test_a_group_is_asked_for(text: str, labels: tuple[str, ...]) -> None:
    query = parse_prompt(text, NOW)
    assert query.by_group
    assert tuple(reference.label for reference in query.references) == labels
    assert (query.all_devices, query.unread) == (not labels, ())


@pytest.mark.parametrize(
    ("text", "written", "taken"),
    [
        ("WLD002今天的温渡最高是多少", "温渡", "温度"),
        ("WLD001 平军电流 最近两小时", "平军", "平均"),
        ("WLD001昨天的电鸭最大值", "电鸭", "电压"),
        ("WLD001今天送司速度的平均值", "送司速度", "送丝速度"),
    ],
)
def test_a_character_that_sounds_like_the_right_one_is_read_as_it_and_said(text: str, written: str, taken: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.unread == ()
    assert Note(remark=Remark.READ_AS, words=(written, taken)) in query.notes


def test_a_character_beside_a_known_word_does_not_cut_it() -> None:
    query = parse_prompt("WLD001昨天天电流大于5的有几条", NOW)
    assert query.conditions == (Condition(field="current", operator=Operator.GT, value=5.0),)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("早上WLD004的最高温度", 6, 12),
        ("mean current of WLD001 this morning", 6, 12),
        ("mean current of WLD001 in the first half of the day", 0, 12),
        ("WLD001昨天下半天的平均电流", -12, 0),
        ("昨天夜班（22点到今天6点）WLD002 的平均电流是多少", -2, 6),
        ("WLD002 22点到今天6点的平均电流", -2, 6),
    ],
)
def test_parts_of_a_day_have_their_hours(text: str, start: int, end: int) -> None:
    query = parse_prompt(text, NOW)
    assert query.time is not None
    assert (query.time.start, query.time.end) == (TODAY + start * HOUR, TODAY + end * HOUR)
    assert query.unread == ()


def test_before_its_morning_has_begun_this_morning_is_what_there_was_of_the_day() -> None:
    query = parse_prompt("mean current of WLD001 this morning", TODAY + 3 * HOUR)
    assert query.time is not None
    assert (query.time.start, query.refused) == (TODAY, "")


@pytest.mark.parametrize("text", ["WLD003 昨天焊了多少米焊丝", "how many metres of wire did WLD003 weld yesterday?"])
def test_metres_of_wire_are_what_was_fed(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.fields, query.statistics, query.unit) == (("wire_feed",), (Statistic.INTEGRAL,), "m")
    assert query.unread == ()


@pytest.mark.parametrize(
    "text", ["what percentage of readings of WLD001 today have no quality label?", "WLD001今天未标注的数据占比"]
)
def test_a_missing_label_is_told_by_the_counts_of_all_labels(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.fields, query.statistics, query.conditions, query.unread) == (("quality_label",), (), (), ())


def test_the_missing_label_of_readings_that_are_averaged_is_named() -> None:
    assert "unlabelled" in parse_prompt("mean current of unlabelled readings of WLD001 today", NOW).unread


@pytest.mark.parametrize(
    "text", ["any gaps in the data of WLD003 yesterday?", "when was WLD003 offline yesterday?", "WLD003昨天有没有断线"]
)
def test_gaps_are_asked_for_by_many_words(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.unread) == ((Statistic.MISSING_RATIO,), ())


def test_top_two_hottest_machines_are_two_of_a_ranking() -> None:
    query = parse_prompt("top 2 hottest machines in the past 3 hours", NOW)
    assert (query.top, query.rank, query.fields, query.unread) == (2, True, ("temperature",), ())


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("what's the duty cycle of WLD002 today?", RUNNING),
        ("WLD002今天的利用率是多少", RUNNING),
        ("which machine had the best utilization today?", RUNNING),
        ("WLD002今天的停机率", IDLE),
    ],
)
def test_a_duty_cycle_is_the_share_of_time_in_a_state(text: str, state: Condition) -> None:
    query = parse_prompt(text, NOW)
    assert (query.conditions, Statistic.DURATION in query.statistics, query.unread) == ((state,), True, ())


@pytest.mark.parametrize("text", ["lowest non-zero current of WLD001 today", "WLD001今天非零电流的最小值"])
def test_what_is_not_zero_is_a_condition(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.conditions == (Condition(field="current", operator=Operator.NE, value=0.0),)
    assert (query.statistics, query.unread) == ((Statistic.MIN,), ())


@pytest.mark.parametrize("text", ["peak current of WLD003 today without spikes", "WLD003今天的最大电流，去掉异常值"])
def test_readings_far_from_the_rest_can_be_left_out(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.robust, query.statistics, query.unread) == (True, (Statistic.MAX,), ())


def test_which_fluctuates_more_is_decided_by_one_number() -> None:
    assert parse_prompt("WLD001和WLD002昨天哪个电流波动更大", NOW).statistics[:1] == (Statistic.STD,)
    assert Statistic.RANGE not in parse_prompt("WLD001和WLD002昨天哪个电流波动更大", NOW).statistics


def test_today_and_yesterday_at_the_same_time_are_both_days_up_to_now() -> None:
    query = parse_prompt("how does today's average current of WLD004 compare to yesterday's at the same time?", NOW)
    ranges = [(time.start, time.end) for time in query.periods]
    yesterday = TODAY - timedelta(days=1)
    assert ranges == [(TODAY, NOW), (yesterday, NOW - timedelta(days=1))]


@pytest.mark.parametrize(
    ("text", "label", "operator"),
    [
        ("WLD001昨天的合格率", "good", Operator.EQ),
        ("defect rate of WLD001 yesterday", "good", Operator.NE),
        ("which machine had the best quality rate today?", "good", Operator.EQ),
    ],
)
def test_a_quality_rate_is_the_share_of_a_label(text: str, label: str, operator: Operator) -> None:
    query = parse_prompt(text, NOW)
    assert query.conditions == (Condition(field="quality_label", operator=operator, value=label),)
    assert (Statistic.SHARE in query.statistics, query.unread) == (True, ())


def test_the_lowest_defect_rate_is_the_best() -> None:
    assert Statistic.MIN in parse_prompt("which machine had the best defect rate today?", NOW).statistics
    assert "best" in parse_prompt("best temperature of WLD001 today", NOW).unread


@pytest.mark.parametrize(
    ("text", "intent", "statistics"),
    [
        ("how much has the temperature of WLD001 dropped since noon?", Intent.TREND, ()),
        ("最近10分钟WLD002有数据吗", Intent.STATISTICS, (Statistic.COUNT,)),
        ("when did we last hear from WLD004?", Intent.QUERY, (Statistic.LAST,)),
        ("What kinds of defects did WLD004 have yesterday?", Intent.STATISTICS, ()),
    ],
)
def test_further_ways_of_asking_are_understood(text: str, intent: Intent, statistics: tuple[Statistic, ...]) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.statistics, query.unread) == (intent, statistics, ())


def test_a_colon_behind_a_number_ends_a_condition() -> None:
    query = parse_prompt("WLD001 current > 150 and temperature > 50: how many readings today?", NOW)
    assert [condition.value for condition in query.conditions] == [150.0, 50.0]


def test_readings_with_one_label_and_with_another_are_two_questions() -> None:
    query = parse_prompt("WLD001 current when the quality is porosity yesterday vs when it is good", NOW)
    apart = by_label(query)
    assert [each.conditions[-1].value for each in apart] == ["porosity", "good"]
    assert all(len(each.conditions) == 1 and not each.periods for each in apart)


@pytest.mark.parametrize(
    "text", ["which machine exceeded 220 A most often yesterday?", "昨天哪台焊机超过220A的次数最多"]
)
def test_most_often_ranks_by_the_number_of_times(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.rank, Statistic.EVENTS in query.statistics, query.unread) == (True, True, ())


@pytest.mark.parametrize(
    "text", ["WLD001 gas flow never below 10 while welding today, true?", "WLD001今天气体流量从未低于10对吗"]
)
def test_whether_something_never_was_asks_whether_it_was(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.conditions[0] == Condition(field="gas_flow", operator=Operator.LT, value=10.0)
    assert (query.statistics, query.whether, query.unread) == ((Statistic.EVENTS,), False, ())


@pytest.mark.parametrize(
    "text",
    [
        "what is the data range available for WLD001",
        "since when do we have data on WLD003?",
        "WLD001的数据从什么时候开始",
    ],
)
def test_how_far_the_data_reach_is_told_with_the_device(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.unread) == (Intent.LIST_DEVICES, ())


def test_the_machines_of_a_hall_are_counted() -> None:
    query = parse_prompt("how many machines are there in hall A?", NOW)
    assert (query.intent, query.unread) == (Intent.LIST_DEVICES, ())


def test_which_machines_were_so_at_a_moment_is_no_count_of_readings() -> None:
    query = parse_prompt("yesterday 3pm: which machines were idle?", NOW)
    assert (query.holds, query.statistics, query.unread) == (True, (), ())


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        ("平均電流 WLD002 今天", "平均电流 WLD002 今天"),
        ("WLD001昨天溫度最高是多少", "WLD001昨天温度最高是多少"),
        ("WLD003過去兩個小時的氣體流量", "WLD003过去两个小时的气体流量"),
    ],
)
def test_traditional_characters_are_read_as_simplified_ones(traditional: str, simplified: str) -> None:
    assert parse_prompt(traditional, NOW) == parse_prompt(simplified, NOW)


def test_a_field_named_in_traditional_characters_keeps_its_name() -> None:
    query = parse_prompt("WLD001今天的電流平均值", NOW, known_fields=("電流",))
    assert (query.fields, query.unread) == (("電流",), ())


@pytest.mark.parametrize(
    "text", ["number of starts of WLD004 yesterday", "how many starts did WLD004 have yesterday?", "WLD004昨天启动次数"]
)
def test_starts_are_counted_as_what_begins_to_run(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.conditions, query.statistics, query.unread) == ((RUNNING,), (Statistic.EVENTS,), ())


def test_how_long_ago_something_last_was_asks_for_its_last_time() -> None:
    query = parse_prompt("how long since WLD002 last welded?", NOW)
    assert (query.when, query.once, query.conditions, query.unread) == (True, True, (RUNNING,), ())


def test_how_long_something_has_not_been_asks_since_when_it_is_not() -> None:
    query = parse_prompt("WLD003多久没焊了", NOW)
    assert (query.since, query.conditions, query.unread) == (True, (IDLE,), ())


@pytest.mark.parametrize(
    "text",
    [
        "distribution of the current of WLD002 yesterday",
        "WLD002昨天电流的分布",
        "histogram of current WLD002 yesterday",
    ],
)
def test_a_distribution_of_numbers_is_told_by_percentiles_and_said(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.percentiles, query.unread) == ((5.0, 25.0, 50.0, 75.0, 95.0), ())
    assert any(note.remark is Remark.READ_AS for note in query.notes)


@pytest.mark.parametrize(
    "text",
    [
        "WLD001 昨天 10:00-11:00 和 今天 10:00-11:00 的平均电流对比",
        "WLD001 昨天10点到11点和今天10点到11点的电流差多少",
        "compare the current of WLD001 yesterday 10:00-11:00 and today 10:00-11:00",
    ],
)
def test_the_hours_of_two_days_are_two_ranges(text: str) -> None:
    query = parse_prompt(text, NOW)
    begins = [TODAY - timedelta(hours=14), TODAY + timedelta(hours=10)]
    assert [(time.start, time.end) for time in query.periods] == [(begin, begin + HOUR) for begin in begins]


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("mean current of WLD003 at night vs during the day yesterday", [(-6, 6), (-18, -6)]),
        ("compare the mean current of WLD003 yesterday morning and afternoon", [(-18, -12), (-12, -6)]),
        ("WLD003昨天上午和下午的平均电流对比", [(-18, -12), (-12, -6)]),
    ],
)
def test_parts_of_a_day_are_those_of_the_day_that_is_named(text: str, ranges: list[tuple[int, int]]) -> None:
    query = parse_prompt(text, NOW)
    found = [(time.start, time.end) for time in query.periods]
    assert found == [(TODAY + start * HOUR, TODAY + end * HOUR) for start, end in ranges]


@pytest.mark.parametrize("text", ["mean current of WLD001 in the morning yesterday", "WLD001早上的平均电流，昨天"])
def test_a_part_before_its_day_is_of_that_day(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.time is not None
    assert (query.time.start, query.time.end) == (TODAY - 18 * HOUR, TODAY - 12 * HOUR)


@pytest.mark.parametrize(
    "text", ["how much gas was wasted while WLD002 was idle yesterday", "WLD002昨天空闲时浪费了多少气"]
)
def test_what_was_used_in_a_state_is_an_amount(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.fields, query.statistics, query.conditions) == (("gas_flow",), (Statistic.INTEGRAL,), (IDLE,))


@pytest.mark.parametrize(
    "text", ["昨天WLD001平均每小时用多少气", "on average how much gas per hour did WLD001 use yesterday?"]
)
def test_an_average_use_per_hour_is_a_rate_and_no_rows(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.unit, query.interval) == ((Statistic.MEAN,), "L/h", None)


@pytest.mark.parametrize(
    "text", ["which was the busiest hour of WLD001 yesterday", "what was the hottest hour of WLD001 yesterday?"]
)
def test_the_hour_at_an_end_is_asked_for(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.interval, query.rank, query.unread) == (HOUR, True, ())


@pytest.mark.parametrize("text", ["which device is the least used this week?", "这周哪台设备用得最少"])
def test_the_least_used_ran_for_the_shortest_time(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.conditions == (RUNNING,)
    assert set(query.statistics) == {Statistic.MIN, Statistic.DURATION}


def test_a_number_is_not_compared_with_a_word() -> None:
    assert parse_prompt("the gas was purple on WLD002 yesterday", NOW).conditions == ()


def test_rows_without_a_value_of_a_field_are_its_missing_ones() -> None:
    query = parse_prompt("how many rows does WLD001 have without a temperature value today", NOW)
    assert (query.statistics, query.fields, query.unread) == ((Statistic.MISSING_RATIO,), ("temperature",), ())


def test_the_most_of_something_used_is_an_amount_and_no_state() -> None:
    query = parse_prompt("Which machine used the most wire yesterday?", NOW)
    assert (query.fields, query.conditions, query.rank) == (("wire_feed",), (), True)
    assert Statistic.INTEGRAL in query.statistics


@pytest.mark.parametrize("text", ["List all devices in hall B", "列出B车间的所有设备"])
def test_the_machines_of_a_hall_are_listed(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.unread) == (Intent.LIST_DEVICES, ())
    assert [reference.label for reference in query.references] == ["B"]


@pytest.mark.parametrize(
    "text", ["when did WLD002 first exceed 60 degrees today?", "WLD002今天第一次超过60度是什么时候"]
)
def test_the_first_time_alone_is_asked_for(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.when, query.first, query.unread) == (True, True, ())
    assert not parse_prompt("when did WLD002 last exceed 60 degrees?", NOW).first


def test_who_used_less_gas_asks_for_a_machine_and_who_used_a_machine_for_a_person() -> None:
    query = parse_prompt("who used less gas yesterday, WLD001 or WLD002?", NOW)
    assert (query.refused, query.fields, query.devices) == ("", ("gas_flow",), ("WLD001", "WLD002"))
    assert Statistic.INTEGRAL in query.statistics
    assert parse_prompt("who used WLD001 yesterday?", NOW).refused == "who used"


@pytest.mark.parametrize("text", ["which day had the most porosity on WLD001 this week?", "这周哪天WLD001的气孔最多"])
def test_the_day_with_the_most_of_a_label_is_found_by_counting(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.interval, query.rank) == (24 * HOUR, True)
    assert set(query.statistics) == {Statistic.MAX, Statistic.COUNT}


@pytest.mark.parametrize(
    "text", ["昨天哪个小时WLD004用气最多", "in which hour yesterday was WLD004's gas consumption highest?"]
)
def test_the_hour_in_which_most_was_used_is_found_by_amounts(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.interval, query.rank) == (HOUR, True)
    assert Statistic.INTEGRAL in query.statistics


@pytest.mark.parametrize(
    "text",
    ["max of the hourly mean temperature of WLD003 yesterday", "highest hourly mean temperature of WLD003 yesterday"],
)
def test_the_highest_of_hourly_means_is_a_ranking_of_hours(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.interval, query.rank, query.unread) == (HOUR, True, ())
    assert not parse_prompt("hourly mean and max temperature of WLD003 yesterday", NOW).rank


def test_a_number_per_label_is_named_as_not_understood() -> None:
    query = parse_prompt("what was the mean current per quality label on WLD002 yesterday?", NOW)
    assert (query.fields, query.statistics) == (("current",), (Statistic.MEAN,))
    assert any("quality label" in phrase for phrase in query.unread)


@pytest.mark.parametrize("text", ["mean temperature of WLD002 before noon today", "WLD002今天12点之前的平均温度"])
def test_before_a_time_of_a_day_is_of_that_day(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.time is not None
    assert (query.time.start, query.time.end) == (TODAY, TODAY + 12 * HOUR)


def test_the_torch_of_a_machine_is_no_state_of_it() -> None:
    query = parse_prompt("WLD001的焊枪在什么时候最热，昨天", NOW)
    assert (query.conditions, query.fields, query.unread) == ((), ("temperature",), ())


def test_how_often_per_hour_on_average_is_no_mean_of_readings() -> None:
    query = parse_prompt("how many times per hour does WLD001 stop on average today", NOW)
    assert (query.statistics, query.interval) == ((Statistic.EVENTS,), HOUR)


@pytest.mark.parametrize(
    "text",
    [
        "When did WLD002 last stop and for how long?",
        "How long did the last stop of WLD002 last?",
        "When was the last stop of WLD002 and how long was it?",
        "How long was the most recent stop of WLD002?",
        "WLD002 上一次停机是什么时候，停了多长时间？",
        "WLD002上一次停机停了多长时间",
        "WLD002最后一次停机持续了多久",
    ],
)
def test_how_long_the_last_stop_was_asks_for_that_stop_and_no_total(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.once, query.when, query.statistics, query.unread) == (True, True, (), ())
    assert query.conditions == (IDLE,)


@pytest.mark.parametrize(
    "text",
    [
        "Last night between 2 and 4, mean current of WLD001",
        "mean current of WLD001 between 2 am and 4 am last night",
        "mean current of WLD001 last night from 02:00 to 04:00",
        "昨天夜里两点到四点WLD001的平均电流",
        "昨晚两点到四点WLD001的平均电流",
        "昨晚02:00到04:00 WLD001的平均电流",
    ],
)
@pytest.mark.parametrize("now", [NOW, TODAY + 25.5 * HOUR])
def test_hours_of_last_night_are_past_whenever_they_are_asked_for(text: str, now: datetime) -> None:
    query = parse_prompt(text, now)
    assert query.time is not None
    assert (query.time.start, query.time.end) == (TODAY + 2 * HOUR, TODAY + 4 * HOUR)


def test_an_hour_of_last_night_is_past_too() -> None:
    query = parse_prompt("current of WLD001 last night at 2", TODAY + 25.5 * HOUR)
    assert query.time is not None
    assert query.time.start == TODAY + 2 * HOUR


def test_the_first_character_of_an_unknown_word_opens_no_range() -> None:
    query = parse_prompt("WLD001今天起重机的平均电流", NOW)
    assert query.unread == ("起重机",)
    assert query.time is not None
    assert query.time.end is not None


@pytest.mark.parametrize(
    ("text", "hours", "told"),
    [
        ("mean current of WLD001 in the early shift yesterday", (-18, -10), "06:00–14:00"),
        ("mean current of WLD001 in the late shift yesterday", (-10, -2), "14:00–22:00"),
        ("mean current of WLD001 in the night shift yesterday", (-2, 6), "22:00–06:00"),
        ("mean current of WLD001 in the night shift", (-2, 6), "22:00–06:00"),
        ("WLD001昨天早班的平均电流", (-18, -10), "06:00–14:00"),
        ("WLD001昨天中班的平均电流", (-10, -2), "14:00–22:00"),
        ("WLD001昨天夜班的平均电流", (-2, 6), "22:00–06:00"),
        ("WLD001昨天晚班的平均电流", (-2, 6), "22:00–06:00"),
    ],
)
def test_a_shift_has_its_usual_hours_and_they_are_told(text: str, hours: tuple[int, int], told: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.time is not None
    assert (query.time.start, query.time.end) == (TODAY + hours[0] * HOUR, TODAY + hours[1] * HOUR)
    assert [(note.remark, note.words[1]) for note in query.notes] == [(Remark.READ_AS, told)]
    assert query.unread == ()


def test_two_shifts_of_a_day_are_two_ranges() -> None:
    query = parse_prompt("WLD001昨天早班和夜班哪个平均电流高", NOW)
    starts = [time.start for time in query.periods]
    assert starts == [TODAY - 18 * HOUR, TODAY - 2 * HOUR]


@pytest.mark.parametrize(
    ("text", "excluding"),
    [
        ("Which label is most common on WLD002, apart from good?", True),
        ("Which defect was most common on WLD002 yesterday?", True),
        ("What is the most common label of WLD002 today?", False),
        ("WLD002昨天最常见的缺陷是什么", True),
        ("WLD002昨天哪种缺陷最多", False),
    ],
)
def test_the_commonest_label_is_told_by_the_counts_of_the_labels(text: str, *, excluding: bool) -> None:
    query = parse_prompt(text, NOW)
    assert (query.fields, query.statistics, query.rank, query.unread) == (("quality_label",), (), False, ())
    assert not query.whether
    good = Condition(field="quality_label", operator=Operator.NE, value="good")
    assert query.conditions == ((good,) if excluding else ())


@pytest.mark.parametrize("text", ["Which hour yesterday did WLD003 weld the most?", "WLD003昨天哪个小时焊接最多"])
def test_the_hour_that_welded_most_is_that_of_the_longest_time(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.interval, query.rank, query.statistics, query.unread) == (HOUR, True, (Statistic.DURATION,), ())
    assert query.conditions == (RUNNING,)


@pytest.mark.parametrize(
    ("text", "field", "end"),
    [
        ("昨天哪台机器用焊丝最少", "wire_feed", Statistic.MIN),
        ("昨天哪台机器用丝最多", "wire_feed", Statistic.MAX),
        ("昨天哪台机器用保护气最多", "gas_flow", Statistic.MAX),
    ],
)
def test_what_a_machine_uses_most_or_least_of_is_an_amount(text: str, field: str, end: Statistic) -> None:
    query = parse_prompt(text, NOW)
    assert (query.fields, query.rank, query.unread) == ((field,), True, ())
    assert set(query.statistics) == {Statistic.INTEGRAL, end}


@pytest.mark.parametrize(
    ("before", "text", "kind"),
    [
        ("When was WLD002 last running?", "and WLD003?", ("when", "once")),
        ("How long has WLD002 been running?", "and WLD004?", ("since",)),
        ("WLD002最后一次停机是什么时候", "WLD004 呢？", ("when", "once")),
        ("Is WLD001 running?", "and WLD002?", ("whether", "holds")),
        ("Did WLD001 exceed 200 A yesterday?", "and WLD002?", ("whether",)),
        ("WLD002最后一次停机是什么时候", "停了多久？", ("when", "once")),
        ("Which hall used the most gas yesterday?", "and today?", ("rank", "by_group")),
    ],
)
def test_a_question_that_follows_keeps_the_kind_of_the_one_before(
    before: str, text: str, kind: tuple[str, ...]
) -> None:
    query = completed(parse_prompt(text, NOW), parse_prompt(before, NOW))
    kinds = ("when", "once", "since", "whether", "holds", "rank", "by_group")
    assert tuple(name for name in kinds if getattr(query, name)) == tuple(sorted(kind, key=kinds.index))


def test_a_question_that_follows_keeps_the_end_of_readings_and_the_choice_of_conditions() -> None:
    ends = completed(parse_prompt("and WLD002?", NOW), parse_prompt("the 5 hottest readings of WLD001 yesterday", NOW))
    assert (ends.ordered, ends.limit) == ("highest", 5)
    before = parse_prompt("mean current of WLD001 where current is above 5 or voltage above 20 today", NOW)
    assert completed(parse_prompt("and yesterday?", NOW), before).any_condition


@pytest.mark.parametrize(
    ("text", "statistics"),
    [
        ("How much wire did WLD001 feed yesterday?", (Statistic.INTEGRAL,)),
        ("昨天哪台升温最快", (Statistic.CHANGE,)),
        ("Which machine heated up fastest yesterday?", (Statistic.CHANGE,)),
        ("昨天哪台升温最慢", (Statistic.MIN, Statistic.CHANGE)),
        ("WLD001昨天丢了几秒数据", (Statistic.MISSING_RATIO,)),
        ("WLD002昨天停过机没有", (Statistic.EVENTS,)),
        ("WLD002昨天停过机吗", (Statistic.EVENTS,)),
        ("longest uninterrupted stretch of welding of WLD001 yesterday", (Statistic.DURATION,)),
    ],
)
def test_a_word_that_is_heeded_is_not_named_as_unknown(text: str, statistics: tuple[Statistic, ...]) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.unread) == (statistics, ())


def test_the_time_of_the_fastest_rise_is_not_told_and_the_word_is_named() -> None:
    assert parse_prompt("WLD001昨天温度上升最快的是什么时候", NOW).unread == ("最快",)
