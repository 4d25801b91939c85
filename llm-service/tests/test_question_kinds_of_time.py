"""Questions of a time as a whole: what happened in it, whether it was better, who sent data in it, when all began."""

from datetime import UTC, datetime, timedelta

import pytest

from llm_service.domain.offline.gist_asked import by_gist
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Operator, Statistic, StructuredQuery
from llm_service.domain.offline.question_parts import parts_of, question_parts
from llm_service.domain.offline.result import Spell
from llm_service.domain.offline.unbroken_asked import longest_between

NOW = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
CODES = ("WLD001", "WLD002", "valve1-0")
FIELDS = ("current", "voltage", "gas_flow", "temperature", "quality_label")
NIGHT = (datetime(2026, 11, 29, 18, tzinfo=UTC), datetime(2026, 11, 30, 6, tzinfo=UTC))


def read(text: str) -> StructuredQuery:
    return parse_prompt(text, NOW, known_devices=CODES, known_fields=FIELDS)


def hours(query: StructuredQuery) -> tuple[datetime | None, datetime | None]:
    assert query.time is not None
    return query.time.start, query.time.end


@pytest.mark.parametrize("time", ["overnight", "last night"])
@pytest.mark.parametrize("form", ["did anything happen {}", "what happened {}", "anything happen {}?"])
@pytest.mark.parametrize("device", ["", " on WLD001"])
def test_what_happened_is_told_by_stops_and_anomalies(form: str, time: str, device: str) -> None:
    query = read(form.format(time) + device)
    stops, strange = by_gist(query)
    assert (hours(query), query.unread) == (NIGHT, ())
    assert (query.devices, query.all_devices) == ((("WLD001",), False) if device else ((), True))
    assert (stops.doing, stops.conditions[0].operator, strange.intent) == (True, Operator.LT, Intent.ANOMALY)
    assert not stops.gist
    assert not strange.gist


@pytest.mark.parametrize("text", ["昨晚发生了什么", "夜里有什么情况吗", "昨晚有没有发生什么"])
def test_what_happened_is_asked_in_chinese(text: str) -> None:
    query = read(text)
    assert (query.gist, hours(query), query.all_devices) == ("happened", NIGHT, True)


@pytest.mark.parametrize("text", ["what happened", "how often did it happen that WLD001 was above 200 A last night"])
def test_without_a_time_or_with_a_condition_nothing_is_asked_of_the_whole_time(text: str) -> None:
    assert not read(text).gist


@pytest.mark.parametrize(
    "text",
    ["was today better than yesterday", "was yesterday worse than today?", "今天比昨天好吗", "今天比昨天怎么样"],
)
def test_which_time_was_better_is_told_by_running_stops_and_anomalies_of_both(text: str) -> None:
    query = read(text)
    ran, stops, strange = by_gist(query)
    assert [len(each.periods) for each in (ran, stops, strange)] == [2, 2, 2]
    assert (ran.conditions[0].operator, ran.statistics) == (Operator.GE, (Statistic.DURATION,))
    assert (stops.conditions[0].operator, stops.statistics, stops.lasting) == (Operator.LT, (Statistic.EVENTS,), True)
    assert strange.intent is Intent.ANOMALY
    assert any("stops" in note.words[-1] or "停机" in note.words[-1] for note in ran.notes)


def test_a_field_that_was_better_is_no_question_for_all() -> None:
    assert not read("was the mean current of WLD001 today better than yesterday").gist


@pytest.mark.parametrize(
    ("text", "presence", "whether"),
    [
        ("which of my machines have no data today", "missing", False),
        ("which machines had no readings today", "missing", False),
        ("are there machines without data today", "missing", True),
        ("哪些机器今天没有数据", "missing", False),
        ("did all the welders send data in the last five minutes", "there", True),
        ("has every machine reported in the last hour", "there", True),
        ("which machines sent data in the last 10 minutes", "there", False),
        ("今天所有机器都有数据吗", "there", True),
    ],
)
def test_who_has_data_in_a_time_is_a_list_of_all_and_no_ranking(text: str, presence: str, whether: bool) -> None:
    query = read(text)
    assert (query.presence, query.whether, query.rank, query.all_devices) == (presence, whether, False, True)
    assert (query.statistics, query.unread) == ((Statistic.COUNT,), ())


@pytest.mark.parametrize(
    "text",
    [
        "did WLD001 have gaps in its data today",
        "which machine had no data for the longest today",
        "how long was WLD001 without data today",
        "which machines had data gaps today",
    ],
)
def test_gaps_are_no_question_of_who_has_data(text: str) -> None:
    assert not read(text).presence


@pytest.mark.parametrize("code", ["WLD001", "valve1-0"])
@pytest.mark.parametrize(
    "form",
    [
        "when did {} start and end",
        "when did {} begin and when did it end?",
        "when does the data of {} start and end",
        "{}什么时候开始，什么时候结束",
        "{}的数据从什么时候开始到什么时候结束",
    ],
)
def test_when_a_device_began_and_ended_is_told_by_its_first_and_last_reading(form: str, code: str) -> None:
    query = read(form.format(code))
    assert (query.intent, query.devices, query.unread, query.refused) == (Intent.LIST_DEVICES, (code,), (), "")


def test_a_start_within_a_day_is_no_first_reading() -> None:
    assert read("when did WLD001 start today").intent is not Intent.LIST_DEVICES


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("which machine was hotter today", Statistic.MAX),
        ("which had the lower temperature yesterday, WLD001 or WLD002", Statistic.MIN),
        ("WLD001和WLD002今天谁的温度更高", Statistic.MAX),
        ("哪台机器昨天电流更大", Statistic.MAX),
    ],
)
def test_a_comparative_ranks_by_the_mean(text: str, end: Statistic) -> None:
    assert (read(text).rank, read(text).statistics) == (True, (Statistic.MEAN, end))


