"""The words of the shop floor: what to look at, what is as usual, bare numbers of machines, hours of welding."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.conversation import Conversation
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, DeviceReference, Intent, Operator, Statistic, StructuredQuery

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
TODAY = datetime(2026, 11, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
IDLE = Condition(field="current", operator=Operator.LT, value=5.0)
RUNNING = Condition(field="current", operator=Operator.GE, value=5.0)


def asked(*texts: str) -> tuple[StructuredQuery, ...]:
    """Return what the last of several questions one after the other asks for."""
    *earlier, question = texts
    talk = Conversation(question=question, earlier=tuple(reversed(earlier)), outcomes=(), cards=())
    return talk.queries(NOW)


@pytest.mark.parametrize(
    "text", ["which machine should I look at first?", "which machine needs attention?", "哪台要注意"]
)
def test_what_to_look_at_is_asked_of_all_machines(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.all_devices, query.unread) == (Intent.ANOMALY, True, ())


@settings(deadline=None)
@given(field=st.sampled_from(["current", "voltage", "temperature"]))
def test_as_usual_asks_for_what_is_out_of_the_ordinary(field: str) -> None:
    query = parse_prompt(f"is the {field} of WLD003 as usual right now?", NOW)
    assert (query.intent, query.fields, query.recent, query.unread) == (Intent.ANOMALY, (field,), True, ())


@settings(deadline=None)
@given(number=st.integers(1, 99), time=st.sampled_from(["today", "yesterday", ""]))
def test_a_bare_number_behind_on_is_a_machine(number: int, time: str) -> None:
    query = parse_prompt(f"anything wrong on {number} {time}?", NOW)
    assert (query.references, query.unread) == ((DeviceReference(number=number),), ())


@settings(deadline=None)
@given(pair=st.lists(st.integers(1, 9), min_size=2, max_size=2, unique=True))
def test_two_bare_numbers_to_choose_from_are_machines(pair: list[int]) -> None:
    query = parse_prompt(f"who used more wire today, {pair[0]} or {pair[1]}?", NOW)
    assert query.references == tuple(DeviceReference(number=number) for number in pair)
    assert (query.rank, query.unread) == (True, ())


@pytest.mark.parametrize(
    "text",
    ["mean current of WLD001 on 27 November", "which hours had 2 or 3 stops on WLD001", "current on WLD001 on 2"],
)
def test_other_numbers_are_no_machines(text: str) -> None:
    assert not parse_prompt(text, NOW).references


@settings(deadline=None)
@given(
    words=st.sampled_from(["welding hours", "hours of welding", "arc hours"]),
    whole=st.sampled_from(["total ", "", "all "]),
)
def test_hours_of_welding_are_a_duration(words: str, whole: str) -> None:
    query = parse_prompt(f"{whole}{words} of WLD001 yesterday", NOW)
    assert (query.statistics, query.conditions) == ((Statistic.DURATION,), (RUNNING,))


@settings(deadline=None)
@given(words=st.sampled_from(["without a stop", "without a pause", "nonstop", "without stopping"]))
def test_without_a_stop_is_what_a_stretch_is_anyway(words: str) -> None:
    query = parse_prompt(f"how long has WLD002 been running {words}?", NOW)
    assert (query.since, query.conditions, query.unread, query.negation) == (True, (RUNNING,), (), "")


@settings(deadline=None)
@given(words=st.sampled_from(["no current", "standing around", "doing nothing"]))
def test_a_machine_without_current_stands(words: str) -> None:
    query = parse_prompt(f"how long was WLD001 {words} today?", NOW)
    assert (query.statistics, query.conditions, query.negation) == ((Statistic.DURATION,), (IDLE,), "")


@settings(deadline=None)
@given(label=st.sampled_from(["porosity", "undercut", "lack of fusion"]), first=st.booleans())
def test_the_first_or_last_of_a_label_asks_when(label: str, first: bool) -> None:
    query = parse_prompt(f"{'first' if first else 'last'} {label} on WLD003 today?", NOW)
    assert (query.when, query.once, query.first, query.unread) == (True, True, first, ())


@pytest.mark.parametrize("text", ["which hour today was the worst for WLD003?", "worst hour of WLD003 today"])
def test_the_worst_hour_has_the_most_that_is_not_good(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.interval, query.rank, set(query.statistics)) == (HOUR, True, {Statistic.COUNT, Statistic.MAX})
    assert (query.unread, query.conditions[0].operator) == ((), Operator.NE)


@pytest.mark.parametrize(
    ("before", "follow", "statistics"),
    [
        ("which machine used the most gas today?", "how much was it?", {Statistic.INTEGRAL, Statistic.MAX}),
        ("which machine had the most porosity today?", "how much was it in percent?", {Statistic.SHARE, Statistic.MAX}),
        ("今天气孔最多的是哪台", "占百分之几", {Statistic.SHARE, Statistic.MAX}),
    ],
)
def test_the_value_of_what_was_told_is_told_again(before: str, follow: str, statistics: set[Statistic]) -> None:
    (query,) = asked(before, follow)
    assert (query.rank, set(query.statistics), query.unread) == (True, statistics, ())


@pytest.mark.parametrize(
    ("before", "follow"), [("mean current of WLD003 this morning", "is that normal?"), ("WLD003今天电流", "正常吗")]
)
def test_whether_it_is_normal_is_asked_of_what_was_told(before: str, follow: str) -> None:
    (query,) = asked(before, follow)
    assert (query.intent, query.devices, query.fields) == (Intent.ANOMALY, ("WLD003",), ("current",))
    assert query.time == asked(before)[0].time


@pytest.mark.parametrize(
    "text", ["WLD002 现在温度多少度，正常吗", "what is the temperature of WLD002 now, is that normal?"]
)
def test_a_value_and_whether_it_is_normal_are_two_questions(text: str) -> None:
    value, usual = asked(text)
    assert (value.statistics, value.fields) == ((Statistic.LAST,), ("temperature",))
    assert (usual.intent, usual.devices, usual.fields) == (Intent.ANOMALY, ("WLD002",), ("temperature",))


def test_an_amount_from_one_day_to_the_next_is_told_of_both() -> None:
    (query,) = asked("how much did the gas consumption of WLD001 go down from yesterday to today?")
    assert (query.intent, query.statistics, query.fields) == (Intent.COMPARE, (Statistic.INTEGRAL,), ("gas_flow",))
    assert [each.start for each in query.periods] == [TODAY - timedelta(days=1), TODAY]
