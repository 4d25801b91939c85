"""Words for a quality said of a measured value choose no readings, and "which defect" asks for a label."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, Intent, Operator, Statistic
from llm_service.domain.offline.words_data import GOOD, LABEL_FIELD
from llm_service.testing import NOW, asked

TODAY = datetime(2026, 11, 28, tzinfo=UTC)
FIELDS = {"current": "电流", "voltage": "电压", "temperature": "温度", "gas flow": "气体流量"}
GOOD_ONES = (Condition(field=LABEL_FIELD, operator=Operator.EQ, value=GOOD),)
field = st.sampled_from(sorted(FIELDS))
quality = st.sampled_from(["ok", "okay", "good", "bad", "not ok", "not good"])


@settings(deadline=None)
@given(
    field=field,
    quality=quality,
    form=st.sampled_from(
        [
            "was the {0} of WLD001 {1} today?",
            "was the {0} {1} on WLD001 today",
            "is WLD001's {0} {1}?",
            "the {0} on WLD001 today, was it {1}?",
            "WLD001 today: {0} {1}?",
            "how did WLD001 run since midnight, was the {0} {1}?",
        ]
    ),
)
def test_a_value_said_to_be_good_or_bad_chooses_no_readings(field: str, quality: str, form: str) -> None:
    query = parse_prompt(form.format(field, quality), NOW)
    assert (query.intent, query.conditions, query.fields) == (Intent.ANOMALY, (), (field.replace(" ", "_"),))


@settings(deadline=None)
@given(field=field, quality=st.sampled_from(["合格", "良好"]), ending=st.sampled_from(["吗", "吗？", "？"]))
def test_a_value_said_to_be_good_chooses_no_readings_in_chinese(field: str, quality: str, ending: str) -> None:
    query = parse_prompt(f"WLD001今天{FIELDS[field]}{quality}{ending}", NOW)
    assert (query.intent, query.conditions, query.fields) == (Intent.ANOMALY, (), (field.replace(" ", "_"),))


@settings(deadline=None)
@given(field=field, quality=st.sampled_from(["good", "bad"]))
def test_how_good_a_value_was_chooses_no_readings(field: str, quality: str) -> None:
    query = parse_prompt(f"how {quality} was the {field} of WLD001 today", NOW)
    assert (query.intent, query.conditions) == (Intent.ANOMALY, ())


@settings(deadline=None)
@given(
    field=field,
    form=st.sampled_from(
        [
            "what was the mean {} of good readings of WLD001 today",
            "mean {} of WLD001 when good today",
            "was the mean {} of WLD001 higher when it was good today",
            "what was the {} of WLD001 when the quality was good today",
            "what is the {} of WLD001 when it is good today",
            "what was the {} of good welds on WLD001 today",
        ]
    ),
)
def test_readings_said_to_be_good_are_chosen(field: str, form: str) -> None:
    query = parse_prompt(form.format(field), NOW)
    assert (query.intent, query.conditions, query.fields) == (
        Intent.STATISTICS,
        GOOD_ONES,
        (field.replace(" ", "_"),),
    )


@settings(deadline=None)
@given(
    field=st.sampled_from(["temperature", "voltage", "gas flow"]),
    lead=st.sampled_from(
        ["what was the {} of WLD001", "tell me what the {} of WLD001 was", "show me the {} of WLD001"]
    ),
    when=st.sampled_from(["while it was welding", "when it was idle", "while the current was above 100"]),
)
def test_what_a_value_was_in_a_state_is_no_question_for_yes_or_no(field: str, lead: str, when: str) -> None:
    query = parse_prompt(f"{lead.format(field)} {when} today", NOW)
    assert (query.fields, query.whether, query.holds) == ((field.replace(" ", "_"),), False, False)
    assert [each.field for each in query.conditions] == ["current"]
    assert Statistic.EVENTS not in query.statistics


def test_whether_a_value_was_above_a_limit_still_is() -> None:
    query = parse_prompt("was the current of WLD001 above 200 today", NOW)
    assert (query.whether, query.statistics) == (True, (Statistic.EVENTS,))


@settings(deadline=None)
@given(
    before=st.sampled_from(
        ["WLD002今天各质量标签各有多少条", "how many readings of each quality label had WLD002 today?"]
    ),
    follow=st.sampled_from(
        [
            *("其中占比最大的缺陷是哪个", "哪个缺陷最多", "哪个缺陷占比最大？", "最常见的缺陷是哪个"),
            *("which defect is most common?", "and which defect was the most frequent?"),
        ]
    ),
)
def test_which_defect_is_asked_of_the_device_spoken_of(before: str, follow: str) -> None:
    query = asked(before, follow)
    assert (query.devices, query.fields, query.rank, query.all_devices) == (("WLD002",), (LABEL_FIELD,), False, False)
    assert (query.statistics, query.unread) == ((), ())
    assert query.time is not None
    assert query.time.start == TODAY


@pytest.mark.parametrize(
    "text", ["WLD002今天占比最大的缺陷是哪个", "WLD002今天哪个缺陷占比最大", "WLD002今天哪个缺陷最多"]
)
def test_which_defect_is_asked_of_a_device_that_is_named(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.fields, query.rank, query.statistics, query.unread) == ((LABEL_FIELD,), False, (), ())


@pytest.mark.parametrize(
    "text", ["哪台设备今天缺陷最多", "今天哪个设备的缺陷占比最大", "which machine had the most defects today"]
)
def test_which_machine_had_most_defects_ranks_machines(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.rank, query.all_devices, query.fields) == (True, True, ())
    assert [each.field for each in query.conditions] == [LABEL_FIELD]


@settings(deadline=None)
@given(
    field=field,
    measure=st.sampled_from(["mean", "maximum", "median", "standard deviation of the"]),
    follow=st.sampled_from(["and in percent?", "in percent?", "how long?", "as a percentage"]),
)
def test_a_share_of_nothing_leaves_the_number_that_was_asked_for(field: str, measure: str, follow: str) -> None:
    first = asked(f"{measure} {field} of WLD001 today")
    query = asked(f"{measure} {field} of WLD001 today", follow)
    assert (query.statistics, query.fields, query.devices) == (first.statistics, first.fields, ("WLD001",))
    assert query.unread


def test_a_total_of_two_halls_stays_one_when_its_percentage_is_asked_for() -> None:
    query = asked("how much gas did hall B use today compared with hall A?", "and in percent?")
    assert (query.intent, query.statistics, query.unread) == (Intent.COMPARE, (Statistic.INTEGRAL,), ("percent",))


@pytest.mark.parametrize("text", ["is WLD001 ok", "was WLD001 okay last night?", "was WLD001 not ok yesterday"])
def test_a_machine_said_to_be_ok_is_asked_for_anomalies(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.conditions, query.devices) == (Intent.ANOMALY, (), ("WLD001",))


@settings(deadline=None)
@given(
    field=field,
    low=st.integers(1, 90),
    more=st.integers(1, 90),
    still=st.sampled_from(["", "still "]),
    lead=st.sampled_from(["within {0} to {1} V", "inside {0} to {1} V", "between {0} and {1} V"]),
)
def test_whether_a_value_is_still_within_a_range_is_asked_of_now(
    field: str, low: int, more: int, still: str, lead: str
) -> None:
    query = parse_prompt(f"is the {field} of WLD001 {still}{lead.format(low, low + more)}?", NOW)
    bounds = [(each.operator, each.value) for each in query.conditions]
    assert bounds == [(Operator.GE, low), (Operator.LE, low + more)]
    assert (query.holds, query.unread) == (True, ())


def test_within_a_length_or_times_of_day_is_no_range_of_values() -> None:
    for text in ("mean current of WLD001 within the last 2 hours", "temperature of WLD001 within 10 to 12 today"):
        assert not parse_prompt(text, NOW).conditions, text