@pytest.mark.parametrize("text", ["which machine was hottest today", "哪台机器今天温度最高"])
def test_a_superlative_ranks_by_the_extreme(text: str) -> None:
    assert read(text).statistics == (Statistic.MAX,)


@pytest.mark.parametrize(
    "text",
    [
        "what was the longest time WLD001 ran without a stop today",
        "longest run of WLD001 without a pause today",
        "WLD001今天一口气最长运行了多久",
    ],
)
def test_the_longest_time_without_a_stop_is_that_between_stops(text: str) -> None:
    query = read(text)
    assert (query.unbroken, query.conditions[0].operator, query.least) == (True, Operator.LT, timedelta(minutes=1))


def test_the_longest_run_lies_between_stops_or_at_an_end_of_the_time() -> None:
    def at(hour: float) -> datetime:
        return NOW + timedelta(hours=hour)

    stops = (Spell(start=at(5), seconds=3600), Spell(start=at(1), seconds=3600))
    assert longest_between(stops, at(0), at(7)) == Spell(start=at(2), seconds=3 * 3600)
    assert longest_between(stops, at(0), at(10)) == Spell(start=at(6), seconds=4 * 3600)
    assert longest_between((), at(0), at(1)) == Spell(start=at(0), seconds=3600)
    assert longest_between((Spell(start=at(0), seconds=3600),), at(0), at(1)) is None


@pytest.mark.parametrize(
    "text", ["since yesterday evening at 6pm", "since yesterday evening 6pm", "since yesterday 6pm"]
)
def test_since_a_time_of_an_evening_goes_on(text: str) -> None:
    assert hours(read(f"mean current of WLD001 {text}")) == (NIGHT[0], None)


@pytest.mark.parametrize("label", ["porosity", "undercut", "lack_of_fusion"])
@pytest.mark.parametrize("form", ["{} defects of WLD001 yesterday", "how many {} faults did WLD001 have yesterday"])
def test_a_defect_with_the_word_for_it_is_that_label(form: str, label: str) -> None:
    query = read(form.format(label.replace("_", " ")))
    assert [(each.field, each.value) for each in query.conditions] == [("quality_label", label)]


@pytest.mark.parametrize("text", ["昨天WLD001出了多少气孔缺陷", "WLD001昨天有多少气孔", "WLD001昨天有几个气孔"])
def test_how_many_pores_is_no_gas(text: str) -> None:
    query = read(text)
    assert (query.fields, query.unread, query.conditions[0].value) == ((), (), "porosity")


@pytest.mark.parametrize(
    ("text", "least", "over"),
    [
        ("show me the gaps longer than 30 seconds in WLD001's data today", 30, True),
        ("data gaps of WLD001 of at least 1 minute today", 60, False),
        ("WLD001今天超过30秒的数据缺口", 30, True),
    ],
)
def test_gaps_have_a_length(text: str, least: int, over: bool) -> None:
    query = read(text)
    assert (query.least, query.over, query.unread) == (timedelta(seconds=least), over, ())


@pytest.mark.parametrize("order", ["most first", "largest first", "highest first"])
def test_a_list_with_the_most_first_is_a_ranking(order: str) -> None:
    query = read(f"gas consumption per machine for the last 3 hours, {order}")
    assert (query.rank, query.statistics, query.unread) == (True, (Statistic.INTEGRAL,), ())


@pytest.mark.parametrize("where", ["in the shop", "in the plant", "on the shop floor"])
def test_the_shop_is_all_machines(where: str) -> None:
    query = read(f"Anything I should worry about {where}?")
    assert (query.intent, query.all_devices, query.unread) == (Intent.ANOMALY, True, ())


def test_inside_the_shop_is_all_machines_in_chinese_and_a_named_hall_is_that_hall() -> None:
    assert read("车间里现在的温度是多少").all_devices
    assert [each.label for each in read("A车间里哪台机器今天用气最多").references] == ["A"]


def test_both_halls_are_compared_in_chinese() -> None:
    query = read("两个车间今天的平均电流差多少？")
    assert (query.intent, query.by_group, query.all_devices, query.unread) == (Intent.COMPARE, True, True, ())


def test_the_longest_stop_and_its_start_is_no_order_to_start() -> None:
    query = read("What was the longest stop on WLD001 during the night, and when did it start?")
    assert (query.refused, query.longest, query.when, query.unread) == ("", 1, True, ())


def test_volts_times_amps_is_power_and_noise_is_the_deviation() -> None:
    power = read("What was the mean power of WLD001 in the last hour, current times voltage?")
    assert (power.fields, power.statistics) == (("power",), (Statistic.MEAN,))
    assert read("how noisy is the voltage of WLD001 today").statistics == (Statistic.STD,)


@pytest.mark.parametrize("word", ["nonsense", "garbage", "rubbish"])
def test_readings_that_make_no_sense_are_anomalies(word: str) -> None:
    query = read(f"Which sensors of WLD001 read {word} today?")
    assert (query.intent, query.devices, query.unread) == (Intent.ANOMALY, ("WLD001",), ())


@pytest.mark.parametrize("text", ["昨天的焊接合格率是多少？四台都要", "昨天的良品率是多少？所有机器都要"])
def test_words_for_all_machines_behind_a_question_are_part_of_it(text: str) -> None:
    parts = question_parts(text, CODES)
    (query,) = parts_of(parts, read(text), read)
    assert (query.statistics, query.all_devices, query.unread) == ((Statistic.SHARE,), True, ())
