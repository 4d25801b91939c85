"""What was told is doubted, wanted in another shape, taken from its other end or set side by side: the answer holds it,
and what it can't hold is named."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from llm_service.domain.offline.query import Intent, Statistic
from llm_service.testing import asked

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HALLS = {"WLD001": "A", "WLD002": "B", "WLD003": "A", "WLD004": "B"}
MEANS = {"WLD001": 100.0, "WLD002": 120.0, "WLD003": 101.0, "WLD004": 130.0}
Row = dict[str, Any]
KEYS = {
    "list_devices": ("search",),
    "device_statistics": ("device_code", "other_device_codes", "fields", "start_time", "end_time"),
}
RANKING = "which machine had the highest mean current today?"
FIRST, FIRST_HAN = "mean current of WLD001 today", "WLD001今天的平均电流"


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        common = {"fields": ["current"], "units": {"current": "A"}, "last_seen": NOW.isoformat()}
        return {"devices": [{"device_code": code, "labels": {"hall": hall}, **common} for code, hall in HALLS.items()]}
    answers: list[Row] = [
        {
            "device_code": code,
            "row_count": 60,
            "statistics": [{"field": "current", "unit": "A", "count": 60, "mean": MEANS[code]}],
        }
        for code in (arguments["device_code"], *arguments.get("other_device_codes", []))
    ]
    return {"devices": answers} if len(answers) > 1 else answers[0]


@pytest.fixture
def talk(shop_talk: Callable[..., Any]) -> Any:
    return shop_talk(NOW, KEYS, answer)


@pytest.mark.parametrize(
    ("first", "doubt"),
    [
        *((FIRST, each) for each in ("are you sure?", "really?", "that can't be right", "can you double-check that?")),
        *((FIRST_HAN, each) for each in ("你确定吗？", "真的吗", "不会吧", "这个数对吗", "再算一遍")),
    ],
)
async def test_what_is_doubted_is_computed_once_more_and_says_so(talk: Any, first: str, doubt: str) -> None:
    told = await talk.ask(first)
    said = await talk.ask(doubt)
    assert said.startswith(told)
    assert "once more" in said or "重新读取并计算" in said
    assert "anything else" not in await talk.ask(f"{doubt}!")


async def test_a_doubt_before_any_answer_is_of_nothing(talk: Any) -> None:
    assert "once more" not in await talk.ask("are you sure?")


@pytest.mark.parametrize(
    ("first", "shape", "named"),
    [
        (FIRST, "show me that as a table", "I tell this as text (“table”)"),
        (FIRST, "as a chart please", "no drawing (“chart”)"),
        (FIRST, "draw that", "no drawing (“draw”)"),
        (FIRST_HAN, "列成表格给我看", "用文字说明（“表格”）"),
        (FIRST_HAN, "画成图", "没有图（“图”）"),
    ],
)
async def test_a_shape_that_can_not_be_given_is_named_beside_the_answer(
    talk: Any, first: str, shape: str, named: str
) -> None:
    told = await talk.ask(first)
    said = await talk.ask(shape)
    assert said.startswith(told)
    assert named in said


async def test_the_answer_is_told_in_the_other_language(talk: Any) -> None:
    await talk.ask(FIRST)
    assert "平均值为 100 A" in await talk.ask("say that in Chinese")
    assert "mean current of WLD001" in await talk.ask("用英文说")


@pytest.mark.parametrize("rest", ["and the others?", "what about the rest?", "其他几台呢", "剩下的呢"])
async def test_the_others_behind_a_ranking_are_all_but_its_first(talk: Any, rest: str) -> None:
    await talk.ask(RANKING)
    assert (await talk.ask(rest)).splitlines()[1:] == ["2. WLD002: 120 A", "3. WLD003: 101 A", "4. WLD001: 100 A"]


@pytest.mark.parametrize("end", ["and the lowest?", "the least?", "which was the shortest?", "最低的呢"])
async def test_a_ranking_is_told_from_its_other_end(talk: Any, end: str) -> None:
    await talk.ask(RANKING)
    assert "1. WLD001: 100 A" in await talk.ask(end)


@pytest.mark.parametrize("text", ["by how much?", "how much more than the second?", "比第二名高多少", "高多少？"])
async def test_how_far_the_first_of_a_ranking_is_ahead_is_told(talk: Any, text: str) -> None:
    await talk.ask(RANKING)
    said = await talk.ask(text)
    assert "WLD004 − WLD002 = 10 A" in said
    assert "not understand" not in said


@pytest.mark.parametrize("other", ["and hall B?", "and the other hall?", "另一个车间呢"])
@pytest.mark.parametrize("which", ["which is higher?", "which hall was higher?", "哪个更高？"])
async def test_which_is_more_behind_two_halls_is_of_the_halls(talk: Any, other: str, which: str) -> None:
    await talk.ask("mean current of hall A today")
    assert "WLD002" in await talk.ask(other)
    said = await talk.ask(which)
    assert said.startswith(("B has the highest", "在 2026-11-28 截至目前，B 的")), said
    told = await talk.ask("by how much?")
    assert "B − A = 24.5 A" in told
    assert "answered before" not in told


@pytest.mark.parametrize("text", ["by how much?", "高多少", "差多少"])
async def test_by_how_much_behind_a_comparison_is_the_line_that_tells_it(talk: Any, text: str) -> None:
    await talk.ask("was WLD002 higher than WLD001 in current today?")
    assert (await talk.ask(text)).splitlines()[1:] == [
        "- current mean: WLD002 120 A, WLD001 100 A; WLD001 − WLD002 = -20 A (-16.7 %)"
    ]


async def test_a_part_of_what_was_told_is_no_answer_given_again(talk: Any) -> None:
    first = await talk.ask("mean current of all machines today")
    assert await talk.ask("per machine?") == first
    assert await talk.ask("only the current") == first


async def test_a_whole_question_in_other_words_is_no_answer_given_again(talk: Any) -> None:
    first = await talk.ask(FIRST)
    assert await talk.ask("so what is the mean current of WLD001 today") == first
    assert "anything else" in await talk.ask("and WLD001?")


@pytest.mark.parametrize("text", ["how much is that in euro", "in dollars?", "换成钱是多少", "折合多少人民币"])
def test_an_amount_in_money_asks_for_a_price_and_is_told_with_one(text: str) -> None:
    first = "total gas of WLD001 today"
    assert asked(first, text).refused
    assert asked(f"{first} at 2 € per m3", text).prices == asked(f"{first} at 2 € per m3").prices


def test_an_amount_in_money_at_a_price_is_that_amount() -> None:
    query = asked("total gas of WLD001 today", "how much is that in dollars at 2 $ per m3")
    assert (query.refused, query.statistics, len(query.prices)) == ("", (Statistic.INTEGRAL,), 1)


@pytest.mark.parametrize("text", ["is that good?", "is that too high?", "这算高吗", "偏高吗"])
def test_whether_a_value_is_good_is_no_label(text: str) -> None:
    query = asked("mean temperature of WLD001 today", text)
    assert (query.intent, query.conditions, query.devices) == (Intent.ANOMALY, (), ("WLD001",))


def test_whether_an_amount_is_a_lot_is_named() -> None:
    assert asked("total gas of WLD001 today", "is that a lot?").unread == ("is that a lot",)
