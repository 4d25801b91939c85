"""Questions put together from parts with known meanings are read as those meanings, in English and Chinese."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, DeviceReference, Intent, Operator, Statistic, StructuredQuery

NOW = datetime(2026, 11, 28, 12, 34, tzinfo=UTC)  # a Saturday
TODAY = datetime(2026, 11, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
Range = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Words with what they mean."""

    words: str
    means: object


def phrases(*pairs: tuple[str, object]) -> st.SearchStrategy[Phrase]:
    return st.sampled_from([Phrase(words=words, means=means) for words, means in pairs])


STATISTICS = phrases(
    ("mean", Statistic.MEAN),
    ("average", Statistic.MEAN),
    ("maximum", Statistic.MAX),
    ("highest", Statistic.MAX),
    ("min", Statistic.MIN),
    ("median", Statistic.MEDIAN),
    ("standard deviation of the", Statistic.STD),
)
STATISTICS_ZH = phrases(
    ("平均", Statistic.MEAN), ("最高", Statistic.MAX), ("最小", Statistic.MIN), ("中位数", Statistic.MEDIAN)
)
FIELDS = phrases(
    ("current", "current"),
    ("voltage", "voltage"),
    ("temperature", "temperature"),
    ("wire feed", "wire_feed"),
    ("gas flow", "gas_flow"),
    ("tempature", "temperature"),
    ("votlage", "voltage"),
)
FIELDS_ZH = phrases(
    ("电流", "current"),
    ("电压", "voltage"),
    ("温度", "temperature"),
    ("送丝速度", "wire_feed"),
    ("气体流量", "gas_flow"),
)
UNITS = {"hour": ("hours", "小时", HOUR), "minute": ("minutes", "分钟", HOUR / 60), "day": ("days", "天", DAY)}
ENGLISH = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
CHINESE = ["零", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"]


@st.composite
def rolling(draw: st.DrawFn) -> tuple[str, str, Range]:
    """The last so many hours, minutes or days, in words or digits, perhaps and a half."""
    count, half = draw(st.integers(2, 12)), draw(st.booleans())
    name, (plural, chinese, length) = draw(st.sampled_from(sorted(UNITS.items())))
    worded = draw(st.booleans()) or half
    english = ENGLISH[count] if worded else str(count)
    number = CHINESE[count] if worded else str(count)
    english += " and a half" if half else ""
    number += "个半" if half else ""
    lead = draw(st.sampled_from(["in the last", "over the past", "during the previous"]))
    chinese_lead = draw(st.sampled_from(["最近", "过去", "近"]))
    start = NOW - length * (count + 0.5 * half)
    # Half a day is said behind the days: 两天半, but 两个半小时.
    spoken = f"{CHINESE[count]}天半" if half and name == "day" else f"{number}{chinese}"
    return f"{lead} {english} {plural}", f"{chinese_lead}{spoken}", (start, NOW)


@st.composite
def days(draw: st.DrawFn) -> tuple[str, str, Range]:
    """A day of the last two months, by name or in one of the ways dates are written."""
    back = draw(st.integers(0, 60))
    day = TODAY - back * DAY
    named = {0: ("today", "今天"), 1: ("yesterday", "昨天"), 2: ("the day before yesterday", "前天")}
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th") if day.day not in {11, 12, 13} else "th"
    written = [
        f"on {day:%Y-%m-%d}",
        f"on {day:%B} {day.day}",
        f"on {day:%b} {day.day}, {day.year}",
        f"on {day.day} {day:%B} {day.year}",
        f"on the {day.day}{suffix} of {day:%B}",
        *([f"on {day.day}/{day.month}/{day.year}"] if day.day > 12 else []),
    ]
    chinese = [f"{day.year}年{day.month}月{day.day}日", f"{day.month}月{day.day}号", f"{day:%Y-%m-%d}"]
    if back in named and draw(st.booleans()):
        return *named[back], (day, day + DAY)
    return draw(st.sampled_from(written)), draw(st.sampled_from(chinese)), (day, day + DAY)


@st.composite
def clocks(draw: st.DrawFn) -> tuple[str, str, Range]:
    """Two times of day of yesterday, the first one's half of the day said or to be taken from the second."""
    first = draw(st.integers(0, 22))
    second = draw(st.integers(first + 1, 23))
    halves = {hour: "am" if hour < 12 else "pm" for hour in (first, second)}
    same = halves[first] == halves[second] and first % 12 and first % 12 < second % 12
    opening = f"{first % 12 or 12}" + ("" if same else f" {halves[first]}")
    english = draw(
        st.sampled_from(
            [
                f"between {opening} and {second % 12 or 12} {halves[second]} yesterday",
                f"yesterday from {first:02}:00 to {second:02}:00",
                f"yesterday {opening} to {second % 12 or 12}{halves[second]}",
                f"between {first:02}:00 and {second:02}:00 yesterday",
            ]
        )
    )
    part = ["上午", "下午"]
    chinese = draw(
        st.sampled_from(
            [
                f"昨天{first}点到{second}点",
                f"昨天{part[first >= 12]}{first % 12 or 12}点到{part[second >= 12]}{second % 12 or 12}点",
                f"昨天{first:02}:00至{second:02}:00",
            ]
        )
    )
    yesterday = TODAY - DAY
    return english, chinese, (yesterday + first * HOUR, yesterday + second * HOUR)


@st.composite
def since(draw: st.DrawFn) -> tuple[str, str, Range]:
    """From a time of this morning on."""
    hour = draw(st.integers(1, 11))
    english = draw(st.sampled_from([f"since {hour} this morning", f"since {hour} am", f"after {hour} am today"]))
    chinese = draw(st.sampled_from([f"今早{hour}点以来", f"从今天上午{hour}点开始", f"今天上午{hour}点之后"]))
    return english, chinese, (TODAY + hour * HOUR, None)


TIMES = st.one_of(rolling(), days(), clocks(), since())
VALUES = st.sampled_from([5, 60, 120.5, 200])


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, str, Condition]:
    """A comparison of a field with a number, in signs or words, or of the label with a text."""
    if draw(st.booleans()):
        label, word = draw(st.sampled_from([("good", "良好"), ("porosity", "气孔"), ("undercut", "咬边")]))
        return (
            draw(st.sampled_from([f"when quality_label is {label}", f"where quality is {label}"])),
            draw(st.sampled_from([f"质量为{word}时", f"质量标签是{word}的"])),
            Condition(field="quality_label", operator=Operator.EQ, value=label),
        )
    operator, english, chinese = draw(
        st.sampled_from(
            [
                (Operator.GT, ">", "大于"),
                (Operator.GT, "is above", "超过"),
                (Operator.LT, "below", "低于"),
                (Operator.GE, "is at least", "不低于"),
                (Operator.LE, "<=", "不超过"),
            ]
        )
    )
    field, name, unit = draw(st.sampled_from([("current", "电流", "A"), ("voltage", "电压", "V")]))
    value = draw(VALUES)
    shown = draw(st.sampled_from(["", f" {unit}"]))
    meant = Condition(field=field, operator=operator, value=float(value), unit=shown.strip())
    return f"where {field} {english} {value:g}{shown}", f"{name}{chinese}{value:g}{shown.strip()}时", meant


