"""The rules read prompts in English and Chinese."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Language, Statistic

NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)  # a Saturday
KNOWN = ("WLD001", "WLD002", "machine_temperature_system_failure")

QUESTIONS = [
    # prompt, intent, devices, fields, statistics
    ("what was the mean Pressure of valve1-0 on 2020-03-09?", "statistics", ["valve1-0"], ["pressure"], ["mean"]),
    ("WLD001 昨天的平均电流是多少", "statistics", ["WLD001"], ["current"], ["mean"]),
    ("average temperature of WLD002 in the last hour", "statistics", ["WLD002"], ["temperature"], ["mean"]),
    ("WLD001过去一小时的电压最大值", "statistics", ["WLD001"], ["voltage"], ["max"]),
    ("valve1-0 在2020年3月9日的平均Pressure", "statistics", ["valve1-0"], ["pressure"], ["mean"]),
    ("mean Volume Flow RateRMS of valve1-0", "statistics", ["valve1-0"], ["Volume Flow RateRMS"], ["mean"]),
    ('max of "gas flow (l/min)" for WLD001', "statistics", ["WLD001"], ["gas flow (l/min)"], ["max"]),
    ("mean Accelerometer1RMS of valve1-0", "statistics", ["valve1-0"], ["Accelerometer1RMS"], ["mean"]),
    ("最近24小时 WLD001 的温度标准差", "statistics", ["WLD001"], ["temperature"], ["std"]),
    ("昨天WLD002的最高电流和最低电压", "statistics", ["WLD002"], ["current", "voltage"], ["max", "min"]),
    ("how many readings does WLD001 have?", "statistics", ["WLD001"], [], ["count"]),
    ("What is the current of WLD002?", "statistics", ["WLD002"], ["current"], []),
    ("What's the current temperature of WLD002?", "query", ["WLD002"], ["temperature"], ["last"]),
    ("WLD001现在的温度是多少？", "query", ["WLD001"], ["temperature"], ["last"]),
    ("show raw data of WLD001 today", "query", ["WLD001"], [], []),
    ("compare WLD001 and WLD002", "compare", ["WLD001", "WLD002"], [], []),
    ("比较WLD001和WLD002昨天的平均温度", "compare", ["WLD001", "WLD002"], ["temperature"], ["mean"]),
    ("list devices", "list_devices", [], [], []),
    ("有哪些设备？", "list_devices", [], [], []),
    ("Which fields does valve1-0 have?", "list_devices", ["valve1-0"], [], []),
    ("features of WLD003 over the last 2 hours", "features", ["WLD003"], [], []),
    ("提取WLD003的特征", "features", ["WLD003"], [], []),
    ("show the trend of current on WLD001 today", "trend", ["WLD001"], ["current"], []),
    ("WLD001 的电流趋势", "trend", ["WLD001"], ["current"], []),
    ("Is the voltage of WLD004 rising?", "trend", ["WLD004"], ["voltage"], []),
    ("WLD001 昨天有异常吗", "anomaly", ["WLD001"], [], []),
    ("上周WLD003的统计", "statistics", ["WLD003"], [], []),
    ("hello", "chat", [], [], []),
    ("你好", "chat", [], [], []),
    ("how are you?", "chat", [], [], []),
    ("Who won the 2018 world cup?", "chat", [], [], []),
    ("write a python function to compute the mean", "chat", [], [], ["mean"]),
]


@pytest.mark.parametrize(("prompt", "intent", "devices", "fields", "statistics"), QUESTIONS)
def test_a_question_is_read_in_its_parts(
    prompt: str, intent: str, devices: list[str], fields: list[str], statistics: list[str]
) -> None:
    query = parse_prompt(prompt, NOW)
    assert query.intent == intent
    assert list(query.devices) == devices
    assert list(query.fields) == fields
    assert [statistic.value for statistic in query.statistics] == statistics


RANGES = [
    ("on 2020-03-09", "2020-03-09 00:00:00", "2020-03-10 00:00:00"),
    ("on March 9, 2020", "2020-03-09 00:00:00", "2020-03-10 00:00:00"),
    ("on 9th of March 2020", "2020-03-09 00:00:00", "2020-03-10 00:00:00"),
    ("2020年3月9日", "2020-03-09 00:00:00", "2020-03-10 00:00:00"),
    ("on March 9", "2026-03-09 00:00:00", "2026-03-10 00:00:00"),
    ("12月5日", "2025-12-05 00:00:00", "2025-12-06 00:00:00"),
    ("in December 2013", "2013-12-01 00:00:00", "2014-01-01 00:00:00"),
    ("2020年3月", "2020-03-01 00:00:00", "2020-04-01 00:00:00"),
    ("in 2013", "2013-01-01 00:00:00", "2014-01-01 00:00:00"),
    ("yesterday", "2026-11-20 00:00:00", "2026-11-21 00:00:00"),
    ("前天", "2026-11-19 00:00:00", "2026-11-20 00:00:00"),
    ("yesterday morning", "2026-11-20 06:00:00", "2026-11-20 12:00:00"),
    ("昨天下午", "2026-11-20 12:00:00", "2026-11-20 18:00:00"),
    ("last night", "2026-11-20 18:00:00", "2026-11-21 06:00:00"),
    ("in the last hour", "2026-11-21 00:30:00", "2026-11-21 01:30:00"),
    ("past 30 minutes", "2026-11-21 01:00:00", "2026-11-21 01:30:00"),
    ("last 24h", "2026-11-20 01:30:00", "2026-11-21 01:30:00"),
    ("last half an hour", "2026-11-21 01:00:00", "2026-11-21 01:30:00"),
    ("过去半小时", "2026-11-21 01:00:00", "2026-11-21 01:30:00"),
    ("最近十二个小时", "2026-11-20 13:30:00", "2026-11-21 01:30:00"),
    ("近三天", "2026-11-18 01:30:00", "2026-11-21 01:30:00"),
    ("past week", "2026-11-14 01:30:00", "2026-11-21 01:30:00"),
    ("last week", "2026-11-09 00:00:00", "2026-11-16 00:00:00"),
    ("this week", "2026-11-16 00:00:00", "2026-11-23 00:00:00"),
    ("上个月", "2026-10-01 00:00:00", "2026-11-01 00:00:00"),
    ("on Monday", "2026-11-16 00:00:00", "2026-11-17 00:00:00"),
    ("周三", "2026-11-18 00:00:00", "2026-11-19 00:00:00"),
    ("3 days ago", "2026-11-18 00:00:00", "2026-11-19 00:00:00"),
    ("2小时前", "2026-11-20 23:30:00", "2026-11-20 23:31:00"),
    ("at 10:34 on 2020-03-09", "2020-03-09 10:34:00", "2020-03-09 10:35:00"),
    ("2020-03-09T10:34:33Z", "2020-03-09 10:34:33", "2020-03-09 10:34:34"),
    ("between 10:00 and 11:00 on 2026-11-20", "2026-11-20 10:00:00", "2026-11-20 11:00:00"),
    ("yesterday between 8am and 9:30am", "2026-11-20 08:00:00", "2026-11-20 09:30:00"),
    ("from 2020-03-09 10:14 to 2020-03-09 10:20", "2020-03-09 10:14:00", "2020-03-09 10:20:00"),
    ("2020-03-09 10:14 - 10:20", "2020-03-09 10:14:00", "2020-03-09 10:20:00"),
    ("from March 3 to March 5, 2020", "2020-03-03 00:00:00", "2020-03-06 00:00:00"),
    ("从2020年3月9日10点到11点", "2020-03-09 10:00:00", "2020-03-09 11:00:00"),
    ("昨天下午3点半到5点", "2026-11-20 15:30:00", "2026-11-20 17:00:00"),
    ("昨天22:00到02:00", "2026-11-20 22:00:00", "2026-11-21 02:00:00"),
    ("since 2020-03-09 10:20:00", "2020-03-09 10:20:00", None),
    ("2020年3月9日以来", "2020-03-09 00:00:00", None),
    ("before 2020-03-09", None, "2020-03-09 00:00:00"),
    ("until 2020-03-09", None, "2020-03-10 00:00:00"),
    ("2020-03-09 10:00+08:00", "2020-03-09 02:00:00", "2020-03-09 02:01:00"),
]


@pytest.mark.parametrize(("phrase", "start", "end"), RANGES)
def test_a_time_range_is_found(phrase: str, start: str | None, end: str | None) -> None:
    time = parse_prompt(f"WLD001 mean current {phrase}", NOW).time
    assert time is not None
    shown = [moment and moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") for moment in (time.start, time.end)]
    assert shown == [start, end]


def test_today_is_a_day_of_the_zone_of_now() -> None:
    shanghai = timezone(timedelta(hours=8))
    time = parse_prompt("WLD001 今天的平均电流", NOW.astimezone(shanghai)).time
    assert time is not None
    assert time.start == datetime(2026, 11, 20, 16, tzinfo=UTC)


def test_a_question_without_a_time_has_no_range() -> None:
    assert parse_prompt("mean current of WLD001", NOW).time is None


def test_an_impossible_date_is_no_date() -> None:
    assert parse_prompt("mean current of WLD001 on 2020-13-45", NOW).time is None


def test_known_devices_are_spelled_as_they_are() -> None:
    assert parse_prompt("mean current of wld001", NOW, known_devices=KNOWN).devices == ("WLD001",)


def test_a_known_device_without_digits_is_recognised() -> None:
    query = parse_prompt("maximum of machine_temperature_system_failure", NOW, known_devices=KNOWN)
    assert query.devices == ("machine_temperature_system_failure",)
    assert query.intent is Intent.STATISTICS


def test_known_fields_are_spelled_as_they_are() -> None:
    fields = ("Pressure", "Volume Flow RateRMS", "Temperature")
    query = parse_prompt("mean volume flow raterms and pressure of valve1-0", NOW, known_fields=fields)
    assert query.fields == ("Volume Flow RateRMS", "Pressure")


def test_a_code_like_word_alone_is_doubtful() -> None:
    assert parse_prompt("Explain GPT4 to me", NOW).confidence < 0.5
    assert parse_prompt("mean current of WLD001 yesterday", NOW).confidence > 0.5


def test_the_window_size_is_read() -> None:
    assert parse_prompt("features of WLD001 with windows of 256", NOW).window_size == 256
    assert parse_prompt("WLD001 的特征，窗口大小为 64", NOW).window_size == 64


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("features of WLD001 with windows of 10 minutes", 600),
        ("features of WLD001 in 10-minute windows", 600),
        ("features of WLD001 with a window size of 90 s", 90),
        ("features of WLD001 in the last 2 hours with windows of half an hour", 1800),
        ("WLD001 的特征，窗口大小为 10 分钟", 600),
        ("用10分钟的窗口看WLD001的特征", 600),
    ],
)
def test_a_window_said_as_a_time_is_no_number_of_rows(asked: str, seconds: int) -> None:
    query = parse_prompt(asked, NOW)
    assert (query.window_size, query.window_length) == (0, timedelta(seconds=seconds))
    assert query.interval is None
    assert (query.time is not None) == ("2 hours" in asked)
    assert not query.unread


@pytest.mark.parametrize(
    "asked", ["features of WLD001 in the last 10 minutes, windows of 64", "最近10分钟 WLD001 的特征，窗口为 64"]
)
def test_a_range_beside_a_window_of_rows_stays_the_range(asked: str) -> None:
    query = parse_prompt(asked, NOW)
    assert (query.window_size, query.window_length) == (64, None)
    assert query.time is not None


def test_the_model_code_is_read_and_is_no_device() -> None:
    query = parse_prompt("list devices of model welding_ai_model", NOW)
    assert (query.model_code, query.devices) == ("welding_ai_model", ())


def test_the_language_follows_the_prompt() -> None:
    assert parse_prompt("mean current of WLD001", NOW).language is Language.ENGLISH
    assert parse_prompt("WLD001 的 mean current", NOW).language is Language.CHINESE


def test_full_width_digits_are_digits() -> None:
    query = parse_prompt("ＷＬＤ００１ 在２０２０年３月９日的平均电流", NOW)
    assert query.devices == ("WLD001",)
    assert query.statistics == (Statistic.MEAN,)
    assert query.time is not None
