"""The offline provider answers what was asked, with numbers computed from rows, or names what it left out."""

import json
import operator
import statistics
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from llm_service.domain.model.request import ToolDefinition
from llm_service.domain.offline.parse import parse_prompt
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
FIRST = NOW - timedelta(hours=2)
UNITS = {"current": "A", "temperature": "°C"}
CODES = ["WLD001", "WLD002", "WLD003"]
OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_COMMON = ["device_code", "fields", "start_time", "end_time", "conditions"]
_PARAMETERS = {
    "list_devices": ["model_code", "search"],
    "device_statistics": [
        *(*_COMMON, "other_device_codes", "percentiles", "extreme_times", "correlations", "value_counts"),
    ],
    "device_query": [*_COMMON, "limit", "interval", "aggregate", "newest_first"],
}
TOOLS = tuple(
    ToolDefinition(name=name, parameters=json.dumps({"type": "object", "properties": {key: {} for key in keys}}))
    for name, keys in _PARAMETERS.items()
)
Row = dict[str, Any]


def rows_of(code: str) -> list[Row]:
    """A reading a minute for two hours; every third one is bad."""
    number = CODES.index(code) + 1
    return [
        {
            "timestamp": FIRST + timedelta(minutes=at),
            "current": 100.0 + 10 * number + at,
            "temperature": 20.0 * number + at % 50,
            "quality_label": "porosity" if at % 3 == 0 else "good",
        }
        for at in range(120)
    ]


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class Shop:
    """Answers the device tools from the rows, as chat-stream-service does."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Row]] = []
        self.others: list[str] = []

    def answer(self, name: str, arguments: Row) -> Row:
        self.calls.append((name, arguments))
        if name == "list_devices":
            pumps = [
                {"device_code": code, "fields": ["pressure", "state"], "text_fields": ["state"]} for code in self.others
            ]
            return {"devices": [*pumps, *(self._card(code) for code in CODES)]}
        codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
        if codes[0] in self.others:
            return {"device_code": codes[0], "row_count": 1, "rows_in_range": 1, "statistics": []}
        unknown = [code for code in codes if code not in CODES]
        if unknown:
            return {"error": f"device {unknown[0]} not found"}
        if name == "device_query":
            return self._query(codes[0], arguments)
        answers = [self._statistics(code, arguments) for code in codes]
        return {"devices": answers} if len(codes) > 1 else answers[0]

    def _card(self, code: str) -> Row:
        return {
            "device_code": code,
            "name": f"Welding machine {CODES.index(code) + 1}",
            "fields": ["current", "temperature", "quality_label"],
            "text_fields": ["quality_label"],
            "units": UNITS,
            "first_seen": iso(FIRST),
            "last_seen": iso(NOW - timedelta(minutes=1)),
        }

    def _in_range(self, code: str, arguments: Row) -> list[Row]:
        start, end = arguments.get("start_time", "2000-01-01T00:00Z"), arguments.get("end_time", "2999-01-01T00:00Z")
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
        return [row for row in rows_of(code) if first <= row["timestamp"] < last]

    def _fitting(self, code: str, arguments: Row) -> list[Row]:
        conditions = arguments.get("conditions", [])
        return [
            row
            for row in self._in_range(code, arguments)
            if all(OPERATORS[each["operator"]](row[each["field"]], each["value"]) for each in conditions)
        ]

    def _statistics(self, code: str, arguments: Row) -> Row:
        rows, there = self._fitting(code, arguments), self._in_range(code, arguments)
        answer: Row = {"device_code": code, "row_count": len(rows), "rows_in_range": len(there), "statistics": []}
        if rows:
            answer |= {"first_fitting_time": iso(rows[0]["timestamp"]), "last_fitting_time": iso(rows[-1]["timestamp"])}
        for field in UNITS if rows else ():
            values = [row[field] for row in rows]
            highest = max(rows, key=lambda row: row[field])
            answer["statistics"].append(
                {
                    "field": field,
                    "unit": UNITS[field],
                    "count": len(values),
                    "mean": statistics.fmean(values),
                    "std": statistics.stdev(values) if len(values) > 1 else None,
                    "min": min(values),
                    "max": max(values),
                    "first": values[0],
                    "last": values[-1],
                    "max_time": iso(highest["timestamp"]) if arguments.get("extreme_times") else None,
                    "percentiles": {f"{share:g}": float(share) for share in arguments.get("percentiles", [])},
                    "missing_ratio": 0.0,
                }
            )
        if arguments.get("correlations"):
            answer["correlations"] = [{"fields": ["current", "temperature"], "r": 0.25}]
        if arguments.get("value_counts"):
            labels = [row["quality_label"] for row in rows]
            answer["value_counts"] = {"quality_label": {label: labels.count(label) for label in sorted(set(labels))}}
        return answer

    def _query(self, code: str, arguments: Row) -> Row:
        rows = self._fitting(code, arguments)
        limit = arguments.get("limit", 100)
        if "interval" in arguments:
            hours = sorted({row["timestamp"].replace(minute=0) for row in rows})
            means = [
                [iso(hour), statistics.fmean(r["current"] for r in rows if r["timestamp"].replace(minute=0) == hour)]
                for hour in hours
            ]
            return {"device_code": code, "columns": ["timestamp", "current"], "rows": means, "units": UNITS}
        kept = rows[-limit:] if arguments.get("newest_first") else rows[:limit]
        columns = ["timestamp", "current", "temperature", "quality_label"]
        cells = [[iso(row["timestamp"]), *(row[name] for name in columns[1:])] for row in kept]
        return {"device_code": code, "columns": columns, "rows": cells, "units": UNITS, "truncated": len(rows) > limit}


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def start_talk(new_id: Callable[[str], str], tool_talk: Callable[..., Any], shop: Shop) -> Callable[..., Any]:
    """What begins a talk in which the shop answers every tool call; `tools` are all of them unless it is told."""
    provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)

    def answer(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return shop.answer(name, arguments)  # which a test may replace in the middle of a talk

    return lambda tools=TOOLS: tool_talk(provider, tools, answer)


@pytest.fixture
def talk(start_talk: Callable[..., Any]) -> Any:
    return start_talk()


def last_hour(code: str) -> list[Row]:
    return [row for row in rows_of(code) if row["timestamp"] >= NOW - timedelta(hours=1)]


async def test_readings_that_fit_a_condition_are_counted(talk: Any) -> None:
    text = await talk.ask("how many rows where current > 200 on WLD001 in the last hour")
    fitting = [row for row in last_hour("WLD001") if row["current"] > 200]
    assert f"{len(fitting)} of the 60 readings" in text
    assert "current > 200 A" in text


async def test_a_mean_under_a_condition_is_of_the_readings_that_fit(talk: Any) -> None:
    text = await talk.ask("mean current of WLD001 when quality is good in the last hour")
    mean = statistics.fmean(row["current"] for row in last_hour("WLD001") if row["quality_label"] == "good")
    assert f"where quality_label = good is {mean:.7g} A (40 readings)" in text


async def test_a_share_in_chinese(talk: Any) -> None:
    text = await talk.ask("WLD002 最近一小时质量为气孔的占比是多少")
    assert "占 33.3%（60 条中的 20 条）" in text


async def test_a_condition_in_another_unit_is_converted(talk: Any) -> None:
    text = await talk.ask("how often did WLD001 exceed 140 °F in the last hour?")
    fitting = [row for row in last_hour("WLD001") if row["temperature"] > 60]
    assert f"{len(fitting)} of the 60 readings" in text
    assert "temperature > 60 °C" in text


async def test_a_condition_in_a_unit_that_measures_something_else_is_named(talk: Any) -> None:
    text = await talk.ask("mean current of WLD001 where temperature > 20 V in the last hour")
    assert "V can't be converted to °C" in text
    assert "the condition" in text


async def test_when_nothing_fits_zero_is_counted(talk: Any) -> None:
    text = await talk.ask("mean current of WLD001 where current > 9000")
    assert "0 of the 120 readings" in text


async def test_the_time_of_an_extreme_is_told(talk: Any) -> None:
    text = await talk.ask("When was the current of WLD001 highest in the last hour?")
    assert "maximum current" in text
    assert "229 A, first reached at 2026-11-28 11:59 UTC" in text


async def test_the_first_time_over_a_limit_is_told(talk: Any) -> None:
    text = await talk.ask("when did the current of WLD001 exceed 200 A in the last hour?")
    assert "first at 2026-11-28 11:31" in text


async def test_devices_are_ranked(talk: Any, shop: Shop) -> None:
    text = await talk.ask("Which device was hottest in the last hour?")
    assert text.startswith("WLD003 has the highest maximum temperature")
    assert [name for name, _ in shop.calls] == ["list_devices", "device_statistics"]
    assert "1. WLD003: 109 °C" in text
    assert "WLD001 的 temperature 平均值最低" in await talk.ask("哪台焊机平均温度最低？")


async def test_all_devices_but_one_are_answered_one_by_one(talk: Any) -> None:
    text = await talk.ask("mean current of all machines except WLD002 in the last hour")
    assert "WLD001" in text
    assert "WLD003" in text
    assert "WLD002" not in text


async def test_a_device_is_found_by_its_name_number_and_nearly_its_code(talk: Any) -> None:
    for name in ("Welding machine 2", "welder no. 2", "焊机2号", "wld-2", "WLD02"):
        text = await talk.ask(f"mean current of {name} in the last hour")
        assert "WLD002" in text, name
    assert "I read “WLD02” as WLD002." in text


async def test_another_spelling_of_a_code_is_asked_about(talk: Any) -> None:
    text = await talk.ask("mean current of WDL001 in the last hour")
    assert "There is no device WDL001." in text
    assert "Did you mean WLD001?" in text


async def test_values_are_given_in_the_unit_asked_for_or_the_answer_says_why_not(talk: Any) -> None:
    fahrenheit = max(row["temperature"] for row in last_hour("WLD001")) * 9 / 5 + 32
    assert f"{fahrenheit:.7g} °F" in await talk.ask("max temperature of WLD001 in fahrenheit in the last hour")
    text = await talk.ask("max temperature of WLD001 in volts in the last hour")
    assert "°C can't be converted to V; the values are in °C." in text


async def test_hourly_rows_are_a_table(talk: Any, shop: Shop) -> None:
    text = await talk.ask("hourly mean current of WLD001 today")
    assert shop.calls[-1][1]["interval"] == "3600s"
    assert "mean current of WLD001 per hour" in text
    assert "| 2026-11-28 10:00 | 139.5 A |" in text


async def test_percentiles_and_correlations_are_asked_of_the_tool(talk: Any, shop: Shop) -> None:
    assert "95th percentile current of WLD001" in await talk.ask("95th percentile of current for WLD001 today")
    assert shop.calls[-1][1]["percentiles"] == [95.0]
    assert "r = 0.25" in await talk.ask("correlation between current and temperature on WLD001 today")


async def test_the_values_of_a_text_field_are_counted(talk: Any) -> None:
    text = await talk.ask("what was the weld quality of WLD001 in the last hour?")
    assert "- good: 40 (66.7 %)" in text


async def test_the_last_readings_are_shown(talk: Any) -> None:
    text = await talk.ask("show the last 3 readings of WLD001")
    assert text.startswith("The last 3 readings of WLD001")
    assert "| 2026-11-28 11:59 | 229 A |" in text


async def test_the_latest_value_is_told(talk: Any) -> None:
    text = await talk.ask("tempature of WLD001 now")
    assert "- temperature: 39 °C" in text
    assert "I read “tempature” as temperature." in text


async def test_follow_ups_keep_what_they_do_not_say(talk: Any) -> None:
    await talk.ask("mean current of WLD001 in the last hour?")
    mean = statistics.fmean(row["current"] for row in last_hour("WLD002"))
    text = await talk.ask("and of WLD002?")
    assert "WLD002" in text
    assert f"{mean:.7g} A" in text
    assert f"{mean / 1000:.7g} kA" in await talk.ask("in kA?")
    await talk.ask("list devices")
    text = await talk.ask("the second one: mean temperature today")
    assert "mean temperature of WLD002 on 2026-11-28" in text


async def test_a_zone_is_heeded_and_named(talk: Any, shop: Shop) -> None:
    text = await talk.ask("mean current of WLD001 from 7 to 8 pm Beijing time")
    assert shop.calls[-1][1]["start_time"] == "2026-11-28T11:00:00Z"
    assert "from 2026-11-28 19:00 to 2026-11-28 20:00 Asia/Shanghai" in text


@pytest.mark.parametrize("order", ["delete WLD001", "write a poem about WLD001", "please restart WLD002"])
async def test_what_it_cannot_do_it_says_plainly(talk: Any, order: str) -> None:
    assert "I can't do that" in await talk.ask(order)


async def test_what_it_did_not_understand_is_named_in_both_languages(talk: Any) -> None:
    assert "I did not understand “shift”" in await talk.ask("mean current of WLD001 during the shift")
    assert "我没有理解“换班”" in await talk.ask("WLD001 换班期间的平均电流")


async def test_a_total_over_time_is_no_sum_of_rates(talk: Any) -> None:
    assert "can't answer the part “used”" in await talk.ask("total current used by WLD001 today")


async def test_a_tool_that_takes_no_conditions_has_them_named_as_left_out(start_talk: Callable[..., Any]) -> None:
    properties = json.dumps({"properties": {"device_code": {}, "start_time": {}, "end_time": {}}})
    tools = (TOOLS[0], ToolDefinition(name="device_statistics", parameters=properties))
    text = await start_talk(tools).ask("mean current of WLD001 where temperature > 30 in the last hour")
    assert "Left out, as this kind of answer can't heed it: the condition." in text


async def test_what_an_answer_cannot_heed_is_named(talk: Any) -> None:
    text = await talk.ask("95th percentile of current for WLD001 per hour today")
    assert "the percentile" in text


@pytest.mark.parametrize(
    "question",
    [
        "which device has the highest mean pressure?",
        "which of WLD001 and WLD002 has the lowest pressure in the last hour?",
        "rank WLD001 and WLD002 by mean pressure in the last hour",
        "which machine has the highest mean current and pressure in the last hour?",
    ],
)
async def test_devices_are_not_ranked_by_a_field_that_none_has(talk: Any, question: str) -> None:
    text = await talk.ask(question)
    assert text.startswith("WLD001 has no field pressure. It has: current, temperature.")
    assert "has the highest" not in text


async def test_the_hour_that_is_highest_is_named(talk: Any) -> None:
    text = await talk.ask("Which hour today had the highest mean current on WLD001?")
    assert text.startswith("2026-11-28 11:00 has the highest mean current")
    assert "| 2026-11-28 10:00 | 139.5 A |" in text


async def test_readings_are_counted_per_hour_without_a_unit(talk: Any, shop: Shop) -> None:
    text = await talk.ask("number of readings of WLD001 per hour where quality is good today")
    assert shop.calls[-1][1]["aggregate"] == "count"
    assert " A |" not in text


async def test_falling_below_a_limit_is_counted_and_no_course(talk: Any) -> None:
    text = await talk.ask("how often did the temperature of WLD001 fall below 30 °C in the last hour?")
    fitting = [row for row in last_hour("WLD001") if row["temperature"] < 30]
    assert f"{len(fitting)} of the 60 readings" in text


async def test_data_are_shown_as_rows_when_that_is_asked(talk: Any) -> None:
    text = await talk.ask("show me the data of WLD001 between 10:00 and 10:02 today")
    assert "| 2026-11-28 10:01 | 111 A |" in text


async def test_a_device_without_the_field_or_without_data_takes_no_part_and_is_named(talk: Any, shop: Shop) -> None:
    answered = shop.answer

    def answer(name: str, arguments: Row) -> Row:
        if name == "list_devices":
            devices = [*answered(name, arguments)["devices"], {"device_code": "pump-7", "fields": ["Pressure"]}]
            return {"devices": [devices[-1], *devices[:-1]]}
        if arguments["device_code"] != "pump-7":
            return answered(name, arguments)
        if "start_time" in arguments:
            return {"error": "there are no rows of device 'pump-7' from then on"}
        return {"device_code": "pump-7", "row_count": 5, "statistics": [{"field": "Pressure", "count": 5, "mean": 1.0}]}

    shop.answer = answer  # type: ignore[method-assign]
    assert "WLD003 has the highest mean current" in await talk.ask("which device has the highest mean current?")
    assert "There is only pump-7 to tell of: the mean Pressure" in await talk.ask(
        "which device has the highest mean pressure?"
    )
    assert "pump-7 has no data" in await talk.ask("how many readings does every device have today?")


@pytest.mark.parametrize(
    "question",
    [
        "mean current of WLD001 gearbox in the last hour",
        "how many readings of WLD001 where gearbox quality is good in the last hour",
        "when was the gearbox temperature of WLD001 highest in the last hour",
        "which machine has the highest gearbox current in the last hour",
        "compare the gearbox current of WLD001 and WLD002 in the last hour",
        "is the current of WLD001 gearbox rising",
        "any gearbox anomalies on WLD001 in the last hour",
        "show the last 5 readings of WLD001 gearbox",
        "latest gearbox temperature of WLD001",
        "mean current of WLD001 gearbox per hour today",
        "list devices with a gearbox",
    ],
)
async def test_every_kind_of_answer_names_the_word_it_left_out(talk: Any, question: str) -> None:
    assert "I did not understand “gearbox”" in await talk.ask(question)


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("any anomalies in the oil_level of WLD001 in the last hour", "WLD001 has no field oil_level"),
        ("mean current and oil_level of WLD001 in the last hour", "WLD001 has no field oil_level"),
        ("correlation and mean of current and temperature on WLD001 in the last hour", "the statistic"),
        ("median and any anomalies of current on WLD001 in the last hour", "the statistic"),
        ("which machine has the highest mean current and temperature in the last hour", "the further fields"),
        ("compare the current of WLD001 in the last hour", "the comparison"),
        ("which fields does WLD001 have today?", "the range of time"),
        ("mean current of WLD001 with windows of 64 in the last hour", "the size of the windows"),
    ],
)
async def test_every_part_that_an_answer_leaves_out_is_named(talk: Any, question: str, named: str) -> None:
    assert named in await talk.ask(question)


@pytest.mark.parametrize(
    "words", ["how many times did the current of WLD001 exceed", "how often did the current of WLD001 exceed"]
)
async def test_that_readings_are_counted_and_not_events_is_said(talk: Any, words: str) -> None:
    text = await talk.ask(f"{words} 200 A in the last hour?")
    assert "the readings that fit are counted, not how often that began" in text
    assert "数据条数，而不是发生的次数" in await talk.ask("WLD001 最近一小时有几次超过200安？")


async def test_rows_per_day_are_days_of_the_zone_named(talk: Any, shop: Shop) -> None:
    rows = rows_of("WLD001")
    for zone, name in (("Beijing time", "Asia/Shanghai"), ("New York time", "America/New_York")):
        text = await talk.ask(f"mean current of WLD001 per day over the last 2 days {zone}")
        asked = [call[1] for call in shop.calls if call[0] == "device_statistics"][-3:]
        midnight = datetime(2026, 11, 28, tzinfo=ZoneInfo(name)).astimezone(UTC)
        assert iso(midnight) in {call["start_time"] for call in asked}
        assert f"{statistics.fmean(row['current'] for row in rows):.7g} A" in text
        assert name in text


async def test_weeks_begin_on_monday(talk: Any, shop: Shop) -> None:
    await talk.ask("mean current of WLD001 per week over the last 14 days")
    starts = [call[1]["start_time"] for call in shop.calls if call[0] == "device_statistics"]
    assert starts == ["2026-11-14T12:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"]


async def test_only_devices_that_have_the_fields_are_asked_and_the_others_are_named(talk: Any, shop: Shop) -> None:
    shop.others = ["PUMP-7"]
    counted = await talk.ask("how many times was quality porosity on any machine in the last hour?")
    assert "20 of the 60 readings of WLD003" in counted
    assert "Left out, as they have no quality_label: PUMP-7." in counted
    hottest = await talk.ask("哪台设备过去一小时温度最高？")
    assert hottest.startswith("在")
    assert "以下设备没有 temperature，未计入：PUMP-7。" in hottest
    assert not [call for call in shop.calls if "PUMP-7" in str(call)]


async def test_every_device_without_data_in_the_range_is_named(talk: Any) -> None:
    text = await talk.ask("standard deviation of current for all machines last month")
    assert [code for code in CODES if f"{code} has no data" in text] == CODES


async def test_devices_that_call_the_same_thing_otherwise_are_asked_by_their_own_names(talk: Any, shop: Shop) -> None:
    answered = shop.answer

    def answer(name: str, arguments: Row) -> Row:
        if name == "list_devices":
            kiln = {"device_code": "kiln", "fields": ["temp"], "units": {"temp": "°C"}}
            return {"devices": [kiln, *answered(name, arguments)["devices"]]}
        wrong = {"temp", "temperature"} <= set(arguments.get("fields", []))
        if wrong or arguments["device_code"] != "kiln":
            return {"error": "unknown field 'temp'"} if wrong else answered(name, arguments)
        measured = {"field": "temp", "unit": "°C", "count": 1, "mean": 900.0, "max": 900.0, "min": 900.0}
        return {"device_code": "kiln", "row_count": 1, "rows_in_range": 1, "statistics": [measured]}

    shop.answer = answer  # type: ignore[method-assign]
    text = await talk.ask("which device was hottest in the last hour?")
    assert "1. kiln: 900 °C" in text
    assert "2. WLD003: 109 °C" in text


async def test_devices_whose_tool_finds_no_rows_are_named_each(talk: Any, shop: Shop) -> None:
    answered = shop.answer

    def answer(name: str, arguments: Row) -> Row:
        if name == "list_devices":
            devices = answered(name, arguments)["devices"]
            return {"devices": [{**card, "fields": [*card["fields"], card["device_code"]]} for card in devices]}
        return {"error": f"there are no rows of device {arguments['device_code']!r} in the range"}

    shop.answer = answer  # type: ignore[method-assign]
    text = await talk.ask("mean current of all machines last month")
    assert [code for code in CODES if f"{code} has no data" in text] == CODES


async def test_an_exact_time_is_a_time_not_a_comparison(talk: Any) -> None:
    text = await talk.ask("current of WLD001 exactly at 2026-11-28T11:00:00Z")
    assert "fit" not in text
    assert "170 A" in text


async def test_a_mean_of_a_moment_ago_is_that_of_its_minute(talk: Any) -> None:
    text = await talk.ask("mean current of WLD001 half an hour ago")
    assert "from 2026-11-28 11:30 to 2026-11-28 11:31 UTC is 200 A" in text


def test_a_word_for_good_is_the_text_itself_in_a_field_that_is_not_the_quality() -> None:
    parsed = parse_prompt("mean pressure of pump-7 where state is ok", NOW, known_fields=("state", "pressure"))
    assert [(each.field, each.value) for each in parsed.conditions] == [("state", "ok")]
    quality = parse_prompt("mean current of WLD001 where quality is ok", NOW)
    assert [(each.field, each.value) for each in quality.conditions] == [("quality_label", "good")]


async def test_the_one_text_field_of_a_device_is_compared_with_the_word_as_written(talk: Any, shop: Shop) -> None:
    shop.others = ["PUMP-7"]
    await talk.ask("mean pressure of PUMP-7 where state is ok")
    assert shop.calls[-1][1]["conditions"] == [{"field": "state", "operator": "=", "value": "ok"}]


async def test_the_rise_an_hour_is_that_of_the_course(talk: Any) -> None:
    # A reading a minute, each an ampere above the one before.
    assert ", 60 A/h" in await talk.ask("trend of the current of WLD001 in the last 2 hours")


async def test_the_better_half_of_a_day_is_told_by_the_share_of_each(talk: Any) -> None:
    text = await talk.ask("在今天上午10点到11点和11点到12点，WLD001 的良品率哪个高")
    assert text.count("66.7%") == 2
    assert "current" not in text


async def test_a_table_names_its_times_in_the_language_of_the_question(talk: Any) -> None:
    assert "| 时间（UTC） | current |" in await talk.ask("WLD001今天每小时的平均电流")
    assert "| time (UTC) | current |" in await talk.ask("mean current of WLD001 per hour today")
