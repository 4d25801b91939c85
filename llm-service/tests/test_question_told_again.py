"""Questions for more of what was told: both together, at that time, of the winner, a number of numbers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.conversation import Conversation
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIELDS = {"current": "电流", "voltage": "电压", "temperature": "温度"}
NUMBERS = {"mean": Statistic.MEAN, "average": Statistic.MEAN, "median": Statistic.MEDIAN}
ENDS = {"maximum": (Statistic.MAX, "highest"), "minimum": (Statistic.MIN, "lowest"), "peak": (Statistic.MAX, "highest")}
field = st.sampled_from(sorted(FIELDS))
end = st.sampled_from(sorted(ENDS))


def asked(*texts: str) -> StructuredQuery:
    """Return what the last of several questions one after the other asks for."""
    *earlier, question = texts
    talk = Conversation(question=question, earlier=tuple(reversed(earlier)), outcomes=(), cards=())
    return talk.queries(NOW)[-1]


@settings(deadline=None)
@given(number=st.sampled_from(sorted(NUMBERS)), field=field, end=end)
def test_a_number_is_made_of_those_of_the_hours(number: str, field: str, end: str) -> None:
    texts = (f"{number} of the hourly {end} {field} of WLD001 today", f"{number} hourly {end} {field} of WLD001 today")
    for query in (parse_prompt(text, NOW) for text in texts):
        assert (query.again, query.statistics, query.interval) == (NUMBERS[number], (ENDS[end][0],), HOUR)
        assert (query.fields, query.unread) == ((field,), ())


@settings(deadline=None)
@given(field=field)
def test_a_number_is_made_of_those_of_the_hours_in_chinese(field: str) -> None:
    query = parse_prompt(f"WLD001 今天每小时最大{FIELDS[field]}的平均值", NOW)
    assert (query.again, query.statistics, query.interval) == (Statistic.MEAN, (Statistic.MAX,), HOUR)


@pytest.mark.parametrize("text", ["hourly mean and maximum current of WLD001 today", "mean and max current per hour"])
def test_two_numbers_of_each_hour_stay_two(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.again, set(query.statistics)) == (None, {Statistic.MEAN, Statistic.MAX})


@settings(deadline=None)
@given(pair=st.lists(field, min_size=2, max_size=2, unique=True), end=end, its=st.sampled_from(["its", "the", ""]))
def test_a_field_is_asked_for_where_another_is_at_its_end(pair: list[str], end: str, its: str) -> None:
    query = parse_prompt(f"{pair[0]} of WLD001 at {its} {end} {pair[1]} today", NOW)
    assert (query.fields, query.ordered, query.limit) == ((pair[1], pair[0]), ENDS[end][1], 1)
    assert (query.owner, query.unread) == ("", ())


@settings(deadline=None)
@given(
    pair=st.lists(field, min_size=2, max_size=2, unique=True),
    end=end,
    then=st.sampled_from(["what was the {} then?", "and the {} at that time", "the {} at that moment?"]),
)
def test_that_time_is_the_one_of_the_extreme_that_was_told(pair: list[str], end: str, then: str) -> None:
    query = asked(f"when was the {end} {pair[0]} of WLD001 today?", then.format(pair[1]))
    assert (query.fields, query.ordered, query.limit) == ((pair[0], pair[1]), ENDS[end][1], 1)
    assert (query.devices, query.unread, query.intent) == (("WLD001",), (), Intent.QUERY)


def test_that_time_is_read_in_chinese() -> None:
    query = asked("WLD001 今天温度最高是什么时候？", "那时候电流多少")
    assert (query.fields, query.ordered, query.unread) == (("temperature", "current"), "highest", ())


@pytest.mark.parametrize("words", ["Both together?", "and together?", "in total?", "两台一共呢？", "加起来多少"])
def test_both_together_are_those_that_were_told(words: str) -> None:
    query = asked("gas consumption of WLD001 today", "and of WLD002?", words)
    assert (query.devices, query.statistics, query.fields) == (
        ("WLD001", "WLD002"),
        (Statistic.INTEGRAL,),
        ("gas_flow",),
    )


@settings(deadline=None)
@given(field=field, number=st.sampled_from(sorted(NUMBERS)), time=st.sampled_from(["today", "yesterday"]))
def test_its_number_is_that_of_the_winner(field: str, number: str, time: str) -> None:
    ranking = f"which machine was the hottest {time}?"
    query = asked(ranking, f"what was its {number} {field}?")
    assert query.winner == asked(ranking)
    assert (query.fields, query.statistics, query.rank) == ((field,), (NUMBERS[number],), False)
    assert (query.devices, query.unread, query.time) == ((), (), asked(ranking).time)
    assert asked(ranking, f"what was its {number} {field}?", "and yesterday?").winner == asked(ranking)


@pytest.mark.parametrize("text", ["which stop was the longest?", "哪次停机最长"])
def test_the_longest_stop_is_one_of_the_machine_before(text: str) -> None:
    query = asked("How long was WLD004 idle today?", text)
    assert (query.devices, query.longest, query.each, query.rank) == (("WLD004",), 1, True, False)


@settings(deadline=None)
@given(field=field, words=st.sampled_from(["what's normal for the {} of WLD002?", "usual range of the {} of WLD002"]))
def test_what_is_normal_is_told_by_percentiles(field: str, words: str) -> None:
    query = parse_prompt(words.format(field), NOW)
    assert (query.fields, query.statistics, len(query.percentiles)) == ((field,), (Statistic.PERCENTILE,), 5)


@pytest.mark.parametrize(("name", "amount"), [("gas", True), ("wire", True), ("gas flow", False)])
def test_gas_per_hour_is_how_much_of_it(name: str, amount: bool) -> None:
    query = parse_prompt(f"{name} of WLD001 per hour today", NOW)
    assert (Statistic.INTEGRAL in query.statistics) is amount
    assert query.interval == HOUR
