"""Words of the shop are read as what they mean: kilowatt-hours, missing data, units, seams and what lies between."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.answer_ranking import ranking
from llm_service.domain.offline.answer_series import intervals
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.chinese import Chinese
from llm_service.domain.offline.counted_interval import with_limits
from llm_service.domain.offline.english import English
from llm_service.domain.offline.heeding import parts_left_out
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Operator, Statistic, TimeRange
from llm_service.domain.offline.question_parts import by_label
from llm_service.domain.offline.result import DeviceStatistics, FieldStatistics, FittingTime, Series
from llm_service.domain.offline.shown_zone import ShownZone
from llm_service.domain.offline.unit import converted

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
TODAY = datetime(2026, 11, 28, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RANGE = TimeRange(start=TODAY - DAY, end=TODAY)


@settings(deadline=None)
@given(
    energy=st.sampled_from(["耗电", "用电", "用电量", "耗电量", "电耗"]),
    asked=st.sampled_from(["{}几度", "{}多少度", "{}是多少度", "的{}是几度", "一共{}多少度？"]),
    when=st.sampled_from(["昨天", "今天", "最近三小时"]),
)
def test_degrees_of_electricity_are_no_temperature(energy: str, asked: str, when: str) -> None:
    query = parse_prompt(f"WLD001{when}{asked.format(energy)}", NOW)
    assert (query.fields, query.unit, query.unread) == (("energy",), "", ())


def test_degrees_beside_a_temperature_are_of_it() -> None:
    assert parse_prompt("WLD001今天最高多少度", NOW).fields == ("temperature",)


@pytest.mark.parametrize(
    "text", ["WLD001昨天缺了多少数据", "WLD001昨天缺多少条读数", "WLD001昨天数据缺不缺", "WLD001昨天缺了几条数据"]
)
def test_what_lacks_is_missing(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.unread, query.negation) == ((Statistic.MISSING_RATIO,), (), "")


def test_defects_are_not_missing() -> None:
    assert Statistic.MISSING_RATIO not in parse_prompt("WLD001昨天有多少缺陷", NOW).statistics


def missing(device: str, gap: float) -> Answered:
    """The answer for a device whose data has a gap of so many seconds."""
    held = FittingTime(seconds=0.0, range_seconds=1000.0, spells=0, gaps=1, gap_seconds=gap)
    result = DeviceStatistics(device=device, row_count=10, fields=(), time=RANGE, fitting=held)
    return Answered(result=result, time=RANGE)


def test_the_machine_that_lacks_most_data_is_the_one_with_the_longest_gaps() -> None:
    query = parse_prompt("昨天缺数据最多的是哪台", NOW)
    assert (query.intent, query.rank) == (Intent.STATISTICS, True)
    assert "measure" not in parts_left_out(query, "rank")
    told = ranking(Report(English()), query, [missing("WLD001", 30.0), missing("WLD002", 90.0)])
    assert "WLD002 has the highest missing ratio" in told
    assert told.splitlines()[1:] == ["1. WLD002: 9 % (1 minute 30 seconds)", "2. WLD001: 3 % (30 seconds)"]


UNITS = {
    "ft3/h": ("gas_flow", "cfh"),
    "ft³/h": ("gas_flow", "cfh"),
    "cubic feet per minute": ("gas_flow", "cfm"),
    "cfm": ("gas_flow", "cfm"),
    "ml/min": ("gas_flow", "mL/min"),
    "ft/min": ("wire_feed", "ft/min"),
    "inch/min": ("wire_feed", "in/min"),
}


@pytest.mark.parametrize("said", sorted(UNITS))
def test_a_unit_with_a_power_is_no_device(said: str) -> None:
    field, unit = UNITS[said]
    query = parse_prompt(f"mean {field.replace('_', ' ')} of WLD001 in {said} today", NOW)
    assert (query.devices, query.fields, query.unit, query.unread) == (("WLD001",), (field,), unit, ())


@pytest.mark.parametrize("power", ["ft3", "m2", "mm2", "in3"])
def test_an_area_or_a_volume_is_named_and_no_device(power: str) -> None:
    query = parse_prompt(f"mean gas flow of WLD001 in {power} today", NOW)
    assert query.devices == ("WLD001",)
    assert power in query.unread


@pytest.mark.parametrize(
    ("value", "unit", "into", "expected"),
    [(1.0, "cfm", "cfh", 60.0), (1.0, "ft/min", "in/min", 12.0), (1500.0, "mL/min", "L/min", 1.5)],
)
def test_flows_are_converted(value: float, unit: str, into: str, expected: float) -> None:
    assert converted(value, unit, into) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "operator", "statistic"),
    [
        ("how many seams did WLD001 weld today", Operator.GE, Statistic.EVENTS),
        ("WLD001今天焊了多少条焊缝", Operator.GE, Statistic.EVENTS),
        ("WLD001今天焊了几道焊缝", Operator.GE, Statistic.EVENTS),
        ("WLD001今天焊了多少道", Operator.GE, Statistic.EVENTS),
        ("number of seams on WLD001 today", Operator.GE, Statistic.EVENTS),
        ("how many pauses between welds did WLD001 have today", Operator.LT, Statistic.EVENTS),
        ("how long are the gaps between the seams on WLD001 today", Operator.LT, Statistic.DURATION),
        ("average time between welds on WLD001 today", Operator.LT, Statistic.DURATION),
        ("WLD001今天焊缝之间平均间隔多久", Operator.LT, Statistic.DURATION),
    ],
)
def test_seams_and_what_lies_between_are_stretches(text: str, operator: Operator, statistic: Statistic) -> None:
    query = parse_prompt(text, NOW)
    assert [each.operator for each in query.conditions] == [operator]
    assert (query.statistics, query.unread) == ((statistic,), ())


def test_gaps_between_readings_are_missing_data() -> None:
    assert Statistic.MISSING_RATIO in parse_prompt("how many gaps between readings on WLD001 today", NOW).statistics


@pytest.mark.parametrize(
    "text",
    ["which 2 machines used the most gas yesterday", "哪两台焊机昨天用气最多", "top 2 machines by gas use yesterday"],
)
def test_the_total_of_a_shortened_ranking_is_that_of_those_it_lists(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.top, query.rank, query.unread) == (2, True, ())
    told = ranking(Report(English()), query, [used("WLD001", 10.0), used("WLD002", 30.0), used("WLD003", 25.0)])
    assert told.splitlines()[1:] == ["1. WLD002: 30 L", "2. WLD003: 25 L", "Together: 55 L."]


def used(device: str, litres: float) -> Answered:
    """The answer for a device that used so much gas."""
    one = FieldStatistics(
        field="gas_flow", values={Statistic.INTEGRAL: litres * 60, Statistic.COUNT: 10.0}, unit="L/min"
    )
    return Answered(result=DeviceStatistics(device=device, row_count=10, fields=(one,), time=RANGE), time=RANGE)


@pytest.mark.parametrize(
    ("time", "english", "chinese"),
    [
        (TimeRange(start=TODAY, end=TODAY + DAY), "on 2026-11-28 so far", "在 2026-11-28 截至目前"),
        (TimeRange(start=TODAY - DAY, end=TODAY), "on 2026-11-27", "在 2026-11-27 "),
        (TimeRange(start=TODAY + DAY, end=TODAY + 2 * DAY), "on 2026-11-29", "在 2026-11-29 "),
    ],
)
def test_a_day_that_is_not_over_is_told_so_far(time: TimeRange, english: str, chinese: str) -> None:
    zone = ShownZone(now=NOW)
    assert (English(zone).period(time), Chinese(zone).period(time)) == (english, chinese)


def test_a_week_that_is_not_over_is_told_so_far_and_the_last_hour_is_not() -> None:
    say = English(ShownZone(now=NOW))
    assert say.period(TimeRange(start=TODAY - 5 * DAY, end=TODAY + 2 * DAY)).endswith(" UTC so far")
    assert "so far" not in say.period(TimeRange(start=NOW - HOUR, end=NOW))
    assert "so far" not in say.period(TimeRange(start=NOW, end=NOW + timedelta(minutes=1), instant=True))


@pytest.mark.parametrize(
    ("text", "width", "statistic"),
    [
        ("in how many hours was WLD001 above 50 degrees on average today", HOUR, Statistic.MEAN),
        ("今天有几个小时WLD001的平均温度超过50度", HOUR, Statistic.MEAN),
        ("on how many days was the mean temperature of WLD001 above 50 this week", DAY, Statistic.MEAN),
        ("这周有几天WLD001的平均温度超过50度", DAY, Statistic.MEAN),
        ("on how many days did the temperature of WLD001 exceed 50 this week", DAY, Statistic.MAX),
        ("on how many days did the temperature of WLD001 fall below 50 this week", DAY, Statistic.MIN),
        ("in how many hours did the temperature of WLD001 exceed 50 today", HOUR, Statistic.MAX),
    ],
)
def test_hours_and_days_whose_number_fits_are_counted(text: str, width: timedelta, statistic: Statistic) -> None:
    query = parse_prompt(text, NOW)
    assert (query.interval, query.statistics, query.fields, query.unread) == (width, (statistic,), ("temperature",), ())
    assert query.counts_intervals
    planned = with_limits(query)
    assert (planned.conditions, [each.value for each in planned.limits]) == ((), [50.0])


def test_how_many_hours_alone_are_a_time() -> None:
    query = parse_prompt("how many hours was WLD001 above 50 degrees today", NOW)
    assert (query.counts_intervals, query.statistics) == (False, (Statistic.DURATION,))


def test_the_hours_that_fit_are_told_with_those_there_are() -> None:
    query = with_limits(parse_prompt("in how many hours was WLD001 above 50 degrees on average today", NOW))
    rows = ((49.0,), (51.0,), (None,), (52.0,))
    times = tuple(TODAY + at * HOUR for at in range(4))
    series = Series(device="WLD001", columns=("temperature",), times=times, rows=rows, units={"temperature": "°C"})
    told = intervals(Report(English()), query, series, Statistic.MEAN, query.time)
    assert "in 2 of 3 hours with readings." in told.splitlines()[0]
    told = intervals(Report(Chinese()), query, series, Statistic.MEAN, query.time)
    assert "3 个" in told.splitlines()[0] and "有 2 个" in told.splitlines()[0]


def test_a_kind_of_answer_that_counts_no_intervals_names_it() -> None:
    query = with_limits(parse_prompt("in how many hours was WLD001 above 50 degrees on average today", NOW))
    assert "limits" in parts_left_out(query, "statistics")


@pytest.mark.parametrize("said", ["how much shielding gas", "how much argon", "how much gas"])
def test_how_much_gas_went_through_is_an_amount(said: str) -> None:
    query = parse_prompt(f"{said} went through WLD001 today", NOW)
    assert (query.fields, query.statistics, query.unread) == (("gas_flow",), (Statistic.INTEGRAL,), ())


def test_an_amount_is_told_in_cubic_metres() -> None:
    query = parse_prompt("gas used by WLD004 from 8 to 9 today in m3", NOW)
    assert (query.statistics, query.unit, query.devices, query.unread) == ((Statistic.INTEGRAL,), "m3", ("WLD004",), ())
    assert converted(2500.0, "L", "m3") == pytest.approx(2.5)


def test_the_ratio_to_the_total_is_a_share() -> None:
    query = parse_prompt("What's the ratio of good to total on each machine today", NOW)
    assert (query.statistics, query.unread) == ((Statistic.SHARE,), ())


@pytest.mark.parametrize("said", [", ignore zeros", " without the zeros", " not counting zeros"])
def test_zeros_are_left_out_where_it_is_said(said: str) -> None:
    query = parse_prompt(f"min gas flow of WLD001 yesterday{said}", NOW)
    (condition,) = query.conditions
    assert (condition.operator, condition.value) == (Operator.NE, 0.0)
    assert (query.unread, query.negation) == ((), "")


def test_how_many_of_a_label_is_asked_with_the_number_at_the_end() -> None:
    query = parse_prompt("WLD002昨天气孔有多少", NOW)
    assert (query.statistics, [each.value for each in query.conditions]) == ((Statistic.COUNT,), ["porosity"])


def test_a_second_limit_behind_and_is_one() -> None:
    query = parse_prompt("how many readings of WLD001 yesterday were not good and above 150 A", NOW)
    assert {(each.field, each.operator, each.value) for each in query.conditions} == {
        ("quality_label", Operator.NE, "good"),
        ("current", Operator.GT, 150.0),
    }
    assert (query.unread, query.statistics) == ((), (Statistic.COUNT,))


def test_two_labels_are_left_out_with_the_word_behind_them() -> None:
    query = parse_prompt("WLD001昨天除了气孔和咬边之外的平均电流", NOW)
    assert {(each.operator, each.value) for each in query.conditions} == {
        (Operator.NE, "porosity"),
        (Operator.NE, "undercut"),
    }
    assert (query.unread, query.negation) == ((), "")


@pytest.mark.parametrize(
    "text", ["WLD001昨天良好的读数比气孔的多多少", "how many more good than porosity readings had WLD001 yesterday"]
)
def test_readings_of_two_labels_are_counted_side_by_side(text: str) -> None:
    queries = by_label(parse_prompt(text, NOW))
    assert [[each.value for each in query.conditions] for query in queries] == [["good"], ["porosity"]]
    assert all(query.statistics == (Statistic.COUNT,) and query.unread == () for query in queries)


@pytest.mark.parametrize("text", ["昨天哪台焊机最费电", "昨天哪台焊机最耗电"])
def test_the_machine_that_needs_most_electricity_is_ranked_by_energy(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.fields, query.rank, query.unread) == (("energy",), True, ())


def test_the_steadiest_is_ranked_by_how_it_varies_and_not_by_the_mean_asked_for_beside() -> None:
    query = parse_prompt("昨天四台焊机的平均电压各是多少，哪台最稳定", NOW)
    assert (query.statistics[0], query.rank) == (Statistic.STD, True)
    assert "statistics" in parts_left_out(replace(query, devices=("WLD001", "WLD002")), "rank")


@pytest.mark.parametrize(
    ("text", "statistic"),
    [
        ("Did WLD001 weld more than WLD003 yesterday?", Statistic.DURATION),
        ("Was WLD001 idle longer than WLD003 yesterday?", Statistic.DURATION),
        ("Did WLD001 stop more often than WLD003 yesterday?", Statistic.EVENTS),
    ],
)
def test_whether_one_did_so_more_than_the_other_compares_them(text: str, statistic: Statistic) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.statistics, query.devices) == (Intent.COMPARE, (statistic,), ("WLD001", "WLD003"))
    assert (query.whether, query.unread) == (False, ())


@pytest.mark.parametrize("said", ["Maintenance: ", "QA here - ", "Shift leader here, ", "Hi team: "])
def test_who_asks_says_nothing_of_what_is_asked(said: str) -> None:
    query = parse_prompt(f"{said}mean current of WLD001 yesterday", NOW)
    assert (query.fields, query.statistics, query.unread, query.refused) == (("current",), (Statistic.MEAN,), (), "")


@pytest.mark.parametrize("said", ["yesterday: ", "WLD002: ", "max current: "])
def test_what_is_asked_before_a_colon_is_read(said: str) -> None:
    query, alone = parse_prompt(f"{said}and WLD001", NOW), parse_prompt("and WLD001", NOW)
    assert (query.time, query.devices, query.statistics) != (alone.time, alone.devices, alone.statistics)


def stopped(device: str, seconds: float, longest: float) -> Answered:
    """The answer for a device that stood still for so long, at most so long at a stretch."""
    start = TODAY - 3 * HOUR
    held = FittingTime(seconds=seconds, range_seconds=86400.0, spells=9, longest_seconds=longest, longest_start=start)
    result = DeviceStatistics(device=device, row_count=10, fields=(), time=RANGE, fitting=held)
    return Answered(result=result, time=RANGE)


@pytest.mark.parametrize("text", ["Which machine had the longest break yesterday?", "昨天哪台焊机有最长的停机"])
def test_the_longest_stop_is_a_single_one_of_each_machine(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.rank, query.longest) == (True, 1)
    told = ranking(Report(English()), query, [stopped("WLD001", 9000.0, 60.0), stopped("WLD002", 7200.0, 600.0)])
    assert told.splitlines()[1] == "1. WLD002: 10 minutes (2026-11-27 21:00)"


def test_the_one_that_stood_still_the_longest_is_ranked_by_all_of_its_time() -> None:
    query = parse_prompt("Which machine stood still the longest yesterday?", NOW)
    told = ranking(Report(English()), query, [stopped("WLD001", 9000.0, 60.0), stopped("WLD002", 7200.0, 600.0)])
    assert told.splitlines()[1].startswith("1. WLD001: 2 hours 30 minutes")


@pytest.mark.parametrize(
    "text",
    [
        "total gas and wire used by the whole shop yesterday",
        "全厂昨天一共用了多少气",
        "gas used in the whole plant today",
    ],
)
def test_the_whole_shop_are_all_devices(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.all_devices, query.statistics, query.unread) == (True, (Statistic.INTEGRAL,), ())


def test_the_share_of_some_readings_is_named() -> None:
    assert parse_prompt("WLD004昨天未熔合占不良的多少", NOW).unread == ("占",)


def test_spikes_of_a_sensor_are_left_out_of_an_extreme() -> None:
    query = parse_prompt("highest current on WLD002 yesterday not counting sensor spikes", NOW)
    assert (query.robust, query.unread, query.negation) == (True, (), "")


def test_which_hall_had_more_stops_is_decided_by_their_number() -> None:
    query = parse_prompt("which hall had more stops yesterday", NOW)
    assert (query.by_group, set(query.statistics)) == (True, {Statistic.EVENTS, Statistic.MAX})


def test_the_rate_of_a_label_is_a_share() -> None:
    query = parse_prompt("porosity rate of WLD001 yesterday between 14 and 16", NOW)
    assert (query.statistics, [each.value for each in query.conditions]) == ((Statistic.SHARE,), ["porosity"])


def test_two_numbers_of_a_day_are_not_compared_with_today() -> None:
    query = parse_prompt("WLD001昨天平均温度和中位数差多少", NOW)
    assert (query.periods, set(query.statistics)) == ((), {Statistic.MEAN, Statistic.MEDIAN})
    assert query.time is not None
    assert query.time.end == TODAY


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("who is drawing the most gas?", ("gas_flow",)),
        ("how much gas is WLD001 drawing?", ("gas_flow",)),
        ("how much wire did WLD001 pull today?", ("wire_feed",)),
        ("which machine draws the most?", ("current",)),
        ("is WLD001 drawing more current than WLD002", ("current",)),
        ("current drawn and gas flow of WLD001 today", ("current", "gas_flow")),
    ],
)
def test_what_is_drawn_is_current_only_where_nothing_else_is_named(text: str, fields: tuple[str, ...]) -> None:
    assert parse_prompt(text, NOW).fields == fields


@pytest.mark.parametrize(
    "text", ["did hall B weld more hours than hall A today?", "did WLD001 weld more minutes than WLD002 today"]
)
def test_more_hours_are_a_longer_time_and_no_rows_per_hour(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.interval, query.unread) == ((Statistic.DURATION,), None, ())


@pytest.mark.parametrize("text", ["今天WLD001少了多少条数据？", "WLD001今天缺了多少条"])
def test_how_many_rows_are_missing_is_asked_of_the_gaps(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.unread) == ((Statistic.MISSING_RATIO,), ())


def test_which_of_two_compared_ran_hotter_is_told_by_the_mean() -> None:
    query = parse_prompt("compare the temperature of WLD001 and WLD003 today - which ran hotter and by how much?", NOW)
    assert (query.rank, query.statistics) == (True, (Statistic.MEAN, Statistic.MAX))
