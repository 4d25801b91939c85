"""Questions for stops are answered by those that last; the pauses between seams count where they are meant."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_service.domain.offline.follow_up import completed
from llm_service.domain.offline.lasting_stop import LASTING
from llm_service.domain.offline.parse import parse_prompt

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
FIRST = NOW - timedelta(hours=10)
PAUSE = 16.0
# Begins in minutes after the first reading, and lengths in seconds: pauses between seams, and stops.
PAUSES = {"WLD001": [(at, PAUSE) for at in range(10, 50)], "WLD002": [(at, PAUSE) for at in range(10, 210)]}
STOPS = {"WLD001": [(100, 1200.0), (300, 300.0), (400, 60.0)], "WLD002": [(250, 120.0)]}
LATE = {"WLD001": (500, PAUSE), "WLD002": (510, PAUSE)}
UNITS = {"current": "A", "voltage": "V"}
Row = dict[str, Any]


def shown(spell: tuple[int, float]) -> Row:
    return {"start_time": (FIRST + timedelta(minutes=spell[0])).isoformat(), "seconds": spell[1]}


def spells_of(code: str, shortest: float) -> list[tuple[int, float]]:
    every = [*PAUSES[code], *STOPS[code], LATE[code]]
    return sorted(spell for spell in every if spell[1] >= shortest)


def statistics(code: str, arguments: Row) -> Row:
    told = [{"field": name, "unit": unit, "count": 9, "mean": 1.0} for name, unit in UNITS.items()]
    answer: Row = {"device_code": code, "row_count": 3000, "rows_in_range": 36000, "statistics": told}
    spells = spells_of(code, float(arguments.get("shortest_spell", "0s")[:-1]))
    if arguments.get("durations"):
        longest = sorted(spells, key=lambda spell: -spell[1])[:10]
        fitting: Row = {"seconds": sum(spell[1] for spell in spells), "range_seconds": 36000, "spells": len(spells)}
        if spells:
            fitting |= {"longest_seconds": longest[0][1], "longest_start_time": shown(longest[0])["start_time"]}
            fitting |= {"last_spell": {**shown(spells[-1]), "ongoing": False}}
        answer["fitting_time"] = fitting | {"longest_spells": [shown(spell) for spell in longest]}
        answer |= {"first_fitting_time": shown(spells_of(code, 0)[0])["start_time"]}
        answer |= {"last_fitting_time": shown(spells_of(code, 0)[-1])["start_time"]}
    return answer


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        return {"devices": [{"device_code": code, "fields": [*UNITS], "units": UNITS} for code in PAUSES]}
    codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
    if name == "device_query":
        rows = [[NOW.isoformat(), 0.5, 20.0]]
        return {"device_code": codes[0], "columns": ["timestamp", *UNITS], "rows": rows, "units": UNITS}
    told = [statistics(code, arguments) for code in codes]
    return {"devices": told} if len(told) > 1 else told[0]


_COMMON = ("device_code", "fields", "start_time", "end_time", "conditions")
_TOOLS = {
    "list_devices": ("search",),
    "device_statistics": (*_COMMON, "other_device_codes", "extreme_times", "durations", "shortest_spell"),
    "device_query": (*_COMMON, "limit", "newest_first"),
}


@pytest.fixture
def talk_without(shop_talk: Callable[..., Any]) -> Callable[..., Any]:
    def begun(*left_out: str) -> Any:
        kept = {name: [key for key in keys if key not in left_out] for name, keys in _TOOLS.items()}
        return shop_talk(NOW, kept, answer)

    return begun


@pytest.fixture
def talk(talk_without: Callable[..., Any]) -> Any:
    return talk_without()


ENGLISH = {
    "{} stop": ("how many times did WLD001 {} today?", "how often did WLD001 {} today?", "when did WLD001 {} today?"),
    "{} stopped": (
        "how many times was WLD001 {} today?",
        "how often was WLD001 {} today?",
        "when was WLD001 {} today?",
        "when was WLD001 last {}?",
    ),
    "{} stops": (
        "how many {} did WLD001 have today?",
        "list the {} of WLD001 today",
        "number of {} of WLD001 today",
        "the 2 longest {} of WLD001 today",
        "how many {} did WLD001 have yesterday?",
        "how many {} were there on each machine today?",
    ),
}
WORDS = {
    "{} stop": ("stop", "stop running", "stop working", "go idle"),
    "{} stopped": ("stopped", "idle", "down", "switched off", "off", "not running", "standing still", "out of use"),
    "{} stops": ("stops", "stoppages"),
}
PAIRS = [(text, word) for key, texts in ENGLISH.items() for text in texts for word in WORDS[key]]
CHINESE = (
    *("WLD001今天{}几次", "WLD001今天{}了几次", "WLD001今天{}了多久", "WLD001今天{}的次数", "WLD001今天什么时候{}"),
    *("WLD001最近一次{}是什么时候", "WLD001昨天{}了多少次", "WLD001今天每次{}多久"),
)
HAN = ("停机", "停工")
QUESTIONS = (
    *(text.format(word) for text, word in PAIRS),
    *(text.format(word) for text in CHINESE for word in HAN),
    *(
        f"how long was WLD001 {word} today?"
        for word in ("stopped", "down", "switched off", "standing still", "standing")
    ),
    *("downtime of WLD001 today", "how long was each stop of WLD001 today?", "WLD001今天停机时间"),
    *("when was the last stop of WLD001?", "WLD001上一次停机是什么时候", "WLD001今天停了几次", "WLD001停了多久"),
    *("which machine stopped most often today?", "which machine was down longest today?", "did WLD001 stop today?"),
    *("which machine had the longest stop today?", "今天哪台停机次数最多", "哪台机器今天停机最久"),
    *("which machine stopped less often today?", "did WLD001 stop less than WLD002 today?"),
    *("average length of a stop of WLD001 today", "how often was WLD001 idle per hour today?"),
)


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_question_for_stops_asks_for_those_that_last(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.least, query.lasting, query.over, query.unread) == (LASTING, True, False, ())


# The time that was idle in all, or as a share of a time: the pauses are a part of it.
WHOLE = (
    *(f"what share of the time was WLD001 {word} today?" for word in WORDS["{} stopped"]),
    *(f"what percentage of today was WLD001 {word}?" for word in WORDS["{} stopped"]),
    *(f"{total} time WLD001 was stopped today" for total in ("total", "the total")),
    *(f"{total} {word} of WLD001 today" for total in ("total", "overall") for word in ("downtime", "idle time")),
    *(
        f"how long was WLD001 {word} today{tail}?"
        for word in ("stopped", "down")
        for tail in (" in total", " altogether")
    ),
    *(f"how long was WLD001 {word} today?" for word in ("idle", "idling", "inactive", "unused", "on standby")),
    *(f"how many {unit} was WLD001 idle today?" for unit in ("seconds", "minutes", "hours")),
    *(f"WLD001今天{total}停机多久" for total in ("一共", "总共", "总计", "累计")),
    *(f"WLD001今天{word}多久" for word in ("闲了", "待机", "空闲", "空转", "闲着")),
    *("idle time of WLD001 today", "WLD001今天停机时间占多少", "WLD001的停机率", "WLD001今天的空闲时间"),
)
SHORT = (
    *("how many pauses did WLD001 have today?", "how many pauses between seams did WLD001 have today?"),
    *("how long was WLD001 paused today?", "how many interruptions did WLD001 have today?"),
    *("how many arc interruptions did WLD001 have today?", "how often did the arc go out on WLD001 today?"),
    *("how long was the arc off on WLD001 today?", "how many stops between welds did WLD001 have today?"),
    *("how long was WLD001 not welding today?", "how many times did WLD001 stop welding today?"),
    *("WLD001今天停顿几次", "WLD001今天有几次停顿", "WLD001今天中断几次", "WLD001今天断弧几次", "WLD001今天熄弧多久"),
    *("WLD001今天焊缝之间停了多久", "WLD001今天焊缝之间停了几次", "WLD001今天多久没焊接", "WLD001今天焊接间隔多长"),
)
OWN = (
    *("how many stops did WLD001 have today with current < 5?", "how often was the current of WLD001 below 5 today?"),
    *("how many stops shorter than 2 minutes did WLD001 have today?", "how many stops under 40 s did WLD001 have?"),
    *("how many short stops did WLD001 have today?", "WLD001今天不到2分钟的停机有几次"),
    *("WLD001今天短于30秒的停机有几次", "WLD001今天电流没达到5的次数"),
)
OTHER = (
    *("is WLD001 stopped?", "is WLD001 idle now?", "was WLD001 stopped at 10:00?", "how long has WLD001 been idle?"),
    *("since when has WLD001 been down?", "mean voltage of WLD001 while stopped today", "which machines are down now?"),
    *("how high was the voltage of WLD001 when it was idle today?", "WLD001现在停机了吗", "WLD001停机多久了"),
    *("WLD001停机时的平均电压", "哪些机器停机", "how long was WLD001 running today?", "WLD001今天运行了多久"),
    *("how often did WLD001 stop per minute today?", "when did WLD001 first stop today?"),
    *("was WLD001 always idle today?", "how long was WLD001 stopped at 10:00 today?", "when did WLD001 stop at 10:00?"),
    *("share of voltage readings of WLD001 while idle today", "WLD001一直停机吗"),
)


@pytest.mark.parametrize("text", WHOLE)
def test_a_total_or_a_share_of_the_time_counts_the_pauses_too(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.least, query.lasting, query.unread) == (None, False, ())
    assert query.conditions


@pytest.mark.parametrize("text", [*SHORT, *OWN, *OTHER])
def test_a_question_for_short_ones_for_now_or_for_values_is_read_as_before(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.least, query.lasting) == (None, False)


@given(
    text=st.sampled_from(
        ["how many stops of at least {} min did WLD001 have today?", "WLD001今天停机至少{}分钟有几次"]
    ),
    minutes=st.integers(1, 90),
)
def test_a_length_that_is_named_is_the_one_that_counts(text: str, minutes: int) -> None:
    query = parse_prompt(text.format(minutes), NOW)
    assert (query.least, query.lasting) == (timedelta(minutes=minutes), False)


SAID = "stops of at least 1 minute; shorter pauses are not counted"
SAID_HAN = "只计持续至少 1 分钟的停机，更短的停顿不计"


@pytest.mark.parametrize("word", WORDS["{} stopped"])
async def test_the_number_of_stops_is_of_those_that_last_and_the_share_of_the_time_is_of_all(
    talk: Any, word: str
) -> None:
    text = await talk.ask(f"how many times was WLD001 {word} today?")
    assert "3 times" in text
    assert "for 26 minutes of 10 hours in all (4.33" in text
    assert SAID in text
    text = await talk.ask(f"what percentage of today was WLD001 {word}?")
    assert "36 minutes 56 seconds of 10 hours in all (6.16" in text
    assert "Of these 3 lasted at least 1 minute, 26 minutes in all" in text
    assert SAID not in text


async def test_how_long_it_stood_is_told_of_stops_and_how_long_it_idled_of_all(talk: Any) -> None:
    text = await talk.ask("how long was WLD001 stopped today?")
    assert "26 minutes of 10 hours in all (4.33" in text
    assert SAID in text
    assert "36 minutes 56 seconds of 10 hours" in await talk.ask("how long was WLD001 idle today?")
    assert "其中持续至少 1 分钟的有 3 次，累计 26 分钟" in await talk.ask("WLD001今天一共停机多久")


async def test_a_machine_that_idles_by_moments_alone_is_not_said_never_to_have_idled(
    talk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STOPS, "WLD001", [])
    text = await talk.ask("total idle time of WLD001 today")
    assert "41 times" in text
    assert "10 minutes 56 seconds of 10 hours" in text
    assert "None of them lasted 1 minute" in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("how many seconds was WLD001 idle today?", "2216 seconds (36 minutes 56 seconds)"),
        ("how long was WLD001 idle today in seconds?", "2216 seconds (36 minutes 56 seconds)"),
        ("how many minutes was WLD001 stopped today?", "26 minutes of"),
        ("WLD001今天闲了多少秒", "2216 秒（36 分钟 56 秒）"),
        ("WLD001今天停机多少分钟", "26 分钟"),
    ],
)
async def test_a_length_is_told_in_the_unit_it_was_asked_for_in(talk: Any, text: str, told: str) -> None:
    assert told in await talk.ask(text)


@pytest.mark.parametrize("text", ["WLD001今天停了几次", "WLD001今天停机多久"])
async def test_stops_are_told_in_chinese(talk: Any, text: str) -> None:
    told = await talk.ask(text)
    assert "共 3 次" in told
    assert "累计 26 分钟" in told
    assert SAID_HAN in told


async def test_the_list_of_stops_has_no_pauses(talk: Any) -> None:
    for text in ("list the stops of WLD001 today", "when was WLD001 idle today?", "WLD001今天每次停机多久"):
        lines = [line for line in (await talk.ask(text)).splitlines() if line.startswith("- ")]
        assert [line[2:18] for line in lines] == ["2026-11-28 03:40", "2026-11-28 07:00", "2026-11-28 08:40"]


@pytest.mark.parametrize("text", ["when was the last stop of WLD001?", "when was WLD001 last switched off?"])
async def test_the_last_stop_is_the_last_that_lasted_and_so_is_its_length(talk: Any, text: str) -> None:
    told = await talk.ask(text)
    assert told.startswith("The last time began at 2026-11-28 08:40 UTC and lasted 1 minute.")
    assert SAID in told
    again = await talk.ask("how long was it?")
    assert "2026-11-28 08:40" in again
    assert SAID in again


async def test_how_long_the_last_stop_was_is_told_in_chinese(talk: Any) -> None:
    assert "2026-11-28 08:40" in await talk.ask("WLD001上一次停机是什么时候")
    told = await talk.ask("停了多久？")
    assert "2026-11-28 08:40" in told
    assert SAID_HAN in told


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("which machine stopped most often today?", "1. WLD001: 3"),
        ("which machine stopped longest today?", "1. WLD001: 26 minutes"),
        ("今天哪台停机次数最多", "1. WLD001: 3"),
        ("which machine had the most pauses today?", "1. WLD002: 202"),
        ("which machine was idle the longest today?", "1. WLD002: 55 minutes 36 seconds"),
        ("今天哪台闲得最久", "1. WLD002: 55 分钟 36 秒"),
    ],
)
async def test_machines_are_ranked_by_what_is_meant(talk: Any, text: str, first: str) -> None:
    told = await talk.ask(text)
    assert first in told.replace("：", ": ").replace(" 次", "")
    assert (SAID in told or SAID_HAN in told) == (not any(word in text for word in ("pauses", "idle", "闲")))


@pytest.mark.parametrize("text", [text for text in SHORT if "how many" in text or "几次" in text])
async def test_pauses_are_counted_with_all_others_and_nothing_is_said(talk: Any, text: str) -> None:
    told = await talk.ask(text)
    assert "44 times" in told or "44 次" in told
    assert SAID not in told
    assert SAID_HAN not in told


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("how many stops did WLD001 have today?", "including the short ones?"),
        ("how many stops did WLD001 have today?", "and with the short ones?"),
        ("how many times did WLD001 stop today?", "all of them"),
        ("WLD001今天停了几次", "包括短的"),
        ("WLD001今天停了几次", "包括短的呢？"),
        ("WLD001今天停了几次", "短的也算上"),
    ],
)
async def test_the_short_ones_count_too_once_they_are_asked_for_and_in_what_follows(
    talk: Any, before: str, text: str
) -> None:
    told = await talk.ask(before)
    assert "3 times" in told or "3 次" in told
    for asked in (text, "and on WLD002?"):
        told = await talk.ask(asked)
        counted = 202 if "WLD002" in asked else 44
        assert f"{counted} times" in told or f"{counted} 次" in told
        assert SAID not in told
        assert SAID_HAN not in told


@pytest.mark.parametrize(
    "tail", [", including the short ones", " (counting short ones too)", "，包括短的", "，短的也算"]
)
async def test_the_short_ones_can_be_named_in_the_question(talk: Any, tail: str) -> None:
    told = await talk.ask(
        f"WLD001今天停了几次{tail}" if "短" in tail else f"how many stops did WLD001 have today{tail}?"
    )
    assert "44 times" in told or "44 次" in told
    assert "short" not in told
    assert "短" not in told


async def test_what_follows_is_of_stops_that_last_too(talk: Any) -> None:
    await talk.ask("how many stops did WLD001 have today?")
    told = await talk.ask("and on WLD002?")
    assert "once" in told
    assert SAID in told
    assert "3 times" in await talk.ask("and on WLD001 in the last 12 hours?")
    assert "3 times" in await talk.ask("no, 11 hours")
    told = await talk.ask("only those longer than 4 minutes")
    assert "2 times" in told
    assert SAID not in told
    told = await talk.ask("what was the mean voltage of WLD001 while it was idle today?")
    assert SAID not in told
    assert "Left out" not in told


async def test_running_and_stopped_together_are_all_of_the_time(talk: Any) -> None:
    told = await talk.ask("how long was WLD001 idle and running today?")
    assert SAID not in told
    assert "44 times" in told


@pytest.mark.parametrize(
    "text", ["what was the mean voltage then?", "how did the voltage develop?", "how did the current develop?"]
)
async def test_a_number_behind_stops_is_of_all_readings_that_were_stopped(talk: Any, text: str) -> None:
    await talk.ask("how many stops did WLD001 have today?")
    told = await talk.ask(text)
    assert SAID not in told
    assert "how long it has to last" not in told


async def test_no_stop_that_lasts_is_no_claim_about_readings(talk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STOPS, "WLD001", [])
    told = await talk.ask("did WLD001 stop today?")
    assert told.startswith("No: not once on WLD001")
    assert "for at least 1 minute (10 hours)" in told
    assert SAID in told
    assert "持续至少 1 分钟 的情况 0 次（10 小时）" in await talk.ask("WLD001今天停了几次")


async def test_rows_of_many_intervals_are_of_all_readings(talk: Any) -> None:
    told = await talk.ask("how often did WLD001 stop per 10 minutes today?")
    assert SAID not in told
    assert "how long it has to last" not in told


async def test_all_of_them_are_all_machines_where_pauses_were_told(talk: Any) -> None:
    await talk.ask("how many pauses did WLD001 have today?")
    assert "WLD002" in await talk.ask("all of them")


def test_another_state_or_another_length_behind_stops_is_none_that_has_to_last() -> None:
    before = parse_prompt("how many stops did WLD001 have today?", NOW)
    for text in ("and how long was it running?", "only those longer than 4 minutes"):
        assert not completed(parse_prompt(text, NOW), before).lasting
    assert completed(parse_prompt("and yesterday?", NOW), before).lasting


def test_short_stops_alone_are_not_understood() -> None:
    assert parse_prompt("how many short stops did WLD001 have today?", NOW).unread == ("short",)
    assert parse_prompt("how many stops did WLD001 have today, also short ones?", NOW).unread == ()


async def test_all_are_counted_where_the_tool_knows_no_length_and_nothing_is_said(
    talk_without: Callable[..., Any],
) -> None:
    told = await talk_without("shortest_spell").ask("how many stops did WLD001 have today?")
    assert "44 times" in told
    assert SAID not in told
    assert "how long it has to last" not in told


@pytest.mark.parametrize(
    "text",
    ["list the last 2 stops of WLD001 today", "列出WLD001今天最近两次停机", "when were the last 2 stops of WLD001?"],
)
async def test_so_many_of_the_last_stops_are_those_that_began_last(talk: Any, text: str) -> None:
    told = await talk.ask(text)
    lines = [line for line in told.splitlines() if line.startswith("- ")]
    assert [line[2:18] for line in lines] == ["2026-11-28 07:00", "2026-11-28 08:40"]
    assert "The last 2 of 3" in told or "共 3 段，最近的 2 段" in told


@pytest.mark.parametrize("text", ["list the last 3 pauses of WLD001 today", "列出WLD001今天最近三次停顿"])
async def test_of_more_than_are_listed_it_is_said_that_the_last_are_not_known(talk: Any, text: str) -> None:
    told = await talk.ask(text)
    assert "I can't pick out the last 3 of 44; these are the 10 longest" in told or "无法单独列出最近的 3 段" in told
