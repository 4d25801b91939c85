"""Words that say less than they mean are read as what they mean: groups, spikes, seams, how hot it got, this hour."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, Intent, Operator, Remark, Statistic, TimeRange

NOW = datetime(2026, 11, 28, 12, 34, tzinfo=UTC)
TODAY = TimeRange(start=datetime(2026, 11, 28, tzinfo=UTC), end=datetime(2026, 11, 29, tzinfo=UTC))
FIELDS = {"current": "电流", "voltage": "电压", "temperature": "温度"}
UNITS = {"A": "current", "V": "voltage", "°C": "temperature"}
WELDING = Condition(field="current", operator=Operator.GE, value=5.0)
fields = st.sampled_from(sorted(FIELDS))


@settings(deadline=None)
@given(field=fields, more=st.sampled_from(["higher", "lower"]))
def test_groups_are_compared_by_their_means_and_by_no_single_reading(field: str, more: str) -> None:
    text = f"which hall had the {more} {field} today, A or B?"
    query = parse_prompt(text, NOW)
    end = Statistic.MAX if more == "higher" else Statistic.MIN
    assert (set(query.statistics), query.by_group) == ({Statistic.MEAN, end}, True), text
    highest = parse_prompt(f"which hall had the maximum {field} today, A or B?", NOW)
    assert Statistic.MEAN not in highest.statistics


@settings(deadline=None)
@given(unit=st.sampled_from(sorted(UNITS)), limit=st.integers(10, 900))
def test_spikes_above_a_limit_are_the_times_it_was_exceeded(unit: str, limit: int) -> None:
    condition = Condition(field=UNITS[unit], operator=Operator.GT, value=float(limit), unit=unit)
    for text in (
        f"were there any spikes above {limit} {unit} on WLD001 today?",
        f"any spikes over {limit} {unit} on WLD001 today",
        f"WLD001今天有没有超过{limit}{unit}的尖峰",
    ):
        query = parse_prompt(text, NOW)
        assert (query.conditions, query.statistics) == ((condition,), (Statistic.EVENTS,)), text
        assert (query.intent, query.unread) == (Intent.STATISTICS, ()), text
    assert parse_prompt("any spikes on WLD001 today?", NOW).intent is Intent.ANOMALY


@pytest.mark.parametrize("word", ["events", "occurrences", "incidents", "seams"])
@pytest.mark.parametrize("label", ["porosity", "bad", "undercut"])
def test_what_begins_and_ends_is_counted_by_its_stretches(word: str, label: str) -> None:
    query = parse_prompt(f"how many {label} {word} did WLD001 have today?", NOW)
    assert (query.statistics, query.unread, len(query.conditions)) == ((Statistic.EVENTS,), (), 1)


@pytest.mark.parametrize("device", ["WLD001", "the torch of WLD001"])
def test_how_hot_it_got_is_how_hot_at_most(device: str) -> None:
    for text, expected in (
        (f"how hot did {device} get today?", Statistic.MAX),
        (f"how cold did {device} get today?", Statistic.MIN),
        ("rank all machines by how hot the torch got today", Statistic.MAX),
    ):
        query = parse_prompt(text, NOW)
        assert (query.fields, query.statistics, query.unread) == (("temperature",), (expected,), ()), text


@settings(deadline=None)
@given(limit=st.integers(10, 900), said=st.sampled_from(["多少时间", "有多少时间", "多长时间"]))
def test_how_much_time_a_condition_held_is_a_duration(limit: int, said: str) -> None:
    query = parse_prompt(f"WLD001 今天{said}电流超过{limit}安？", NOW)
    assert (query.statistics, len(query.conditions), query.time) == ((Statistic.DURATION,), 1, TODAY)


@settings(deadline=None)
@given(limit=st.integers(10, 90))
def test_machines_beyond_a_limit_are_told_by_how_many_readings_were(limit: int) -> None:
    for text in (f"焊枪温度超过{limit}度的有哪几台？", f"which machines exceeded {limit} °C?"):
        query = parse_prompt(text, NOW)
        assert (query.rank, query.statistics) == (True, (Statistic.COUNT,)), text


@pytest.mark.parametrize("previous", ["the previous hour", "the last hour", "the hour before"])
def test_the_hour_before_this_one_is_one_of_the_clock(previous: str) -> None:
    query = parse_prompt(f"mean current of WLD001 this hour compared to {previous}", NOW)
    hour = datetime(2026, 11, 28, 12, tzinfo=UTC)
    assert [each.start for each in query.periods] == [hour, hour - timedelta(hours=1)]
    assert query.periods[1].end == hour
    rolling = parse_prompt("mean current of WLD001 in the last hour", NOW)
    assert rolling.time
    assert rolling.time.start == NOW - timedelta(hours=1)


@pytest.mark.parametrize("statistic", ["mean", "average", "typical", "median", "lowest"])
@pytest.mark.parametrize("said", ["welding current", "arc voltage", "焊接电流"])
def test_a_number_of_the_current_while_welding_leaves_the_rest_out(statistic: str, said: str) -> None:
    query = parse_prompt(f"{statistic} {said} of WLD001 today", NOW)
    assert query.conditions == (WELDING,)
    assert (Remark.READ_AS, (said, "current >= 5")) in [(note.remark, note.words) for note in query.notes]
    for text in (f"{statistic} current of WLD001 today", f"maximum {said} of WLD001 today", f"{said} of WLD001 now"):
        assert parse_prompt(text, NOW).conditions == (), text


@pytest.mark.parametrize(
    ("text", "statistics"),
    [
        ("WLD001今天的电压波动大不大", {Statistic.STD, Statistic.RANGE}),
        ("WLD001今天电压稳不稳定", {Statistic.STD, Statistic.RANGE}),
    ],
)
def test_a_word_doubled_round_not_turns_nothing_round(text: str, statistics: set[Statistic]) -> None:
    query = parse_prompt(text, NOW)
    assert (query.negation, query.unread) == ("", ())
    assert set(query.statistics) == statistics or query.intent is Intent.TREND


def test_which_is_steadier_has_the_smallest_spread_first() -> None:
    for text in ("which of WLD001 and WLD004 had the more stable voltage today?", "WLD001和WLD004今天哪个电压更稳定？"):
        query = parse_prompt(text, NOW)
        assert set(query.statistics) == {Statistic.STD, Statistic.MIN}, text
        assert query.unread == (), text


def test_one_field_that_follows_another_is_a_correlation() -> None:
    query = parse_prompt("does the temperature of WLD001 follow its current?", NOW)
    assert (query.statistics, query.fields) == ((Statistic.CORRELATION,), ("temperature", "current"))


def test_anything_that_is_down_may_be_any_machine() -> None:
    query = parse_prompt("Is anything down?", NOW)
    assert (query.all_devices, query.holds, len(query.conditions)) == (True, True, 1)
