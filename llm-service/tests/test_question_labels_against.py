"""Which of several labels there was more of is asked of the labels, not of machines or fields."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
WORDS = {"porosity": "气孔", "undercut": "咬边", "lack_of_fusion": "未熔合"}
ENGLISH = {"porosity": "porosity", "undercut": "undercut", "lack_of_fusion": "lack of fusion"}
PAIRS = st.lists(st.sampled_from(sorted(WORDS)), min_size=2, max_size=2, unique=True)
ASKED_CHINESE = st.sampled_from(
    [
        ("{device} {time}的{a}和{b}哪个多？", "most"),
        ("{device} {time}{a}多还是{b}多？", "most"),
        ("{time}{device}{a}和{b}哪种更多", "most"),
        ("{device}{time}{a}比{b}多吗", "most"),
        ("{device} {time}{a}和{b}相比哪个少", "least"),
    ]
)
ASKED = st.sampled_from(
    [
        ("more {a} or {b} on {device} {time}?", "most"),
        ("Was there more {a} than {b} on {device} {time}?", "most"),
        ("Which was more common on {device} {time}: {a} or {b}?", "most"),
        ("which was more frequent on {device} {time}, {a} or {b}?", "most"),
        ("did {device} have more {a} or more {b} {time}?", "most"),
        ("fewer {a} or {b} readings on {device} {time}?", "least"),
    ]
)


@settings(deadline=None)
@given(
    pair=PAIRS,
    asked=ASKED_CHINESE,
    device=st.sampled_from(["WLD001", "WLD003"]),
    time=st.sampled_from(["昨天", "今天"]),
)
def test_two_labels_are_compared_in_chinese(pair: list[str], asked: tuple[str, str], device: str, time: str) -> None:
    query = parse_prompt(asked[0].format(device=device, time=time, a=WORDS[pair[0]], b=WORDS[pair[1]]), NOW)
    assert (query.prevalent, [each.value for each in query.conditions]) == (asked[1], pair)
    assert (query.devices, query.unread, query.rank, query.periods) == ((device,), (), False, ())


@settings(deadline=None)
@given(
    pair=PAIRS, asked=ASKED, device=st.sampled_from(["WLD001", "WLD003"]), time=st.sampled_from(["yesterday", "today"])
)
def test_two_labels_are_compared_in_english(pair: list[str], asked: tuple[str, str], device: str, time: str) -> None:
    query = parse_prompt(asked[0].format(device=device, time=time, a=ENGLISH[pair[0]], b=ENGLISH[pair[1]]), NOW)
    assert (query.prevalent, [each.value for each in query.conditions]) == (asked[1], pair)
    assert (query.devices, query.unread, query.rank, query.periods) == ((device,), (), False, ())


@pytest.mark.parametrize(
    "text",
    [
        "which machine had more porosity or undercut today, WLD001 or WLD002?",
        "WLD001 和 WLD002 今天哪个气孔和咬边多？",
        "哪台机器今天气孔和咬边最多",
        "how many porosity or undercut readings on WLD001 today?",
        "share of porosity and undercut on WLD001 today",
        "WLD001昨天良好的读数比气孔的多多少",
        "WLD001 今天气孔比咬边少多少",
    ],
)
def test_what_is_asked_of_machines_or_numbers_compares_no_labels(text: str) -> None:
    assert parse_prompt(text, NOW).prevalent == ""
