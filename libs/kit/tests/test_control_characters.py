"""Characters that steer a terminal never reach one."""

import pytest

from penstock_kit.text.control import without_controls


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("current\t180 A\n", "current\t180 A\n"),
        ("\x1b]0;pwned\x07temperature", "]0;pwnedtemperature"),
        ("\x9b2Jx", "2Jx"),
        ("a\rb\x00c\x7f", "abc"),
        ("nimda\u202e", "nimda"),
        ("温度 🔥 👩‍🔧 é", "温度 🔥 👩‍🔧 é"),
    ],
)
def test_what_steers_a_terminal_is_left_out_and_words_stay(text: str, shown: str) -> None:
    assert without_controls(text) == shown
