"""Half a character costs nothing but itself."""

import json
from typing import Any

import pytest

from penstock_kit.half_character import (
    decode_with_halves,
    encode_json,
    first_half_at_end,
    has_half,
    json_without_halves,
    without_halves,
)

FIRST, SECOND, WHOLE = "\ud83d", "\ude00", "\U0001f600"


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("plain", "plain"), (WHOLE, WHOLE), (FIRST + SECOND, WHOLE), (f"a{FIRST}b", "a\ufffdb"), (SECOND, "\ufffd"),
        (SECOND + FIRST, "\ufffd\ufffd"), (FIRST, "\ufffd"),
    ],
)  # fmt: skip
def test_pairs_are_joined_and_halves_alone_are_replaced(text: str, mended: str) -> None:
    assert without_halves(text) == mended
    assert has_half(text) == (text != mended)
    assert not has_half(mended)


def test_only_a_first_half_at_the_end_may_still_be_joined() -> None:
    assert first_half_at_end(f"a{FIRST}") == FIRST
    assert [first_half_at_end(text) for text in (f"{FIRST}a", SECOND, "a", "")] == [""] * 4


def test_halves_anywhere_in_json_are_found_and_mended() -> None:
    value: Any = {"a": [f"x{FIRST}", {FIRST + SECOND: 1}], "b": None, "c": 1.5}
    read = decode_with_halves(json.dumps(value).encode())
    assert json_without_halves(read) == {"a": ["x\ufffd", {WHOLE: 1}], "b": None, "c": 1.5}
    assert encode_json(value) == f'{{"a":["x\ufffd",{{"{WHOLE}":1}}],"b":null,"c":1.5}}'


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": NaN}', b'{"a": "\\ud83d"', b'{"a": "\\ud83d", "b": NaN}', b'"\\ud83d' + b"[" * 9000]
)
def test_json_that_is_wrong_otherwise_stays_wrong(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_with_halves(body)


def test_json_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        decode_with_halves(b'["\\ud83d",' + b"[" * 200_000)