def range_of(query: StructuredQuery) -> Range:
    return (query.time.start, query.time.end) if query.time else (None, None)


@settings(max_examples=250, deadline=None)
@given(statistic=STATISTICS, field=FIELDS, time=TIMES, last=st.booleans())
def test_a_statistic_of_a_field_over_a_range_is_read_in_english(
    statistic: Phrase, field: Phrase, time: tuple[str, str, Range], last: bool
) -> None:
    english, _, meant = time
    order = f"of WLD001 {english}" if last else f"{english} of WLD001"
    query = parse_prompt(f"What was the {statistic.words} {field.words} {order}?", NOW)
    assert (query.devices, query.fields, query.statistics) == (("WLD001",), (field.means,), (statistic.means,))
    assert range_of(query) == meant
    assert query.unread == ()


@settings(max_examples=250, deadline=None)
@given(statistic=STATISTICS_ZH, field=FIELDS_ZH, time=TIMES, first=st.booleans())
def test_a_statistic_of_a_field_over_a_range_is_read_in_chinese(
    statistic: Phrase, field: Phrase, time: tuple[str, str, Range], first: bool
) -> None:
    _, chinese, meant = time
    asked = f"WLD001 {chinese}" if first else f"{chinese}WLD001"
    query = parse_prompt(f"{asked}的{statistic.words}{field.words}是多少？", NOW)
    assert (query.devices, query.fields, query.statistics) == (("WLD001",), (field.means,), (statistic.means,))
    assert range_of(query) == meant
    assert query.unread == ()


@settings(max_examples=150, deadline=None)
@given(statistic=STATISTICS, condition=conditions(), time=TIMES)
def test_a_condition_is_read_beside_a_range(
    statistic: Phrase, condition: tuple[str, str, Condition], time: tuple[str, str, Range]
) -> None:
    query = parse_prompt(f"{statistic.words} temperature of WLD002 {condition[0]} {time[0]}", NOW)
    assert query.conditions == (condition[2],)
    assert query.fields[0] == "temperature"
    assert range_of(query) == time[2]
    assert query.unread == ()


