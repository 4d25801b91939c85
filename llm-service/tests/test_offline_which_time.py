"""Where it is asked in which of two times it was more, both are looked at and the one is named."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.english import English
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Statistic, TimeRange

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
TODAY = NOW.replace(hour=0)
DAY = timedelta(days=1)
DAYS = (TimeRange(start=TODAY - DAY, end=TODAY), TimeRange(start=TODAY, end=TODAY + DAY))
Row = dict[str, Any]
Ask = Callable[[str], Any]
UNITS = {"current": "A", "temperature": "°C"}
# Of yesterday and of today: the mean temperature, the readings with a label and those of lack of fusion, and the stops
# with their minutes.
MEANS = {True: 41.5, False: 38.25}
LABELS = {True: (1000, 40), False: (500, 30)}
STOPS = {True: (2, 90), False: (3, 45)}


def told(code: str, arguments: Row) -> Row:
    yesterday = datetime.fromisoformat(arguments["start_time"]) < TODAY
    mean = MEANS[yesterday]
    fields = [
        {"field": name, "unit": unit, "count": 9, "mean": mean, "min": mean, "max": mean, "std": mean}
        for name, unit in UNITS.items()
    ]
    whole, fitting = LABELS[yesterday]
    count, minutes = STOPS[yesterday]
    answer: Row = {"device_code": code, "row_count": fitting, "rows_in_range": 36000, "statistics": fields}
    if arguments.get("value_counts"):
        answer["value_counts"] = {"quality_label": {"": 30000, "good": whole - fitting, "lack_of_fusion": fitting}}
    if arguments.get("durations"):
        spell = {"start_time": arguments["start_time"], "seconds": minutes * 60 / count}
        answer["fitting_time"] = {"seconds": minutes * 60.0, "range_seconds": 36000.0, "spells": count}
        answer["fitting_time"] |= {"longest_spells": [spell] * count}
    return answer


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        common = {"fields": [*UNITS, "quality_label"], "units": UNITS, "text_fields": ["quality_label"]}
        return {"devices": [{"device_code": code, **common} for code in ("WLD001", "WLD004")]}
    codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
    answers = [told(code, arguments) for code in codes]
    return {"devices": answers} if len(answers) > 1 else answers[0]


KEYS = {
    "list_devices": ("search",),
    "device_statistics": (
        *("device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions", "value_counts"),
        *("durations", "shortest_spell", "integrals"),
    ),
}


@pytest.fixture
def ask(shop_talk: Callable[..., Any]) -> Ask:
    return lambda text: shop_talk(NOW, KEYS, answer).ask(text)


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        *(
            (text, "The mean temperature of WLD004 is higher on 2026-11-27: 41.5 °C, against 38.25 °C on 2026-11-28")
            for text in (
                "was the temperature of WLD004 higher yesterday or today?",
                "was WLD004 hotter today or yesterday?",
                "which day had the higher mean temperature on WLD004, yesterday or today?",
                "yesterday or today, which day was WLD004 hotter?",
            )
        ),
        (
            "was WLD004 colder yesterday or today?",
            "The mean temperature of WLD004 is lower on 2026-11-28 so far: 38.25 °C, against 41.5 °C on 2026-11-27",
        ),
        (
            "WLD004昨天跟今天比，哪天电流更稳定？",
            "WLD004 current 标准差：在 2026-11-28 截至目前 38.25 A，在 2026-11-27 41.5 A",
        ),
        *(
            (
                text,
                "WLD004 temperature 平均值：在 2026-11-27 41.5 °C，在 2026-11-28 截至目前 38.25 °C；在 2026-11-27更高",
            )
            for text in (
                "WLD004昨天跟今天比，哪天平均温度高？",
                "昨天和今天比，WLD004哪天的平均温度高？",
                "WLD004昨天还是今天平均温度更高？",
            )
        ),
    ],
)
async def test_the_time_in_which_a_number_is_higher_is_named_with_both(ask: Ask, text: str, begin: str) -> None:
    told = await ask(text)
    assert told.replace("2026-11-27 更", "2026-11-27更").startswith(begin)
    assert ("(of" in told, "Left out" in told, "略去" in told) == (False, False, False)


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        (
            "which day was worse for lack of fusion on WLD004, yesterday or today?",
            "is higher on 2026-11-28 so far: 6 %, against 4 % on 2026-11-27.",
            "is higher on 2026-11-27: 40, against 30 on 2026-11-28 so far.",
        ),
        (
            "which day was better for lack of fusion on WLD004, yesterday or today?",
            "is lower on 2026-11-27: 4 %, against 6 % on 2026-11-28 so far.",
            "is lower on 2026-11-28 so far: 30, against 40 on 2026-11-27.",
        ),
        (
            "WLD004昨天和今天哪天的未熔合多？",
            "在 2026-11-27 40，在 2026-11-28 截至目前 30",
            "在 2026-11-28 截至目前 6 %",
        ),
        (
            "which day had more lack of fusion, yesterday or today?",
            "The number of readings of WLD001, WLD004 where quality_label = lack_of_fusion is higher on 2026-11-27: 80",
            "is higher on 2026-11-28 so far: 6 %, against 4 % on 2026-11-27.",
        ),
    ],
)
async def test_labels_are_compared_by_their_share_and_their_number(
    ask: Ask, text: str, first: str, second: str
) -> None:
    lines = (await ask(text)).splitlines()
    assert (first in lines[0], second in lines[1]) == (True, True)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("did WLD001 stop more often yesterday or today?", "is higher on 2026-11-28 so far: 3, against 2 on"),
        ("when did WLD001 stop longer, yesterday or today?", "is higher on 2026-11-27: 1 hour 30 minutes, against 45"),
        ("was WLD001 stopped longer today or yesterday?", "is higher on 2026-11-27: 1 hour 30 minutes, against 45"),
        ("WLD001昨天还是今天停机时间长？", "在 2026-11-27 1 小时 30 分钟，在 2026-11-28 截至目前 45 分钟"),
    ],
)
async def test_stops_of_two_times_are_compared(ask: Ask, text: str, line: str) -> None:
    assert line in (await ask(text)).splitlines()[0]


async def test_the_same_two_times_are_asked_of_another_machine(shop_talk: Callable[..., Any]) -> None:
    talk = shop_talk(NOW, KEYS, answer)
    await talk.ask("was WLD004 hotter yesterday or today?")
    assert (await talk.ask("and WLD001?")).startswith("The mean temperature of WLD001 is higher on 2026-11-27")


PAIRS = st.sampled_from(["yesterday or today", "today or yesterday"])
MORE = st.sampled_from([("higher", "highest"), ("lower", "lowest"), ("larger", "highest"), ("smaller", "lowest")])
FIELDS = st.sampled_from([("current", "current"), ("voltage", "voltage"), ("gas flow", "gas_flow")])


@settings(deadline=None)
@given(days=PAIRS, more=MORE, field=FIELDS, which=st.booleans())
def test_two_days_joined_by_or_are_both_looked_at(
    days: str, more: tuple[str, str], field: tuple[str, str], which: bool
) -> None:
    text = f"was the {field[0]} of WLD001 {more[0]} {days}?"
    text = f"which day was the {field[0]} of WLD001 {more[0]}, {days}?" if which else text
    query = parse_prompt(text, NOW)
    assert sorted(query.periods, key=str) == sorted(DAYS, key=str)
    assert (query.intent, query.which_time, query.fields) == (Intent.COMPARE, more[1], (field[1],))
    assert (query.rank, query.interval, query.beyond, query.unread) == (False, None, "", ())


@settings(deadline=None)
@given(
    order=st.permutations(["昨天", "今天"]),
    joint=st.sampled_from(["和", "跟", "与"]),
    field=st.sampled_from([("电流", "current"), ("电压", "voltage"), ("温度", "temperature")]),
    more=st.sampled_from([("高", "highest"), ("更高", "highest"), ("低", "lowest"), ("更低", "lowest")]),
)
def test_two_days_that_are_compared_are_both_looked_at_in_chinese(
    order: list[str], joint: str, field: tuple[str, str], more: tuple[str, str]
) -> None:
    query = parse_prompt(f"WLD001{order[0]}{joint}{order[1]}比，哪天的平均{field[0]}{more[0]}？", NOW)
    assert (query.intent, query.which_time, query.fields) == (Intent.COMPARE, more[1], (field[1],))
    assert (query.statistics, len(query.periods), query.unread) == ((Statistic.MEAN,), 2, ())


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("今天凌晨和上午哪个时段WLD001的温度更高？", "highest"),
        ("which was worse for porosity on WLD001, this morning or yesterday evening?", "highest"),
    ],
)
def test_two_parts_of_days_are_both_looked_at(text: str, more: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.which_time, len(query.periods), query.unread) == (more, 2, ())


@pytest.mark.parametrize(
    "text",
    [
        "which day was the temperature of WLD001 highest this week?",
        "was it hotter on WLD001 yesterday than today?",
        "was WLD001 or WLD004 hotter yesterday?",
        "which machine was hotter, WLD001 or WLD004, yesterday?",
        "mean temperature of WLD001 yesterday and today",
    ],
)
def test_no_time_is_chosen_where_none_is_asked_for(text: str) -> None:
    assert parse_prompt(text, NOW).which_time == ""


def test_one_alone_is_never_the_highest() -> None:
    told = English().ranking("mean current", "today", "WLD001", "3 A", lowest=False, count=1)
    assert ("highest" in told, "3 A" in told) == (False, True)
