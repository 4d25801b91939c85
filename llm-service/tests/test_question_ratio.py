"""The ratio of two fields is told, and a start by the stop that it ends; a state beside a field is not dropped."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.chinese import Chinese
from llm_service.domain.offline.english import English
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Operator, Remark, Statistic, TimeRange
from llm_service.domain.offline.ratio import ratio_unit
from llm_service.domain.offline.result import DeviceStatistics, FieldStatistics

NOW = datetime(2026, 11, 29, 15, 20, tzinfo=UTC)
CODES = st.sampled_from(["WLD001", "WLD004"])
PAIRS = st.sampled_from([("gas flow", "wire feed"), ("voltage", "current"), ("temperature", "current")])
NAMES = {"gas flow": "gas_flow", "wire feed": "wire_feed"}
PER_METRE = [
    "gas per metre of wire on {} today?",
    "{} 今天每米焊丝用多少气",
    "how much gas per meter of wire does {} use",
]
STARTS = [
    *(
        "when did {} start this morning?",
        "when did {} start up this morning?",
        "what time did {} start up this morning",
    ),
    *("{} 今天上午什么时候开机的", "{}今天上午几点开始干活的"),
]


@settings(deadline=None)
@given(code=CODES, pair=PAIRS)
def test_a_ratio_is_of_the_first_field_to_the_second(code: str, pair: tuple[str, str]) -> None:
    query = parse_prompt(f"what's the ratio of {pair[0]} to {pair[1]} on {code} today?", NOW)
    assert (query.ratio, query.unread) == (True, ())
    assert query.fields == (NAMES.get(pair[0], pair[0]), NAMES.get(pair[1], pair[1]))


@settings(deadline=None)
@given(code=CODES, text=st.sampled_from(PER_METRE))
def test_what_is_used_per_metre_is_a_ratio_to_the_wire(code: str, text: str) -> None:
    query = parse_prompt(text.format(code), NOW)
    assert (query.ratio, query.fields, query.unread, query.unit) == (
        True,
        ("gas_flow", "wire_feed"),
        (),
        "",
    )


@settings(deadline=None)
@given(code=CODES)
def test_a_ratio_is_asked_for_in_chinese(code: str) -> None:
    query = parse_prompt(f"{code} 今天气体流量和送丝速度的比值", NOW)
    assert (query.ratio, query.fields, query.unread) == (
        True,
        ("gas_flow", "wire_feed"),
        (),
    )


def test_two_fields_alone_are_no_ratio() -> None:
    assert not parse_prompt("gas flow and wire feed of WLD001 today", NOW).ratio


@pytest.mark.parametrize(
    ("above", "below", "unit"),
    [
        ("L/min", "m/min", "L/m"),
        ("V", "A", "V/A"),
        ("A", "A", ""),
        ("A", "m/min", "A/(m/min)"),
        ("", "A", ""),
    ],
)
def test_the_unit_of_a_ratio_follows_from_both(above: str, below: str, unit: str) -> None:
    assert ratio_unit(above, below) == unit


def told(gas: float, wire: float, say: English | Chinese) -> str:
    one = FieldStatistics(field="gas_flow", unit="L/min", values={Statistic.MEAN: gas})
    other = FieldStatistics(field="wire_feed", unit="m/min", values={Statistic.MEAN: wire})
    result = DeviceStatistics(
        device="WLD001",
        row_count=9,
        fields=(one, other),
        time=TimeRange(),
        rows_in_range=9,
    )
    query = parse_prompt("ratio of gas flow to wire feed of WLD001", NOW)
    return Report(say).statistics(query, [Answered(result=result, time=None)])


@settings(deadline=None)
@given(gas=st.integers(1, 99), wire=st.integers(1, 99))
def test_the_ratio_of_the_means_is_told_with_them(gas: int, wire: int) -> None:
    answer = told(float(gas), float(wire), English())
    assert f" is {gas / wire:.4g} L/m (by their means, {gas} L/min to {wire} m/min)." in answer
    assert f"{gas / wire:.4g} L/m" in told(float(gas), float(wire), Chinese())


def test_a_ratio_to_nothing_is_not_told() -> None:
    assert "ratio" not in told(9.0, 0.0, English())


@pytest.mark.parametrize("text", STARTS)
@pytest.mark.parametrize("code", ["WLD001", "WLD003"])
def test_a_start_is_told_by_the_longer_stop_that_it_ends(code: str, text: str) -> None:
    query = parse_prompt(text.format(code), NOW)
    assert [(each.field, each.operator, each.value) for each in query.conditions] == [("current", Operator.LT, 5.0)]
    assert (query.when, query.least, query.each) == (True, timedelta(minutes=10), True)
    assert (query.devices, query.unread) == ((code,), ())
    assert Remark.STARTS in {note.remark for note in query.notes}


@pytest.mark.parametrize(
    "text",
    [
        "when did WLD001 start welding for the first time today?",
        "when was WLD001 above 200 A this morning?",
    ],
)
def test_other_times_are_no_starts(text: str) -> None:
    assert parse_prompt(text, NOW).least is None


@settings(deadline=None)
@given(
    code=CODES,
    state=st.sampled_from(["running", "welding", "idle", "off"]),
    field=st.sampled_from(["current", "voltage", "temperature"]),
)
def test_a_state_asked_for_before_a_field_is_not_dropped(code: str, state: str, field: str) -> None:
    query = parse_prompt(f"is {code} {state}, and what is its {field}?", NOW)
    assert (query.tells_state, query.statistics) == (True, (Statistic.LAST,))
    assert (query.fields, query.devices, query.unread) == ((field,), (code,), ())