@settings(max_examples=150, deadline=None)
@given(condition=conditions(), time=TIMES)
def test_readings_that_fit_are_counted_in_both_languages(
    condition: tuple[str, str, Condition], time: tuple[str, str, Range]
) -> None:
    english = parse_prompt(f"how many readings of WLD002 {condition[0]} {time[0]}?", NOW)
    chinese = parse_prompt(f"WLD002 {time[1]}{condition[1]}有多少条数据？", NOW)
    for query in (english, chinese):
        assert query.conditions == (condition[2],)
        assert query.statistics == (Statistic.COUNT,)
        assert range_of(query) == time[2]
        assert query.unread == ()


ZONES = [
    ("Beijing time", "Asia/Shanghai"),
    ("UTC+8", "Asia/Shanghai"),
    ("Europe/Berlin", "Europe/Berlin"),
    ("Berlin time", "Europe/Berlin"),
    ("New York time", "America/New_York"),
    ("北京时间", "Asia/Shanghai"),
]


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    now=st.datetimes(datetime(2024, 1, 2), datetime(2027, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
    first=st.integers(4, 22),
)
def test_a_zone_moves_days_and_times_of_day_whatever_its_clocks_do(
    zone: tuple[str, str], now: datetime, first: int
) -> None:
    local = now.replace(tzinfo=UTC).astimezone(ZoneInfo(zone[1]))
    yesterday = local.date() - DAY
    start = datetime(yesterday.year, yesterday.month, yesterday.day, first, tzinfo=ZoneInfo(zone[1]))
    query = parse_prompt(
        f"mean current of WLD001 yesterday from {first}:00 to {first + 1}:00 {zone[0]}", now.replace(tzinfo=UTC)
    )
    end = start.replace(hour=first + 1) if first < 23 else start
    assert query.time is not None
    assert query.time.start is not None
    assert query.time.end is not None
    assert (query.time.start.astimezone(UTC), query.time.end.astimezone(UTC)) == (
        start.astimezone(UTC),
        end.astimezone(UTC),
    )
    assert query.zone
    assert query.unread == ()


@pytest.mark.parametrize(
    ("phrase", "start", "end"),
    [
        ("between 10 pm and 2 am", "2026-11-27 22:00", "2026-11-28 02:00"),
        ("from 11 to 1 pm today", "2026-11-28 11:00", "2026-11-28 13:00"),
        ("9 to 5 yesterday", "2026-11-27 09:00", "2026-11-27 17:00"),
        ("between half past nine and quarter to eleven today", "2026-11-28 09:30", "2026-11-28 10:45"),
        ("yesterday from noon to midnight", "2026-11-27 12:00", "2026-11-28 00:00"),
        ("昨晚十点到今早六点", "2026-11-27 22:00", "2026-11-28 06:00"),
        ("昨晚十点到凌晨两点", "2026-11-27 22:00", "2026-11-28 02:00"),
        ("下午三点一刻到四点半", "2026-11-27 15:15", "2026-11-27 16:30"),
        ("from 3 hours ago to 1 hour ago", "2026-11-28 09:34", "2026-11-28 11:34"),
        ("between yesterday and today", "2026-11-27 00:00", "2026-11-29 00:00"),
        ("last Monday", "2026-11-23 00:00", "2026-11-24 00:00"),
        ("上周三", "2026-11-18 00:00", "2026-11-19 00:00"),
        ("this hour", "2026-11-28 12:00", "2026-11-28 12:34"),
        ("within an hour and a half", "2026-11-28 11:04", "2026-11-28 12:34"),
        ("24小时内", "2026-11-27 12:34", "2026-11-28 12:34"),
    ],
)
def test_ranges_over_noon_midnight_and_weeks_are_read(phrase: str, start: str, end: str) -> None:
    query = parse_prompt(f"WLD001 mean current {phrase}", NOW)
    assert query.time is not None
    shown = [moment and moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M") for moment in range_of(query)]
    assert shown == [start, end]
    assert query.unread == ()


def test_a_doubtful_date_is_taken_day_first_and_the_reading_says_so() -> None:
    query = parse_prompt("mean current of WLD001 on 03/04/2026", NOW)
    assert range_of(query) == (datetime(2026, 4, 3, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC))
    assert [note.words for note in query.notes] == [("03/04/2026", "2026-04-03")]


@settings(max_examples=100, deadline=None)
@given(number=st.integers(1, 40), name=st.sampled_from(["welding machine", "machine", "welder", "device"]))
def test_devices_are_named_by_number_and_place(number: int, name: str) -> None:
    asked = {
        f"mean current of {name} {number} today": DeviceReference(number=number),
        f"焊机{number}号今天的平均电流": DeviceReference(number=number),
        f"{number}号焊机今天的平均电流": DeviceReference(number=number),
    }
    for text, meant in asked.items():
        query = parse_prompt(text, NOW)
        assert (query.references, query.devices, query.unread) == ((meant,), (), ())
    assert parse_prompt("the second one: mean current", NOW).references == (DeviceReference(number=2, by_place=True),)


@pytest.mark.parametrize(
    "text",
    [
        "standard deviation of voltage for all welding machines last week",
        "mean voltage of every machine today",
        "所有焊机今天的平均电压",
        "三台焊机的平均电压",
        "which device has the highest voltage?",
        "哪台焊机电压最高？",
    ],
)
def test_all_devices_are_meant_without_naming_one(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.all_devices
    assert query.fields == ("voltage",)
    assert query.unread == ()


def test_all_but_some_devices_are_meant() -> None:
    query = parse_prompt("mean current of all devices except WLD002 and WLD003 today", NOW)
    assert (query.all_devices, query.except_devices, query.devices) == (True, ("WLD002", "WLD003"), ())


@settings(max_examples=60, deadline=None)
@given(
    share=st.integers(1, 99), kind=st.sampled_from(["{0}th percentile", "p{0}", "{0} percent quantile", "第{0}百分位"])
)
def test_percentiles_are_read(share: int, kind: str) -> None:
    query = parse_prompt(f"{kind.format(share)} current of WLD001 today", NOW)
    assert query.percentiles == (float(share),)
    assert query.unread == ()


@settings(max_examples=60, deadline=None)
@given(count=st.integers(2, 59), unit=st.sampled_from([("minute", "分钟", HOUR / 60), ("hour", "小时", HOUR)]))
def test_rows_of_an_interval_are_read(count: int, unit: tuple[str, str, timedelta]) -> None:
    for text in (
        f"mean current of WLD001 every {count} {unit[0]}s today",
        f"{count}-{unit[0]} averages of current for WLD001 today",
        f"WLD001 今天每{count}{unit[1]}的平均电流",
    ):
        query = parse_prompt(text, NOW)
        assert (query.interval, query.statistics, query.unread) == (count * unit[2], (Statistic.MEAN,), ())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("mean current of WLD001 while rewelding in the last hour", "rewelding"),
        ("mean current of WLD001 during the fourth shift", "shift"),
        ("mean current of WLD001 adjusted for humidex", "adjusted"),
        ("WLD001 换班期间的平均电流", "换班"),
        ("mean current of WLD001 whether or not idle", "not"),
    ],
)
def test_what_is_not_understood_is_named(text: str, named: str) -> None:
    assert named in " ".join(parse_prompt(text, NOW).unread)


@pytest.mark.parametrize(
    "text",
    ["delete WLD001", "please restart WLD002", "write a poem about WLD001", "删除 WLD001", "can you rename WLD001?"],
)
def test_orders_are_refused_by_name(text: str) -> None:
    assert parse_prompt(text, NOW).refused


def test_trends_anomalies_and_correlations_are_asked_in_many_words() -> None:
    for text in (
        "Is the current of WLD001 going up or down?",
        "WLD001 的电流在上升还是下降？",
        "has the current of WLD001 risen",
    ):
        assert parse_prompt(text, NOW).intent in {Intent.TREND, Intent.STATISTICS}
    for text in ("what's wrong with WLD002?", "any problems on WLD002 today?", "WLD002 有什么问题吗"):
        assert parse_prompt(text, NOW).intent is Intent.ANOMALY
    query = parse_prompt("correlation between current and temperature on WLD001 today", NOW)
    assert (query.statistics, query.fields) == ((Statistic.CORRELATION,), ("current", "temperature"))


def test_units_to_answer_in_are_read() -> None:
    for text, unit in {
        "max temperature of WLD001 in fahrenheit": "°F",
        "median voltage of WLD001 last hour in millivolts": "mV",
        "WLD001 最高温度，用华氏度": "°F",
        "mean current of WLD001 in kA": "kA",
    }.items():
        query = parse_prompt(text, NOW)
        assert (query.unit, query.unread) == (unit, ())


def test_the_hour_that_is_highest_is_asked_for() -> None:
    for text in ("Which hour today had the highest mean temperature on WLD001?", "WLD001 今天哪个小时平均温度最高？"):
        query = parse_prompt(text, NOW)
        assert (query.interval, query.rank, query.all_devices, query.unread) == (HOUR, True, False, ())


def test_spikes_that_are_to_be_left_out_are_not_asked_for() -> None:
    query = parse_prompt("mean current of WLD001 excluding spikes in the last hour", NOW)
    assert (query.intent, query.robust, query.unread) == (Intent.STATISTICS, True, ())


def test_machines_are_ranked_when_that_is_said() -> None:
    query = parse_prompt("Rank the machines by mean voltage in the last hour", NOW)
    assert (query.rank, query.all_devices, query.unread) == (True, True, ())


FLIPPED = {
    Operator.EQ: Operator.NE,
    Operator.GT: Operator.LE,
    Operator.GE: Operator.LT,
    Operator.LT: Operator.GE,
    Operator.LE: Operator.GT,
}
GOOD = Condition(field="quality_label", operator=Operator.EQ, value="good")
UNDERCUT = Condition(field="quality_label", operator=Operator.EQ, value="undercut")
ABOVE = Condition(field="current", operator=Operator.GT, value=100.0, unit="A")


@pytest.mark.parametrize(
    ("plain", "negated", "condition"),
    [
        ("where current is above 100 A", "where current is not above 100 A", ABOVE),
        ("where current exceeds 100 A", "where current doesn't exceed 100 A", ABOVE),
        ("where current exceeded 100 A", "where current never exceeded 100 A", ABOVE),
        ("where current is above 100 A", "except when current is above 100 A", ABOVE),
        ("where quality_label is good", "where quality_label is not good", GOOD),
        ("when quality is good", "when quality isn't good", GOOD),
        ("for good welds", "for welds that are not good", GOOD),
        ("with undercut", "without undercut", UNDERCUT),
        ("with undercut", "excluding undercut", UNDERCUT),
        ("with undercut", "except undercut", UNDERCUT),
        ("with undercut", "ignoring undercut", UNDERCUT),
    ],
)
def test_a_condition_is_turned_round_by_every_word_that_negates(plain: str, negated: str, condition: Condition) -> None:
    turned = replace(condition, operator=FLIPPED[condition.operator])
    for words, meant in ((plain, condition), (negated, turned)):
        query = parse_prompt(f"mean voltage of WLD001 {words} today", NOW)
        assert (query.conditions, query.unread, query.fields) == ((meant,), (), ("voltage",)), words


@pytest.mark.parametrize(
    ("plain", "negated", "condition"),
    [
        ("电流大于100A时", "电流不大于100A时", ABOVE),
        ("电流超过100A时", "电流没有超过100A时", ABOVE),
        ("质量为良好时", "质量不是良好时", GOOD),
        ("良好的", "不是良好的", GOOD),
        ("咬边时", "除咬边外", UNDERCUT),
        ("咬边时", "除了咬边以外", UNDERCUT),
        ("咬边时", "排除咬边", UNDERCUT),
        ("咬边时", "不含咬边", UNDERCUT),
    ],
)
def test_a_condition_is_turned_round_in_chinese(plain: str, negated: str, condition: Condition) -> None:
    turned = replace(condition, operator=FLIPPED[condition.operator])
    for words, meant in ((plain, condition), (negated, turned)):
        query = parse_prompt(f"WLD001 今天{words}的平均电压", NOW)
        assert (query.conditions, query.unread, query.fields) == ((meant,), (), ("voltage",)), words


def test_two_labels_are_both_left_out_and_what_is_not_bad_is_good() -> None:
    query = parse_prompt("mean current of WLD001 excluding porosity and undercut today", NOW)
    assert [(each.operator, each.value) for each in query.conditions] == [
        (Operator.NE, "porosity"),
        (Operator.NE, "undercut"),
    ]
    assert parse_prompt("mean current of WLD001 for welds that are not bad today", NOW).conditions == (GOOD,)


def test_a_verb_in_a_question_is_no_order() -> None:
    for text in ("What did WLD002 draw on average today?", "WLD004 最近半小时上传了多少条数据？"):
        query = parse_prompt(text, NOW)
        assert (query.refused, query.devices != (), query.unread) == ("", True, ()), text
    assert parse_prompt("What did WLD002 draw on average today?", NOW).fields == ("current",)


def test_in_which_hour_asks_for_the_hour() -> None:
    query = parse_prompt("In which hour was WLD002 hottest yesterday?", NOW)
    assert (query.interval, query.rank, query.unread) == (HOUR, True, ())
