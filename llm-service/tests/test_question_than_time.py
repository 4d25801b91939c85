"""A time behind "than" is compared with, it is not the time that is asked about."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Statistic, TimeRange

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
TODAY = datetime(2026, 11, 28, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
YESTERDAY = TimeRange(start=TODAY - DAY, end=TODAY)
SO_FAR = TimeRange(start=TODAY, end=NOW)
field = st.sampled_from(["current", "voltage", "temperature"])
more = st.sampled_from(["higher", "lower"])


@settings(deadline=None)
@given(
    field=field,
    more=more,
    form=st.sampled_from(
        ["is the {0} of WLD001 {1} than yesterday?", "how much {1} is the {0} of WLD001 than yesterday"]
    ),
)
def test_higher_than_yesterday_compares_with_today(field: str, more: str, form: str) -> None:
    query = parse_prompt(form.format(field, more), NOW)
    assert (query.intent, query.fields, query.periods) == (Intent.COMPARE, (field,), (YESTERDAY, SO_FAR))
    assert not {Statistic.MAX, Statistic.MIN} & set(query.statistics)


@pytest.mark.parametrize("text", ["is WLD001 hotter than yesterday", "how much colder is WLD001 than yesterday?"])
def test_hotter_than_yesterday_compares_temperatures(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.fields, query.periods) == (Intent.COMPARE, ("temperature",), (YESTERDAY, SO_FAR))


def test_more_gas_than_yesterday_compares_totals() -> None:
    query = parse_prompt("did WLD001 use more gas than yesterday?", NOW)
    assert (query.intent, query.statistics, query.periods) == (
        Intent.COMPARE,
        (Statistic.INTEGRAL,),
        (YESTERDAY, SO_FAR),
    )


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("is the current of WLD001 higher than this morning?", (6, 12)),
        ("is WLD001's current lower than in the morning", (6, 12)),
        ("WLD001的电流比今天上午高吗", (6, 12)),
        ("has the current of WLD001 dropped compared to this morning?", (6, 12)),
    ],
)
def test_a_part_of_a_day_that_is_over_is_compared_with_the_last_hour(text: str, hours: tuple[int, int]) -> None:
    query = parse_prompt(text, NOW)
    then = TimeRange(start=TODAY + hours[0] * HOUR, end=TODAY + hours[1] * HOUR)
    assert (query.intent, query.fields) == (Intent.COMPARE, ("current",))
    assert query.periods == (then, TimeRange(start=NOW - HOUR, end=NOW))
    assert (query.beyond, query.unread) == ("below" if "lower" in text or "dropped" in text else "above", ())


@pytest.mark.parametrize(
    ("text", "beyond"),
    [
        ("has the temperature of WLD001 risen compared to yesterday?", "above"),
        ("did the temperature of WLD001 go up compared with yesterday", "above"),
        ("has the temperature of WLD001 fallen compared to yesterday?", "below"),
        ("WLD001的温度比昨天升高了吗", "above"),
        ("WLD001的温度比昨天下降了吗", "below"),
        ("how much has the temperature of WLD001 risen compared to yesterday", ""),
        ("WLD001的温度比昨天上升了多少", ""),
    ],
)
def test_whether_it_rose_against_a_time_is_told_by_both_and_how_much_by_the_difference(text: str, beyond: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.fields, query.periods) == (Intent.COMPARE, ("temperature",), (YESTERDAY, SO_FAR))
    assert (query.beyond, query.unread) == (beyond, ())


def test_what_rose_and_fell_is_no_yes_or_no() -> None:
    query = parse_prompt("has the temperature of WLD001 risen or fallen compared to yesterday?", NOW)
    assert query.beyond == ""


@pytest.mark.parametrize("text", ["was WLD001 running longer than yesterday", "is WLD001 idle more than yesterday"])
def test_longer_than_yesterday_compares_durations(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.statistics, query.periods) == (
        Intent.COMPARE,
        (Statistic.DURATION,),
        (YESTERDAY, SO_FAR),
    )


@pytest.mark.parametrize(
    "text",
    [
        "is hall A hotter than yesterday",
        "is the current of WLD001 higher than in the last hour",
        "are all machines hotter than yesterday",
    ],
)
def test_a_comparison_with_a_time_that_can_not_be_made_is_named(text: str) -> None:
    assert any(phrase.endswith("than") for phrase in parse_prompt(text, NOW).unread)


def test_which_machine_is_hotter_than_yesterday_is_not_answered() -> None:
    assert parse_prompt("which machine is hotter than yesterday", NOW).intent is Intent.CHAT


@pytest.mark.parametrize("text", ["was WLD001 hotter than WLD002 yesterday", "was hall A hotter than hall B yesterday"])
def test_than_a_device_compares_devices(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.periods, query.time, query.unread) == ((), YESTERDAY, ())


@settings(deadline=None)
@given(limit=st.integers(10, 300), day=st.sampled_from(["today", "yesterday"]), more=more)
def test_than_a_number_stays_a_limit(limit: int, day: str, more: str) -> None:
    query = parse_prompt(f"how long was the current of WLD001 {more} than {limit} {day}", NOW)
    assert [each.value for each in query.conditions] == [limit]
    assert (query.intent, query.unread) == (Intent.STATISTICS, ())
