"""Halls are set side by side by all readings of their machines, and left out where that is said."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.group import group_labels
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import DeviceReference, Intent, Statistic
from llm_service.domain.offline.resolve import resolve_devices
from llm_service.domain.offline.result import DeviceCard

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)


def card(code: str, hall: str) -> DeviceCard:
    """A welding machine in a hall."""
    return DeviceCard(code=code, name=code, fields=("current",), labels={"hall": hall})


CARDS = (card("WLD001", "A"), card("WLD002", "B"), card("WLD003", "A"), card("WLD004", "B"))
HALLS = [DeviceReference(number=0, label=label) for label in "AB"]


@settings(deadline=None)
@given(more=st.sampled_from(["hotter", "warmer", "colder"]), time=st.sampled_from(["today", "yesterday", "since 8"]))
def test_two_halls_are_compared_by_a_mean(more: str, time: str) -> None:
    query = parse_prompt(f"was hall A {more} than hall B {time}?", NOW)
    assert (query.intent, query.fields, query.references) == (Intent.COMPARE, ("temperature",), tuple(HALLS))
    assert (query.statistics, query.unread) == ((), ())


OUTSIDE = ("not in hall {}", "outside hall {}", "except hall {}", "that are not in hall {}")


@settings(deadline=None)
@given(words=st.sampled_from(OUTSIDE), hall=st.sampled_from(["A", "B"]))
def test_machines_of_a_hall_are_left_out(words: str, hall: str) -> None:
    query = parse_prompt(f"mean current of all machines {words.format(hall)} today", NOW)
    assert query.references == (DeviceReference(number=0, label=hall, excluded=True),)
    assert (query.statistics, query.unread, query.negation) == ((Statistic.MEAN,), (), "")
    assert resolve_devices(query, CARDS).codes == tuple(c.code for c in CARDS if c.labels["hall"] != hall)


@pytest.mark.parametrize("text", ["哪台不在A车间的机器今天最热", "除了A车间，今天哪台机器最热"])
def test_the_same_is_left_out_in_chinese(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert resolve_devices(query, CARDS).codes == ("WLD002", "WLD004")
    assert (query.rank, query.unread, query.negation) == (True, (), "")


def test_a_hall_that_is_not_there_is_named() -> None:
    query = parse_prompt("mean current of all machines not in hall C today", NOW)
    assert resolve_devices(query, CARDS).unknown == ("C",)


def test_the_groups_are_those_named_and_not_those_left_out() -> None:
    assert group_labels(parse_prompt("was hall A hotter than hall B today", NOW), CARDS) == ["A", "B"]
    assert group_labels(parse_prompt("which machine not in hall A was hottest today", NOW), CARDS) == []
    assert group_labels(parse_prompt("rank the halls by anomalies today", NOW), CARDS) == ["A", "B"]


@settings(deadline=None)
@given(number=st.integers(1, 9))
def test_the_end_of_a_code_names_a_machine(number: int) -> None:
    query = parse_prompt(f"did 00{number} stop since 8?", NOW)
    assert (query.references, query.unread) == ((DeviceReference(number=number),), ())
