"""Laws of reading: in any phrase put together from parts of the grammar each part is read as it is meant, and each word
of content is either read or named."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, Operator, Statistic, StructuredQuery

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
TODAY = datetime(2026, 11, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a question in both languages, and what it alone makes of a query."""

    english: str
    chinese: str
    means: dict[str, object]


def part(english: str, chinese: str, **means: object) -> Part:
    return Part(english=english, chinese=chinese, means=means)


def since(hours: float) -> tuple[datetime, datetime]:
    return NOW - hours * HOUR, NOW


def day(first: float, last: float) -> tuple[datetime, datetime]:
    return TODAY + first * HOUR, TODAY + last * HOUR


def above(field: str, value: float, unit: str = "", operator: Operator = Operator.GT) -> tuple[Condition, ...]:
    return (Condition(field=field, operator=operator, value=value, unit=unit),)


DEVICES = [part("WLD001", "WLD001", devices=("WLD001",)), part("valve1-0", "valve1-0", devices=("valve1-0",))]
FIELDS = [
    part("current", "电流", fields=("current",)),
    part("voltage", "电压", fields=("voltage",)),
    part("torch temperature", "焊枪温度", fields=("temperature",)),
    part("gas flow", "气体流量", fields=("gas_flow",)),
    part("wire feed speed", "送丝速度", fields=("wire_feed",)),
]
STATISTICS = [
    part("mean", "平均", statistics=(Statistic.MEAN,)),
    part("maximum", "最大", statistics=(Statistic.MAX,)),
    part("lowest", "最低", statistics=(Statistic.MIN,)),
    part("median", "中位数", statistics=(Statistic.MEDIAN,)),
    part("standard deviation of the", "标准差", statistics=(Statistic.STD,)),
    part("variance of the", "方差", statistics=(Statistic.VARIANCE,)),
]
TIMES = [
    part("in the last 3 hours", "最近3小时", range=since(3)),
    part("over the past 90 minutes", "过去90分钟", range=since(1.5)),
    part("today", "今天", range=day(0, 24)),
    part("yesterday", "昨天", range=day(-24, 0)),
    part("the day before yesterday", "前天", range=day(-48, -24)),
    part("this morning", "今天早上", range=day(6, 12)),
    part("yesterday afternoon", "昨天下午", range=day(-12, -6)),
    part("between 9 and 11 am today", "今天上午九点到十一点", range=day(9, 11)),
    part("from 22:00 yesterday to 06:00 today", "昨天22点到今天6点", range=day(-2, 6)),
    part("in the first half of the day", "今天上半天", range=day(0, 12)),
    part("on 2026-11-26", "2026年11月26日", range=day(-48, -24)),
]
CONDITIONS = [
    part("where current > 200 A", "电流大于200安时", conditions=above("current", 200.0, "A")),
    part("when voltage is below 15 V", "电压低于15伏时", conditions=above("voltage", 15.0, "V", Operator.LT)),
    part(
        "while temperature is at least 40",
        "温度至少40时",
        conditions=above("temperature", 40.0, operator=Operator.GE),
    ),
    part(
        "where quality is porosity",
        "质量为气孔时",
        conditions=(Condition(field="quality_label", operator=Operator.EQ, value="porosity"),),
    ),
]
STATES = [
    part("while welding", "焊接时", conditions=above("current", 5.0, operator=Operator.GE)),
    part("while idle", "空闲时", conditions=above("current", 5.0, operator=Operator.LT)),
    part("while the arc was on", "起弧时", conditions=above("current", 5.0, operator=Operator.GE)),
]
POLITE = ["", "please", "hi, could you tell me the", "thanks!", "I'd like to know the", "quick question:"]
POLITE_ZH = ["", "请问", "麻烦帮我查一下", "谢谢", "你好，", "能不能告诉我"]
# Words that say something and that no rule knows, as workers and managers would let them fall.
STRANGE = (
    *("gearbox", "apprentice", "overtime", "humid", "purple", "supplier", "batch", "invoice", "painted", "manually"),
    *(
        "roughness",
        "spatter",
        "nozzle",
        "cleaning",
        "inspection",
        "holiday",
        "prototype",
        "rework",
        "warranty",
        "crane",
    ),
)
STRANGE_ZH = (
    "螺栓",
    "学徒",
    "加班",
    "供应商",
    "批次",
    "返工",
    "喷嘴",
    "飞溅",
    "检修",
    "节假日",
    "样机",
    "起重机",
    "工艺",
    "班组",
)


def chosen(*choices: Sequence[Part]) -> st.SearchStrategy[tuple[Part, ...]]:
    return st.tuples(*(st.sampled_from(each) for each in choices))


NARROWING = st.one_of(chosen(TIMES), chosen(TIMES, CONDITIONS), chosen(TIMES, STATES), chosen(CONDITIONS))


@st.composite
def parts(draw: st.DrawFn) -> tuple[Part, ...]:
    """A statistic of a field of a device, and one or two parts that narrow it down."""
    return (*draw(chosen(STATISTICS, FIELDS, DEVICES)), *draw(NARROWING))


def english(asked: Sequence[Part], *, first: bool = False) -> str:
    """The parts as a phrase; with `first` what narrows it down stands before."""
    statistic, field, device, *narrowing = (each.english for each in asked)
    core, rest = f"{statistic} {field} of {device}", " ".join(narrowing)
    return f"{rest}, {core}" if first else f"{core} {rest}"


