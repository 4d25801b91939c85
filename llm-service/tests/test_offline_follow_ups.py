"""In a conversation nothing is answered past what was asked: an answer that is the one before says so, and how to get a
model is told once."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
CODES = ("WLD001", "WLD002", "WLD003")
Row = dict[str, Any]
KEYS = {
    "list_devices": ("search",),
    "device_statistics": ("device_code", "other_device_codes", "fields", "start_time", "end_time"),
    "device_query": ("device_code", "fields", "start_time", "end_time", "limit", "newest_first"),
}


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        common = {"fields": ["current"], "units": {"current": "A"}, "last_seen": NOW.isoformat()}
        return {"devices": [{"device_code": code, **common} for code in CODES]}
    if name == "device_query":
        rows = [[NOW.isoformat(), 120.0]]
        return {"device_code": arguments["device_code"], "columns": ["timestamp", "current"], "rows": rows}
    answers: list[Row] = [
        {
            "device_code": code,
            "row_count": 60,
            "statistics": [{"field": "current", "unit": "A", "count": 60, "mean": 100.0 + CODES.index(code)}],
        }
        for code in (arguments["device_code"], *arguments.get("other_device_codes", []))
    ]
    return {"devices": answers} if len(answers) > 1 else answers[0]


@pytest.fixture
def talk(shop_talk: Callable[..., Any]) -> Any:
    return shop_talk(NOW, KEYS, answer)


@pytest.mark.parametrize("then", ["and on a rainy day?", "of the violet batch?", "with the blue lamp?", "那下雨天呢"])
async def test_a_figure_is_not_told_past_words_that_were_not_understood(talk: Any, then: str) -> None:
    await talk.ask("mean current of WLD001 today")
    said = await talk.ask(then)
    assert "100 A" not in said or "not understand" in said or "没有理解" in said or "asks for anything else" in said


@pytest.mark.parametrize("then", ["and WLD001?", "and for WLD001 today?"])
async def test_the_answer_before_is_not_given_again_as_if_it_were_another(talk: Any, then: str) -> None:
    first = await talk.ask("mean current of WLD001 today")
    said = await talk.ask(then)
    assert said.startswith(first)
    assert f"nothing in “{then}” that asks for anything else" in said


async def test_the_same_question_may_be_asked_again(talk: Any) -> None:
    first = await talk.ask("mean current of WLD001 today")
    assert await talk.ask("Mean current of WLD001 today") == first


async def test_another_answer_is_not_called_the_one_before(talk: Any) -> None:
    await talk.ask("mean current of WLD001 today")
    said = await talk.ask("and WLD002?")
    assert "101 A" in said
    assert "answered before" not in said


@pytest.mark.parametrize(
    ("first", "refused"),
    [
        ("what is the meaning of life?", "who won the football game?"),
        ("mean current of WLD001 today", "what is the meaning of life?"),
        ("WLD001今天的平均电流", "人生的意义是什么"),
    ],
)
async def test_how_to_get_a_model_is_not_told_in_mid_conversation(talk: Any, first: str, refused: str) -> None:
    await talk.ask(first)
    assert "OPENAI_API_KEY" not in await talk.ask(refused)


async def test_how_to_get_a_model_is_told_at_first_and_to_who_asks_for_it(talk: Any) -> None:
    assert "OPENAI_API_KEY" in await talk.ask("what is the meaning of life?")
    assert "OPENAI_API_KEY" in await talk.ask("how do I add a model?")


@pytest.mark.parametrize(
    ("then", "line"),
    [("and the runner-up?", "2. WLD002: 101 A"), ("the third?", "3. WLD001: 100 A"), ("第二名呢", "2. WLD002: 101 A")],
)
async def test_a_place_of_a_ranking_is_told_by_its_line(talk: Any, then: str, line: str) -> None:
    await talk.ask("which machine had the highest mean current today?")
    assert (await talk.ask(then)).splitlines()[1:] == [line]


async def test_one_place_after_the_other_is_told(talk: Any) -> None:
    await talk.ask("which machine had the highest mean current today?")
    await talk.ask("and the runner-up?")
    assert "3. WLD001: 100 A" in await talk.ask("and the third?")


@pytest.mark.parametrize(("first", "where"), [("", "lately"), (" today", "where it was asked of")])
async def test_why_says_of_which_time_it_tells_what_stood_out(talk: Any, first: str, where: str) -> None:
    await talk.ask(f"mean current of WLD001{first}")
    assert f"What stood out {where}" in await talk.ask("why?")


async def test_why_says_that_readings_hold_no_reason(talk: Any) -> None:
    await talk.ask("mean current of WLD001 today")
    said = await talk.ask("why?")
    assert said.startswith("Why it was so is not in the data")
    assert "OPENAI_API_KEY" not in said
