"""What may be cached by meaning: rules on questions and on answers."""

from dataclasses import replace

import pytest

from cache_service.domain.semantic.gate import MAX_ANSWER_BYTES, MAX_QUESTION_CHARACTERS, Gate, SemanticAnswer
from penstock_kit.text import read_text

WHOLE = SemanticAnswer(finish_reason="stop", text="A pump moves water.", model="p/m", temperature=0.7)


@pytest.mark.parametrize(
    ("rule", "question"),
    [
        ("time", "What is the temperature now?"),
        ("time", "Which devices are currently offline?"),
        ("time", "How hot was it yesterday?"),
        ("time", "What happened in the last hour?"),
        ("time", "What is the latest release?"),
        ("time", "现在温度是多少？"),
        ("time", "昨天有几个报警？"),
        ("personal", "What is my name?"),
        ("personal", "我是谁？"),
        ("random", "Give me a random number"),
        ("random", "Tell me another joke"),
        ("length", "word " * MAX_QUESTION_CHARACTERS),
        ("empty", "??"),
    ],
)
def test_a_question_whose_answer_is_for_once_is_kept_out(rule: str, question: str) -> None:
    assert Gate().question(read_text(question)) == rule


@pytest.mark.parametrize("question", ["How do I know that a pump leaks?", "What is the last step?", "如何更换轴承？"])
def test_a_question_with_a_lasting_answer_may_be_cached(question: str) -> None:
    assert Gate().question(read_text(question)) == ""


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ("error", replace(WHOLE, failed=True)),
        ("tool_call", replace(WHOLE, tool_calls=1)),
        ("truncated", replace(WHOLE, finish_reason="length")),
        ("truncated", replace(WHOLE, finish_reason="")),
        ("temperature", replace(WHOLE, temperature=1.5)),
        ("empty", replace(WHOLE, text=" \n")),
        ("time", replace(WHOLE, text="As of today there are five.")),
        ("time", replace(WHOLE, text="目前有五台设备。")),
    ],
)
def test_an_answer_that_is_not_whole_or_not_lasting_is_not_stored(rule: str, answer: SemanticAnswer) -> None:
    assert Gate().answer(answer, b"x") == rule


def test_a_whole_answer_is_stored_up_to_its_bound() -> None:
    assert Gate().answer(WHOLE, b"x" * MAX_ANSWER_BYTES) == ""
    assert Gate().answer(replace(WHOLE, temperature=None), b"x") == ""
    assert Gate().answer(replace(WHOLE, temperature=1.0), b"x") == ""
    assert Gate().answer(replace(WHOLE, temperature=1.001), b"x") == "temperature"
    assert Gate().answer(WHOLE, b"x" * (MAX_ANSWER_BYTES + 1)) == "length"
