"""Follow-ups keep what was told: its number, its intervals, its ranking and its conditions."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.query import Intent, Operator, Statistic
from llm_service.testing import asked

HOUR = timedelta(hours=1)
FIELDS = {"current": "电流", "voltage": "电压", "temperature": "温度"}
MEASURES = {
    "mean": (Statistic.MEAN, "平均"),
    "median": (Statistic.MEDIAN, "中位数"),
    "standard deviation of the": (Statistic.STD, "标准差"),
}
ENDS = {"highest": (Statistic.MAX, "最高"), "lowest": (Statistic.MIN, "最低")}
field = st.sampled_from(sorted(FIELDS))
measure = st.sampled_from(sorted(MEASURES))
end = st.sampled_from(sorted(ENDS))


@settings(deadline=None)
@given(field=field, measure=measure, end=end, data=st.data())
def test_which_of_them_keeps_the_number_that_was_told(field: str, measure: str, end: str, data: st.DataObject) -> None:
    whom = data.draw(st.sampled_from(["all machines", "each machine", "WLD001 and WLD002"]))
    follow = data.draw(
        st.sampled_from(["which of them was the {}?", "and which one had the {}?", "which of the machines had the {}?"])
    )
    query = asked(f"{measure} {field} of {whom} today", follow.format(end))
    statistic, _ = MEASURES[measure]
    assert (query.fields, query.rank, query.unread, query.intent) == ((field,), True, (), Intent.STATISTICS)
    assert set(query.statistics) == {statistic, ENDS[end][0]}
    assert (query.devices, query.all_devices) == (
        (("WLD001", "WLD002"), False) if whom.startswith("WLD") else ((), True)
    )


@settings(deadline=None)
@given(field=field, measure=measure, end=end, data=st.data())
def test_which_of_them_keeps_the_number_in_chinese(field: str, measure: str, end: str, data: st.DataObject) -> None:
    statistic, word = MEASURES[measure]
    whom = data.draw(st.sampled_from(["所有焊机", "WLD001和WLD002"]))
    follow = data.draw(st.sampled_from(["哪个{}", "其中哪台{}？", "哪台{}", "其中哪台焊机{}？"]))
    query = asked(f"{whom}今天的{FIELDS[field]}{word}", follow.format(ENDS[end][1]))
    assert (query.fields, query.rank, query.unread) == ((field,), True, ())
    assert set(query.statistics) == {statistic, ENDS[end][0]}
    assert bool(query.devices) != query.all_devices


@settings(deadline=None)
@given(
    field=field,
    measure=measure,
    end=end,
    follow=st.sampled_from(
        ["which of these hours was the {}?", "and which hour was the {}?", "which was the {}?", "which hour was {}?"]
    ),
)
def test_the_highest_of_the_hours_is_that_of_the_number_of_each(
    field: str, measure: str, end: str, follow: str
) -> None:
    query = asked(f"{measure} {field} of WLD001 per hour today", follow.format(end))
    assert (query.interval, query.rank, query.devices, query.fields) == (HOUR, True, ("WLD001",), (field,))
    assert set(query.statistics) == {MEASURES[measure][0], ENDS[end][0]}
    assert query.unread == ()


@pytest.mark.parametrize("follow", ["哪个小时最低", "其中哪个小时最低？"])
def test_the_lowest_of_the_hours_is_asked_for_in_chinese(follow: str) -> None:
    query = asked("WLD001今天每小时的平均温度", follow)
    assert (query.interval, query.rank, set(query.statistics)) == (HOUR, True, {Statistic.MEAN, Statistic.MIN})


@settings(deadline=None)
@given(field=field, end=end, top=st.sampled_from([0, 2, 3]), follow=st.sampled_from(["And on WLD002?", "of WLD002?"]))
def test_a_ranking_of_hours_is_asked_of_another_machine(field: str, end: str, top: int, follow: str) -> None:
    hours = f"which {top} hours had" if top else "which hour had"
    query = asked(f"{hours} the {end} {field} on WLD001 today?", follow)
    assert (query.interval, query.rank, query.top, query.devices) == (HOUR, True, top, ("WLD002",))
    assert query.statistics == (ENDS[end][0],)


def test_the_end_of_a_ranking_of_machines_is_dropped_for_one_machine() -> None:
    query = asked("which machine had the highest mean current yesterday?", "and WLD002?")
    assert (query.rank, query.statistics, query.devices) == (False, (Statistic.MEAN,), ("WLD002",))


def test_the_other_end_of_a_ranking_is_of_the_same_number() -> None:
    query = asked("which machine had the highest mean current yesterday?", "and the lowest?")
    assert (query.rank, set(query.statistics)) == (True, {Statistic.MEAN, Statistic.MIN})


def test_so_many_of_a_ranking_are_told_afterwards() -> None:
    query = asked("rank the machines by mean current today", "only the top 2")
    assert (query.rank, query.top, query.statistics) == (True, 2, (Statistic.MEAN,))


def test_which_of_them_ran_longer_is_asked_of_those_spoken_of() -> None:
    query = asked("how long was WLD002 running yesterday", "and WLD003?", "which of them ran longer?")
    assert (query.devices, query.rank, query.statistics) == (("WLD002", "WLD003"), True, (Statistic.DURATION,))
    assert query.time is not None
    assert query.time.start == datetime(2026, 11, 27, tzinfo=UTC)


def test_which_one_was_hotter_is_asked_of_all_readings() -> None:
    query = asked("how long was each machine idle today?", "which one was hotter?")
    assert (query.conditions, query.fields, query.all_devices) == ((), ("temperature",), True)


def test_which_was_the_longest_is_asked_of_the_one_machine() -> None:
    query = asked("how often did WLD001 stop today", "and which was the longest?")
    assert (query.devices, query.rank, query.all_devices) == (("WLD001",), False, False)


@pytest.mark.parametrize(
    ("before", "follow"),
    [
        ("how long was the temperature of WLD001 above 60 today", "What share of the time is that?"),
        ("how long was WLD001 idle today?", "what percentage is that?"),
        ("WLD001今天空闲了多久", "占这段时间的百分之多少？"),
        ("WLD001今天温度超过60度多久", "占今天的百分之几"),
    ],
)
def test_the_share_of_a_time_is_told_of_what_it_was(before: str, follow: str) -> None:
    first, query = asked(before), asked(before, follow)
    assert (query.statistics, query.unread) == ((Statistic.DURATION,), ())
    assert (query.conditions, query.time, query.devices) == (first.conditions, first.time, first.devices)


def test_the_share_of_what_was_counted_is_of_the_readings() -> None:
    query = asked("how many good readings had WLD002 today", "what percentage is that?")
    assert (query.statistics, query.devices) == ((Statistic.SHARE,), ("WLD002",))
    assert [each.value for each in query.conditions] == ["good"]


def test_a_share_of_nothing_is_named() -> None:
    assert asked("mean current of WLD001 today", "what share of the time is that?").unread == (
        "what share of the time",
    )


ASKING = {
    "how long was the {} of WLD001 above 60 today": Statistic.DURATION,
    "how many readings of WLD001 had a {} above 60 today": Statistic.COUNT,
    "how often did the {} of WLD001 exceed 60 today": Statistic.EVENTS,
}
LIMITS = {
    "and above {}?": Operator.GT,
    "and below {}?": Operator.LT,
    "what about at least {}?": Operator.GE,
    "and {}?": Operator.GT,
    "{}?": Operator.GT,
    "那超过{}呢": Operator.GT,
    "低于{}的呢": Operator.LT,
    "{}呢": Operator.GT,
}


@settings(deadline=None)
@given(
    text=st.sampled_from(sorted(ASKING)),
    field=field,
    follow=st.sampled_from(sorted(LIMITS)),
    limit=st.integers(30, 400),
)
def test_another_limit_is_one_of_the_same_field(text: str, field: str, follow: str, limit: int) -> None:
    query = asked(text.format(field), follow.format(limit))
    (condition,) = query.conditions
    assert (condition.field, condition.operator, condition.value) == (field, LIMITS[follow], limit)
    assert (query.statistics, query.devices, query.unread) == ((ASKING[text],), ("WLD001",), ())


def test_another_limit_keeps_the_unit_and_the_other_conditions() -> None:
    query = asked(
        "mean voltage of WLD001 where temperature is above 100 °F and quality is good today", "and above 120?"
    )
    assert {(each.field, each.value, each.unit) for each in query.conditions} == {
        ("quality_label", "good", ""),
        ("temperature", 120.0, "°F"),
    }


def test_a_limit_in_another_quantity_is_none_of_the_same_field() -> None:
    assert asked("did WLD001 exceed 60 °C today?", "and 20 A?").conditions == ()


def test_only_longer_stretches_are_asked_for_afterwards() -> None:
    query = asked("how often was WLD001 idle today", "and longer than 5 minutes?")
    assert (query.least, query.statistics) == (timedelta(minutes=5), (Statistic.EVENTS,))
    assert [each.operator for each in query.conditions] == [Operator.LT]


@pytest.mark.parametrize("text", ["WLD001今天电流大于200的读数有多少", "WLD001今天标签是气孔的数据有多少"])
def test_how_many_readings_fit_is_asked_with_the_number_at_the_end(text: str) -> None:
    query = asked(text)
    assert (query.statistics, query.fields) == ((Statistic.COUNT,), ())


@settings(deadline=None)
@given(
    day=st.sampled_from([("yesterday", 1), ("on 2026-11-20", 8), ("the day before yesterday", 2)]),
    part=st.sampled_from(
        [
            ("and in the morning?", 6, 12),
            ("and from 8 to 9?", 8, 9),
            ("and in the afternoon?", 12, 18),
            ("上午呢", 6, 12),
        ]
    ),
)
def test_a_time_of_day_is_one_of_the_day_that_was_spoken_of(day: tuple[str, int], part: tuple[str, int, int]) -> None:
    query = asked(f"mean current of WLD001 {day[0]}", part[0])
    midnight = datetime(2026, 11, 28, tzinfo=UTC) - timedelta(days=day[1])
    assert query.time is not None
    assert (query.time.start, query.time.end) == (midnight + part[1] * HOUR, midnight + part[2] * HOUR)


def test_this_morning_is_one_of_today() -> None:
    query = asked("mean current of WLD001 yesterday", "and this morning?")
    assert query.time is not None
    assert query.time.start == datetime(2026, 11, 28, 6, tzinfo=UTC)


@pytest.mark.parametrize("follow", ["how much higher is it?", "by how much?", "高多少", "差多少？"])
def test_by_how_much_compares_the_two_that_were_told(follow: str) -> None:
    query = asked("mean voltage of WLD001 yesterday", "and WLD003?", follow)
    assert (query.intent, query.devices, query.fields) == (Intent.COMPARE, ("WLD001", "WLD003"), ("voltage",))
    assert (query.statistics, query.unread) == ((Statistic.MEAN,), ())


def test_by_how_much_of_more_than_two_is_named() -> None:
    query = asked("which machine was hottest yesterday?", "by how much?")
    assert (query.rank, query.unread) == (True, ("by how much",))


def test_how_high_it_got_at_most_asks_for_no_difference() -> None:
    assert asked("WLD001昨天的平均温度", "最高多少").statistics == (Statistic.MAX,)


@pytest.mark.parametrize("follow", ["and the others?", "what about the other machines?", "其他的呢", "其余几台呢"])
def test_the_others_are_all_but_those_spoken_of(follow: str) -> None:
    query = asked("how long did WLD002 weld yesterday?", follow)
    assert (query.all_devices, query.except_devices, query.devices) == (True, ("WLD002",), ())
    assert (query.statistics, query.unread) == ((Statistic.DURATION,), ())


@pytest.mark.parametrize("follow", ["in percent?", "as a percentage?", "占全天多少"])
def test_a_number_is_told_in_percent_afterwards(follow: str) -> None:
    query = asked("how many bad readings on WLD001 yesterday", follow)
    assert (query.statistics, query.devices, query.unread) == ((Statistic.SHARE,), ("WLD001",), ())


def test_what_was_not_understood_is_followed_by_what_was_before_it() -> None:
    query = asked("max temperature of WLD004 yesterday", "what's the weather like", "and WLD001?")
    assert (query.devices, query.fields, query.statistics) == (("WLD001",), ("temperature",), (Statistic.MAX,))


def test_who_did_so_least_is_asked_of_the_time_spoken_of() -> None:
    query = asked("how long did WLD002 weld yesterday?", "who welded least?")
    assert query.time is not None
    assert (query.time.start, query.rank, query.all_devices) == (datetime(2026, 11, 27, tzinfo=UTC), True, True)


def test_whether_a_moment_was_so_is_named() -> None:
    query = asked("max temperature of WLD004 yesterday", "when exactly?", "was that during welding?")
    assert "that" in query.unread


@pytest.mark.parametrize(
    "text", ["stops of WLD001 yesterday", "all stops of WLD001 yesterday", "breaks on WLD002 today"]
)
def test_stops_by_themselves_are_told_one_by_one(text: str) -> None:
    query = asked(text)
    assert (query.each, query.statistics, query.unread) == (True, (Statistic.EVENTS,), ())
    assert [each.operator for each in query.conditions] == [Operator.LT]


@pytest.mark.parametrize(
    "follow", ["only those over a minute", "and longer than a minute?", "just the ones over 1 minute"]
)
def test_stretches_are_narrowed_down_to_the_long_ones(follow: str) -> None:
    query = asked("stops of WLD001 yesterday", follow)
    assert (query.least, query.over, query.devices, query.unread) == (timedelta(minutes=1), True, ("WLD001",), ())
    assert query.time is not None
    assert query.time.start == datetime(2026, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize("follow", ["and at the same time yesterday?", "昨天同一时间呢"])
def test_the_same_time_is_the_one_that_was_spoken_of(follow: str) -> None:
    query = asked("mean temperature of WLD003 today", "and from 8 to 9?", follow)
    assert query.time is not None
    start = datetime(2026, 11, 27, 8, tzinfo=UTC)
    assert (query.time.start, query.time.end) == (start, start + HOUR)


@pytest.mark.parametrize(("follow", "word"), [("which was higher?", "which"), ("哪个高", "哪个")])
def test_which_of_one_thing_is_named(follow: str, word: str) -> None:
    assert word in asked("mean temperature of WLD003 today", follow).unread


def test_which_ones_are_idle_is_asked_of_all() -> None:
    query = asked("is WLD004 welding now?", "which ones are idle?")
    assert (query.holds, query.all_devices, query.intent) == (True, True, Intent.STATISTICS)
    assert [each.operator for each in query.conditions] == [Operator.LT]


@pytest.mark.parametrize("follow", ["and idle?", "and not running?", "what about standing still?", "那停机呢"])
def test_another_state_is_asked_about_in_the_same_way(follow: str) -> None:
    query = asked("how many hours was WLD003 running yesterday", follow)
    assert (query.statistics, query.devices, query.unread) == ((Statistic.DURATION,), ("WLD003",), ())
    assert [each.operator for each in query.conditions] == [Operator.LT]


@pytest.mark.parametrize("follow", ["over 30 minutes?", "and at least 30 minutes?", "longer than 30 minutes?"])
def test_so_long_at_least_is_no_range_of_time_behind_stretches(follow: str) -> None:
    query = asked("did WLD004 stop for more than 10 minutes yesterday?", follow)
    assert (query.least, query.devices, query.unread) == (timedelta(minutes=30), ("WLD004",), ())
    assert query.time is not None
    assert query.time.start == datetime(2026, 11, 27, tzinfo=UTC)


def test_only_adds_to_the_conditions_before() -> None:
    query = asked("mean current of WLD001 yesterday while welding", "not good ones only?")
    assert {(each.field, each.operator) for each in query.conditions} == {
        ("current", Operator.GE),
        ("quality_label", Operator.NE),
    }
    query = asked("mean voltage of WLD001 yesterday while welding", "only while idle?")
    assert [(each.field, each.operator) for each in query.conditions] == [("current", Operator.LT)]


def test_the_other_three_are_the_others() -> None:
    query = asked("昨天WLD003的最高温度", "其他三台呢")
    assert (query.except_devices, query.all_devices, query.unread) == (("WLD003",), True, ())


@settings(deadline=None)
@given(
    field=field, measure=measure, other=field, text=st.sampled_from(["and the {}, plus the median", "{} plus median"])
)
def test_a_number_is_told_besides_those_before(field: str, measure: str, other: str, text: str) -> None:
    query = asked(f"{measure} {field} of WLD001 today", text.format(other))
    assert (query.fields, query.devices, query.unread) == ((other,), ("WLD001",), ())
    assert set(query.statistics) == {MEASURES[measure][0], Statistic.MEDIAN}


def test_a_number_is_told_besides_those_before_in_chinese() -> None:
    query = asked("WLD001今天送丝速度的最大最小值", "那气体流量呢,再加上标准差")
    assert (query.fields, query.unread) == (("gas_flow",), ())
    assert set(query.statistics) == {Statistic.MAX, Statistic.MIN, Statistic.STD}


@pytest.mark.parametrize(
    ("before", "follow", "word"),
    [
        ("which machine had the lowest mean current today?", "and its highest temperature?", "its"),
        ("哪台机器今天平均电流最低", "它的最高温度是多少", "它的"),
    ],
)
def test_what_the_first_of_a_ranking_had_is_asked_of_it(before: str, follow: str, word: str) -> None:
    query = asked(before, follow)
    assert (query.owner, query.winner, query.rank) == (word, asked(before), False)
    assert (query.fields, query.statistics, query.unread) == (("temperature",), (Statistic.MAX,), ())
    assert asked("mean current of WLD001 today", follow).winner is None
