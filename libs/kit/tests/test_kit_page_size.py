"""How many long entries a page has."""

import pytest

from penstock_kit.database.page_size import MOST_CHARACTERS, count_fitting


@pytest.mark.parametrize(
    ("lengths", "count"),
    [
        ([], 0),
        ([MOST_CHARACTERS], 1),
        ([MOST_CHARACTERS + 1, 1], 1),
        ([MOST_CHARACTERS - 1, 1, 1], 2),
        ([1] * 100, 100),
    ],
)
def test_a_page_ends_before_an_entry_that_is_too_much_for_it_and_has_one_at_least(lengths, count):
    assert count_fitting(lengths) == count
