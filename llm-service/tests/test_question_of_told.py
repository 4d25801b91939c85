"""A question behind an answer is of what that answer told: its ranking, its moment, its lines, its two times."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from llm_service.domain.model.message import Message, Role, ToolCall, text_message
from llm_service.domain.offline.conversation import Conversation, conversation_from_messages
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.told_answer import ToldAnswer

NOW = datetime(2026, 11, 28, 12, 34, tzinfo=UTC)
CODES = ("WLD001", "WLD002", "WLD003", "WLD004")
HALLS = dict(zip(CODES, "ABAB", strict=True))
FIELDS = ["current", "voltage", "wire_feed", "gas_flow", "temperature", "quality_label"]
CARDS = {
    "devices": [
        {"device_code": code, "fields": FIELDS[:-1], "text_fields": FIELDS[-1:], "labels": {"hall": HALLS[code]}}
        for code in CODES
    ]
}
RANKED = "WLD002 has the highest mean current on 2026-11-28 so far: 111.4 A (of 4).\n" + "\n".join(
    f"{at}. {code}: {value} A"
    for at, (code, value) in enumerate(zip(("WLD002", *CODES[::2]), (9, 8, 7), strict=True), 1)
)
HOTTEST = (
    "The maximum temperature of WLD003 on 2026-11-28 so far is 281.8 °C, first reached at 2026-11-28 09:45:14 UTC.\n"
    "WLD003 has the highest maximum temperature on 2026-11-28 so far: 281.8 °C (of 2).\n1. WLD003: 281.8 °C\n"
    "2. WLD001: 70 °C"
)
ODD = (
    "On WLD001 from 2026-11-28 08:00 to 2026-11-28 10:00 UTC 3 times stand out (478 windows):\n"
    "- 2026-11-28 08:14:34 to 2026-11-28 08:16:33 UTC: score 2.6, by temperature (100 %)\n"
    "- 2026-11-28 08:30 to 2026-11-28 08:31 UTC: score 28, by voltage (56 %)\n"
    "- 2026-11-28 09:15:04 to 2026-11-28 09:35:48 UTC: score 1.09, by temperature (84 %)"
)


def talk(*said: str) -> Conversation:
    """The conversation of questions and answers in turn, behind a list of the devices."""
    call = ToolCall(id="t", name="list_devices", arguments="{}")
    listed = [
        Message(role=Role.ASSISTANT, tool_calls=(call,)),
        replace(text_message(Role.TOOL, json.dumps(CARDS)), tool_call_id="t", name="list_devices"),
    ]
    roles = (Role.USER, Role.ASSISTANT)
    spoken = [text_message(roles[at % 2], text) for at, text in enumerate(said)]
    return conversation_from_messages([spoken[0], *listed, *spoken[1:]])


def asked(*said: str) -> StructuredQuery:
    (query,) = talk(*said).queries(NOW)
    return query


RANKING = "which machine had the highest mean current today?"


@pytest.mark.parametrize(
    ("then", "code"),
    [
        ("what is the current of the second one?", "WLD001"),
        ("第二名的电流是多少？", "WLD001"),
        ("排第三的那台电流多少", "WLD003"),
        ("the current of the third machine?", "WLD003"),
        ("and the current of the last one?", "WLD003"),
    ],
)
def test_a_place_of_a_ranking_is_the_machine_that_was_told_there(then: str, code: str) -> None:
    query = asked(RANKING, RANKED, then)
    assert (query.devices, query.statistics, query.rank) == ((code,), (Statistic.MEAN,), False)
    assert query.time == asked(RANKING).time


def test_a_place_is_of_another_field_where_one_is_named() -> None:
    query = asked(RANKING, RANKED, "what is the temperature of the second one now?")
    assert (query.devices, query.fields) == (("WLD001",), ("temperature",))


def test_a_place_that_no_ranking_has_is_not_made_up() -> None:
    assert asked(RANKING, RANKED, "what is the current of the fourth one?").devices == ()


@pytest.mark.parametrize(
    "then",
    [
        "was it welding then?",
        "was it welding at that moment?",
        "那时候在焊吗",
        "当时在焊接吗",
        "was it running back then",
    ],
)
def test_then_is_the_moment_that_was_told_of_the_machine_that_was_first(then: str) -> None:
    query = asked("Which machine got hottest today and when?", HOTTEST, then)
    assert query.time is not None and query.time.start == datetime(2026, 11, 28, 9, 45, 14, tzinfo=UTC)
    assert (query.devices, query.holds, query.time.instant, query.unread) == (("WLD003",), True, True, ())


def test_then_is_when_it_was_hottest_without_a_sensor_s_error() -> None:
    sound = "without readings beyond 80.7 °C it is 71.26 °C (2026-11-28 09:44:47)"
    query = asked("Which machine got hottest today and when?", f"{HOTTEST}\n\n- {sound}", "was it welding then?")
    assert query.time is not None and query.time.start == datetime(2026, 11, 28, 9, 44, 47, tzinfo=UTC)


@pytest.mark.parametrize("then", ["was it welding then?", "当时在焊接吗", "what was the voltage at that moment?"])
def test_then_is_named_and_nothing_affirmed_where_no_moment_was_told(then: str) -> None:
    query = asked("mean current of WLD001 today", "The mean current of WLD001 is 108 A.", then)
    assert query.unread
    assert not query.whether


@pytest.mark.parametrize(
    ("then", "start"),
    [
        ("when exactly was the worst of them?", "08:30"),
        ("the most severe one?", "08:30"),
        ("最严重的是哪次", "08:30"),
        ("which lasted longest?", "09:15:04"),
        ("the first one?", "08:14:34"),
        ("最后一次呢", "09:15:04"),
    ],
)
def test_one_of_what_stood_out_is_told_again(then: str, start: str) -> None:
    query = asked("any faults on WLD001 from 8 to 10?", ODD, then)
    assert query.intent is Intent.ANOMALY
    assert [line[2:].startswith(f"2026-11-28 {start}") for line in query.told] == [True]


@pytest.mark.parametrize(
    ("then", "count"),
    [("给我列出前两次", 2), ("list the first two", 2), ("the last 2", 2), ("前三个", 3), ("first 3", 3)],
)
def test_so_many_of_what_stood_out_are_told_again(then: str, count: int) -> None:
    assert len(asked("any faults on WLD001 from 8 to 10?", ODD, then).told) == count


def test_the_last_of_a_list_that_was_cut_is_not_known() -> None:
    query = asked("any faults on WLD001 from 8 to 10?", f"{ODD}\n- … and 9 more", "the last one?")
    assert query.told == ()
    assert any("last" in each for each in query.unread)


def test_that_moment_is_the_one_stretch_that_was_told() -> None:
    line = "Of what I told before:\n- 2026-11-28 08:30 to 2026-11-28 08:31 UTC: score 28, by voltage (56 %)"
    chain = ("any faults on WLD001 from 8 to 10?", ODD, "when was the worst of them?", line)
    query = asked(*chain, "what was the current at that moment?")
    assert query.time is not None and query.time.start == datetime(2026, 11, 28, 8, 30, tzinfo=UTC)
    assert (query.devices, query.fields, query.unread) == (("WLD001",), ("current",), ())


@pytest.mark.parametrize(
    "why", ["Why?", "为什么会这样", "but why", "what caused that?", "怎么回事", "Warum?", "why did it do that?"]
)
def test_why_is_told_by_what_stood_out_of_the_same_machine_and_time(why: str) -> None:
    first = asked("mean voltage of WLD001 today")
    query = asked("mean voltage of WLD001 today", "The mean voltage of WLD001 is 20 V.", why)
    assert (query.intent, query.devices, query.time) == (Intent.ANOMALY, ("WLD001",), first.time)
    assert query.refused in {"why", "为什么"} or query.refused.lower() in why.lower()


@pytest.mark.parametrize("why", ["why is the sky blue and not green today?", "Why?"])
def test_why_of_nothing_told_is_not_answered(why: str) -> None:
    assert asked(why).intent is not Intent.ANOMALY


def test_why_it_stopped_is_of_the_machine_that_stood_longest() -> None:
    told = "WLD004 …\n1. WLD004: 2 h\n2. WLD001: 1 h"
    query = asked("昨晚10点到今早6点哪台机器停机时间最长?", told, "为什么停?")
    assert query.devices == ("WLD004",)
    assert query.time == asked("昨晚10点到今早6点哪台机器停机时间最长?").time
    assert query.conditions


COMPARED = (
    "so is that up or down, by how many percent",
    "is it more or less than yesterday?",
    "多了还是少了",
    "涨了还是跌了，百分之几",
    "higher or lower?",
    "mehr oder weniger?",
)


@pytest.mark.parametrize("then", COMPARED)
def test_two_times_told_one_after_the_other_are_compared(then: str) -> None:
    chain = ("mean current of WLD001 today", "It is 108 A.", "and yesterday?", "It is 85 A.")
    query = asked(*chain, then)
    today, yesterday = asked(*chain[:1]).time, asked(*chain[:3]).time
    assert (query.intent, query.periods, query.unread) == (Intent.COMPARE, (today, yesterday), ())


@pytest.mark.parametrize("then", ["so is it more or less per hour than yesterday?", "每小时多了还是少了"])
def test_amounts_of_two_times_are_compared_by_the_hour(then: str) -> None:
    chain = ("How many metres of wire did WLD001 use today?", "It is 4902 m.", "and yesterday?", "It is 490 m.")
    query = asked(*chain, then)
    assert (query.intent, query.statistics, query.unit) == (Intent.COMPARE, (Statistic.MEAN,), "m/h")
    assert len(query.periods) == 2


def test_two_machines_told_one_after_the_other_are_compared() -> None:
    query = asked("mean current of WLD001 today", "108 A.", "and WLD002?", "100 A.", "higher or lower?")
    assert (query.intent, query.devices) == (Intent.COMPARE, ("WLD001", "WLD002"))


@pytest.mark.parametrize(
    "then", ["split it by hall", "by hall?", "按车间分", "per hall please", "break it down by hall"]
)
def test_what_was_told_is_split_by_hall(then: str) -> None:
    query = asked("total gas of all machines today", "Together: 23 m3.", then)
    assert (query.by_group, query.fields, query.statistics) == (True, ("gas_flow",), (Statistic.INTEGRAL,))


@pytest.mark.parametrize("then", ["same for 1", "the same for number 1 please", "ditto for 1", "1号也一样吗"])
def test_the_same_is_asked_of_the_machine_of_a_number(then: str) -> None:
    query = asked("mean current of WLD003 today", "90 A.", then)
    assert [each.number for each in query.references] == [1]
    assert query.statistics == (Statistic.MEAN,)


@pytest.mark.parametrize("then", ["and the other one in hall B?", "the other machine in hall B?", "B车间的另一台呢"])
def test_the_other_one_of_a_hall_is_that_alone(then: str) -> None:
    query = asked("mean current of WLD002 today", "90 A.", then)
    assert (query.except_devices, query.unread) == (("WLD002",), ())
    assert [each.label for each in query.references] == ["B"]


@pytest.mark.parametrize(
    "then", ["which of the two had more breaks", "which of both stood longer?", "两台里哪台停得多"]
)
def test_which_of_the_two_keeps_both_machines_and_the_time(then: str) -> None:
    chain = ("How long did WLD002 weld since 8:00?", "1 h.", "and the other one in hall B?", "2 h.")
    query = asked(*chain, then)
    assert (query.devices, query.rank) == (("WLD002", "WLD004"), True)
    assert query.time == asked(*chain[:1]).time


def test_the_worst_of_shares_is_the_machine_whose_defects_are_told() -> None:
    query = asked("今天焊缝不合格的比例,每台机器分别是多少?", "WLD001 20%", "最差的那台都是什么缺陷")
    assert query.winner is not None
    assert query.winner.statistics == (Statistic.SHARE, Statistic.MAX)
    assert (query.fields, query.devices) == (("quality_label",), ())


def test_the_lowest_keeps_the_percentile() -> None:
    query = asked(
        "Which machine had the highest 95th percentile of temperature today?", RANKED, "What about the lowest?"
    )
    assert (query.percentiles, query.statistics) == ((95.0,), (Statistic.PERCENTILE, Statistic.MIN))


@pytest.mark.parametrize("then", ["which machine burned most of that", "which machine used the most?", "哪台用得最多"])
def test_who_used_most_of_that_is_of_the_same_amount_and_time(then: str) -> None:
    query = asked("gas used in hall B since midnight in m3", "20 m3.", then)
    assert (query.fields, query.rank) == (("gas_flow",), True)
    assert query.time == asked("gas used in hall B since midnight in m3").time
    assert [each.label for each in query.references] == ["B"]


def test_from_when_to_when_is_of_the_longest_that_was_told() -> None:
    query = asked("WLD003今天停了几次,最长一次停了多久?", "6 次。", "从几点到几点?")
    assert (query.longest, query.when) == (1, True)


LONGEST_STOP = "前面所说的内容中：\n- 2026-11-28 06:44:46 至 2026-11-28 07:45（1 小时）"


@pytest.mark.parametrize(
    "then", ["几点开始的?", "什么时候开始的", "那是几点", "when did it start?", "when was that?", "from when to when?"]
)
def test_when_it_was_is_told_by_the_one_stretch_that_was_told(then: str) -> None:
    chain = ("WLD001今天停了几次", "3 次。", "最长的一次呢", LONGEST_STOP)
    assert asked(*chain, then).told == ("- 2026-11-28 06:44:46 至 2026-11-28 07:45（1 小时）",)


@pytest.mark.parametrize("told", ["6 次。", f"{LONGEST_STOP}\n- 2026-11-28 09:44 至 2026-11-28 09:45（1 分钟）"])
def test_when_it_was_is_told_by_no_line_of_several_or_of_none(told: str) -> None:
    assert asked("WLD001今天停了几次", told, "几点开始的?").told == ()


STOPS = (
    "3 stops.\n- 2026-11-28 02:00 to 2026-11-28 03:00 (1 hour)\n- 2026-11-28 05:00 to 2026-11-28 05:20 (20 minutes)\n"
    "- 2026-11-28 09:00 to 2026-11-28 09:40 (40 minutes)"
)


@pytest.mark.parametrize(
    ("then", "begin"),
    [
        ("and the second longest?", "09:00"),
        ("the third longest one?", "05:00"),
        ("第二长的呢", "09:00"),
        ("the longest?", "02:00"),
    ],
)
def test_the_second_longest_is_told_by_its_line(then: str, begin: str) -> None:
    (line,) = asked("how often did WLD001 stop today", STOPS, then).told
    assert line.startswith(f"- 2026-11-28 {begin}")


def test_the_second_longest_is_none_of_the_one_line_that_was_told() -> None:
    assert asked("how often did WLD001 stop today", LONGEST_STOP, "and the second longest?").told == ()


@pytest.mark.parametrize("then", ["what about anomalies?", "what about implausible values?", "异常呢"])
def test_what_else_is_asked_of_the_machine_before_is_of_no_other(then: str) -> None:
    query = asked("any gaps in the readings of WLD001 since midnight?", "8 gaps.", then)
    assert (query.devices, query.all_devices, query.intent) == (("WLD001",), False, Intent.ANOMALY)


def test_the_reason_of_anomalies_without_a_time_is_looked_for_where_they_were() -> None:
    query = asked("WLD004 有没有异常", "16 处。", "为什么？")
    assert (query.devices, query.recent, query.time) == (("WLD004",), False, None)


def test_how_often_that_happened_is_not_of_the_fields_read_then() -> None:
    first = "When was the last bad seam on WLD002, and what were current and voltage at that moment?"
    query = asked(first, "173 A.", "how often did that happen in the last 24h on the other machines")
    assert (query.fields, query.statistics) == ((), (Statistic.EVENTS,))
    assert query.conditions


@pytest.mark.parametrize(
    "chain",
    [
        ("is WLD003 running right now", "Yes.", "since when?"),
        ("is WLD003 standing right now", "No.", "since when?"),
        ("is everything welding right now?", "No.", "which one stopped first?"),
        (
            "is everything welding right now?",
            "No.",
            "which one stopped first?",
            "WLD002",
            "how long is it standing already",
        ),
    ],
)
def test_since_when_is_by_the_stops_that_last(chain: tuple[str, ...]) -> None:
    query = asked(*chain)
    assert (query.standing, query.since, query.statistics, query.unread) == (True, True, (), ())


@pytest.mark.parametrize(
    "text", ["are they ok?", "all fine?", "are they all right?", "它们还好吗", "都正常吗", "is everything ok?"]
)
def test_whether_they_are_ok_is_asked_of_all_machines(text: str) -> None:
    query = asked(text)
    assert (query.intent, query.all_devices, query.unread) == (Intent.ANOMALY, True, ())


def test_the_times_of_an_answer_are_in_the_zone_it_tells_them_in() -> None:
    told = ToldAnswer(text=ODD, zone=UTC)
    assert [line.device for line in told.lines(CODES)] == ["WLD001"] * 3
    assert told.lines(CODES)[1].time.start == NOW.replace(hour=8, minute=30)
    assert told.moment(first=True) is None
    begun = ToldAnswer(text="It ran since 2026-11-28 08:00 UTC. It was at 2026-11-28 09:00:01 UTC.", zone=UTC)
    moment = begun.moment(first=False)
    assert moment is not None and moment.start == NOW.replace(hour=9, minute=0, second=1) and moment.instant
    assert moment.end == NOW.replace(hour=9, minute=0) + timedelta(seconds=2)


@pytest.mark.parametrize("text", ["", "1. WLD001: 3\n3. WLD002: 4", "no ranking", "1. WLD001: 1\n1. WLD002: 2"])
def test_what_is_no_single_ranking_has_no_places(text: str) -> None:
    assert ToldAnswer(text=text, zone=UTC).ranked() == ()
    assert ToldAnswer(text="1. WLD001: 3\n2. WLD002: 4", zone=UTC).ranked() == ("WLD001", "WLD002")


def test_what_is_read_of_an_answer_is_bounded() -> None:
    far = ToldAnswer(text="-" * 30_000 + "\n1. WLD001: 3\n- 2026-11-28 08:30 to 2026-11-28 08:31 UTC", zone=UTC)
    assert (far.ranked(), far.lines(CODES), far.moment(first=True)) == ((), (), None)
    many = ToldAnswer(text="- 2026-11-28 08:30 to 2026-11-28 08:31 UTC\n" * 10_000, zone=UTC)
    assert 0 < len(many.lines(CODES)) <= 400


def test_a_time_is_of_the_machine_whose_lines_it_stands_in() -> None:
    lines = "- 2026-11-28 08:30 to 2026-11-28 08:31 UTC: score 2"
    told = ToldAnswer(text=f"On pump.1 today:\n{lines}\n\nOf valve1-0.\n{lines}", zone=UTC)
    assert [line.device for line in told.lines(("valve1-0", "pump.1"))] == ["pump.1", "valve1-0"]
