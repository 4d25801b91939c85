"""How a password is counted: pieces that a guesser tries as one step, and the edges of what is enough."""

import pytest

from gateway.auth.password_policy import strength, weakness

# Ten characters of which none is like another.
APART = "zkm9qvwx3t"


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("zkm9qvw", 7), ("abzkm9q", 7), ("abczkm9q", 7), ("cbazkm9q", 7), ("abcdefghzkm9q", 7), ("qwezkm9t", 7),
        ("penstockzkm9q", 7), ("p3nst0ckzkm9q", 7), ("1998zkm9q", 7), ("2098zkm9q", 7), ("zkmzkmzkm", 3),
        ("dragonzmonkeykshadowm", 9), ("dragonzmonkeykshadowmkiller9", 10), ("zzkk", 4), ("zkzmzqzk", 8),
    ],
)  # fmt: skip
def test_words_runs_of_three_years_and_repetitions_count_for_two_and_three_pieces_at_most(
    text: str, counted: int
) -> None:
    assert strength(text) == counted


@pytest.mark.parametrize(("password", "is_enough"), [("abcdzkm9qv", True), ("abcdezkm9q", False)])
def test_eight_independent_characters_are_enough_and_seven_are_not(password: str, is_enough: bool) -> None:
    assert strength(password) == (8 if is_enough else 7)
    assert (weakness(password, username="cleo") == "") is is_enough


def test_ten_characters_are_enough_and_nine_are_not() -> None:
    assert weakness(APART, username="cleo") == ""
    assert "at least 10 characters, not 9" in weakness(APART[:9], username="cleo")


def test_what_comes_behind_the_first_128_characters_makes_no_password_stronger() -> None:
    assert weakness("a" * 118 + APART, username="cleo") == ""
    assert "too easy" in weakness("a" * 128 + APART, username="cleo")


@pytest.mark.parametrize(
    ("username", "is_refused"),
    [("zk", False), ("zkm", True), ("anna.m9qv", True), ("anna.m9q", False), ("anna-lee", False), ("ZKM9", True)],
)
def test_a_name_of_three_letters_and_a_part_of_four_may_not_be_in_it(username: str, is_refused: bool) -> None:
    assert ("username" in weakness(APART, username=username)) is is_refused
