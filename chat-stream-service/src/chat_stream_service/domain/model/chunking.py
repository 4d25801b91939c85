"""How deltas become chunks: what has arrived together is joined, up to a number of tokens a chunk."""

from collections.abc import Iterator
from typing import Final

# English averages four characters a token; a CJK character is about one token.
_CHARACTERS_PER_TOKEN: Final = 4


def estimate_tokens(text: str) -> int:
    """Return about how many tokens `text` is, without a vocabulary: ASCII by four characters, the rest one each."""
    if text.isascii():
        return -(-len(text) // _CHARACTERS_PER_TOKEN)
    other = sum(character > "\x7f" for character in text)
    return other + -(-(len(text) - other) // _CHARACTERS_PER_TOKEN)


def split_chunks(text: str, max_tokens: int) -> Iterator[str]:
    """Yield `text` in pieces of at most `max_tokens` estimated tokens, cut after white space where there is some."""
    while estimate_tokens(text) > max_tokens:
        cut = _cut(text, max_tokens)
        yield text[:cut]
        text = text[cut:]
    if text:
        yield text


def _cut(text: str, max_tokens: int) -> int:
    """Return how many characters of `text` make a chunk; at least one."""
    budget, end = max_tokens * _CHARACTERS_PER_TOKEN, 0
    for character in text:
        budget -= 1 if character <= "\x7f" else _CHARACTERS_PER_TOKEN
        if budget < 0:
            break
        end += 1
    end = max(end, 1)
    space = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
    return space + 1 if space >= end // 2 else end
