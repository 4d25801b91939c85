"""Reading texts for their concepts."""

import time

import pytest

from penstock_kit.text import Kind, read_text


def seconds(text: str) -> float:
    """Return what reading a text takes of the processor, the least of three times."""
    taken: list[float] = []
    for _ in range(3):
        begun = time.process_time()
        read_text(text)
        taken.append(time.process_time() - begun)
    return min(taken)


@pytest.mark.parametrize("piece", ["x", "1a", "a1", "1", "a_", "a.", "1.", "a/1", "É"])
def test_a_word_of_any_length_is_read_in_linear_time(piece: str) -> None:
    short, long = piece * (2_000 // len(piece)), piece * (32_000 // len(piece))
    assert seconds(long) < 100 * seconds(short)  # sixteen times the text; the square is 256 times the time


@pytest.mark.parametrize("code", ["wld001", "wld_001", "pump-7b", "a" * 60 + "1", "m1" * 60])
def test_a_code_is_one_token(code: str) -> None:
    assert [(token.kind, token.concept) for token in read_text(code).tokens] == [(Kind.CODE, code)]
