"""Words one letter off are read as the only word of the grammar they can be, which is said; hours named with an h are
times of day; and a range is cut into intervals of minutes where the worst of them is asked for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Operator, Remark, Statistic, TimeRange

NOW = datetime(2026, 11, 28, 15, 20, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0)


@pytest.mark.parametrize("anything", ["anythng", "anythin", "anythign", "Anyting"])
@pytest.mark.parametrize("since", ["sinse", "sincce", "sincd"])
@pytest.mark.parametrize("gas", ["gass", "gas", "curent"])
def test_words_one_letter_off_are_read_and_said(anything: str, since: str, gas: str) -> None:
    query = parse_prompt(f"{anything} odd with the {gas} on WLD001 {since} noon?", NOW)
    assert (query.intent, query.unread) == (Intent.ANOMALY, ())
    assert query.time == TimeRange(start=TODAY + timedelta(hours=12))
    told = {note.words[0] for note in query.notes if note.remark is Remark.READ_AS}
    assert {since, *({gas} if gas != "gas" else set[str]())} <= told


@pytest.mark.parametrize("word", ["glorp", "zzyzx", "xylem", "plonk"])
def test_words_that_are_near_to_none_stay_unread(word: str) -> None:
    assert word in parse_prompt(f"mean current of WLD001 {word} today", NOW).unread


@settings(deadline=None)
@given(
    first=st.integers(0, 11),
    length=st.integers(1, 12),
    form=st.sampled_from(["{} to {} h", "{}-{} h", "{}h to {}h", "{}h-{}h", "from {} to {} h", "{} to {} hrs"]),
    lead=st.sampled_from(["short shift report for WLD001, ", "shift report of WLD001 ", "mean current of WLD001, "]),
)
def test_hours_named_with_an_h_are_times_of_day(first: int, length: int, form: str, lead: str) -> None:
    query = parse_prompt(f"{lead}{form.format(first, first + length)}", NOW)
    day = timedelta(days=1) if TODAY + timedelta(hours=first) > NOW else timedelta()
    start = TODAY + timedelta(hours=first) - day
    assert (query.time, query.unread) == (TimeRange(start=start, end=start + timedelta(hours=length)), ())


@pytest.mark.parametrize("form", ["22 to 6 h", "22h-6h"])
def test_hours_of_a_night_end_the_next_morning(form: str) -> None:
    time = parse_prompt(f"shift report of WLD001, {form}", NOW).time
    assert time
    assert time.start and time.end
    assert (time.start.hour, time.end - time.start) == (22, timedelta(hours=8))


@pytest.mark.parametrize("words", ["stops of 2 to 3 h", "stops lasting 2 to 3 h", "the last 3 h"])
def test_lengths_in_hours_are_no_times_of_day(words: str) -> None:
    time = parse_prompt(f"{words} on WLD001", NOW).time
    assert time is None or (time.start and time.start.hour != 2)


@pytest.mark.parametrize(
    ("words", "minutes"),
    [
        *((f"{minutes} minutes", minutes) for minutes in (5, 10, 15, 20, 30)),
        ("quarter of an hour", 15),
        ("half hour", 30),
        ("15 min", 15),
    ],
)
@pytest.mark.parametrize("label", ["porosity", "undercut"])
def test_the_worst_minutes_are_one_of_the_intervals_that_long(words: str, minutes: int, label: str) -> None:
    query = parse_prompt(f"worst {words} for {label} on WLD001 today", NOW)
    assert (query.interval, query.rank, query.unread) == (timedelta(minutes=minutes), True, ())
    assert Statistic.COUNT in query.statistics
    assert [each.value for each in query.conditions] == [label]


@pytest.mark.parametrize(
    ("words", "minutes"), [("十五分钟", 15), ("15分钟", 15), ("半小时", 30), ("十分钟", 10), ("30分钟", 30)]
)
@pytest.mark.parametrize("form", ["今天WLD001最差的{}是哪段？", "WLD001今天气孔最多的{}", "今天WLD001哪个{}气孔最多？"])
def test_the_worst_minutes_are_one_of_the_intervals_that_long_in_chinese(words: str, minutes: int, form: str) -> None:
    query = parse_prompt(form.format(words), NOW)
    assert (query.interval, query.rank, query.unread, query.top) == (timedelta(minutes=minutes), True, (), 0)
    assert Statistic.COUNT in query.statistics
    assert query.conditions


@pytest.mark.parametrize(
    ("words", "minutes"), [("quarter of an hour", 15), ("15 minutes", 15), ("half hour", 30), ("10 minutes", 10)]
)
def test_which_minutes_had_most_is_one_of_the_intervals_that_long(words: str, minutes: int) -> None:
    query = parse_prompt(f"which {words} had the most porosity on WLD001 today?", NOW)
    assert (query.interval, query.rank, query.unread, query.top) == (timedelta(minutes=minutes), True, (), 0)
    assert Statistic.COUNT in query.statistics


@pytest.mark.parametrize("text", ["draw the {} of WLD001 today", "draw a chart of the {} of WLD001 today"])
@pytest.mark.parametrize("field", ["voltage", "current", "temperature"])
def test_what_shall_be_drawn_is_told_as_a_course_which_is_said(text: str, field: str) -> None:
    query = parse_prompt(text.format(field), NOW)
    assert (query.intent, query.fields, query.refused) == (Intent.TREND, (field,), "")
    assert [note.remark for note in query.notes] == [Remark.NOT_DRAWN]


@pytest.mark.parametrize("field", ["电压", "电流", "温度"])
def test_what_shall_be_drawn_is_told_as_a_course_in_chinese(field: str) -> None:
    query = parse_prompt(f"画一下WLD001今天的{field}曲线", NOW)
    assert (query.intent, query.refused) == (Intent.TREND, "")


def test_so_many_single_minutes_stay_so_many() -> None:
    query = parse_prompt("the 3 hottest minutes of WLD001 today", NOW)
    assert (query.interval, query.top) == (timedelta(minutes=1), 3)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        *(
            (f"{asked} its {part} break and when {back}?", start, end)
            for asked in ("What time did WLD001 go into", "When did WLD001 go on", "When did WLD001 take")
            for part, start, end in (("afternoon", 12, 18), ("morning", 6, 12))
            for back in ("did it come back", "did it resume", "was it back")
        ),
        ("WLD001今天下午休息是几点开始的，几点恢复的？", 12, 18),
        ("WLD001今天上午休息几点开始，什么时候恢复？", 6, 12),
        ("When did WLD001 go on its lunch break today and when was it back?", 11, 13),
    ],
)
def test_a_break_of_the_day_is_the_longest_stop_of_its_part(text: str, start: int, end: int) -> None:
    query = parse_prompt(text, NOW)
    assert (query.when, query.longest, query.unread, query.periods) == (True, 1, (), ())
    assert query.time == TimeRange(start=TODAY + timedelta(hours=start), end=TODAY + timedelta(hours=end))
    assert [(each.field, each.operator) for each in query.conditions] == [("current", Operator.LT)]


@pytest.mark.parametrize(
    "text", ["When did WLD001 stop today and when did it come back?", "WLD001今天几点停机，几点恢复？"]
)
def test_of_stops_their_ends_are_told_too(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.when, query.longest, query.unread) == (True, 0, ())
