"""States, stretches, readings at an end, groups and several questions at once are read as what they ask."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import DeviceReference, Intent, Operator, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.question_parts import parts_of, question_parts
from llm_service.domain.offline.token import tokenize
from llm_service.domain.offline.vocabulary import lexicon

NOW = datetime(2026, 11, 28, 12, 34, tzinfo=UTC)  # a Saturday
TODAY = datetime(2026, 11, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
CODES = ("WLD001", "WLD002", "WLD003")
# What a machine is said to be doing, by the operator of the condition that it is.
STATES = {
    Operator.GE: ["running", "welding", "working", "in use", "switched on"],
    Operator.LT: ["idle", "off", "stopped", "not running", "not welding", "standing still"],
}
STATES_ZH = {Operator.GE: ["运行", "工作", "开着", "焊接中"], Operator.LT: ["停机", "空闲", "没在运行", "关机"]}
FIELDS = {"current": "电流", "voltage": "电压", "temperature": "温度", "wire_feed": "送丝速度", "gas_flow": "气体流量"}
NUMBERS = {2: "两", 3: "三", 4: "四", 5: "五", 10: "十"}


def state(words: dict[Operator, list[str]]) -> st.SearchStrategy[tuple[Operator, str]]:
    return st.sampled_from([(operator, word) for operator, listed in words.items() for word in listed])


def only(query: StructuredQuery) -> tuple[str, Operator, float | str]:
    (condition,) = query.conditions
    return condition.field, condition.operator, condition.value


@settings(deadline=None)
@given(said=state(STATES), device=st.sampled_from(CODES), field=st.sampled_from(sorted(FIELDS)))
def test_a_state_that_a_word_leads_to_is_a_condition(said: tuple[Operator, str], device: str, field: str) -> None:
    operator, word = said
    name = field.replace("_", " ")
    for text in (
        f"mean {name} of {device} while {word} in the last hour",
        f"mean {name} of {device} when it was {word} in the last hour",
        f"in the last hour, while {device} was {word}, what was the mean {name}?",
    ):
        query = parse_prompt(text, NOW)
        assert only(query) == ("current", operator, 5), text
        assert (query.statistics, query.fields, query.unread) == ((Statistic.MEAN,), (field,), ()), text
        assert query.notes[0].words[1] == f"current {operator} 5"


@settings(deadline=None)
@given(said=state(STATES), device=st.sampled_from(CODES))
def test_a_state_that_is_left_out_turns_round(said: tuple[Operator, str], device: str) -> None:
    operator, word = said
    query = parse_prompt(f"mean voltage of {device} in the last hour, excluding the time it was {word}", NOW)
    turned = Operator.LT if operator is Operator.GE else Operator.GE
    assert (only(query), query.unread) == (("current", turned, 5), ())


@settings(deadline=None)
@given(said=state(STATES), said_zh=state(STATES_ZH), device=st.sampled_from(CODES), count=st.sampled_from([2, 3, 4]))
def test_when_and_for_how_long_a_state_held_is_asked(
    said: tuple[Operator, str], said_zh: tuple[Operator, str], device: str, count: int
) -> None:
    for (operator, word), text in (
        (said, "when was {device} {word} in the last {count} hours?"),
        (said_zh, "{device}最近{number}小时什么时候{word}"),
    ):
        query = parse_prompt(text.format(device=device, word=word, count=count, number=NUMBERS[count]), NOW)
        assert (only(query), query.when, query.unread) == (("current", operator, 5), True, ()), text
    for (operator, word), text in (
        (said, "for how long was {device} {word} in the last {count} hours?"),
        (said_zh, "{device}最近{number}小时{word}了多长时间"),
    ):
        query = parse_prompt(text.format(device=device, word=word, count=count, number=NUMBERS[count]), NOW)
        assert only(query) == ("current", operator, 5), text
        assert (query.statistics, query.time is not None) == ((Statistic.DURATION,), True), text
        assert query.time is not None
        assert (query.time.start, query.refused, query.unread) == (NOW - count * HOUR, "", ()), text


@settings(deadline=None)
@given(said=state(STATES), said_zh=state(STATES_ZH), device=st.sampled_from(CODES))
def test_whether_a_state_holds_is_asked_of_now_or_of_a_moment(
    said: tuple[Operator, str], said_zh: tuple[Operator, str], device: str
) -> None:
    for (operator, word), text, hours in (
        (said, "is {device} {word}?", None),
        (said, "is {device} {word} right now?", None),
        (said, "was {device} {word} at 3 am?", 3),
        (said_zh, "{device}现在{word}吗", None),
        (said_zh, "今天凌晨三点{device}{word}吗", 3),
    ):
        query = parse_prompt(text.format(device=device, word=word), NOW)
        asked = query.time.start if query.time else None
        wanted = None if hours is None else TODAY + hours * HOUR
        assert (only(query), query.holds, asked) == (("current", operator, 5), True, wanted), text
        assert (query.statistics, query.unread) == ((), ()), text


@pytest.mark.parametrize(
    "text", ["which machines are running?", "how many machines are running now?", "哪些设备在运行"]
)
def test_which_devices_are_in_a_state_is_asked_of_all(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.holds, query.all_devices, query.rank) == (True, True, False)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("is the temperature of WLD001 above 60 °C?", True),
        ("was the temperature of WLD001 above 60 °C at noon?", True),
        ("was the temperature of WLD001 ever above 60 °C?", False),
        ("was the temperature of WLD001 above 60 °C today?", False),
        ("did the temperature of WLD001 go above 60 °C?", False),
        ("WLD001 有没有超过 60 度", False),
    ],
)
def test_whether_a_condition_holds_is_no_question_for_how_often_it_did(text: str, holds: bool) -> None:
    query = parse_prompt(text, NOW)
    assert (query.holds, Statistic.EVENTS in query.statistics, query.whether) == (holds, not holds, True)


@settings(deadline=None)
@given(said=state(STATES), said_zh=state(STATES_ZH), device=st.sampled_from(CODES))
def test_since_when_a_state_holds_is_asked(
    said: tuple[Operator, str], said_zh: tuple[Operator, str], device: str
) -> None:
    for (operator, word), text in (
        (said, "since when has {device} been {word}?"),
        (said, "how long has {device} been {word}?"),
        (said_zh, "{device}从什么时候开始{word}"),
    ):
        query = parse_prompt(text.format(device=device, word=word), NOW)
        assert (only(query), query.since, query.unread) == (("current", operator, 5), True, ()), text
    today = parse_prompt(f"how long has {device} been {said[1]} today?", NOW)
    assert (today.since, today.statistics) == (False, (Statistic.DURATION,))


@settings(deadline=None)
@given(
    count=st.sampled_from(sorted(NUMBERS)),
    field=st.sampled_from(sorted(FIELDS)),
    end=st.sampled_from([("highest", "最高"), ("lowest", "最低")]),
    device=st.sampled_from(CODES),
)
def test_readings_at_an_end_are_asked_for_by_their_number(
    count: int, field: str, end: tuple[str, str], device: str
) -> None:
    name, english, chinese = field.replace("_", " "), end[0], end[1]
    for text in (
        f"the {count} {english} {name} readings of {device} in the last hour",
        f"the {count} {english} readings of {name} on {device} in the last hour",
        f"{device}最近一小时{FIELDS[field]}{chinese}的{NUMBERS[count]}条数据",
        f"列出{device}最近一小时{FIELDS[field]}{chinese}的 {count} 个读数",
    ):
        query = parse_prompt(text, NOW)
        assert (query.intent, query.limit, query.ordered) == (Intent.QUERY, count, english), text
        assert (query.fields, query.devices, query.unread) == ((field,), (device,), ()), text


@pytest.mark.parametrize("text", ["first 3 readings of WLD001 today", "WLD001今天的前三条数据"])
def test_the_first_readings_are_no_readings_at_an_end(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.limit, query.newest, query.ordered) == (3, False, "")


@pytest.mark.parametrize(
    "text", ["top 2 machines by mean current today", "the 2 hottest machines today", "今天温度最高的两台机器"]
)
def test_so_many_machines_are_no_readings(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.rank, query.top, query.ordered) == (True, 2, "")


@settings(deadline=None)
@given(count=st.integers(1, 12), unit=st.sampled_from([("hour", "小时", HOUR), ("minute", "分钟", HOUR / 60)]))
def test_the_length_before_the_last_one_is_read(count: int, unit: tuple[str, str, timedelta]) -> None:
    length = unit[2] * count
    named = unit[0] if count == 1 else f"{count} {unit[0]}s"
    for text in (
        f"mean current of WLD001 in the {named} before last",
        f"mean current of WLD001 in the {named} before the last {named}",
        f"WLD001再上{count if count > 1 else '一'}{unit[1]}的平均电流",
    ):
        query = parse_prompt(text, NOW)
        assert query.time is not None, text
        assert (query.time.start, query.time.end) == (NOW - 2 * length, NOW - length), text
        assert query.unread == (), text


@settings(deadline=None)
@given(count=st.integers(1, 12), unit=st.sampled_from([("hours", "小时"), ("minutes", "分钟"), ("days", "天")]))
def test_a_length_to_come_is_refused(count: int, unit: tuple[str, str]) -> None:
    for text in (
        f"what will the temperature of WLD001 be in the next {count} {unit[0]}?",
        f"temperature of WLD001 over the next {count} {unit[0]}",
        f"WLD001未来{count}{unit[1]}的温度",
        f"WLD001接下来{count}{unit[1]}温度会到多少",
    ):
        assert parse_prompt(text, NOW).refused, text


@settings(deadline=None)
@given(day=st.sampled_from([("yesterday", "昨天", 1), ("the day before yesterday", "前天", 2)]))
def test_the_same_time_of_another_day_is_that_moment(day: tuple[str, str, int]) -> None:
    for text in (
        f"temperature of WLD001 this time {day[0]}",
        f"temperature of WLD001 {day[0]} at the same time",
        f"WLD001{day[1]}这个时候的温度",
        f"{day[1]}同一时间WLD001的温度",
    ):
        query = parse_prompt(text, NOW)
        assert query.time is not None, text
        assert (query.time.start, query.time.instant) == (NOW - timedelta(days=day[2]), True), text
        assert query.unread == (), text


def test_a_moment_or_a_day_that_is_compared_with_nothing_else_is_compared_with_now() -> None:
    moment = parse_prompt("WLD001 比昨天这个时候热吗", NOW)
    assert [time.start for time in moment.periods] == [NOW - timedelta(days=1), NOW]
    day = parse_prompt("compare the mean current of WLD001 with yesterday", NOW)
    assert [time.start for time in day.periods] == [TODAY - timedelta(days=1), TODAY]


@settings(deadline=None)
@given(
    word=st.sampled_from([("hall", "车间"), ("area", "区域"), ("line", "产线")]), value=st.sampled_from(["A", "B", "2"])
)
def test_devices_are_named_by_what_a_label_says(word: tuple[str, str], value: str) -> None:
    for text in (
        f"mean current of all machines in {word[0]} {value} today",
        f"mean current in {word[0]} {value} today",
        f"{value}{word[1]}的机器今天的平均电流",
    ):
        query = parse_prompt(text, NOW)
        assert query.references == (DeviceReference(number=0, label=value),), text
        assert (query.statistics, query.unread) == ((Statistic.MEAN,), ()), text


@settings(deadline=None)
@given(digits=st.integers(0, 5))
def test_decimals_are_asked_for(digits: int) -> None:
    number = "零一两三四五"[digits]
    for text in (
        f"mean current of WLD001 today rounded to {digits} decimals",
        f"mean current of WLD001 today, with {digits} decimal places",
        f"WLD001今天的平均电流保留{number}位小数",
    ):
        query = parse_prompt(text, NOW)
        assert (query.decimals, query.unread, query.statistics) == (digits, (), (Statistic.MEAN,)), text


def read(text: str) -> tuple[StructuredQuery, ...]:
    return parts_of(question_parts(text, CODES), parse_prompt(text, NOW), lambda part: parse_prompt(part, NOW))


@settings(deadline=None)
@given(
    first=st.sampled_from(sorted(FIELDS)), second=st.sampled_from(sorted(FIELDS)), codes=st.permutations(list(CODES))
)
def test_two_questions_in_one_are_two(first: str, second: str, codes: list[str]) -> None:
    one, other = first.replace("_", " "), second.replace("_", " ")
    linked = read(f"max {one} of {codes[0]} and min {other} of {codes[1]} in the last hour")
    assert [query.devices for query in linked] == [(codes[0],), (codes[1],)]
    assert [query.fields for query in linked] == [(first,), (second,)]
    assert [query.statistics for query in linked] == [(Statistic.MAX,), (Statistic.MIN,)]
    assert {query.time.start for query in linked if query.time} == {NOW - HOUR}
    marked = read(f"What is the mean {one} of {codes[0]} today? And the max {other} of {codes[1]} yesterday?")
    assert [query.fields for query in marked] == [(first,), (second,)]
    assert [query.time.start for query in marked if query.time] == [TODAY, TODAY - timedelta(days=1)]
    leaning = read(f"{codes[0]}今天的平均{FIELDS[first]}是多少？昨天呢？")
    assert [(query.devices, query.fields) for query in leaning] == [((codes[0],), (first,))] * 2


@pytest.mark.parametrize(
    "text",
    [
        "Hello! What was the mean current of WLD001 in the last hour? Thanks!",
        "WLD002 什么时候温度最高？只看今天",
        "mean current and max temperature of WLD001 today",
        "correlation between current and voltage of WLD001. Only today.",
    ],
)
def test_one_question_stays_one(text: str) -> None:
    assert len(read(text)) == 1


@settings(deadline=None)
@given(place=st.integers(0, 9), words=st.permutations(["average", "current", "hour", "last"]))
def test_two_letters_that_changed_places_are_read_as_they_were_meant(place: int, words: list[str]) -> None:
    word = words[0]
    at = place % (len(word) - 1)
    wrong = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    text = "What was the average current of WLD001 in the last hour?".replace(word, wrong)
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.fields, query.unread) == ((Statistic.MEAN,), ("current",), ()), text
    assert query.time is not None, text


def test_no_word_that_says_nothing_holds_one_that_names_a_time() -> None:
    """A phrase that may be dropped ("so far today") must not drop a day with it; greetings do."""
    said = {Kind.DAY, Kind.RELATIVE_PERIOD, Kind.WEEKDAY, Kind.MONTH, Kind.ZONE}
    dropped = [phrase for phrase, senses in phrases_of(lexicon()) if Kind.FILLER in senses and not said & senses.keys()]
    holding = [
        phrase
        for phrase in dropped
        for token in tokenize(phrase)
        if said & lexicon().longest((token,), 0)[1].keys() and len(tokenize(phrase)) > 1
    ]
    assert holding == []


def phrases_of(words: Lexicon) -> list[tuple[str, dict[Kind, object]]]:
    return [(" ".join(path), dict(senses)) for path, senses in words.phrases()]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("mean current of each weld on WLD001 today", "each weld"),
        ("mean current per weld on WLD001 today", "per weld"),
        ("mean voltage of WLD001 between welds today", "between"),
        ("how many readings of WLD001 were out of range today", "out of range"),
    ],
)
def test_words_that_limit_a_question_are_named_though_they_say_nothing_elsewhere(text: str, named: str) -> None:
    assert named in " ".join(parse_prompt(text, NOW).unread)


@settings(deadline=None)
@given(
    field=st.sampled_from(sorted(FIELDS)),
    side=st.sampled_from([("higher than", "above", "高"), ("lower than", "below", "低"), ("above", "above", "高")]),
    ask=st.sampled_from([("when was", True), ("for how long was", False)]),
)
def test_one_device_against_another_in_time_is_asked(
    field: str, side: tuple[str, str, str], ask: tuple[str, bool]
) -> None:
    for text in (
        f"{ask[0]} the {field.replace('_', ' ')} of WLD001 {side[0]} that of WLD002 today?",
        f"今天WLD001的{FIELDS[field]}什么时候比WLD002{side[2]}",
    ):
        query = parse_prompt(text, NOW)
        assert (query.versus, query.devices, query.fields) == (side[1], ("WLD001", "WLD002"), (field,)), text
        assert (query.unread, query.conditions) == ((), ()), text


@pytest.mark.parametrize(
    "text",
    ["is WLD001 hotter than WLD002?", "compare the current of WLD001 and WLD002", "which is hotter, WLD001 or WLD002?"],
)
def test_a_comparison_of_two_devices_is_none_in_time(text: str) -> None:
    assert parse_prompt(text, NOW).versus == ""


@pytest.mark.parametrize("text", ["when did WLD001 last weld?", "WLD001上次焊接是什么时候"])
def test_the_last_weld_is_the_last_time_of_a_state(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (only(query), query.when, query.once, query.unread) == (("current", Operator.GE, 5), True, True, ())


@pytest.mark.parametrize("text", ["is WLD001 on?", "was WLD001 on at 3 am?", "since when has WLD001 been on?"])
def test_on_is_a_state_where_it_ends_what_is_said_of_a_machine(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (only(query), query.unread) == (("current", Operator.GE, 5), ())


@pytest.mark.parametrize("text", ["mean current on WLD001 today", "what was the voltage on WLD001 on Friday?"])
def test_on_is_no_state_elsewhere(text: str) -> None:
    assert not parse_prompt(text, NOW).conditions


@pytest.mark.parametrize("text", ["is WLD001 there?", "does WLD001 have it?"])
def test_an_overview_for_want_of_anything_else_says_so(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert [note.remark for note in query.notes] == [Remark.OVERVIEW]


@settings(deadline=None)
@given(count=st.integers(2, 5), unit=st.sampled_from([("hours", "小时", HOUR), ("minutes", "分钟", HOUR / 60)]))
def test_another_word_for_the_same_length_is_the_one_before_it(count: int, unit: tuple[str, str, timedelta]) -> None:
    length = unit[2] * count
    for text in (
        f"mean current of WLD001 in the last {count} {unit[0]} and the previous {count} {unit[0]}",
        f"mean current of WLD001 in the last {count} {unit[0]} compared to the {count} {unit[0]} before",
        f"WLD001最近{count}{unit[1]}和前{count}{unit[1]}的平均电流",
    ):
        query = parse_prompt(text, NOW)
        assert [(time.start, time.end) for time in query.periods] == [
            (NOW - length, NOW),
            (NOW - 2 * length, NOW - length),
        ], text
        assert query.unread == (), text


@settings(deadline=None)
@given(count=st.integers(2, 5), unit=st.sampled_from([("hours", "小时", HOUR), ("days", "天", 24 * HOUR)]))
def test_so_many_intervals_of_a_ranking_are_asked_for(count: int, unit: tuple[str, str, timedelta]) -> None:
    for text in (
        f"which {count} {unit[0]} had the highest mean temperature on WLD001 this month?",
        f"the {count} hottest {unit[0]} of WLD001 this month",
        f"WLD001本月平均温度最高的{NUMBERS[count]}{'个' if unit[1] == '小时' else ''}{unit[1]}",
    ):
        query = parse_prompt(text, NOW)
        assert (query.interval, query.top, query.rank) == (unit[2], count, True), text
        assert (query.fields, query.unread) == (("temperature",), ()), text


@pytest.mark.parametrize("text", ["What is the second hottest machine today?", "which was the hottest machine today?"])
def test_the_place_of_a_machine_is_asked_of_all(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.rank, query.all_devices, query.unread) == (True, True, ())


@pytest.mark.parametrize(
    "text", ["for which machines did the temperature exceed 200 °C today?", "今天哪些机器温度超过了 200 度"]
)
def test_which_machines_did_is_asked_by_how_many_readings(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.rank, query.statistics, only(query)) == (True, (Statistic.COUNT,), ("temperature", Operator.GT, 200))


def test_a_change_between_two_times_is_the_course_between_them() -> None:
    query = parse_prompt("How much did the temperature of WLD003 change between 8:00 and 11:00?", NOW)
    assert query.time is not None
    assert (query.intent, query.time.start, query.time.end) == (Intent.TREND, TODAY + 8 * HOUR, TODAY + 11 * HOUR)


@pytest.mark.parametrize(
    "text", ["temperature of WLD002 at noon and at 3pm yesterday", "昨天WLD002中午12点和下午三点的温度"]
)
def test_two_times_of_day_are_two_moments(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert [time.start for time in query.periods] == [TODAY - 12 * HOUR, TODAY - 9 * HOUR]
    assert all(time.instant for time in query.periods)


@pytest.mark.parametrize(
    "text",
    ["最近一小时 WLD001 焊接的时候电压有没有低于 10 伏", "did the voltage of WLD001 drop below 10 V while welding?"],
)
def test_a_state_beside_a_condition_is_not_lost(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert {condition.field for condition in query.conditions} == {"voltage", "current"}


@pytest.mark.parametrize(
    "text", ["how long did WLD002 weld between 1 pm and 2 pm yesterday?", "昨天下午一点到两点 WLD002 焊了多久"]
)
def test_how_long_it_welded_is_a_duration(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, only(query), query.unread) == ((Statistic.DURATION,), ("current", Operator.GE, 5), ())


@pytest.mark.parametrize("text", ["Which device has been idle the most since 6 am?", "早上六点以来哪台设备空闲最久"])
def test_who_was_in_a_state_the_most_is_ranked_by_how_long(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.rank, Statistic.DURATION in query.statistics, query.unread) == (True, True, ())


def test_how_often_it_spiked_over_a_number_is_counted() -> None:
    query = parse_prompt("how often did WLD001's current spike over 300 amps today?", NOW)
    assert (query.intent, query.statistics) == (Intent.STATISTICS, (Statistic.EVENTS,))


@pytest.mark.parametrize(
    "text", ["零点以来 WLD002 的最低温度及其时间", "lowest temperature of WLD002 today and its time"]
)
def test_the_time_of_an_extreme_is_asked_for_beside_it(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.when, query.statistics, query.unread) == (True, (Statistic.MIN,), ())


@pytest.mark.parametrize(
    "text", ["今天每台机器的峰值电流，从大到小排", "max current of each machine today, from highest to lowest"]
)
def test_all_in_an_order_are_a_ranking(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.rank, query.all_devices, query.unread) == (True, True, ())


@pytest.mark.parametrize("text", ["Is WLD004 getting hotter over the last six hours?", "最近六小时 WLD004 越来越热吗"])
def test_getting_hotter_is_the_course_of_the_temperature(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.intent, query.fields, query.unread) == (Intent.TREND, ("temperature",), ())


@pytest.mark.parametrize("text", ["WLD003 停机多久了", "how long has WLD003 been off?"])
def test_how_long_it_has_been_so_is_asked_of_what_goes_on(text: str) -> None:
    assert parse_prompt(text, NOW).since


@pytest.mark.parametrize(
    "text", ["was WLD003 hotter at 8 pm than at 7 pm yesterday?", "昨天晚上八点 WLD003 的温度比七点高吗"]
)
def test_times_that_are_compared_are_of_the_same_half_of_the_day(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert [time.start for time in query.periods] == [TODAY - 4 * HOUR, TODAY - 5 * HOUR]


@pytest.mark.parametrize("text", ["between which times was WLD004 idle today?", "今天 WLD004 在哪些时段空闲"])
def test_which_times_are_the_stretches(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.when, query.statistics, only(query)) == (True, (), ("current", Operator.LT, 5))


@pytest.mark.parametrize(
    "text",
    ["smallest gas flow during welding on WLD004 today, and when?", "今天 WLD004 焊接时气体流量最小是多少，什么时候"],
)
def test_the_time_of_an_extreme_in_a_state_is_asked_for(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.when, query.statistics, query.fields, only(query)) == (
        True,
        (Statistic.MIN,),
        ("gas_flow",),
        ("current", Operator.GE, 5),
    )


def test_what_is_used_right_now_is_no_amount() -> None:
    assert parse_prompt("is WLD001 or WLD004 using more current right now?", NOW).statistics == (Statistic.LAST,)


@settings(deadline=None)
@given(minutes=st.integers(1, 29), hour=st.integers(1, 11))
def test_so_many_minutes_past_an_hour_are_a_time_of_day(minutes: int, hour: int) -> None:
    query = parse_prompt(f"voltage of WLD001 at {minutes} past {hour} yesterday morning", NOW)
    assert query.time is not None
    assert query.time.start == TODAY - 24 * HOUR + hour * HOUR + timedelta(minutes=minutes)


@pytest.mark.parametrize(("word", "statistic"), [("hottest", Statistic.MAX), ("coolest", Statistic.MIN)])
@pytest.mark.parametrize("verb", ["ran", "ran the", "run the"])
def test_a_verb_that_carries_an_end_is_no_state(word: str, statistic: Statistic, verb: str) -> None:
    query = parse_prompt(f"Which machine {verb} {word} in the last 24 hours?", NOW)
    assert (query.statistics, query.fields, query.conditions) == ((statistic,), ("temperature",), ())
    assert query.unread == ()


def test_a_state_beside_how_long_stays_one() -> None:
    query = parse_prompt("Which machine ran the longest today?", NOW)
    assert only(query) == ("current", Operator.GE, 5)
    assert query.statistics == (Statistic.DURATION,)


@pytest.mark.parametrize("label", ["A", "B"])
@pytest.mark.parametrize(
    "text",
    [
        "Which machines are in hall {}?",
        "{}车间有哪几台设备？",
        "哪些设备在{}车间？",
        "which devices are there in hall {}",
    ],
)
def test_who_belongs_to_a_group_is_a_list_and_no_overview(text: str, label: str) -> None:
    query = parse_prompt(text.format(label), NOW)
    assert query.intent is Intent.LIST_DEVICES
    assert [reference.label for reference in query.references] == [label]


@pytest.mark.parametrize(
    "text",
    ["Which machines in hall A were idle today?", "Which machine in hall A is the hottest?", "mean current of hall A"],
)
def test_what_is_asked_of_a_group_is_no_list(text: str) -> None:
    assert parse_prompt(text, NOW).intent is not Intent.LIST_DEVICES


def test_litres_of_gas_are_an_amount_whatever_the_verb_is() -> None:
    query = parse_prompt("How many litres of gas did WLD001 burn since midnight?", NOW)
    assert (query.statistics, query.fields, query.unit) == ((Statistic.INTEGRAL,), ("gas_flow",), "L")
    assert query.unread == ()
