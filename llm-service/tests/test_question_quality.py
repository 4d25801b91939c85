"""Questions for how good welds were are told by their labels: better or worse, per hour, defects alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, Operator, Statistic

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
GOOD = Condition(field="quality_label", operator=Operator.EQ, value="good")
BAD = Condition(field="quality_label", operator=Operator.NE, value="good")
DEVICES = st.sampled_from(["WLD001", "WLD002", "WLD004"])
TIMES = st.sampled_from(["today", "yesterday", "since 8 am", "in the last 3 hours"])


@settings(deadline=None)
@given(device=DEVICES, time=TIMES, words=st.sampled_from(["how good was {} {}?", "how was the quality of {} {}"]))
def test_how_good_it_was_is_told_by_the_counts_of_the_labels(device: str, time: str, words: str) -> None:
    query = parse_prompt(words.format(device, time), NOW)
    assert (query.fields, query.conditions, query.unread) == (("quality_label",), (), ())


@pytest.mark.parametrize("text", ["WLD002 今天质量好不好", "WLD002今天质量怎么样", "WLD002 今天质量如何？"])
def test_the_same_is_asked_in_chinese(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.devices, query.fields, query.unread, query.negation) == (("WLD002",), ("quality_label",), (), "")


@settings(deadline=None)
@given(device=DEVICES, time=TIMES)
def test_the_quality_per_hour_is_the_share_of_good_ones(device: str, time: str) -> None:
    query = parse_prompt(f"quality of {device} per hour {time}", NOW)
    assert (query.statistics, query.conditions, query.interval) == ((Statistic.SHARE,), (GOOD,), HOUR)


@pytest.mark.parametrize("text", ["is WLD003 getting worse?", "is WLD003 getting better?", "WLD003 越来越差吗"])
def test_getting_worse_without_a_field_is_about_the_quality(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.conditions, query.devices) == ((Statistic.SHARE,), (GOOD,), ("WLD003",))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("was WLD001 worse than WLD002 today in terms of defects?", BAD),
        ("is WLD001 better than WLD002 today?", GOOD),
    ],
)
def test_better_and_worse_set_shares_of_labels_side_by_side(text: str, condition: Condition) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.conditions, query.whether) == ((Statistic.SHARE,), (condition,), False)
    assert (query.devices, query.unread) == (("WLD001", "WLD002"), ())


@settings(deadline=None)
@given(device=DEVICES, time=TIMES, percent=st.booleans())
def test_a_label_alone_asks_how_many_had_it(device: str, time: str, percent: bool) -> None:
    query = parse_prompt(f"defects of {device} {time}{' in percent' if percent else ''}", NOW)
    assert query.statistics == ((Statistic.SHARE,) if percent else (Statistic.COUNT,))
    assert (query.conditions, query.unread) == ((BAD,), ())


def test_a_label_that_chooses_readings_still_leaves_the_overview() -> None:
    assert parse_prompt("numbers of WLD001 today while good", NOW).statistics == ()


@pytest.mark.parametrize(
    ("words", "first"), [("from lowest to highest", Statistic.MIN), ("from highest to lowest", None)]
)
def test_the_order_asked_for_says_which_end_comes_first(words: str, first: Statistic | None) -> None:
    query = parse_prompt(f"quality rate of all machines today {words}", NOW)
    assert query.rank
    assert set(query.statistics) - {Statistic.MAX} == {Statistic.SHARE, *([first] if first else [])}


def test_the_order_is_read_in_chinese() -> None:
    query = parse_prompt("四台机器今天的合格率分别是多少，从低到高排一下", NOW)
    assert (query.rank, set(query.statistics), query.unread) == (True, {Statistic.SHARE, Statistic.MIN}, ())
