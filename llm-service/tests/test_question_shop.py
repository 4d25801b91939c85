"""Questions in the words of the shop floor: arcs that go out, the longest stops, rates of welding, best first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, Intent, Operator, Statistic
from llm_service.domain.offline.question_parts import by_label

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
TODAY = datetime(2026, 11, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
IDLE = Condition(field="current", operator=Operator.LT, value=5.0)
RUNNING = Condition(field="current", operator=Operator.GE, value=5.0)
OUT = st.sampled_from(["go out", "die", "break off", "stop", "get lost"])
ON = st.sampled_from(["start", "strike", "ignite", "burn"])


@settings(deadline=None)
@given(verb=OUT, article=st.sampled_from(["the arc", "its arc"]))
def test_an_arc_that_goes_out_is_a_stop(verb: str, article: str) -> None:
    query = parse_prompt(f"how many times did {article} {verb} on WLD001 today?", NOW)
    assert (query.conditions, query.statistics, query.unread) == ((IDLE,), (Statistic.EVENTS,), ())


@settings(deadline=None)
@given(verb=ON)
def test_an_arc_that_burns_is_a_run(verb: str) -> None:
    query = parse_prompt(f"how often did the arc {verb} on WLD001 today?", NOW)
    assert (query.conditions, query.statistics, query.unread) == ((RUNNING,), (Statistic.EVENTS,), ())


@pytest.mark.parametrize(
    ("text", "state"), [("WLD001今天断弧几次", IDLE), ("WLD001今天熄弧了几次", IDLE), ("WLD001今天引弧几次", RUNNING)]
)
def test_the_same_of_an_arc_in_chinese(text: str, state: Condition) -> None:
    query = parse_prompt(text, NOW)
    assert (query.conditions, query.statistics, query.unread) == ((state,), (Statistic.EVENTS,), ())


LISTS = (
    "list the {} longest stops of WLD001 today",
    "what were the {} longest breaks on WLD001 today?",
    "show the top {} longest stops of WLD001 today",
    "WLD001今天最长的{}次停机",
)


@settings(deadline=None)
@given(count=st.integers(2, 10), template=st.sampled_from(LISTS))
def test_so_many_of_the_longest_stretches_are_asked_for(count: int, template: str) -> None:
    query = parse_prompt(template.format(count), NOW)
    assert (query.longest, query.each, query.conditions, query.unread) == (count, True, (IDLE,), ())


@pytest.mark.parametrize("text", ["stops of WLD001 today, longest first", "WLD001今天的停机按时长排序"])
def test_stretches_in_the_order_of_their_length_are_asked_for(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.longest, query.conditions, query.unread) == (10, (IDLE,), ())


@pytest.mark.parametrize(
    ("text", "field", "unit"),
    [
        ("how many litres of gas per hour of welding did WLD001 use today?", "gas_flow", "L/h"),
        ("gas used per hour of welding on WLD001 today", "gas_flow", "L/h"),
        ("metres of wire per minute of welding on WLD001 today", "wire_feed", "m/min"),
        ("WLD001今天每焊接一小时用多少升气", "gas_flow", "L/h"),
    ],
)
def test_what_is_used_per_hour_of_welding_is_a_mean_while_it_welds(text: str, field: str, unit: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.fields, query.statistics, query.unit, query.interval) == ((field,), (Statistic.MEAN,), unit, None)
    assert (query.conditions, query.unread) == ((RUNNING,), ())


@pytest.mark.parametrize("text", ["how many metres did WLD003 weld yesterday?", "WLD003昨天焊了多少米"])
def test_metres_welded_are_taken_as_wire_and_the_answer_says_so(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.fields, query.statistics, query.unread) == (("wire_feed",), (Statistic.INTEGRAL,), ())
    assert any(note.words == ("m", "wire_feed") for note in query.notes)


@pytest.mark.parametrize(
    ("text", "statistics"),
    [
        ("good rate of every machine today, worst first", {Statistic.SHARE, Statistic.MIN}),
        ("good rate of all machines today from best to worst", {Statistic.SHARE, Statistic.MAX}),
        ("defect rate of all machines today, worst first", {Statistic.SHARE, Statistic.MAX}),
        ("今天各台焊机的良品率从差到好", {Statistic.SHARE, Statistic.MIN}),
    ],
)
def test_best_and_worst_first_are_orders(text: str, statistics: set[Statistic]) -> None:
    query = parse_prompt(text, NOW)
    assert (query.rank, set(query.statistics), query.unread) == (True, statistics, ())


@pytest.mark.parametrize(
    "text", ["was WLD001 always above 20 degrees today?", "WLD001今天温度一直高于20度吗", "WLD001今天始终在运行吗"]
)
def test_always_asks_whether_all_readings_fit(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.always, query.whether, query.unread) == (True, True, ())


@pytest.mark.parametrize(
    "text", ["which machine's current changed the most today?", "whose current changed most today?"]
)
def test_what_changed_most_is_what_varied_most(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.rank) == (Intent.STATISTICS, True)
    assert Statistic.STD in query.statistics


def test_whose_temperature_rose_most_is_by_how_far_it_went() -> None:
    assert Statistic.CHANGE in parse_prompt("which machine's temperature rose the most today?", NOW).statistics


@pytest.mark.parametrize("text", ["昨天有几次咬边", "how many stops were there yesterday?", "哪几台现在在焊接"])
def test_a_question_about_all_the_shop_is_no_chat(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.intent is not Intent.CHAT
    assert query.conditions


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("mean current of WLD001 in the first half of yesterday", -24),
        ("mean current of WLD001 in the second half of yesterday", -12),
    ],
)
def test_a_half_of_a_day_that_is_named_is_twelve_hours(text: str, begins: int) -> None:
    query = parse_prompt(text, NOW)
    assert query.time is not None
    assert (query.time.start, query.time.end) == (TODAY + begins * HOUR, TODAY + (begins + 12) * HOUR)
    assert query.unread == ()


def test_a_half_of_anything_else_is_named() -> None:
    assert "first half" in " ".join(parse_prompt("mean current of WLD001 in the first half of last week", NOW).unread)


@pytest.mark.parametrize(
    "text",
    [
        "were there any arc interruptions longer than 30 seconds on WLD001 today and how many",
        "how many breaks over 30 seconds did WLD001 have today?",
    ],
)
def test_a_least_length_is_of_stretches_and_not_of_readings(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.least, query.unread) == ((Statistic.EVENTS,), timedelta(seconds=30), ())


def test_start_and_stop_are_the_ends_of_runs() -> None:
    query = parse_prompt("when did WLD001 start and stop welding yesterday?", NOW)
    assert (query.conditions, query.when, query.unread) == ((RUNNING,), True, ())


LABELS = {"good": "良好", "porosity": "气孔", "undercut": "咬边", "lack of fusion": "未熔合"}


@settings(deadline=None)
@given(labels=st.lists(st.sampled_from(sorted(LABELS)), min_size=2, max_size=3, unique=True))
def test_shares_of_several_labels_are_told_by_the_counts_of_all(labels: list[str]) -> None:
    for text in (
        f"share of {', '.join(labels[:-1])} and {labels[-1]} on WLD001 today",
        f"WLD001今天{'、'.join(LABELS[label] for label in labels)}的比例",
    ):
        query = parse_prompt(text, NOW)
        assert (query.fields, query.conditions, query.statistics, query.unread) == (("quality_label",), (), (), ())


@pytest.mark.parametrize("text", ["which machines had no porosity today?", "今天哪台焊机没有气孔"])
def test_those_without_a_label_are_the_ones_with_the_fewest(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.conditions == (Condition(field="quality_label", operator=Operator.EQ, value="porosity"),)
    assert (query.rank, set(query.statistics), query.unread) == (True, {Statistic.COUNT, Statistic.MIN}, ())


def test_by_day_is_a_row_a_day() -> None:
    query = parse_prompt("utilisation of WLD001 by day since Wednesday", NOW)
    assert (query.interval, query.unread) == (timedelta(days=1), ())
    assert query.time is not None
    assert query.time.start == datetime(2026, 11, 25, tzinfo=UTC)


def test_on_average_per_hour_asks_for_the_mean_of_the_hours() -> None:
    query = parse_prompt("how often per hour does WLD001 stop, on average, today?", NOW)
    assert (query.averaged, query.interval, query.statistics) == (True, HOUR, (Statistic.EVENTS,))


@pytest.mark.parametrize("text", ["哪台机器昨天停机次数最多", "which machine stopped most often yesterday?"])
def test_most_often_is_by_the_number_of_times_alone(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert set(query.statistics) == {Statistic.EVENTS, Statistic.MAX}


def test_whose_wire_is_asked_for_is_a_machine() -> None:
    query = parse_prompt("WLD001和WLD003今天谁用的焊丝多", NOW)
    assert (query.refused, query.rank) == ("", True)
    assert Statistic.INTEGRAL in query.statistics
    assert parse_prompt("谁用了WLD001", NOW).refused


@pytest.mark.parametrize("text", ["how many minutes was WLD001 above 65 C today", "WLD001今天超过65C有多少分钟"])
def test_a_letter_behind_a_number_is_a_unit_of_temperature(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.conditions == (Condition(field="temperature", operator=Operator.GT, value=65.0, unit="°C"),)
    assert (query.fields, query.statistics, query.unread) == ((), (Statistic.DURATION,), ())


@pytest.mark.parametrize(
    "text", ["which hour today had the most stops on WLD001", "which day had the fewest stops on WLD001"]
)
def test_the_hour_with_the_most_stops_is_by_their_number(text: str) -> None:
    assert Statistic.EVENTS in parse_prompt(text, NOW).statistics
    assert Statistic.DURATION not in parse_prompt(text, NOW).statistics


@pytest.mark.parametrize("text", ["WLD001的温度现在是在升还是降", "is the temperature of WLD001 changing right now"])
def test_a_course_asked_of_now_is_that_of_the_last_while(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.recent) == (Intent.TREND, True)


def test_machines_that_fit_a_condition_are_listed_by_it() -> None:
    query = parse_prompt("温度超过60度的机器有哪些，今天", NOW)
    assert (query.rank, query.statistics, query.unread) == (True, (Statistic.COUNT,), ())


@pytest.mark.parametrize(
    ("text", "lowest"),
    [
        ("which machine's voltage was the most stable yesterday?", True),
        ("哪台焊机的电压最稳定，昨天", True),
        ("哪台焊机的电压最不稳定，昨天", False),
        ("which machine has the least stable voltage today?", False),
    ],
)
def test_the_steadiest_has_the_smallest_deviation(text: str, lowest: bool) -> None:
    query = parse_prompt(text, NOW)
    assert (query.rank, Statistic.STD in query.statistics, Statistic.MIN in query.statistics) == (True, True, lowest)
    assert query.unread == ()


def test_the_hottest_hour_is_by_its_mean() -> None:
    assert set(parse_prompt("which was the hottest hour of WLD001 yesterday?", NOW).statistics) == {
        Statistic.MEAN,
        Statistic.MAX,
    }


@pytest.mark.parametrize("greeting", ["morning, ", "evening! ", "早，"])
def test_a_greeting_is_no_time_of_day(greeting: str) -> None:
    query = parse_prompt(f"{greeting}mean current of WLD001 yesterday", NOW)
    assert query.time is not None
    assert (query.time.start, query.periods, query.unread) == (TODAY - 24 * HOUR, (), ())


@pytest.mark.parametrize(
    ("text", "by_group"),
    [
        ("was it hotter in hall A or hall B yesterday", True),
        ("哪个车间昨天用气多，A车间还是B车间", True),
        ("compare the mean current of hall A and B today", False),
        ("mean current of halls A, B and C today", False),
    ],
)
def test_each_label_of_a_group_is_read(text: str, by_group: bool) -> None:
    query = parse_prompt(text, NOW)
    labels = [reference.label for reference in query.references]
    assert labels[:2] == ["A", "B"]
    assert (query.by_group, query.rank, query.fields != ("B",)) == (by_group, by_group, True)
    assert query.unread == ()


EXTREMES = st.sampled_from(
    [("highest", "最高", "highest"), ("lowest", "最低", "lowest"), ("at its maximum", "最大", "highest")]
)


@settings(deadline=None)
@given(end=EXTREMES)
def test_a_field_where_another_is_at_its_end_is_that_reading(end: tuple[str, str, str]) -> None:
    english, chinese, order = end
    for text in (
        f"what was the current of WLD001 when the voltage was {english} today?",
        f"WLD001今天电压{chinese}的时候电流是多少",
    ):
        query = parse_prompt(text, NOW)
        assert (query.intent, query.limit, query.ordered) == (Intent.QUERY, 1, order), text
        assert (query.fields, query.unread) == (("voltage", "current"), ()), text


@pytest.mark.parametrize("text", ["哪台焊机昨天送丝最多", "which machine fed the most wire yesterday?"])
def test_most_of_what_flows_is_by_its_amount(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert set(query.statistics) == {Statistic.INTEGRAL, Statistic.MAX}


def test_a_third_hour_is_no_third_machine() -> None:
    query = parse_prompt("WLD004昨天第三个小时的平均温度", NOW)
    assert (query.references, query.unread) == ((), ("第三个小时",))


@pytest.mark.parametrize("text", ["现在几台在焊", "几台现在停着"])
def test_machines_that_do_something_now_are_counted(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent is Intent.CHAT, query.holds, query.all_devices) == (False, True, True)


@pytest.mark.parametrize("text", ["at what times was WLD001 idle today", "what times was WLD001 idle today?"])
def test_at_what_times_asks_for_the_stretches(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.when, query.conditions, query.unread) == (True, (IDLE,), ())


def test_seconds_of_missing_data_are_told_by_the_gaps() -> None:
    query = parse_prompt("how many seconds of data are missing for WLD001 yesterday", NOW)
    assert (query.statistics, query.unread) == ((Statistic.MISSING_RATIO,), ())


@pytest.mark.parametrize(
    "text",
    ["how much did WLD001 weld on Wednesday vs Thursday?", "how much did WLD001 weld yesterday compared to today?"],
)
def test_how_much_a_machine_did_something_is_for_how_long(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.statistics, query.unread) == (Intent.COMPARE, (Statistic.DURATION,), ())


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("what's the trend in quality for WLD001 over the last 3 days?", 24 * HOUR),
        ("WLD001今天质量的变化趋势", HOUR),
        ("is the quality of WLD001 getting worse?", 24 * HOUR),
    ],
)
def test_the_course_of_the_quality_is_the_share_of_good_ones(text: str, width: timedelta) -> None:
    query = parse_prompt(text, NOW)
    good = (Condition(field="quality_label", operator=Operator.EQ, value="good"),)
    assert (query.conditions, query.statistics, query.interval, query.unread) == (good, (Statistic.SHARE,), width, ())


def test_the_steadiest_while_welding_is_by_its_deviation() -> None:
    query = parse_prompt("which welder had the steadiest voltage while welding yesterday", NOW)
    assert set(query.statistics) == {Statistic.STD, Statistic.MIN}


@pytest.mark.parametrize("count", [2, 4, 7])
def test_each_of_the_last_days_is_a_row_a_day(count: int) -> None:
    query = parse_prompt(f"uptime of WLD001 for each of the last {count} days", NOW)
    assert (query.interval, query.unread) == (24 * HOUR, ())
    assert query.time is not None
    assert query.time.start == NOW - count * 24 * HOUR


def test_the_fewest_times_is_by_the_number_of_stretches() -> None:
    query = parse_prompt("which machine stopped the fewest times today?", NOW)
    assert set(query.statistics) == {Statistic.EVENTS, Statistic.MIN}


def test_these_days_are_the_last_ones() -> None:
    query = parse_prompt("WLD001这三天的平均电流", NOW)
    assert query.time is not None
    assert (query.time.start, query.time.end, query.unread) == (NOW - 72 * HOUR, NOW, ())


def test_the_machine_at_an_end_is_asked_for_without_which() -> None:
    query = parse_prompt("今天停机最少的机器", NOW)
    assert (query.refused, query.rank, query.conditions, query.unread) == ("", True, (IDLE,), ())


def test_stretches_are_counted_as_times() -> None:
    assert parse_prompt("WLD001昨天有几段气孔", NOW).statistics == (Statistic.EVENTS,)


@pytest.mark.parametrize("text", ["上午WLD001最忙的一个小时是几点", "the busiest hour of WLD001 this morning"])
def test_the_one_busiest_hour_is_one_of_a_ranking(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.interval, query.rank, query.conditions, query.unread) == (HOUR, True, (RUNNING,), ())


def test_two_percentiles_with_their_signs_are_read() -> None:
    assert parse_prompt("WLD001电流的第10和第90百分位", NOW).percentiles == (10.0, 90.0)


def test_hours_in_brackets_are_a_range() -> None:
    query = parse_prompt("mean current of WLD001 in the break (12 to 1)", NOW)
    assert query.time is not None
    assert (query.time.start, query.time.end) == (TODAY + 12 * HOUR, TODAY + 13 * HOUR)


@pytest.mark.parametrize(
    "text", ["今天各车间的良品率", "good rate of both halls today", "good rate of each hall today"]
)
def test_all_groups_are_told_apart(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.by_group, query.all_devices, query.unread) == (True, True, ())


def test_the_last_time_of_a_label_is_no_last_reading() -> None:
    query = parse_prompt("WLD001最后一次出现气孔是什么时候", NOW)
    assert (query.when, query.once, query.statistics, query.unread) == (True, True, (), ())


@pytest.mark.parametrize(
    "text", ["which machine had the most stops longer than 1 minute yesterday", "昨天哪台机器超过1分钟的停机最多"]
)
def test_the_most_stops_of_a_machine_are_by_their_number(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (set(query.statistics), query.least) == ({Statistic.EVENTS, Statistic.MAX}, timedelta(minutes=1))


@pytest.mark.parametrize("text", ["sum of gas for WLD001 today", "sum of the wire feed of WLD001 today"])
def test_a_sum_of_what_flows_is_its_amount(text: str) -> None:
    assert parse_prompt(text, NOW).statistics == (Statistic.INTEGRAL,)


@pytest.mark.parametrize("text", ["how much warmer is WLD001 now than at 8 am", "WLD001现在比早上8点高多少度"])
def test_now_is_set_against_a_moment(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.fields, query.unread) == (Intent.COMPARE, ("temperature",), ())
    assert [each.start for each in query.periods] == [TODAY + 8 * HOUR, NOW]


def test_top_three_behind_the_question_is_a_ranking() -> None:
    query = parse_prompt("the three machines with the most gas used today? top 3", NOW)
    assert (query.top, query.rank, query.unread) == (3, True, ())


def test_a_peak_of_another_field_is_its_end() -> None:
    query = parse_prompt("what was the voltage on WLD001 when its current peaked yesterday", NOW)
    assert (query.fields, query.ordered, query.unread) == (("current", "voltage"), "highest", ())


@pytest.mark.parametrize("text", ["total stops of WLD001 today", "total number of stops of WLD001 today"])
def test_total_stops_are_their_number(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.conditions, query.statistics, query.unread) == ((IDLE,), (Statistic.EVENTS,), ())


def test_maximum_minus_minimum_is_the_range() -> None:
    query = parse_prompt("maximum minus minimum temperature of WLD001 yesterday", NOW)
    assert (query.statistics, query.notes, query.unread) == ((Statistic.RANGE,), (), ())


@pytest.mark.parametrize(
    "text",
    ["mean voltage for good vs porosity readings on WLD001 yesterday", "WLD001昨天良品和气孔数据的平均电压"],
)
def test_two_labels_set_beside_each_other_are_two_questions(text: str) -> None:
    parts = by_label(parse_prompt(text, NOW))
    assert [part.conditions[-1].value for part in parts] == ["good", "porosity"]
    assert all(part.unread == () and part.statistics == (Statistic.MEAN,) for part in parts)
    assert all(part.time and part.time.start == TODAY - 24 * HOUR and not part.periods for part in parts)


@pytest.mark.parametrize(
    ("text", "back"),
    [("WLD001这周一共用了多少焊丝", 5), ("WLD001上周一共用了多少焊丝", 12), ("WLD001这周一用了多少焊丝", 5)],
)
def test_a_week_in_all_is_no_monday(text: str, back: int) -> None:
    query = parse_prompt(text, NOW)
    assert query.time is not None
    assert query.time.start == TODAY - back * 24 * HOUR
    assert query.time.end == query.time.start + (7 if "一共" in text else 1) * 24 * HOUR


@pytest.mark.parametrize(
    "text", ["show me all stops of WLD001 this morning over 2 minutes", "stops of WLD001 yesterday over 2 minutes"]
)
def test_over_minutes_behind_a_day_is_the_length_of_stops(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.least, query.over, query.unread) == (timedelta(minutes=2), True, ())


def test_over_hours_of_a_mean_is_a_range_still() -> None:
    query = parse_prompt("mean current of WLD001 over 3 hours", NOW)
    assert query.time is not None
    assert query.time.start == NOW - 3 * HOUR


def test_a_word_for_the_group_behind_each_label_is_read() -> None:
    query = parse_prompt("昨天A车间和B车间的平均送丝速度", NOW)
    assert ([reference.label for reference in query.references], query.unread) == (["A", "B"], ())
