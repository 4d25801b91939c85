"""What a follow-up takes over from the question before: the end and its time, the length of stops, the kind, the unit,
both machines of a comparison, and both of two times."""

from datetime import timedelta

import pytest

from llm_service.domain.offline.conversation import Conversation
from llm_service.domain.offline.query import Intent, Statistic
from llm_service.domain.offline.words_data import LABEL_FIELD
from llm_service.testing import NOW, asked


@pytest.mark.parametrize(
    "texts",
    [
        ("when was WLD003 hottest yesterday?", "and the coldest?"),
        ("WLD003昨天什么时候最热？", "最冷呢"),
    ],
)
def test_the_other_end_is_told_with_its_time(texts: tuple[str, ...]) -> None:
    query, whole = asked(*texts), asked("when was WLD003 coldest yesterday?")
    assert (query.statistics, query.when, query.fields) == ((Statistic.MIN,), True, ("temperature",))
    assert (query.devices, query.time, query.conditions) == (("WLD003",), whole.time, ())


def test_the_other_end_behind_a_question_of_that_moment_is_not_of_the_moment() -> None:
    earlier = ("was it welding then?", "when was WLD003 hottest yesterday?")
    answers = (
        "Yes: WLD003 has current 228.6 A (2026-11-27 11:30:06 UTC).",
        "The maximum temperature of WLD003 on 2026-11-27 is 71.6 °C, first reached at 2026-11-27 11:30:06 UTC.",
    )
    moment = Conversation(question=earlier[0], earlier=earlier[1:], outcomes=(), cards=(), answers=answers[1:])
    assert [query.holds for query in moment.queries(NOW)] == [True]
    talk = Conversation(question="and the coldest?", earlier=earlier, outcomes=(), cards=(), answers=answers)
    (query,) = talk.queries(NOW)
    assert (query.statistics, query.when, query.conditions) == ((Statistic.MIN,), True, ())
    assert query.time == asked("when was WLD003 coldest yesterday?").time


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("WLD002 stops over 5 minutes yesterday", "how long did it stop in total?"),
        ("昨天WLD002停机超过5分钟的有几次？", "一共停了多久"),
    ],
)
def test_how_long_it_stopped_behind_long_stops_is_of_these(first: str, then: str) -> None:
    query = asked(first, then)
    assert (query.least, query.over, query.statistics) == (timedelta(minutes=5), True, (Statistic.DURATION,))
    assert asked("WLD002 stops yesterday", then).least is None
    assert asked(first, "and how long was it welding?").least is None


def test_when_the_longest_was_is_of_the_longest_however_it_is_written() -> None:
    assert asked("Longest weld of WLD004 yesterday", "when was that?").longest == 1


@pytest.mark.parametrize(
    "then", ["what kind?", "which defects?", "what was wrong with them?", "什么缺陷", "是哪种问题"]
)
def test_of_what_kind_bad_seams_were_is_asked_of_their_labels(then: str) -> None:
    query = asked("were there any bad welds on WLD002 yesterday?", then)
    assert (query.fields, query.conditions, query.statistics) == ((LABEL_FIELD,), (), ())
    assert (query.devices, query.whether, query.unread) == (("WLD002",), False, ())


@pytest.mark.parametrize(
    ("then", "unit"),
    [("in hours?", "h"), ("how much is that in minutes", "min"), ("是多少小时", "h"), ("多少分钟", "min")],
)
def test_a_share_or_a_length_is_told_in_the_unit_that_is_asked_for(then: str, unit: str) -> None:
    query = asked("what share of yesterday was WLD001 welding?", then)
    assert (query.statistics, query.told_in, query.unread) == ((Statistic.DURATION,), unit, ())


@pytest.mark.parametrize(
    "then", ["and with WLD003 too", "WLD003 as well", "add WLD003", "加上WLD003", "WLD003也比一下"]
)
def test_a_machine_is_added_to_those_compared(then: str) -> None:
    query = asked("compare WLD001 and WLD002 yesterday", then)
    assert (query.intent, query.devices, query.unread) == (Intent.COMPARE, ("WLD001", "WLD002", "WLD003"), ())


@pytest.mark.parametrize("then", ["and today?", "今天呢"])
def test_yes_or_no_is_asked_of_the_other_time_too(then: str) -> None:
    assert asked("was WLD001 hotter than WLD002 yesterday?", then).beyond == "above"


@pytest.mark.parametrize(
    ("which", "end"),
    [
        ("which is higher?", "highest"),
        ("which day was lower?", "lowest"),
        ("哪个高", "highest"),
        ("哪天更低", "lowest"),
    ],
)
def test_which_is_more_behind_two_times_is_of_the_times(which: str, end: str) -> None:
    query = asked("mean current of WLD001 yesterday", "and today?", which)
    assert (query.intent, query.which_time, query.statistics) == (Intent.COMPARE, end, (Statistic.MEAN,))
    days = tuple(asked(f"mean current of WLD001 {day}").time for day in ("yesterday", "today"))
    assert (query.periods, query.unread) == (days, ())


