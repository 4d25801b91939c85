"""Machines that stand at the same time, yes or no to "longer than", both of up and down, and the best of mean times."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.at_once import overlaps
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Operator, Statistic
from llm_service.domain.offline.result import Spell
from llm_service.testing import asked

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
FIRST = datetime(2026, 11, 27, tzinfo=UTC)
# Begins and lengths in minutes, of yesterday.
STOPS = {"WLD001": [(60, 60), (600, 30)], "WLD002": [(90, 60), (900, 20)], "WLD003": [(1200, 10)], "WLD004": []}
RUNS = {"WLD001": 600, "WLD002": 500, "WLD003": 700, "WLD004": 650}
Row = dict[str, Any]


def statistics(code: str, arguments: Row) -> Row:
    idle = arguments["conditions"][0]["operator"] == "<"
    spells = STOPS[code] if idle else [(0, RUNS[code])]
    shown: list[Row] = [
        {"start_time": (FIRST + timedelta(minutes=at)).isoformat(), "seconds": length * 60.0} for at, length in spells
    ]
    longest = max(shown, key=lambda spell: spell["seconds"], default=None)
    fitting: Row = {
        "seconds": sum(spell["seconds"] for spell in shown),
        "range_seconds": 86_000.0,
        "spells": len(spells),
        "longest_spells": shown,
    }
    if longest:
        fitting |= {"longest_seconds": longest["seconds"], "longest_start_time": longest["start_time"]}
    told = [{"field": "current", "unit": "A", "count": 9, "mean": 1.0}]
    rows: Row = {"row_count": 100, "rows_in_range": 86_000, "statistics": told}
    return {"device_code": code, **rows, "fitting_time": fitting}


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        return {"devices": [{"device_code": code, "fields": ["current"], "units": {"current": "A"}} for code in STOPS]}
    codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
    told = [statistics(code, arguments) for code in codes]
    return {"devices": told} if len(told) > 1 else told[0]


_COMMON = ("device_code", "fields", "start_time", "end_time", "conditions")
KEYS = {
    "list_devices": ("search",),
    "device_statistics": (*_COMMON, "other_device_codes", "extreme_times", "durations", "shortest_spell"),
}


@pytest.fixture
def talk(shop_talk: Callable[..., Any]) -> Any:
    return shop_talk(NOW, KEYS, answer)


SPELLS = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 60)), max_size=6)


def spells(pairs: list[tuple[int, int]]) -> tuple[list[Spell], set[int]]:
    """Stretches that don't touch each other, and the minutes they cover."""
    found: list[Spell] = []
    covered: set[int] = set()
    for at, length in sorted(pairs):
        minutes = set(range(at, at + length))
        if not covered & {minute + near for minute in minutes for near in (-1, 0, 1)}:
            covered |= minutes
            found.append(Spell(start=FIRST + timedelta(minutes=at), seconds=length * 60.0))
    return found, covered


@given(first=SPELLS, second=SPELLS, third=SPELLS)
def test_machines_stand_at_the_same_time_in_the_minutes_that_lie_in_stops_of_all(
    first: list[tuple[int, int]], second: list[tuple[int, int]], third: list[tuple[int, int]]
) -> None:
    lists, covered = zip(*(spells(each) for each in (first, second, third)), strict=True)
    found = overlaps(lists)
    assert sum(spell.seconds for spell in found) == 60 * len(set[int].intersection(*covered))
    assert all(one.end <= other.start for one, other in pairwise(found))


TWO = ("WLD001 and WLD002", "WLD003 and WLD001")
STOOD = ("standing still", "stopped", "down", "idle")
AT_ONCE = (
    *(f"When were {two} both {word} yesterday?" for two in TWO for word in STOOD),
    *(f"When were {two} {word} at the same time yesterday?" for two in TWO for word in STOOD),
    *(f"How long were {two} {word} simultaneously yesterday?" for two in TWO for word in STOOD),
    *(
        f"WLD001和WLD002昨天{when}同时{word}"
        for when in ("什么时候", "何时", "哪些时候")
        for word in ("停机", "停着", "停了")
    ),
    *(f"WLD001和WLD002昨天同时{word}了多久" for word in ("停", "停机")),
)


@pytest.mark.parametrize("text", AT_ONCE)
def test_both_at_the_same_time_is_no_time_of_day(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.at_once, query.same_time, query.unread, len(query.devices)) == (True, False, (), 2)
    assert query.time is not None
    assert (query.time.start, query.time.end) == (FIRST, FIRST + timedelta(days=1))


@pytest.mark.parametrize(
    "text",
    [
        "mean current of WLD001 and WLD002 at the same time yesterday",
        "WLD001和WLD002昨天这个时候的电流",
        "When were WLD001 and WLD002 stopped yesterday?",
        "When was WLD001 both hot and running yesterday?",
    ],
)
def test_a_time_of_day_or_each_machine_alone_is_not_at_once(text: str) -> None:
    assert not parse_prompt(text, NOW).at_once


async def test_the_time_both_stood_is_told_first(talk: Any) -> None:
    told = await talk.ask("When were WLD001 and WLD002 both standing still yesterday?")
    assert told.startswith(
        "WLD001 and WLD002 on 2026-11-27: current < 5 A at the same time once, for 30 minutes in all"
    )
    assert "2026-11-27 01:30 to 2026-11-27 02:00 (30 minutes)" in told
    told = await talk.ask("WLD001和WLD002昨天什么时候同时停机")
    assert "2026-11-27 01:30 至 2026-11-27 02:00（30 分钟）" in told