def chinese(asked: Sequence[Part]) -> str:
    statistic, field, device, *narrowing = (each.chinese for each in asked)
    return f"{device} {''.join(narrowing)}的{field}{statistic}"


def meant(asked: Sequence[Part]) -> dict[str, object]:
    return {name: value for each in asked for name, value in each.means.items()}


def read(query: StructuredQuery, names: Sequence[str]) -> dict[str, object]:
    found = {name: getattr(query, name) for name in names if name != "range"}
    return found | ({"range": query.time and (query.time.start, query.time.end)} if "range" in names else {})


@settings(max_examples=400, deadline=None)
@given(asked=parts(), first=st.booleans(), polite=st.sampled_from(POLITE))
def test_parts_put_together_in_english_mean_what_each_means(asked: tuple[Part, ...], first: bool, polite: str) -> None:
    text = f"{polite} {english(asked, first=first)}".strip()
    query, wanted = parse_prompt(text, NOW), meant(asked)
    assert read(query, list(wanted)) == wanted, text
    assert query.unread == (), text


@settings(max_examples=400, deadline=None)
@given(asked=parts(), polite=st.sampled_from(POLITE_ZH))
def test_parts_put_together_in_chinese_mean_what_each_means(asked: tuple[Part, ...], polite: str) -> None:
    text = f"{polite}{chinese(asked)}"
    query, wanted = parse_prompt(text, NOW), meant(asked)
    assert read(query, list(wanted)) == wanted, text
    assert query.unread == (), text


def told(query: StructuredQuery) -> str:
    """Everything of a question that its answer shows or names as not understood."""
    notes = (word for note in query.notes for word in note.words)
    values = (str(condition.value) for condition in query.conditions)
    return " ".join((*query.unread, *notes, *values, *query.fields, *query.devices, query.refused)).lower()


@settings(max_examples=500, deadline=None)
@given(
    asked=parts(),
    words=st.lists(st.sampled_from(STRANGE), min_size=1, max_size=2, unique=True),
    places=st.lists(st.integers(0, 40), min_size=2, max_size=2),
)
def test_a_word_that_no_rule_knows_is_named_wherever_it_stands(
    asked: tuple[Part, ...], words: list[str], places: list[int]
) -> None:
    pieces = english(asked).split()
    for word, place in zip(words, places, strict=False):
        pieces.insert(place % (len(pieces) + 1), word)
    text = " ".join(pieces)
    named = told(parse_prompt(text, NOW))
    assert all(word in named for word in words), (text, named)


@settings(max_examples=500, deadline=None)
@given(asked=parts(), word=st.sampled_from(STRANGE_ZH), place=st.integers(0, 4))
def test_a_chinese_word_that_no_rule_knows_is_named_wherever_it_stands(
    asked: tuple[Part, ...], word: str, place: int
) -> None:
    statistic, field, device, *narrowing = (each.chinese for each in asked)
    pieces = [device, *narrowing, "的", field, statistic]
    pieces.insert(place % (len(pieces) + 1), word)
    named = told(parse_prompt("".join(pieces), NOW))
    assert word in named or all(character in named for character in word), ("".join(pieces), named)


@settings(max_examples=300, deadline=None)
@given(asked=parts(), others=chosen(STATISTICS, FIELDS))
def test_a_second_statistic_and_field_are_read_too(asked: tuple[Part, ...], others: tuple[Part, ...]) -> None:
    statistic, field = others
    text = f"{english(asked)} and {statistic.english} {field.english}"
    query = parse_prompt(text, NOW)
    named = told(query)
    for name, value in (*statistic.means.items(), *field.means.items()):
        found = getattr(query, name)
        assert set(value) <= set(found) or field.english in named, text  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(asked=parts(), device=st.sampled_from(["WLD002", "WLD003"]), time=st.sampled_from(TIMES))
def test_another_device_or_range_of_time_is_read_or_named(asked: tuple[Part, ...], device: str, time: Part) -> None:
    text = f"{english(asked)} compared with {device} {time.english}"
    # A day beside times of day, or beside a part of one, says of which day they are.
    beside = (" and ", ":", "half of the day")
    assume(not any(word in each.english for each in (*asked, time) for word in beside))
    query = parse_prompt(text, NOW)
    assert device in query.devices, text
    ranges = [(each.start, each.end) for each in query.periods or ((query.time,) if query.time else ())]
    assert time.means["range"] in ranges or query.unread, text


ODD = st.text(alphabet=st.sampled_from("aA_0 .:-/一点半昨,?'\"()%°°C>=<\u3000😀"), max_size=60)


@settings(max_examples=600, deadline=None)
@given(text=ODD)
@pytest.mark.parametrize("tail", ["", " mean current of WLD001"])
def test_no_text_however_odd_makes_the_rules_fail(text: str, tail: str) -> None:
    query = parse_prompt(f"{text}{tail}", NOW)
    assert replace(query) == query


@pytest.mark.parametrize("text", ["0_ A", "5_A_ B", "1_", "_ 2_ C D"])
def test_an_underscore_behind_a_number_is_a_word(text: str) -> None:
    assert parse_prompt(text, NOW) is not None
