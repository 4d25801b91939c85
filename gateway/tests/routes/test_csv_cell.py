"""Texts that spreadsheets would carry out, in CSV that people open."""

import pytest

from gateway.convert.csv_cell import harmless


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-cmd()", "@sum(a1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "\uff0b1", "\uff0dx", "\uff20x"]
)
def test_a_text_that_would_be_a_formula_has_a_quote_in_front(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "openai", "a=b", "1-2", "'=1", "\u7130\u673a"])
def test_any_other_text_is_written_as_it_is(text: str) -> None:
    assert harmless(text) == text
