"""What turns a condition round is read as that, or no number is given: never the opposite of what was asked."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.model.request import ToolDefinition
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.chinese import Chinese
from llm_service.domain.offline.conversation import Conversation
from llm_service.domain.offline.english import English
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.plan import next_step
from llm_service.domain.offline.plan_state import Say
from llm_service.domain.offline.query import Language, Operator, Statistic
from llm_service.domain.offline.toolbox import Toolbox

NOW = datetime(2026, 11, 28, 12, 34, tzinfo=UTC)
LABELS = {"good": "良好", "porosity": "气孔", "undercut": "咬边", "lack of fusion": "未熔合"}
VALUES = {name: name.replace(" ", "_") for name in LABELS}
TURNED = [
    "not labelled {}",
    "not labeled as {}",
    "that were not marked as {}",
    "that weren't classified as {}",
    "without the label {}",
    "without a {} label",
    "excluding the label {}",
    "with a label other than {}",
    "with any label but {}",
    "that lack the label {}",
    "that are anything but {}",
    "with no label {}",
    "free of {}",
    "unless {}",
    "which failed to be {}",
    "excluding readings where the quality is {}",
    "when the label isn't {}",
    "when it was not really {}",
]
TURNED_ZH = [
    "没有标为{}的",
    "没被标记为{}的",
    "未标注为{}的",
    "不是{}的",
    "非{}的",
    "标签不是{}的",
    "没有标记成{}的",
    "并没有标为{}的",
    "除了标为{}的读数以外",
    "去掉标签是{}的",
]
SAID = ["labelled {}", "marked as {}", "with the label {}", "where the quality is {}", "when it was really {}"]
SAID_ZH = ["标为{}的", "被标记为{}的", "标签是{}的"]
TWICE = ["excluding those not labelled {}", "except the ones that were not marked as {}"]
label = st.sampled_from(sorted(LABELS))


def operator_of(text: str) -> tuple[Operator, float | str]:
    query = parse_prompt(text, NOW)
    assert query.unread == () and query.statistics == (Statistic.MEAN,), text
    (condition,) = query.conditions
    assert condition.field == "quality_label", text
    return condition.operator, condition.value


@settings(deadline=None)
@given(phrase=st.sampled_from(TURNED), name=label, behind=st.booleans())
def test_readings_without_a_label_are_asked_for_in_any_words(phrase: str, name: str, behind: bool) -> None:
    said = phrase.format(name)
    text = f"mean current of WLD001 yesterday for readings {said}" if behind else f"mean current {said} of WLD001"
    assert operator_of(text) == (Operator.NE, VALUES[name])


@settings(deadline=None)
@given(phrase=st.sampled_from(TURNED_ZH), name=label)
def test_readings_without_a_label_are_asked_for_in_any_chinese_words(phrase: str, name: str) -> None:
    assert operator_of(f"WLD001昨天{phrase.format(LABELS[name])}平均电流") == (Operator.NE, VALUES[name])


@settings(deadline=None)
@given(phrase=st.sampled_from([*SAID, *TWICE]), name=label)
def test_a_label_that_is_said_or_turned_round_twice_is_that_label(phrase: str, name: str) -> None:
    text = f"mean current of WLD001 yesterday for readings {phrase.format(name)}"
    assert operator_of(text) == (Operator.EQ, VALUES[name])


@settings(deadline=None)
@given(phrase=st.sampled_from(SAID_ZH), name=label)
def test_a_label_that_is_said_in_chinese_is_that_label(phrase: str, name: str) -> None:
    assert operator_of(f"WLD001昨天{phrase.format(LABELS[name])}平均电流") == (Operator.EQ, VALUES[name])


@pytest.mark.parametrize(
    "text",
    [
        "how many readings of WLD001 were neither good nor porosity today",
        "WLD001今天既不是良好也不是气孔的平均电流",
        "mean current of WLD001 excluding good and porosity",
    ],
)
def test_two_labels_that_are_left_out_are_both_left_out(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert {(each.operator, each.value) for each in query.conditions} == {
        (Operator.NE, "good"),
        (Operator.NE, "porosity"),
    }
    assert query.unread == ()


def test_the_kind_of_the_bad_ones_is_one_condition() -> None:
    (condition,) = parse_prompt("how many bad welds (porosity) on WLD001 today", NOW).conditions
    assert (condition.operator, condition.value) == (Operator.EQ, "porosity")


def test_neither_good_nor_bad_is_not_good() -> None:
    query = parse_prompt("how many readings of WLD001 were neither good nor bad today", NOW)
    assert (Operator.NE, "good") in {(each.operator, each.value) for each in query.conditions}


@pytest.mark.parametrize("word", ["while", "when it was", "when"])
@pytest.mark.parametrize("negation", ["not", "not really", "not actually"])
@pytest.mark.parametrize(("state", "turned"), [("idle", Operator.GE), ("welding", Operator.LT)])
def test_a_state_that_is_not_held_is_turned_round_over_words_between(
    word: str, negation: str, state: str, turned: Operator
) -> None:
    query = parse_prompt(f"mean voltage of WLD001 today {word} {negation} in the {state} state", NOW)
    assert [each.operator for each in query.conditions] == [turned]
    assert (query.unread, query.negation) == ((), "")


@pytest.mark.parametrize("negation", ["isn't really", "was not", "hasn't been", "is not truly", "does not go"])
def test_a_limit_that_is_not_exceeded_is_turned_round_over_words_between(negation: str) -> None:
    query = parse_prompt(f"mean temperature of WLD001 today while the current {negation} above 200", NOW)
    (condition,) = query.conditions
    assert (condition.field, condition.operator, condition.value) == ("current", Operator.LE, 200.0)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("hardly any porosity on WLD001 today?", "hardly"),
        ("mean current of WLD001 outside the porosity", "outside"),
        ("mean current of WLD001 today, not wobbling while good", "not wobbling"),
        ("how long was the gas flow of WLD001 not between 10 L/min and 12 L/min today", "not"),
        ("mean current of WLD001 but only sometimes porosity", "but"),
        ("WLD001今天几乎没有气泡时的平均电流", "没有"),
        ("which machines are not near hall A", "not"),
    ],
)
def test_a_negation_that_is_not_understood_is_told_apart(text: str, named: str) -> None:
    assert named in parse_prompt(text, NOW).negation


@pytest.mark.parametrize("tag", ["didn't it?", "isn't it?", "wasn't it", "don't they?"])
def test_a_tag_at_the_end_turns_nothing_round(tag: str) -> None:
    query = parse_prompt(f"WLD001 exceeded 60 °C today, {tag}", NOW)
    assert [each.operator for each in query.conditions] == [Operator.GT]
    assert query.negation == ""


@pytest.mark.parametrize("said", ["not even once", "at no time", "never"])
def test_whether_it_ever_was_is_asked_with_never(said: str) -> None:
    (condition,) = parse_prompt(f"the temperature of WLD001 was {said} above 60 °C yesterday?", NOW).conditions
    assert condition.operator is Operator.GT


def test_a_number_is_not_compared_with_a_word() -> None:
    query = parse_prompt("mean temperature of WLD001 while current is wobbly", NOW)
    assert (query.conditions, query.unread) == ((), ("wobbly",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("how many readings of WLD001 today were hardly good", "I did not understand “hardly”"),
        ("WLD001今天几乎没有气泡时的平均电流", "我没有理解“"),
        ("which machines are not near hall A", "I did not understand “not near”"),
    ],
)
def test_no_number_is_given_for_a_question_that_may_be_turned_round(text: str, said: str) -> None:
    query = parse_prompt(text, NOW)
    talk = Conversation(question=text, earlier=(), outcomes=(), cards=())
    say = Chinese() if query.language is Language.CHINESE else English()
    step = next_step(talk, Toolbox((ToolDefinition(name="device_statistics"),)), [(Report(say), query)])
    assert isinstance(step, Say)
    assert said in step.text


@pytest.mark.parametrize("lead", ["excluding", "without", "not counting", "ignoring"])
@pytest.mark.parametrize("second", ["porosity", "undercut", "lack of fusion"])
@pytest.mark.parametrize("order", ["{state} and {label}", "{label} and {state}"])
def test_what_is_left_out_with_a_state_is_left_out_too(lead: str, second: str, order: str) -> None:
    said = order.format(state="stops", label=second)
    query = parse_prompt(f"mean temperature of WLD001 yesterday {lead} {said}", NOW)
    assert {(each.operator, each.value) for each in query.conditions} == {
        (Operator.NE, VALUES[second]),
        (Operator.GE, 5.0),
    }
    assert (query.unread, query.negation) == ((), "")


def test_a_limit_that_is_left_out_with_a_label_is_turned_round() -> None:
    query = parse_prompt("mean temperature of WLD001 yesterday excluding porosity and currents above 200", NOW)
    assert {(each.field, each.operator) for each in query.conditions} == {
        ("quality_label", Operator.NE),
        ("current", Operator.LE),
    }


@pytest.mark.parametrize("said", ["excluding stops, while good", "excluding stops and only good readings"])
def test_what_is_said_behind_an_exclusion_is_not_left_out(said: str) -> None:
    query = parse_prompt(f"mean temperature of WLD001 yesterday {said}", NOW)
    assert (Operator.EQ, "good") in {(each.operator, each.value) for each in query.conditions}


def test_what_is_left_out_with_a_state_in_chinese_is_left_out_too() -> None:
    query = parse_prompt("WLD001昨天平均温度，除去停机和气孔", NOW)
    assert {(each.operator, each.value) for each in query.conditions} == {(Operator.NE, "porosity"), (Operator.GE, 5.0)}


@pytest.mark.parametrize("text", ["WLD004昨天没焊的时候平均温度", "WLD004昨天没有焊的时候平均温度"])
def test_while_it_did_not_weld_is_a_state(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert ([each.operator for each in query.conditions], query.negation) == ([Operator.LT], "")
