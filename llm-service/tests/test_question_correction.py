"""A question put right keeps the rest of the one before: another length, device, field, number or day."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Statistic, TimeRange
from llm_service.domain.offline.resolve import resolve_devices
from llm_service.domain.offline.result import DeviceCard
from llm_service.testing import NOW, asked

FIELDS = {"current": "电流", "voltage": "电压", "temperature": "温度"}
MEASURES = {
    "mean": (Statistic.MEAN, "平均"),
    "maximum": (Statistic.MAX, "最大"),
    "median": (Statistic.MEDIAN, "中位数"),
}
field = st.sampled_from(sorted(FIELDS))
measure = st.sampled_from(sorted(MEASURES))


@settings(deadline=None)
@given(
    field=field,
    measure=measure,
    hours=st.integers(2, 20),
    form=st.sampled_from(
        [
            "{} hours",
            "no, {} hours!",
            "and {} hours?",
            "I meant {} hours",
            "not 6 hours, {} hours",
            "not 6 but {} hours",
        ]
    ),
)
def test_a_length_alone_is_that_of_the_range_up_to_now(field: str, measure: str, hours: int, form: str) -> None:
    query = asked(f"{measure} {field} of WLD001 in the last 24 hours", form.format(hours))
    assert (query.devices, query.fields, query.statistics) == (("WLD001",), (field,), (MEASURES[measure][0],))
    assert (query.time, query.unread) == (TimeRange(start=NOW - timedelta(hours=hours), end=NOW), ())


@settings(deadline=None)
@given(
    field=field,
    hours=st.integers(2, 20),
    form=st.sampled_from(["{}小时呢", "不是24小时，是{}小时", "不是24小时,而是{}小时", "我是说{}小时", "不对，{}小时"]),
)
def test_a_length_alone_is_that_of_the_range_in_chinese(field: str, hours: int, form: str) -> None:
    query = asked(f"WLD001过去24小时的平均{FIELDS[field]}", form.format(hours))
    assert (query.devices, query.fields, query.statistics) == (("WLD001",), (field,), (Statistic.MEAN,))
    assert (query.time, query.unread) == (TimeRange(start=NOW - timedelta(hours=hours), end=NOW), ())


@pytest.mark.parametrize(
    ("before", "follow"),
    [
        ("mean current of WLD001 per hour in the last 6 hours", "2 hours?"),
        ("mean current of WLD001 yesterday", "3 hours"),
        ("stops of WLD001 longer than 20 s in the last 6 hours", "3 minutes?"),
    ],
)
def test_a_length_that_may_mean_something_else_is_not_taken_for_the_range(before: str, follow: str) -> None:
    assert asked(before, follow).intent is Intent.CHAT


DENIALS = [
    ("not {}, {}", ("WLD001", "WLD002"), ("mean", "median"), ("current", "voltage"), ("today", "yesterday")),
    ("no, not {} but {}", ("WLD001", "WLD002"), ("mean", "median"), ("current", "voltage"), ("today", "yesterday")),
    ("不是{}，是{}", ("WLD001", "WLD002"), ("平均", "中位数"), ("电流", "电压"), ("今天", "昨天")),
    ("不是{},而是{}", ("WLD001", "WLD002"), ("平均", "中位数"), ("电流", "电压"), ("今天", "昨天")),
]


@pytest.mark.parametrize(("form", "pairs"), [(form, pairs) for form, *pairs in DENIALS])
@pytest.mark.parametrize("changed", range(4))
def test_what_is_denied_is_replaced(form: str, pairs: list[tuple[str, str]], changed: int) -> None:
    query = asked("mean current of WLD001 today", form.format(*pairs[changed]))
    wanted = [asked("mean current of WLD002 today"), asked("median current of WLD001 today")]
    wanted += [asked("mean voltage of WLD001 today"), asked("mean current of WLD001 yesterday")]
    expected = wanted[changed]
    assert (query.devices, query.statistics, query.fields) == (expected.devices, expected.statistics, expected.fields)
    assert (query.time, query.unread, query.negation) == (expected.time, (), "")


def test_what_is_denied_without_another_of_its_kind_stays_denied() -> None:
    query = asked("readings of WLD001 today", "not good, on WLD002")
    assert [(each.operator.value, each.value) for each in query.conditions] == [("!=", "good")]


@settings(deadline=None)
@given(measure=st.sampled_from(["maximum", "median", "lowest"]), other=st.sampled_from(["WLD002", "yesterday"]))
def test_meant_is_no_mean(measure: str, other: str) -> None:
    query = asked(f"{measure} current of WLD001 today", f"I meant {other}")
    assert (query.statistics, query.notes) == (asked(f"{measure} current of WLD001 today").statistics, ())


@settings(deadline=None)
@given(
    end=st.sampled_from(["highest", "lowest"]),
    follow=st.sampled_from(["in the last 3 hours", "yesterday?", "no, 3 hours", "and yesterday?"]),
)
def test_the_end_of_a_ranking_is_kept_for_another_time(end: str, follow: str) -> None:
    query = asked(f"which machine had the {end} mean current in the last 6 hours?", follow)
    assert (query.rank, query.all_devices) == (True, True)
    assert set(query.statistics) == {Statistic.MEAN, Statistic.MAX if end == "highest" else Statistic.MIN}


@pytest.mark.parametrize("label", ["bad", "good", "labeled not good", "porosity"])
def test_how_many_in_percent_is_told_with_the_share(label: str) -> None:
    query = parse_prompt(f"how many readings of WLD001 were {label} today, in percent", NOW)
    assert (set(query.statistics), query.unread) == ({Statistic.COUNT, Statistic.SHARE}, ())


@pytest.mark.parametrize(("written", "code"), [("wld3s", "WLD003"), ("WLD003s", "WLD003"), ("pump7s", "pump7s")])
def test_a_device_owns_something_without_an_apostrophe(written: str, code: str) -> None:
    cards = [DeviceCard(code=each) for each in ("WLD003", "WLD004", "pump7", "pump7s")]
    assert resolve_devices(parse_prompt(f"mean temperature of {written} today", NOW), cards).codes == (code,)
