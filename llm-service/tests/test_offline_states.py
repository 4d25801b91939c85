"""Answers about stretches, since when, whether, readings at an end and several questions tell what the tools told."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import FinishReason
from llm_service.domain.model.message import Message, Role, TextPart, text_message
from llm_service.domain.model.request import CompletionRequest, ToolDefinition
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HALLS = {"WLD001": "A", "WLD002": "B", "WLD003": "A"}
UNITS = {"current": "A", "voltage": "V"}
# The last reading of each device, a minute before now.
LAST = {"WLD001": 120.0, "WLD002": 0.25, "WLD003": 240.0}
COMMON = ("device_code", "fields", "start_time", "end_time", "conditions")
PARAMETERS = {
    "list_devices": ("search",),
    "device_statistics": (*COMMON, "other_device_codes", "durations", "extreme_times", "percentiles", "integrals"),
    "device_query": (*COMMON, "limit", "newest_first", "interval", "aggregate", "order_by", "descending"),
    "device_anomalies": (*COMMON, "other_device_codes"),
}
TOOLS = tuple(
    ToolDefinition(name=name, parameters=json.dumps({"type": "object", "properties": {key: {} for key in keys}}))
    for name, keys in PARAMETERS.items()
)
Answer = dict[str, Any]


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def spell(minutes: int, seconds: float) -> Answer:
    return {"start_time": iso(NOW - timedelta(minutes=minutes)), "seconds": seconds}


class Shop:
    """Three machines; `fitting` is what the store tells of how long conditions held."""

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self._provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)
        self.calls: list[tuple[str, Answer]] = []
        self.truncated = False
        self.fitting: Answer = {
            "seconds": 1200,
            "range_seconds": 3600,
            "spells": 3,
            "longest_seconds": 900,
            "longest_start_time": iso(NOW - timedelta(minutes=50)),
            "longest_spells": [spell(50, 900), spell(10, 240), spell(20, 60)],
            "last_spell": {**spell(10, 240), "ongoing": False},
        }

    async def ask(self, text: str) -> str:
        messages = [text_message(Role.USER, text)]
        for _ in range(8):
            answer = await fold(self._provider.stream(CompletionRequest(messages=tuple(messages), tools=TOOLS)))
            if answer.finished.reason is FinishReason.STOP:
                return answer.first.text
            messages.append(Message(role=Role.ASSISTANT, tool_calls=answer.first.tool_calls))
            for call in answer.first.tool_calls:
                part = TextPart(text=json.dumps(self.answer(call.name, json.loads(call.arguments))))
                messages.append(Message(role=Role.TOOL, tool_call_id=call.id, parts=(part,)))
        raise AssertionError("no answer after eight rounds")

    def answer(self, name: str, arguments: Answer) -> Answer:
        self.calls.append((name, arguments))
        match name:
            case "list_devices":
                return {"devices": [self._card(code) for code in HALLS]}
            case "device_query":
                return self._rows(arguments)
            case "device_anomalies":
                codes = [arguments["device_code"], *arguments.get("other_device_codes", ())]
                return {"devices": [{"device_code": code, "window_count": 9, "anomalies": []} for code in codes]}
            case _:
                codes = [arguments["device_code"], *arguments.get("other_device_codes", ())]
                found = [self._statistics(code, arguments) for code in codes]
                return {"devices": found} if len(found) > 1 else found[0]

    def _card(self, code: str) -> Answer:
        extent = {"first_seen": iso(NOW - timedelta(days=1)), "last_seen": iso(NOW - timedelta(minutes=1))}
        return {"device_code": code, "labels": {"hall": HALLS[code]}, "fields": [*UNITS], "units": UNITS, **extent}

    def _rows(self, arguments: Answer) -> Answer:
        code = arguments["device_code"]
        if "interval" in arguments:
            # Each minute of ten: the first device is above the second in the last five but one.
            times = [NOW - timedelta(minutes=10 - at) for at in range(10)]
            values = [float(at if at != 7 else 0) if code == "WLD001" else 4.0 for at in range(10)]
            rows = [[iso(time), value, 0.0] for time, value in zip(times, values, strict=True)]
            told = {"columns": ["timestamp", *UNITS], "units": UNITS, "rows": rows, "truncated": self.truncated}
            return {"device_code": code, **told}
        times = [NOW - timedelta(minutes=minutes) for minutes in (3, 2, 1)]
        values = [10.0, 30.0, LAST[code]]
        if "order_by" in arguments:
            pairs = sorted(zip(values, times, strict=True), reverse=arguments.get("descending", False))
            values, times = [value for value, _ in pairs], [time for _, time in pairs]
        rows = [[iso(time), value, value / 10] for time, value in zip(times, values, strict=True)]
        return {"device_code": code, "columns": ["timestamp", *UNITS], "units": UNITS, "rows": rows}

    def _statistics(self, code: str, arguments: Answer) -> Answer:
        told = {"count": 10 if code == "WLD001" else 30, "mean": LAST[code], "min": 0.0, "max": 900.0}
        extremes = {"min_time": iso(NOW), "max_time": iso(NOW - timedelta(minutes=7))}
        told |= {"integral": 7200.0 if code == "WLD001" else 18000.0} if arguments.get("integrals") else {}
        tails = {"percentiles": {"1": 0.0, "99": 250.0}} if "percentiles" in arguments else {}
        fields = [{"field": name, "unit": unit, **told, **extremes, **tails} for name, unit in UNITS.items()]
        answer: Answer = {"device_code": code, "row_count": 40, "rows_in_range": 100, "statistics": fields}
        answer |= {"end_time": iso(NOW - timedelta(minutes=1)), "first_fitting_time": iso(NOW - timedelta(minutes=50))}
        answer |= {"last_fitting_time": iso(NOW - timedelta(minutes=6))}
        return {**answer, "fitting_time": self.fitting} if arguments.get("durations") else answer


@pytest.fixture
def shop(new_id: Callable[[str], str]) -> Shop:
    return Shop(new_id)


async def test_when_something_was_so_is_told_by_its_stretches_in_the_order_of_time(shop: Shop) -> None:
    text = await shop.ask("when was WLD001 not running in the last hour?")
    assert "In 3 stretches, 20 minutes in all:" in text
    assert [line for line in text.split("\n") if line.startswith("- ")] == [
        "- 2026-11-28 11:10 to 2026-11-28 11:25 (15 minutes)",
        "- 2026-11-28 11:40 to 2026-11-28 11:41 (1 minute)",
        "- 2026-11-28 11:50 to 2026-11-28 11:54 (4 minutes)",
    ]
    shop.fitting["spells"] = 40
    assert "In 40 stretches, 20 minutes in all; the 3 longest:" in await shop.ask("when was WLD001 idle today?")
    assert "共 40 段，累计 20 分钟，其中最长的 3 段：" in await shop.ask("WLD001今天什么时候停机")


async def test_the_last_time_is_told_with_how_long_it_lasted(shop: Shop) -> None:
    text = await shop.ask("when was the last time WLD001 was off?")
    assert "The last time began at 2026-11-28 11:50 UTC and lasted 4 minutes." in text
    assert "In 3 stretches" not in text


async def test_since_when_is_the_begin_of_what_goes_on(shop: Shop) -> None:
    over = await shop.ask("since when has WLD001 been running?")
    assert "current >= 5 A does not hold on WLD001 at its last reading; it last did from 2026-11-28 11:50" in over
    assert "it last did from 2026-11-28 11:50 to 2026-11-28 11:54 UTC (4 minutes)" in over
    shop.fitting["last_spell"]["ongoing"] = True
    assert "current >= 5 A on WLD001 since 2026-11-28 11:50 UTC, for 4 minutes" in await shop.ask(
        "how long has WLD001 been running?"
    )
    assert "WLD001 自 2026-11-28 11:50（UTC）起一直满足 current >= 5 A" in await shop.ask("WLD001从什么时候开始运行")
    shop.fitting |= {"last_spell": None, "longest_spells": [], "spells": 0}
    assert "never did over all its data" in await shop.ask("since when has WLD001 been running?")


async def test_since_when_is_asked_of_what_the_question_before_was_about(shop: Shop) -> None:
    shop.fitting["last_spell"]["ongoing"] = True
    text = await shop.ask("Is WLD001 on? Since when?")
    assert text.startswith("Yes: WLD001 has current 120 A")
    assert "current >= 5 A on WLD001 since 2026-11-28 11:50 UTC" in text


async def test_whether_it_is_so_is_told_by_the_reading_of_that_moment(shop: Shop) -> None:
    assert (await shop.ask("is WLD001 running?")).startswith("Yes: WLD001 has current 120 A (2026-11-28 11:59 UTC).")
    assert (await shop.ask("is WLD002 running right now?")).startswith("No: WLD002 has current 0.25 A")
    assert (await shop.ask("WLD002现在停机了吗")).startswith("是：WLD002 的 current 0.25 A")
    await shop.ask("was WLD001 running at 11 am?")
    assert shop.calls[-1][1]["end_time"] == "2026-11-28T11:00:00.000001Z"
    assert (await shop.ask("is the current of WLD001 above 150 A?")).startswith("No: WLD001 has current 120 A")


async def test_which_devices_are_so_is_told_with_how_many(shop: Shop) -> None:
    for question in ("which machines are running now?", "how many machines are running?"):
        text = await shop.ask(question)
        assert text.startswith("2 of 3 devices fit current >= 5 A: WLD001, WLD003.")
        assert "- No: WLD002 has current 0.25 A" in text
    assert "3 台设备中有 1 台满足 current < 5 A：WLD002。" in await shop.ask("哪些设备停机")


async def test_readings_at_an_end_come_by_their_values(shop: Shop) -> None:
    def rows_asked() -> dict[str, Any]:
        # Behind them the statistics come that tell readings far from the rest.
        return next(arguments for name, arguments in reversed(shop.calls) if name == "device_query")

    text = await shop.ask("the 3 highest current readings of WLD001 today")
    assert rows_asked()["order_by"] == "current"
    assert (rows_asked()["descending"], rows_asked()["limit"]) == (True, 3)
    values = [line.split(" | ")[1].rstrip(" |") for line in text.split("\n") if line.startswith("| 2026")]
    assert values == ["120 A", "30 A", "10 A"]
    lowest = await shop.ask("WLD001今天电流最低的三条数据")
    assert "descending" not in rows_asked()
    assert lowest.index("10 A") < lowest.index("30 A")


async def test_the_devices_of_a_group_are_those_with_its_label(shop: Shop) -> None:
    text = await shop.ask("mean current of all machines in hall A today")
    assert "WLD001" in text
    assert "WLD003" in text
    assert "WLD002" not in text
    # Of 10 readings of one and 30 of the other.
    assert "Together: 210 A." in text
    both = await shop.ask("compare the mean current of hall A and hall B today")
    assert "By group (mean current): A 210 A, B 0.25 A." in both
    assert "groups" not in both
    assert "There is no device C" in await shop.ask("mean current in hall C today")


async def test_an_answer_has_the_decimals_asked_for(shop: Shop) -> None:
    assert " is 120.00 A " in await shop.ask("mean current of WLD001 today, rounded to 2 decimals")
    assert "120.0 A" in await shop.ask("WLD001今天的平均电流保留一位小数")


async def test_two_questions_get_an_answer_each_over_their_own_ranges(shop: Shop) -> None:
    text = await shop.ask("What was the mean current of WLD001 today? And of WLD003 yesterday?")
    asked = [arguments["start_time"] for name, arguments in shop.calls if name == "device_statistics"]
    assert asked == ["2026-11-28T00:00:00Z", "2026-11-27T00:00:00Z"]
    first, second = text.split("\n\n")
    assert (first, second) == (
        "The mean current of WLD001 on 2026-11-28 so far is 120 A (10 readings).",
        "The mean current of WLD003 on 2026-11-27 is 240 A (30 readings).",
    )
    same = await shop.ask("max current of WLD001 and min voltage of WLD002 in the last hour")
    assert "The maximum current of WLD001" in same
    assert "The minimum voltage of WLD002" in same
    assert "maximum voltage" not in same


async def test_when_one_device_was_above_another_is_told_by_their_means(shop: Shop) -> None:
    text = await shop.ask("when was the current of WLD001 higher than that of WLD002 in the last 10 minutes?")
    assert text == (
        "current of WLD001 is above that of WLD002 from 2026-11-28 11:50 to 2026-11-28 12:00 UTC in 4 of 10 intervals "
        "of 1 minute (40 %, 4 minutes in all), compared by their means:\n"
        "- 2026-11-28 11:55 to 2026-11-28 11:57 (2 minutes)\n"
        "- 2026-11-28 11:58 to 2026-11-28 12:00 (2 minutes)"
    )
    below = await shop.ask("for how long was the current of WLD001 below that of WLD002 in the last 10 minutes?")
    assert "is below that of WLD002" in below
    assert "in 5 of 10 intervals" in below
    assert "10 个时段中有 4 个高于 WLD002" in await shop.ask("最近10分钟WLD001的电流什么时候比WLD002高")


async def test_amounts_that_are_compared_differ_by_an_amount(shop: Shop) -> None:
    text = await shop.ask("did WLD001 use more current than WLD002 in the last hour?")
    assert "WLD001 2 A·h, WLD002 5 A·h; WLD002 − WLD001 = 3 A·h (150 %)" in text


async def test_when_an_extreme_was_among_what_fits_is_told(shop: Shop) -> None:
    text = await shop.ask("when was the voltage of WLD001 highest while welding today?")
    assert "The maximum voltage of WLD001 on 2026-11-28 so far where current >= 5 A is 900 V, first reached" in text


async def test_rows_that_do_not_fit_into_one_answer_are_named(shop: Shop) -> None:
    shop.truncated = True
    text = await shop.ask("mean current of WLD001 per minute today")
    assert text.endswith("No more rows fit into one answer: those after 2026-11-28 11:59 UTC are left out.")


async def test_anomalies_name_single_readings_far_from_the_rest(shop: Shop) -> None:
    text = await shop.ask("any anomalies on WLD001 today?")
    assert "none of 9 windows" in text
    assert "Single readings of WLD001 that lie far from the rest:" in text
    assert "- current: up to 900 A at 2026-11-28 11:53 UTC (99 % are below 250 A)" in text
    assert "WLD001 有个别数据明显偏离其余数据：" in await shop.ask("WLD001今天有异常吗")


async def test_a_share_while_a_state_held_is_told_of_its_readings_too(shop: Shop) -> None:
    text = await shop.ask("what share of the readings of WLD001 had a voltage above 20 while welding in the last hour?")
    asked = [len(arguments["conditions"]) for name, arguments in shop.calls if name == "device_statistics"]
    assert asked == [2, 1]
    assert "40 % of the readings of WLD001" in text
    assert "Of the readings where current >= 5 A: 100 % (40/40)." in text
    text = await shop.ask("WLD001最近一小时焊接时电压高于20的比例")
    assert "在满足 current >= 5 A 的数据中：100 % (40/40)。" in text
    assert "Of the readings where" not in await shop.ask("what share of the time was WLD001 welding today?")
