"""Short talk of the shop floor: "on rn", "weld 3", "开着没", "最烫", "可用率", the last so many stops."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Operator, Statistic, StructuredQuery

NOW = datetime(2026, 11, 28, 17, 0, tzinfo=UTC)
CODES = ("WLD001", "WLD002", "WLD003", "WLD004")


def read(text: str) -> StructuredQuery:
    return parse_prompt(text, NOW, known_devices=CODES, known_fields=("current", "voltage", "temperature"))


def operators(query: StructuredQuery) -> list[Operator]:
    return [each.operator for each in query.conditions]


@pytest.mark.parametrize("ending", ["没", "没有", "没？", "没呢", "没有啊？"])
@pytest.mark.parametrize(
    ("state", "operator"),
    [
        ("开着", Operator.GE),
        ("在运行", Operator.GE),
        ("焊着", Operator.GE),
        ("停着", Operator.LT),
        ("闲着", Operator.LT),
    ],
)
def test_or_not_at_the_end_asks_whether_it_is_so(state: str, operator: Operator, ending: str) -> None:
    for text in (f"WLD004现在{state}{ending}", f"WLD004{state}{ending}"):
        query = read(text)
        assert (operators(query), query.whether, query.holds) == ([operator], True, True), text
        assert (query.unread, query.negation) == ((), "")


@pytest.mark.parametrize("text", ["WLD001今天没开着的时间", "WLD001今天没停多久"])
def test_not_before_a_state_still_turns_it_round_or_is_named(text: str) -> None:
    query = read(text)
    assert query.negation or operators(query) == [Operator.LT if "开" in text else Operator.GE]


@pytest.mark.parametrize("text", ["is WLD004 on rn?", "is WLD004 running rn", "is WLD004 on atm?"])
def test_rn_is_right_now(text: str) -> None:
    query = read(text)
    assert (operators(query), query.holds, query.unread) == ([Operator.GE], True, ())


def test_rn_behind_a_field_asks_for_its_newest_value() -> None:
    query = read("what is the current of WLD001 rn")
    assert (query.fields, query.statistics, query.unread) == (("current",), (Statistic.LAST,), ())


@settings(max_examples=60, deadline=None)
@given(
    number=st.integers(1, 40),
    text=st.sampled_from(
        [
            "gimme the peak amps of weld {} over the last 90 mins",
            "max current of weld {} today",
            "what was the highest current for weld {} today?",
            "mean voltage on weld {} yesterday",
        ]
    ),
)
def test_a_weld_with_a_number_is_that_machine(number: int, text: str) -> None:
    query = read(text.format(number))
    assert [each.number for each in query.references] == [number]
    assert query.unread == ()


@pytest.mark.parametrize(
    "text", ["how long did WLD001 weld 3 hours ago", "what did WLD001 weld 2 days ago", "did WLD002 weld 5 times today"]
)
def test_a_number_behind_a_verb_is_no_machine(text: str) -> None:
    assert read(text).references == ()


@pytest.mark.parametrize(
    "text",
    ["现在哪台焊枪最烫", "哪台机器最烫", "今天哪台焊机最烫", "which torch is hottest right now?", "最烫的是哪台"],
)
def test_the_hottest_is_ranked_by_its_temperature(text: str) -> None:
    query = read(text)
    assert (query.fields, query.rank, query.all_devices) == (("temperature",), True, True)
    assert Statistic.MAX in query.statistics
    assert query.unread == ()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "WLD001 今天上午的可用率是百分之几？",
            "WLD001今天的可用率",
            "WLD001今天可用率多少",
            "WLD001昨天的设备可用率有多高",
        ),
        *(
            "What is the availability of WLD001 this morning in percent?",
            "How high was the utilisation of WLD001 today?",
        ),
        *("how many percent of today was WLD001 running?", "WLD001 昨天有百分之几的时间在焊接"),
    ],
)
def test_the_share_of_the_time_in_use_is_asked_in_many_words(text: str) -> None:
    query = read(text)
    assert operators(query) == [Operator.GE]
    assert query.statistics in {(Statistic.DURATION,), (Statistic.SHARE,)}
    assert query.unread == ()


@settings(max_examples=80, deadline=None)
@given(
    number=st.integers(2, 20),
    text=st.sampled_from(
        [
            *(
                "list the last {} stops of WLD001",
                "the last {} stops of WLD001 today",
                "show me the latest {} pauses of WLD001",
            ),
            *("when were the last {} stops of WLD001?", "列出WLD001最近{}次停机", "WLD001最近{}次停机是什么时候"),
            *("WLD001最后{}次停机", "when were the most recent {} stoppages of WLD001"),
        ]
    ),
)
def test_the_last_so_many_stops_are_no_time(number: int, text: str) -> None:
    query = read(text.format(number))
    assert (query.latest, operators(query), query.each, query.once) == (number, [Operator.LT], True, False)
    assert query.unread == ()


@pytest.mark.parametrize("text", ["the last 3 readings of WLD001", "how long did WLD001 stop in the last 3 hours?"])
def test_so_many_of_something_else_is_read_as_before(text: str) -> None:
    assert read(text).latest == 0
