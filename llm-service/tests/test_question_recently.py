"""Words of the shop for a spread and for lately, and limits that single readings alone pass."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Remark, Statistic
from llm_service.testing import NOW

FIELDS = st.sampled_from(["current", "voltage", "temperature"])
SPREAD = st.sampled_from(["scatter", "swing", "vary", "fluctuate", "jump around"])
SPREAD_HAN = st.sampled_from(["波动多大", "上下波动多大", "起伏多大", "波动大吗"])
LATELY = st.sampled_from(["recently", "lately", "of late"])
LATELY_HAN = st.sampled_from(["最近", "近来", "近期", "这阵子"])


@given(field=FIELDS, verb=SPREAD)
def test_how_much_a_value_scatters_is_its_deviation_and_its_range(field: str, verb: str) -> None:
    query = parse_prompt(f"How much did the {field} of WLD003 {verb} in the last two hours?", NOW)
    assert (query.statistics, query.fields, query.unread) == ((Statistic.STD, Statistic.RANGE), (field,), ())


@given(field=st.sampled_from([("电流", "current"), ("电压", "voltage")]), verb=SPREAD_HAN)
def test_how_much_a_value_scatters_is_asked_in_chinese(field: tuple[str, str], verb: str) -> None:
    query = parse_prompt(f"WLD003 昨天{field[0]}{verb}", NOW)
    assert (query.statistics, query.fields, query.unread) == ((Statistic.STD, Statistic.RANGE), (field[1],), ())


@given(
    text=st.sampled_from(
        ["How often has WLD001 stopped {}?", "mean current of WLD001 {}", "Which machine used the most gas {}?"]
    ),
    said=LATELY,
)
def test_lately_is_the_last_day_and_said_to_be(text: str, said: str) -> None:
    query = parse_prompt(text.format(said), NOW)
    assert query.time is not None
    assert (query.time.start, query.time.end, query.unread) == (NOW - timedelta(hours=24), NOW, ())
    assert any(note.remark is Remark.READ_AS and note.words == (said, "the last 24 hours") for note in query.notes)


@given(
    text=st.sampled_from(["WLD002 {}停了几次？", "WLD001 {}的平均电流是多少", "{}哪台机器停机最多"]), said=LATELY_HAN
)
def test_lately_is_the_last_day_in_chinese(text: str, said: str) -> None:
    query = parse_prompt(text.format(said), NOW)
    assert query.time is not None
    assert (query.time.start, query.time.end, query.unread) == (NOW - timedelta(hours=24), NOW, ())


@pytest.mark.parametrize(
    "text",
    [
        "最近一小时 WLD001 的平均电流",
        "WLD001 最近三次停机",
        "mean current of WLD001 in the last hour",
        "WLD001 最近的读数",
    ],
)
def test_a_length_or_a_number_behind_it_is_no_last_day(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.time is None or query.time.start != NOW - timedelta(hours=24)


def test_what_was_unusual_lately_is_asked_of_the_last_while() -> None:
    query = parse_prompt("recent anomalies on WLD001", NOW)
    assert (query.intent, query.recent, query.unread) == (Intent.ANOMALY, True, ())


@pytest.mark.parametrize(
    "text",
    ["How long did the longest stop of WLD003 last and when was it?", "How long did the longest stop of WLD003 last?"],
)
def test_the_longest_stop_is_not_the_last_one(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.longest, query.once, query.lasting) == (1, False, True)


@pytest.mark.parametrize(
    "text", ["How busy was hall B between 9 and 10 pm?", "WLD001 今天忙不忙", "how busy is WLD001 today?"]
)
def test_how_busy_asks_for_no_yes(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert not query.whether
    assert set(query.statistics) & {Statistic.SHARE, Statistic.DURATION}


Row = dict[str, Any]
# How many readings fit, in how many stretches, the longest of which lasted so many seconds.
HELD = {"WLD001": (3, 3, 1.0), "WLD002": (60, 3, 44.0), "WLD003": (1, 1, 1.0), "WLD004": (0, 0, 0.0)}
KEYS = {
    "list_devices": ("search",),
    "device_statistics": (
        *("device_code", "fields", "start_time", "end_time", "conditions", "other_device_codes"),
        *("durations", "shortest_spell"),
    ),
}


@pytest.fixture
def talk_with(shop_talk: Callable[..., Any]) -> Callable[[int], Any]:
    def begun(readings: int) -> Any:
        def answer(name: str, arguments: Row) -> Row:
            if name == "list_devices":
                cards = [{"device_code": c, "fields": ["current"], "units": {"current": "A"}} for c in HELD]
                return {"devices": cards}
            rows, spells, longest = HELD[arguments["device_code"]]
            fitting: Row = {"seconds": float(rows), "range_seconds": 3600.0, "spells": spells}
            fitting |= {"longest_seconds": longest} if spells else {}
            return {
                "device_code": arguments["device_code"],
                "row_count": rows,
                "rows_in_range": readings,
                "statistics": [{"field": "current", "unit": "A", "count": rows}],
                "fitting_time": fitting,
            }

        return shop_talk(NOW, KEYS, answer)

    return begun


@pytest.mark.parametrize(("code", "told"), [("WLD001", True), ("WLD002", False), ("WLD003", True), ("WLD004", False)])
@pytest.mark.parametrize("text", ["Was the current of {} ever above 500 A today?", "{} 今天电流有没有超过 500 安？"])
async def test_a_limit_that_single_readings_alone_pass_is_told_as_such(
    talk_with: Callable[[int], Any], code: str, told: bool, text: str
) -> None:
    answer = await talk_with(3600).ask(text.format(code))
    assert ("single reading" in answer or "个别数据" in answer) is told


async def test_where_readings_are_far_apart_a_single_one_may_be_true(talk_with: Callable[[int], Any]) -> None:
    assert "single reading" not in await talk_with(60).ask("Was the current of WLD001 ever above 500 A today?")
