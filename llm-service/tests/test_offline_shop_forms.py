"""Short forms of a shop: amounts of all machines, "正常不", "last 10 min min max", papers, too many look-ups."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Statistic, TimeRange

NOW = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
CODES = ("WLD001", "WLD002")
KEYS = {
    "list_devices": ["search"],
    "device_statistics": [
        *("device_code", "other_device_codes", "fields", "start_time", "end_time", "integrals", "conditions"),
        *("value_counts", "durations"),
    ],
}
USED = {"WLD001": 24_000.0, "WLD002": 36_000.0}  # m/min times seconds


def told_of(code: str, arguments: dict[str, Any]) -> dict[str, Any]:
    field = {"field": "wire_feed", "count": 90, "mean": 4.0, "integral": USED[code], "unit": "m/min"}
    told = {"device_code": code, "row_count": 90, "rows_in_range": 100, "statistics": [field]}
    return told | {name: arguments.get(name) for name in ("start_time", "end_time")}


def answer(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    if name == "list_devices":
        texts = {"fields": ["wire_feed", "quality_label"], "text_fields": ["quality_label"]}
        return {"devices": [{"device_code": code, **texts} for code in CODES]}
    found = [told_of(code, arguments) for code in (arguments["device_code"], *arguments.get("other_device_codes", []))]
    return {"devices": found} if len(found) > 1 else found[0]


@pytest.mark.parametrize(
    ("question", "together"),
    [
        ("How much wire did we use today?", "Together: 1000 m."),
        ("本周到目前为止总共用了多少米焊丝？", "合计：1000 m。"),
        ("How does last week's wire consumption compare with this week's?", "Together: 1000 m."),
    ],
)
async def test_an_amount_of_a_time_that_names_no_machine_is_of_all_of_them(
    question: str, together: str, shop_talk: Callable[..., Any]
) -> None:
    text = await shop_talk(NOW, KEYS, answer).ask(question)
    assert together in text
    assert all(code in text for code in CODES)


@pytest.mark.parametrize(
    "question",
    [
        *("How much wire did it use today?", "How much wire did this machine use today?"),
        *("how much wire did the machine use this week", "那台今天用了多少焊丝？", "这台机今天用了多少米焊丝"),
    ],
)
async def test_an_amount_of_a_machine_spoken_of_is_asked_back(question: str, shop_talk: Callable[..., Any]) -> None:
    text = await shop_talk(NOW, KEYS, answer).ask(question)
    assert text.startswith(("Which device do you mean?", "请问是哪台设备？"))


@pytest.mark.parametrize("asked", ["正常吗", "正常不", "正常没", "正不正常"])
def test_whether_a_value_is_normal_may_end_in_no_or_not(asked: str) -> None:
    found = parse_prompt(f"WLD003温度{asked}", NOW, known_devices=["WLD003"], known_fields=["temperature"])
    assert (found.intent, found.unread, found.negation) == (Intent.ANOMALY, (), "")


@pytest.mark.parametrize("written", ["volts wld1 last 10 min {}", "wld1 volts, last 10 min {}"])
@pytest.mark.parametrize(("ends", "told"), [("min max", {"min", "max"}), ("min", {"min"}), ("max min", {"min", "max"})])
def test_a_minute_before_a_minimum_is_the_unit_of_its_number(written: str, ends: str, told: set[str]) -> None:
    found = parse_prompt(written.format(ends), NOW, known_devices=["WLD001"], known_fields=["voltage"])
    assert found.time == TimeRange(start=NOW - timedelta(minutes=10), end=NOW)
    assert {each.value for each in found.statistics} == told
    assert (found.interval, found.rank, found.top, found.unread) == (None, False, 0, ())


def test_the_lowest_minutes_are_still_so_many_of_a_ranking() -> None:
    found = parse_prompt("the 3 lowest minutes of voltage on WLD001 today", NOW, known_devices=["WLD001"])
    assert (found.interval, found.top) == (timedelta(minutes=1), 3)
    assert Statistic.MIN in found.statistics


@pytest.mark.parametrize(
    "question",
    [
        *("When does the warranty of WLD001 end?", "is WLD001 still under warranty?", "WLD001的保修期到什么时候？"),
        *("WLD001质保到哪天", "WLD001 是哪年生产的"),
    ],
)
async def test_what_the_papers_of_a_machine_say_is_not_in_the_data(
    question: str, shop_talk: Callable[..., Any]
) -> None:
    text = await shop_talk(NOW, KEYS, answer).ask(question)
    assert "it is not in the data" in text or "数据里没有这方面的内容" in text


async def test_an_answer_that_needs_more_calls_than_it_may_make_says_so(shop_talk: Callable[..., Any]) -> None:
    """An answer in a conversation may make 32; then no tools are offered any more."""
    made: list[str] = []

    def bounded(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        made.append(name)
        talk.tools = () if len(made) >= 20 else talk.tools
        return answer(name, arguments)

    talk = shop_talk(NOW, KEYS, bounded)
    text = await talk.ask("what share of the readings on WLD002 was labelled bad yesterday, hour by hour")
    assert len(made) >= 20
    assert "more look-ups than one answer may make" in text
    assert "no tool" not in text
