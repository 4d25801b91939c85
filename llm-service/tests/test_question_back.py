"""Follow-ups count from what was spoken of, lengths are strict, and words in brackets say what is meant."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Statistic
from llm_service.testing import NOW, asked

TODAY = datetime(2026, 11, 28, tzinfo=UTC)
DAY = timedelta(days=1)


DAYS = st.sampled_from([("on 2026-11-20", -8), ("yesterday", -1), ("the day before yesterday", -2), ("昨天", -1)])
BACK = st.sampled_from(["and the day before?", "what about the day before that?", "and a day earlier?", "前一天呢？"])


@settings(deadline=None)
@given(said=DAYS, follow=BACK, times=st.integers(1, 3))
def test_the_day_before_counts_from_the_day_that_was_spoken_of(said: tuple[str, int], follow: str, times: int) -> None:
    text, days = said
    query = asked(f"mean current of WLD001 {text}", *[follow] * times)
    start = TODAY + (days - times) * DAY
    assert query.time is not None
    assert (query.time.start, query.time.end) == (start, start + DAY)
    assert (query.devices, query.fields, query.statistics, query.unread) == (
        ("WLD001",),
        ("current",),
        (Statistic.MEAN,),
        (),
    )


@pytest.mark.parametrize(
    ("texts", "start", "length"),
    [
        (("mean current of WLD001 the day before",), TODAY - DAY, DAY),
        (("WLD001前一天的平均电流",), TODAY - DAY, DAY),
        (("mean current of WLD001 from 8:00 to 9:00 on 2026-11-25", "and the day before?"), None, timedelta(hours=1)),
        (("mean current of WLD001 in the last hour", "and the hour before that?"), NOW - 2 * DAY / 24, DAY / 24),
        (("mean current of WLD001 last week", "and the week before?"), datetime(2026, 11, 9, tzinfo=UTC), 7 * DAY),
    ],
)
def test_a_time_before_keeps_its_length(texts: tuple[str, ...], start: datetime | None, length: timedelta) -> None:
    query = asked(*texts)
    start = start or datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert query.time is not None
    assert (query.time.start, query.time.end) == (start, start + length)
    assert query.unread == ()


def test_yesterday_and_the_day_before_are_two_days() -> None:
    query = parse_prompt("mean current of WLD001 yesterday and the day before", NOW)
    assert [each.start for each in query.periods] == [TODAY - DAY, TODAY - 2 * DAY]


def test_the_day_before_a_day_that_is_named_is_not_yesterday() -> None:
    query = parse_prompt("mean current of WLD001 the day before Thursday", NOW)
    assert query.time is None or query.time.start != TODAY - DAY


@pytest.mark.parametrize("follow", ["for how long?", "and for how long?", "多长时间？", "持续了多久？"])
def test_a_bare_for_how_long_is_asked_of_the_condition_before(follow: str) -> None:
    query = asked("was the current of WLD001 above 200 A today?", follow)
    assert (query.statistics, query.devices, query.unread) == ((Statistic.DURATION,), ("WLD001",), ())
    assert query.conditions


def test_a_bare_for_how_long_of_nothing_that_lasts_is_named() -> None:
    query = asked("mean current of WLD001 today", "and for how long?")
    assert Statistic.DURATION not in query.statistics
    assert query.unread == ("how long",)


LENGTHS = st.sampled_from([("seconds", "秒", 1), ("minutes", "分钟", 60), ("hours", "小时", 3600)])
STRICT = (
    "stops of WLD001 longer than {} today",
    "stops on WLD001 of more than {} today",
    "WLD001今天超过{}的停机有几次",
)
AT_LEAST = (
    "stops of WLD001 of at least {} today",
    "how many breaks did WLD001 have today, not counting breaks shorter than {}?",
    "number of stops of WLD001 today, ignoring stops under {}",
    "WLD001今天{}以上的停机有几次",
    "WLD001今天停机几次，不计{}以下的停机",
)


@settings(deadline=None)
@given(count=st.integers(2, 90), unit=LENGTHS, template=st.sampled_from((*STRICT, *AT_LEAST)))
def test_longer_than_is_strict_and_at_least_is_not(count: int, unit: tuple[str, str, int], template: str) -> None:
    english, chinese, seconds = unit
    query = parse_prompt(template.format(f"{count} {english}" if template.isascii() else f"{count}{chinese}"), NOW)
    assert query.least == timedelta(seconds=count * seconds)
    assert query.over is (template in STRICT)
    assert query.unread == ()


@pytest.mark.parametrize(
    ("text", "statistics"),
    [
        ("spread (standard deviation) of the voltage of WLD001 today", (Statistic.STD,)),
        ("fluctuation (variance) of the voltage of WLD001 today", (Statistic.VARIANCE,)),
        ("average (median) voltage of WLD001 today", (Statistic.MEDIAN,)),
    ],
)
def test_a_statistic_in_brackets_says_which_one_is_meant(text: str, statistics: tuple[Statistic, ...]) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.unread) == (statistics, ())


@pytest.mark.parametrize(
    "text", ["duty cycle of WLD001 today in percent", "share of bad welds on WLD001 today in %", "WLD001今天停了几秒"]
)
def test_words_that_the_answer_heeds_are_not_named(text: str) -> None:
    assert parse_prompt(text, NOW).unread == ()


@pytest.mark.parametrize(("text", "days"), [("in the day shift yesterday", -1), ("今天白班", 0)])
def test_a_day_shift_has_the_hours_of_daylight_and_says_so(text: str, days: int) -> None:
    query = parse_prompt(f"mean current of WLD001 {text}", NOW)
    assert query.time is not None
    assert query.time.start == TODAY + days * DAY + timedelta(hours=6)
    assert query.time.end == TODAY + days * DAY + timedelta(hours=18)
    assert any("06:00–18:00" in note.words for note in query.notes)


@pytest.mark.parametrize(
    "text", ["is 24 V normal for WLD001?", "WLD001的电压24伏正常吗", "is a voltage of 24 unusual on WLD001?"]
)
def test_a_value_to_judge_is_no_question_for_anomalies(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.judged is not None
    assert (query.judged.field, query.judged.value) == ("voltage", 24.0)
    assert (query.intent, query.fields, query.unread) == (Intent.STATISTICS, ("voltage",), ())


@pytest.mark.parametrize("follow", ["when?", "什么时候？", "and when was that?"])
def test_when_asks_for_the_times_of_what_was_counted(follow: str) -> None:
    query = asked("did WLD001 go above 60 degrees today?", follow)
    assert (query.when, query.statistics, query.unread) == (True, (), ())
    assert query.conditions


@pytest.mark.parametrize("follow", ["and the maximum?", "最高到多少？"])
def test_a_number_asked_for_behind_a_condition_is_of_its_field(follow: str) -> None:
    query = asked("did WLD001 go above 60 degrees today?", follow)
    assert (query.fields, query.statistics) == (("temperature",), (Statistic.MAX,))


@pytest.mark.parametrize("follow", ["which one was hotter?", "哪个更热？"])
def test_which_one_is_one_of_those_spoken_of(follow: str) -> None:
    query = asked("mean temperature of WLD001 yesterday", "and WLD003?", follow)
    assert (query.devices, query.rank, query.all_devices) == (("WLD001", "WLD003"), True, False)
    assert set(query.statistics) == {Statistic.MEAN, Statistic.MAX}
    assert query.time is not None
    assert query.time.start == TODAY - DAY


def test_which_machine_is_one_of_all() -> None:
    query = asked("mean temperature of WLD001 yesterday", "and WLD003?", "which machine was hottest yesterday?")
    assert (query.devices, query.all_devices) == ((), True)


def test_the_length_of_the_first_time_is_named_as_the_last_one_is_told() -> None:
    query = asked("first time WLD001 went above 70 degrees yesterday", "and how long did it stay there?")
    assert query.unread == ("how long",)


@pytest.mark.parametrize(("follow", "value"), [("and 75?", 75.0), ("75度呢", 75.0), ("what about 20 °C?", 20.0)])
def test_another_value_is_judged_as_the_one_before(follow: str, value: float) -> None:
    query = asked("is 45 degrees normal for WLD001?", follow)
    assert query.judged is not None
    assert (query.judged.value, query.judged.field, query.devices) == (value, "temperature", ("WLD001",))
    assert query.unread == ()


def test_a_bare_number_is_no_value_to_judge_behind_anything_else() -> None:
    assert asked("mean current of WLD001 today", "and 75?").judged is None


def test_a_further_question_behind_a_judged_value_is_read_by_itself() -> None:
    query = asked("is 45 degrees normal for WLD001?", "mean temperature of WLD002 in the last 75 minutes")
    assert (query.judged, query.devices, query.statistics) == (None, ("WLD002",), (Statistic.MEAN,))
