"""Single questions of the floor: arcs that are started, all of them, who, two moments, SQL, a second condition."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.about_penstock import About, about_penstock
from llm_service.domain.offline.about_text import about_text
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, Intent, Language, Operator, Statistic
from llm_service.domain.offline.question_parts import question_parts
from llm_service.domain.offline.sql_asked import in_words
from llm_service.domain.offline.words_data import GOOD, LABEL_FIELD
from llm_service.testing import NOW, asked

RUNNING = Condition(field="current", operator=Operator.GE, value=5.0)
IDLE = Condition(field="current", operator=Operator.LT, value=5.0)
BELOW = Condition(field="current", operator=Operator.LT, value=100.0, unit="A")
BAD = Condition(field=LABEL_FIELD, operator=Operator.NE, value=GOOD)
arc = st.sampled_from(["an arc", "the arc", "its arc"])


@settings(deadline=None)
@given(
    verb=st.sampled_from(["start", "strike", "ignite"]),
    arc=arc,
    form=st.sampled_from(["How many times did WLD001 {0} {1} today?", "how often did WLD001 {0} {1} today"]),
)
def test_starts_of_an_arc_are_counted(verb: str, arc: str, form: str) -> None:
    query = parse_prompt(form.format(verb, arc), NOW)
    assert (query.statistics, query.conditions, query.unread) == ((Statistic.EVENTS,), (RUNNING,), ())


@pytest.mark.parametrize("text", ["How often did WLD001 lose the arc today?", "how many times did WLD001 lose its arc"])
def test_an_arc_that_is_lost_is_a_stop(text: str) -> None:
    assert parse_prompt(text, NOW).conditions == (IDLE,)


@pytest.mark.parametrize("said", ["all four", "all 4", "all three", "all four of them"])
def test_so_many_of_which_nothing_is_named_are_all_machines(said: str) -> None:
    query = parse_prompt(f"share of time above 180 A, {said}, today", NOW)
    assert query.all_devices
    assert query.unread == ()
    assert not parse_prompt("mean of all four readings of WLD001", NOW).all_devices


@settings(deadline=None)
@given(
    doing=st.sampled_from(["working", "welding", "operating", "standing"]),
    form=st.sampled_from(["Who was {0} on WLD002 last night?", "who is {0} at WLD002", "and who was {0} on WLD002?"]),
)
def test_of_one_machine_who_asks_for_a_person(doing: str, form: str) -> None:
    assert parse_prompt(form.format(doing), NOW).refused.lower().startswith("who")


@pytest.mark.parametrize("text", ["WLD002昨晚是谁在干活", "谁在WLD002上焊接", "昨晚谁在操作WLD002"])
def test_of_one_machine_who_asks_for_a_person_in_chinese(text: str) -> None:
    assert parse_prompt(text, NOW).refused


@pytest.mark.parametrize(
    "text",
    ["who welded more today, WLD001 or WLD002?", "who welded longest today", "谁焊得最久", "WLD001和WLD002谁焊得久"],
)
def test_of_several_machines_who_is_one_of_them(text: str) -> None:
    assert parse_prompt(text, NOW).refused == ""


@pytest.mark.parametrize(
    "text",
    [
        *("temperature of WLD001, now and one hour ago", "current of WLD001 one hour ago and now"),
        *("WLD001现在和一小时前的温度", "WLD001一小时前和现在的温度"),
    ],
)
def test_now_stands_beside_another_moment(text: str) -> None:
    query = parse_prompt(text, NOW)
    starts = {time.start for time in query.periods}
    assert starts == {NOW, NOW - timedelta(hours=1)}
    assert all(time.instant for time in query.periods)


def test_now_that_begins_a_question_is_no_moment() -> None:
    assert parse_prompt("now tell me the current of WLD001 at 9:00", NOW).periods == ()


@pytest.mark.parametrize(
    "text",
    [
        *("how long was WLD001 below 100 A but not stopped today", "how long was WLD001 below 100 A but welding today"),
        *("WLD001今天低于100A但不是停机一共多长时间", "WLD001今天低于100A但没停一共多长时间"),
    ],
)
def test_what_but_adds_is_a_further_condition(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.conditions, query.negation, query.unread) == ((BELOW, RUNNING), "", ())


@settings(deadline=None)
@given(
    aggregate=st.sampled_from(
        [("max", Statistic.MAX), ("MIN", Statistic.MIN), ("avg", Statistic.MEAN), ("stddev", Statistic.STD)]
    ),
    field=st.sampled_from(["current", "voltage", "temperature"]),
    column=st.sampled_from(["ts", "timestamp", "time"]),
    hours=st.integers(2, 30),
)
def test_sql_is_read_as_its_words(aggregate: tuple[str, Statistic], field: str, column: str, hours: int) -> None:
    name, statistic = aggregate
    text = f"SELECT {name}({field}) FROM WLD004 WHERE {column} >= now() - interval '{hours} hours' AND current > 5;"
    query = parse_prompt(text, NOW)
    assert (query.devices, query.fields, query.statistics) == (("WLD004",), (field,), (statistic,))
    assert query.time is not None
    assert query.time.start == NOW - timedelta(hours=hours)
    assert [each.value for each in query.conditions] == [5.0]
    assert query.unread == ()


def test_sql_with_two_times_a_label_and_rows_by_the_hour() -> None:
    between = parse_prompt(
        "select count(*) from readings where device_code = 'WLD003' and quality_label != 'good' "
        "and ts between '2026-11-21 08:00' and '2026-11-21 10:00'",
        NOW,
    )
    assert (between.devices, between.conditions, between.statistics) == (("WLD003",), (BAD,), (Statistic.COUNT,))
    assert between.time is not None
    assert between.time.end is not None
    assert (between.time.end - between.time.start) == timedelta(hours=2) if between.time.start else False
    hourly = "select date_trunc('hour', ts), avg(current) from WLD001 where ts > now() - interval '1 day' group by 1"
    assert parse_prompt(hourly, NOW).interval == timedelta(hours=1)
    assert in_words("SELECT * FROM WLD002 ORDER BY ts DESC LIMIT 5") == "the last 5 readings of WLD002"


def test_what_is_not_known_of_sql_is_named_and_other_text_stays() -> None:
    assert "frobnicate" in " ".join(parse_prompt("SELECT frobnicate(current) FROM WLD001", NOW).unread)
    assert in_words("select a machine for me") == "select a machine for me"


@pytest.mark.parametrize(
    "text", ["alarms? any open", "which alarms are firing?", "last alarm?", "最近一次报警是哪台什么时候", "有没有报警"]
)
def test_alarms_are_told_to_be_elsewhere(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert about_penstock(text, query) is About.ALARMS
    for language in Language:
        assert "/api/v1/alerts" in about_text(About.ALARMS, language)


def test_alarms_of_a_machine_are_what_is_wrong_with_it() -> None:
    text = "any alarms on WLD001 today?"
    assert about_penstock(text, parse_prompt(text, NOW)) is None


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("how often did the label of WLD004 change from good to bad today", BAD),
        ("WLD004的焊缝今天从合格变成不合格几次", BAD),
        ("how many times did the label of WLD004 go from bad to good", None),
    ],
)
def test_changes_of_a_label_are_its_stretches(text: str, second: Condition | None) -> None:
    query = parse_prompt(text, NOW)
    good = Condition(field=LABEL_FIELD, operator=Operator.EQ, value=GOOD)
    assert (query.conditions, query.statistics) == ((second or good,), (Statistic.EVENTS,))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Which readings of WLD001 today are physically implausible? Give me timestamps.",
            "any outliers in the voltage readings of WLD001 today?",
        ),
        *("WLD001今天有哪些不合理的读数", "which values of WLD001 today are impossible?"),
    ],
)
def test_readings_that_cant_be_right_are_asked_for(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.odd, query.intent, query.negation, query.presence) == (True, Intent.ANOMALY, "", "")


def test_two_states_are_asked_for_one_after_the_other() -> None:
    assert len(question_parts("现在哪几台在焊,哪几台停着?", ()).texts) == 2
    assert len(question_parts("which machines are welding and which are stopped?", ()).texts) == 2


@pytest.mark.parametrize(
    "text",
    [
        *(
            "WLD001平均每次起弧焊多久",
            "早班(6点-14点)和中班(14点-20点)WLD001的焊接时间比较",
            "过去24小时每小时WLD003的平均电压列个表",
        ),
        *("WLD001和WLD004今天的送丝总长度相差多少米?", "上周五和今天比,WLD001的焊接时间多了还是少了?"),
        *("mean current of WLD003 today, grouped by hour", "WLD002昨天的气体流量是多少升每分"),
    ],
)
def test_what_is_answered_is_not_named_as_not_understood(text: str) -> None:
    assert asked(text).unread == ()


def test_litres_a_minute_are_a_flow_and_no_amount() -> None:
    query = parse_prompt("WLD002昨天用了多少升每分的气", NOW)
    assert (query.statistics, query.unit) == ((Statistic.MEAN,), "L/min")
    assert parse_prompt("WLD002昨天用了多少升气", NOW).statistics == (Statistic.INTEGRAL,)