async def test_machines_that_never_stood_together_are_said_not_to_have(talk: Any) -> None:
    told = await talk.ask("Were WLD001 and WLD003 down at the same time yesterday?")
    assert told.startswith("No: WLD001 and WLD003")
    assert (await talk.ask("Were WLD001 and WLD002 down at the same time yesterday?")).startswith("Yes: ")


DEVICES = st.permutations(sorted(RUNS)).map(lambda codes: codes[:2])


@settings(deadline=None)
@given(pair=DEVICES, longer=st.booleans(), chinese=st.booleans())
def test_whether_one_ran_longer_is_asked_for_yes_or_no(pair: list[str], longer: bool, chinese: bool) -> None:
    first, second = pair
    text = f"Did {first} run {'longer' if longer else 'shorter'} than {second} yesterday?"
    if chinese:
        text = f"{first} 昨天比 {second} 运行得更{'长' if longer else '短'}吗？"
    query = parse_prompt(text, NOW)
    assert query.beyond == ("above" if longer else "below")
    assert query.statistics == (Statistic.DURATION,)


@pytest.mark.parametrize("first", sorted(RUNS))
@pytest.mark.parametrize("second", sorted(RUNS))
async def test_yes_or_no_comes_first_and_nothing_is_added_up(talk: Any, first: str, second: str) -> None:
    if first == second:
        return
    told = await talk.ask(f"Did {first} run longer than {second} yesterday?")
    assert told.startswith("Yes: " if RUNS[first] > RUNS[second] else "No: ")
    assert "Together" not in told


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Did WLD001 or WLD002 run longer yesterday?", "WLD001 has the highest duration"),
        ("Did WLD001 or WLD003 have fewer stops yesterday?", "WLD003 has the lowest number of times"),
        ("Did WLD001 or WLD002 stop more often yesterday?", "WLD001, WLD002 have the highest number of times"),
        ("WLD001还是WLD002昨天运行得更久？", "WLD001 的 时长最高"),
    ],
)
async def test_of_two_machines_the_one_is_told_that_was_asked_for(talk: Any, text: str, first: str) -> None:
    told = await talk.ask(text)
    assert first.replace(" 的 ", "") in told.replace(" 的 ", "")
    assert "did not understand" not in told


@pytest.mark.parametrize(
    ("text", "beyond"),
    [
        ("Was WLD001 idle longer yesterday than today?", "below"),
        ("Was WLD001 idle longer today than yesterday?", "above"),
        ("Was WLD002 hotter at 10:00 than at 9:00 yesterday?", "above"),
        ("Was WLD002 hotter at 9:00 than at 10:00 yesterday?", "below"),
        ("WLD001 昨天比今天停得久吗", "below"),
    ],
)
def test_of_two_times_the_verdict_is_said_of_the_later(text: str, beyond: str) -> None:
    assert parse_prompt(text, NOW).beyond == beyond


BOTH = st.sampled_from(
    [
        *("uptime and downtime of {} yesterday", "Give me downtime and uptime of {} yesterday"),
        *(
            "{} 昨天的运行时间和停机时间",
            "{} 昨天的停机时间和运行时间",
            "how long did {} run and stand still yesterday?",
        ),
    ]
)


@settings(deadline=None)
@given(text=BOTH, code=st.sampled_from(sorted(RUNS)))
def test_up_and_down_are_told_both_and_share_all_of_the_time(text: str, code: str) -> None:
    from llm_service.domain.offline.conversation import Conversation

    queries = Conversation(question=text.format(code), earlier=(), outcomes=(), cards=()).queries(NOW)
    operators = {each.conditions[0].operator for each in queries}
    assert operators == {Operator.LT, Operator.GE}
    assert all(each.least is None and each.statistics == (Statistic.DURATION,) for each in queries)


async def test_time_without_readings_is_told_apart_from_up_and_down(talk: Any) -> None:
    told = await talk.ask("uptime and downtime of WLD001 yesterday")
    assert told.count("For 6 minutes 40 seconds of that time there are no readings.") == 2


BEST = [
    ("Which machine has the best MTBF yesterday?", "highest", "WLD004"),
    ("Which machine has the worst MTBF yesterday?", "lowest", "WLD001"),
    ("哪台焊机昨天的平均故障间隔时间最长", "highest", "WLD004"),
    ("Which machine has the best MTTR yesterday?", "lowest", "WLD004"),
    ("Which machine has the longest MTTR yesterday?", "highest", "WLD001"),
]


@pytest.mark.parametrize(("text", "end", "first"), BEST)
async def test_the_best_mean_time_comes_first(talk: Any, text: str, end: str, first: str) -> None:
    query = asked(text)
    assert (query.ordered, query.unread) == (end, ())
    assert (await talk.ask(text)).split("\n")[0].startswith((f"{first} has the {end}", "在"))
    assert first in (await talk.ask(text)).split("\n")[0]


async def test_of_more_than_two_machines_each_pair_that_stood_together_is_told(talk: Any) -> None:
    told = await talk.ask("Which machines were down at the same time yesterday?")
    assert told.startswith("WLD001, WLD002, WLD003 and WLD004 on 2026-11-27: current < 5 A at the same time not once.")
    assert "WLD001 and WLD002 on 2026-11-27: current < 5 A at the same time once, for 30 minutes in all" in told
    assert "WLD001 and WLD003" not in told


@pytest.mark.parametrize(
    "text", ["Was WLD001 or WLD002 hotter at noon yesterday?", "Was WLD001 or WLD002 hotter today?"]
)
def test_which_of_two_was_hotter_asks_for_no_yes(text: str) -> None:
    assert parse_prompt(text, NOW).beyond == ""


@pytest.mark.parametrize("text", ["最近有没有异常？", "any problems lately?"])
def test_whatever_was_wrong_lately_is_asked_of_all_machines(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.all_devices, query.recent, query.unread) == (True, True, ())
