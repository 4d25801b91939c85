"""Numbers and dates of a question as most of Europe writes them: "5,5", "1.234,56", "31.12.2025"."""

from datetime import UTC, datetime
from typing import Any

import pytest

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.token import TokenKind, tokenize

NOW = datetime(2026, 11, 29, 13, tzinfo=UTC)


def asked(text: str) -> StructuredQuery:
    return parse_prompt(text, NOW, known_devices=["WLD001"])


def numbers(text: str) -> list[str]:
    return [token.text for token in tokenize(text) if token.kind is TokenKind.NUMBER]


@pytest.mark.parametrize(
    ("written", "value"),
    [("5,5", 5.5), ("22,50", 22.5), ("0,125", 0.125), ("1.234,56", 1234.56), ("12345,678", 12345.678), ("5.5", 5.5)],
)
@pytest.mark.parametrize(
    "question",
    ["How often was the current of WLD001 above {} today?", "今天WLD001的电流超过{}有多少次？"],
)
def test_a_limit_with_a_decimal_comma_is_that_limit(question, written, value):
    query = asked(question.format(written))
    assert [condition.value for condition in query.conditions] == [value]
    assert query.unread == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,234", ["1,234"]),
        ("1,234,567", ["1,234,567"]),
        ("1,234.5", ["1,234.5"]),
        ("10,000 and 2", ["10,000", "2"]),
        ("5,5 and 6,25", ["5.5", "6.25"]),
        ("5, 6", ["5", "6"]),
        ("1,2,3", ["1", "2", "3"]),
        ("10,50,90", ["10", "50", "90"]),
        ("machines 1,2", ["1", "2"]),
        ("percentiles 5,95", ["5", "95"]),
        ("1,2号机", ["1", "2"]),
        ("1.234.567,8", ["1234567.8"]),
    ],
)
def test_commas_between_thousands_and_in_lists_stay_what_they_are(text, found):
    assert numbers(text) == found


@pytest.mark.parametrize("date", ["31.12.2025", "31.12.25"])
@pytest.mark.parametrize("question", ["mean current of WLD001 on {}", "mean current of WLD001 above 22,5 on {}"])
def test_a_date_with_points_is_a_date(question, date):
    query = asked(question.format(date))
    assert query.time is not None
    assert (query.time.start, query.time.end) == (datetime(2025, 12, 31, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    assert query.unread == ()


def test_a_range_of_dates_with_points_is_a_range():
    query = asked("mean current of WLD001 from 20.11.2026 to 22.11.2026")
    assert query.time is not None
    assert (query.time.start, query.unread) == (datetime(2026, 11, 20, tzinfo=UTC), ())
    assert query.time.end in {datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)}


@pytest.mark.parametrize(
    "text", ["0,0", "0.5", "12.5-1-2", "12,5-1-2", "1.5/2/2026", "0,125 machine", "Q3 20.5", "Nov 20.5"]
)
def test_a_number_with_decimals_is_never_taken_for_digits(text):
    assert asked(text).devices == ()


@pytest.mark.parametrize("group", [".234", ",234", ",1", ".1", "1.234", "0,"])
def test_a_long_row_of_groups_is_cut_in_time_that_grows_with_its_length_alone(group):
    """Each character is looked at by few slices: counted, for a clock would not hold on a busy machine."""
    short, long = (Counted("1" + group * times) for times in (200, 800))
    tokenize(short)
    tokenize(long)
    assert long.looks <= 5 * short.looks


class Counted(str):
    """A text that counts how often a part of it was looked at."""

    looks = 0

    def __getitem__(self, key: Any) -> str:
        self.looks += 1
        return super().__getitem__(key)