@pytest.mark.parametrize("then", ["what's the change?", "变化多少"])
def test_the_change_of_two_times_is_their_comparison(then: str) -> None:
    query = asked("mean current of WLD001 yesterday", "and today?", then)
    assert (query.intent, len(query.periods), query.which_time) == (Intent.COMPARE, 2, "")


@pytest.mark.parametrize(("used", "end"), [("谁用得最少", Statistic.MIN), ("哪台用得最多", Statistic.MAX)])
@pytest.mark.parametrize("first", ["昨天所有机器一共用了多少升气", "昨天哪台机器用气最多"])
def test_who_used_most_is_of_what_was_used(first: str, used: str, end: Statistic) -> None:
    query = asked(first, used)
    assert (query.fields, query.conditions, query.rank) == (("gas_flow",), (), True)
    assert set(query.statistics) == {Statistic.INTEGRAL, end}


@pytest.mark.parametrize("then", ["每台多少", "各用了多少"])
def test_how_much_each_is_no_list_of_machines(then: str) -> None:
    query = asked("昨天WLD001用了多少升气", then)
    assert (query.all_devices, query.statistics) == (True, (Statistic.INTEGRAL,))


def test_other_machines_in_chinese_are_those_not_spoken_of() -> None:
    query = asked("WLD004昨天焊接多久", "别的机器呢")
    assert (query.all_devices, query.except_devices, query.unread) == (True, ("WLD004",), ())


@pytest.mark.parametrize(
    ("then", "numbers"), [("same for 3 and 4", (3, 4)), ("3号和4号也一样", (3, 4)), ("same for 3", (3,))]
)
def test_the_same_is_asked_of_machines_by_their_numbers(then: str, numbers: tuple[int, ...]) -> None:
    query = asked("mean voltage of WLD001 and WLD002 in the last 10 minutes", then)
    assert tuple(each.number for each in query.references) == numbers
    assert (query.devices, query.fields, query.statistics) == ((), ("voltage",), (Statistic.MEAN,))


def test_how_far_two_differ_is_told_in_the_unit_that_is_asked_for() -> None:
    query = asked("mean temperature of WLD001 and WLD002 yesterday", "how much hotter is that in fahrenheit?")
    assert (query.intent, query.unit, query.unread) == (Intent.COMPARE, "°F", ())


def test_a_unit_behind_an_amount_is_no_word_for_what_it_is_of() -> None:
    query = asked("how much gas did WLD001 use yesterday?", "in m3")
    assert (query.unit, query.notes) == ("m3", ())


@pytest.mark.parametrize(
    ("first", "then", "beyond"),
    [
        ("mean current of WLD002 yesterday", "is that higher than WLD001?", "above"),
        ("mean current of WLD002 yesterday", "is that lower than on WLD001", "below"),
        ("WLD002昨天的平均电流", "比WLD001高吗", "above"),
        ("昨天WLD002的缺陷率", "比WLD001低吗", "below"),
    ],
)
def test_whether_it_is_more_than_of_another_is_asked_of_the_number_told(first: str, then: str, beyond: str) -> None:
    query, whole = asked(first, then), asked(first)
    assert (query.intent, query.devices, query.beyond) == (Intent.COMPARE, ("WLD002", "WLD001"), beyond)
    assert (query.statistics, query.time, query.unread) == (whole.statistics, whole.time, ())


@pytest.mark.parametrize("then", ["and the 99th?", "99th percentile?", "99分位呢", "p99"])
def test_another_percentile_is_of_the_same(then: str) -> None:
    query = asked("95th percentile of the current of WLD001 yesterday", then)
    assert (query.percentiles, query.devices, query.fields) == ((99.0,), ("WLD001",), ("current",))


@pytest.mark.parametrize("then", ["the last 10", "and the first 10?", "最近10条"])
def test_more_readings_are_of_the_same_machine(then: str) -> None:
    query = asked("show the last 5 readings of WLD001", then)
    assert (query.limit, query.devices, query.newest) == (10, ("WLD001",), "first" not in then)


@pytest.mark.parametrize(
    ("then", "end"),
    [
        ("which one is the most expensive?", Statistic.MAX),
        ("which is cheapest?", Statistic.MIN),
        ("哪台最贵", Statistic.MAX),
    ],
)
@pytest.mark.parametrize("sold", ["gas of all machines yesterday at 0.30 € per m3", "energy of all machines yesterday"])
def test_the_dearest_is_that_which_used_most(sold: str, then: str, end: Statistic) -> None:
    priced = sold if "€" in sold else f"{sold} at 0.30 € per kWh"
    query = asked(f"total {priced}", then)
    assert (set(query.statistics), query.rank, query.conditions) == ({Statistic.INTEGRAL, end}, True, ())


@pytest.mark.parametrize("first", ["when will WLD001 need service?", "who operated WLD001 yesterday?"])
def test_what_can_not_be_told_of_one_machine_is_not_told_of_another(first: str) -> None:
    assert asked(first, "and WLD002?").refused == asked(first).refused != ""
    assert asked(first, "and its mean current?").refused == ""
