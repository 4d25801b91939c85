"""The estimate of tokens, beside what the vocabulary o200k_base makes of the same texts."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_kit.token_estimate import characters_within, estimate_tokens, surely_within

ENGLISH = (
    "The welding machine ran from nine in the morning until noon. Its mean current was lower than last week, and the "
    "operator checked the cooling water before the second shift began."
)
CHINESE = "昨天焊接机的平均电流是多少？请列出最近一周每台设备的最高温度，并说明哪些超过了报警阈值。"
CODE = (
    'def mean(values: list[float]) -> float:\n    """Return the mean of `values`."""\n    if not values:\n'
    '        raise ValueError("no values")\n    return sum(values) / len(values)\n'
)
NUMBERS = " ".join(str(index * 7919 % 1_000_003) for index in range(400))
ONE_NUMBER = "314159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798"
# Each text with the tokens that o200k_base makes of it, and how far off the estimate may be.
COUNTED = [(ENGLISH, 34, 0.35), (CHINESE, 34, 0.1), (CODE, 43, 0.11), (NUMBERS, 1198, 0.1), (ONE_NUMBER, 34, 0.5)]


@pytest.mark.parametrize(("text", "tokens", "off"), COUNTED, ids=["english", "chinese", "code", "digits", "one number"])
def test_the_estimate_is_as_near_as_it_is_documented(text: str, tokens: int, off: float) -> None:
    assert estimate_tokens(text) == pytest.approx(tokens, rel=off)


def test_a_text_counts_by_the_script_of_each_character() -> None:
    assert [estimate_tokens(text) for text in ("", "a", "abcd", "abcde", "1234", "电流电流电流电")] == [
        0,
        1,
        1,
        2,
        2,
        5,
    ]
    assert estimate_tokens("abcd" * 7 + "12" * 7 + "电" * 7) == 7 + 7 + 5


@given(st.text(), st.integers(0, 40))
def test_as_many_characters_as_fit_are_within_and_one_more_is_not(text: str, tokens: int) -> None:
    fitting = characters_within(text, tokens)
    assert estimate_tokens(text[:fitting]) <= tokens
    assert fitting == len(text) or estimate_tokens(text[: fitting + 1]) > tokens


@given(st.text(), st.integers(0, 40))
def test_what_is_surely_within_is_within(text: str, tokens: int) -> None:
    assert not surely_within(text, tokens) or estimate_tokens(text) <= tokens


def test_a_very_long_text_is_estimated_from_a_sample() -> None:
    begun = time.process_time()
    tokens = estimate_tokens("电流 of WLD001 " * 1_000_000)
    assert time.process_time() - begun < 0.5
    assert tokens == pytest.approx(1_000_000 * estimate_tokens("电流 of WLD001 " * 100) / 100, rel=0.01)
