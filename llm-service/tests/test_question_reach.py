"""Questions as outsiders ask them are read, or answered by what they can only mean."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.answer_pooled import pooled
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.conversation import Conversation
from llm_service.domain.offline.english import English
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import (
    Condition,
    DeviceReference,
    Intent,
    Operator,
    Statistic,
    StructuredQuery,
    TimeRange,
)
from llm_service.domain.offline.result import DeviceStatistics, FieldStatistics

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
BAD = Condition(field="quality_label", operator=Operator.NE, value="good")


def asked(*texts: str) -> StructuredQuery:
    """Return what the last of several questions one after the other asks for."""
    *earlier, question = texts
    talk = Conversation(question=question, earlier=tuple(reversed(earlier)), outcomes=(), cards=())
    return talk.queries(NOW)[-1]


def used(device: str, mean: float) -> Answered:
    """The mean wire feed of a machine."""
    one = FieldStatistics(field="wire_feed", unit="m/min", values={Statistic.MEAN: mean, Statistic.COUNT: 10.0})
    time = TimeRange()
    return Answered(result=DeviceStatistics(device=device, row_count=10, fields=(one,), time=time), time=time)


def test_what_machines_use_in_an_hour_adds_up() -> None:
    query = parse_prompt("how much wire per hour does hall A use on average", NOW)
    found = pooled(Report(English()), query, [used("WLD001", 1.0), used("WLD003", 3.0)])
    assert found is not None
    assert found.text == "240 m/h"


def test_means_of_readings_are_pooled() -> None:
    query = parse_prompt("mean wire feed of hall A", NOW)
    found = pooled(Report(English()), query, [used("WLD001", 1.0), used("WLD003", 3.0)])
    assert found is not None
    assert found.text == "2 m/min"


@pytest.mark.parametrize(
    "text",
    ["when did WLD002 use the most gas today", "what time did WLD002 use the most gas today", "今天几点WLD002用气最多"],
)
def test_when_most_was_used_is_an_hour(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.interval, query.rank, query.when) == (HOUR, True, False)
    assert set(query.statistics) == {Statistic.INTEGRAL, Statistic.MAX}


ABOVE = ("list all machines with temp above {} now", "which machines are above {} degrees now")


@settings(deadline=None)
@given(
    limit=st.integers(20, 90),
    words=st.sampled_from(ABOVE),
)
def test_those_above_a_limit_now_are_told_by_their_last_reading(limit: int, words: str) -> None:
    query = parse_prompt(words.format(limit), NOW)
    assert (query.holds, query.all_devices, query.statistics) == (True, True, ())
    assert [condition.value for condition in query.conditions] == [float(limit)]


@settings(deadline=None)
@given(
    field=st.sampled_from(["gas", "current", "temperature"]),
    words=st.sampled_from(["compare the two halls by {} today", "average {} of both halls today"]),
)
def test_the_two_halls_are_all_machines_by_their_hall(field: str, words: str) -> None:
    query = parse_prompt(words.format(field), NOW)
    assert (query.by_group, query.all_devices, query.unread) == (True, True, ())


@pytest.mark.parametrize(
    ("text", "end"), [("WLD001 和 WLD003 今天哪个质量更好", Statistic.MAX), ("哪台今天质量最差", Statistic.MIN)]
)
def test_better_and_worse_are_read_in_chinese(text: str, end: Statistic) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.rank, query.unread) == ((Statistic.SHARE, end), True, ())


def test_the_most_common_defect_is_told_by_the_counts_of_the_labels() -> None:
    query = asked("WLD003今天质量怎么样", "最多的缺陷是什么")
    assert (query.fields, query.statistics, query.conditions) == (("quality_label",), (), (BAD,))


@pytest.mark.parametrize("follow", ["per machine?", "and for each machine?", "每台呢"])
def test_of_each_machine_keeps_what_was_asked(follow: str) -> None:
    query = asked("mean current of WLD001 today", follow)
    assert (query.devices, query.all_devices, query.statistics) == ((), True, (Statistic.MEAN,))
    group = asked("how much gas did hall A use today?", follow)
    assert group.references == (DeviceReference(number=0, label="A"),)
    assert group.intent is Intent.STATISTICS


def test_the_longest_stop_behind_a_ranking_is_the_longest_single_one() -> None:
    query = asked("which machine stopped most often today?", "and the longest stop of it?")
    assert (query.rank, query.longest) == (True, 1)


def test_higher_at_a_moment_asks_for_the_value_of_it() -> None:
    query = asked("what is the voltage of WLD001?", "was it higher an hour ago?")
    assert (query.fields, query.statistics, query.time is not None) == (("voltage",), (), True)
    assert query.time is not None
    assert query.time.instant


def test_good_ones_and_bad_ones_are_told_by_the_counts_of_the_labels() -> None:
    query = parse_prompt("how many good readings and how many bad ones on WLD002 yesterday", NOW)
    assert (query.fields, query.conditions, query.unread) == (("quality_label",), (), ())


@pytest.mark.parametrize("text", ["defects of WLD003 per hour today", "show defects per hour for WLD003 today"])
def test_defects_per_hour_are_counted(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.conditions, query.interval) == ((Statistic.COUNT,), (BAD,), HOUR)


@settings(deadline=None)
@given(count=st.integers(2, 50), field=st.sampled_from(["temperature", "current", "voltage"]))
def test_the_last_readings_of_a_field_are_rows_of_it(count: int, field: str) -> None:
    query = parse_prompt(f"last {count} {field} readings of WLD004", NOW)
    assert (query.limit, query.newest, query.fields, query.unread) == (count, True, (field,), ())


@pytest.mark.parametrize("text", ["any missing data yesterday?", "how much wire did the shop need yesterday in total?"])
def test_what_names_no_machine_is_asked_of_the_shop(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.all_devices, query.unread) == (True, ())


@pytest.mark.parametrize("negation", ["hasn't welded", "has not welded", "didn't weld"])
def test_one_that_has_not_welded_is_the_one_that_welded_least(negation: str) -> None:
    query = parse_prompt(f"is there a machine that {negation} in the last 30 minutes", NOW)
    assert (query.rank, query.statistics) == (True, (Statistic.DURATION, Statistic.MIN))
    assert [(each.operator, each.value) for each in query.conditions] == [(Operator.GE, 5.0)]


def test_then_behind_many_times_is_named() -> None:
    query = asked("when did WLD003 exceed 70 degrees today?", "what was the current then?")
    assert "then" in query.unread


def test_how_much_more_one_hall_used_is_told_with_both() -> None:
    before = "which hall used more gas yesterday?"
    assert asked(before, "how much more?") == asked(before)


@pytest.mark.parametrize(
    "text", ["compare porosity of WLD001 and WLD003 yesterday", "compare the porosity of WLD001 today and yesterday"]
)
def test_a_label_is_compared_by_its_shares(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.fields, len(query.conditions)) == ((Statistic.SHARE,), (), 1)


@pytest.mark.parametrize(
    ("follow", "codes", "labels"),
    [("compared to WLD004", ("WLD002", "WLD004"), ()), ("vs hall A", ("WLD002",), ("A",))],
)
def test_what_is_set_beside_keeps_what_was_asked(follow: str, codes: tuple[str, ...], labels: tuple[str, ...]) -> None:
    query = asked("mean current of WLD002 today", follow)
    assert (query.devices, tuple(each.label for each in query.references)) == (codes, labels)
    assert (query.intent, query.fields, query.statistics) == (Intent.COMPARE, ("current",), (Statistic.MEAN,))
    assert query.time == asked("mean current of WLD002 today").time


def test_a_state_before_only_chooses_readings() -> None:
    query = parse_prompt("average gas flow of WLD001, welding only, for the last 6 hours", NOW)
    assert ([(each.operator, each.value) for each in query.conditions], query.unread) == ([(Operator.GE, 5.0)], ())
