"""What is said of the readings asked about is part of the question: what is left out, a weld's limits, two times."""

from datetime import UTC, datetime

import pytest

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, Operator, Statistic, StructuredQuery
from llm_service.domain.offline.question_parts import question_parts

NOW = datetime(2026, 11, 30, 20, 30, tzinfo=UTC)
CODES = ["WLD001", "WLD002", "WLD003", "WLD004"]
FIELDS = ["current", "voltage", "wire_feed", "gas_flow", "temperature", "quality_label"]
RUNNING = Condition(field="current", operator=Operator.GE, value=5.0)
LITTLE_GAS = Condition(field="gas_flow", operator=Operator.LT, value=8.0, unit="L/min")


def parsed(text: str) -> StructuredQuery:
    return parse_prompt(text, NOW, known_devices=CODES, known_fields=FIELDS)


@pytest.mark.parametrize(
    "text",
    [
        "Median and 95th percentile of the current of WLD003 during the last 6 hours, idle time excluded.",
        "mean current of WLD003 today, stops excluded",
        "average current of WLD003 today with stops left out",
        "WLD003今天的平均电流，停机除外",
    ],
)
def test_a_state_that_is_left_out_behind_it_is_left_out(text: str) -> None:
    query = parsed(text)
    assert query.conditions == (RUNNING,)
    assert query.unread == ()
    assert Statistic.DURATION not in query.statistics


@pytest.mark.parametrize(
    "text",
    [
        "Did any machine weld with less than 8 L/min of gas in the past 24 h?",
        "Did WLD001 weld below 8 L/min of gas yesterday?",
        "昨天有没有机器在气体低于8升每分时焊接？",
    ],
)
def test_a_limit_that_a_machine_welded_at_is_one_of_its_welding(text: str) -> None:
    query = parsed(text)
    assert {(each.field, each.value) for each in query.conditions} == {("gas_flow", 8.0), ("current", 5.0)}
    assert query.whether


@pytest.mark.parametrize("text", ["Was the gas of WLD001 below 8 L/min yesterday?", "WLD001昨天气体低于8升每分吗？"])
def test_a_limit_of_no_weld_is_one_of_all_readings(text: str) -> None:
    assert {each.field for each in parsed(text).conditions} == {"gas_flow"}


@pytest.mark.parametrize(
    "text",
    [
        "Compare gas consumption of hall A and hall B between 06:00 and 14:00 yesterday.",
        "Compare the gas of all the machines between 06:00 and 14:00 yesterday",
    ],
)
def test_two_halls_are_compared_between_two_times_not_at_them(text: str) -> None:
    query = parsed(text)
    assert query.periods == ()
    assert query.time is not None
    assert (query.time.start, query.time.end) == (
        datetime(2026, 11, 29, 6, tzinfo=UTC),
        datetime(2026, 11, 29, 14, tzinfo=UTC),
    )


def test_one_machine_is_compared_at_two_times() -> None:
    query = parsed("Compare the current of WLD001 between 06:00 and 14:00")
    assert [each.instant for each in query.periods] == [True, True]


@pytest.mark.parametrize(
    "text",
    ["avg weld time per seam wld004", "WLD004 average welding time of each weld today", "WLD004每条焊缝的焊接时间"],
)
def test_the_time_of_a_seam_is_that_of_each_stretch_of_welding(text: str) -> None:
    query = parsed(text)
    assert (query.statistics, query.each, query.conditions) == ((Statistic.DURATION,), True, (RUNNING,))
    assert query.unread == ()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (
            "At what time yesterday was the current of WLD002 highest, and what was the voltage at that moment?",
            "current",
        ),
        ("When was the temperature of WLD001 highest yesterday and what was the current then", "temperature"),
        ("WLD002昨天电流什么时候最大，当时电压是多少？", "current"),
    ],
)
def test_what_was_at_the_moment_of_an_end_is_read_there(text: str, field: str) -> None:
    query = parsed(text)
    assert (query.limit, query.ordered, query.fields[0], len(query.fields)) == (1, "highest", field, 2)
    assert (query.statistics, query.unread) == ((), ())


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("wich machine is hottest now and wich was hottest at 8 yesterday", "wich was hottest at 8 yesterday"),
        ("Which is hottest now and which was hottest yesterday?", "which was hottest yesterday?"),
        ("哪台现在最热，昨天8点哪台最热", "昨天8点哪台最热"),
    ],
)
def test_which_is_first_at_each_of_two_times_is_two_questions(text: str, second: str) -> None:
    assert question_parts(text, CODES).texts[1:] == (second,)


def test_both_ends_of_one_time_are_one_question() -> None:
    assert len(question_parts("which machine used the most gas yesterday and which the least", CODES).texts) == 1


@pytest.mark.parametrize("text", ["WLD003 is it still under warranty?", "WLD003的保修期到什么时候？"])
def test_a_warranty_is_refused(text: str) -> None:
    assert parsed(text).refused


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("How many machines had a mean gas flow below 8 L/min yesterday?", LITTLE_GAS),
        ("四台机器里有几台昨天焊接时的平均气流低于8 L/min？", LITTLE_GAS),
    ],
)
def test_machines_are_counted_by_their_mean_and_not_by_readings(text: str, limit: Condition) -> None:
    query = parsed(text)
    assert (query.limits, query.statistics, query.rank) == ((limit,), (Statistic.MEAN,), True)
    assert limit not in query.conditions
