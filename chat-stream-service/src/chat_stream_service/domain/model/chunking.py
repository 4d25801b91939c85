"""How deltas become chunks: what has arrived together is joined, up to a number of tokens a chunk."""

from collections.abc import Iterator

from penstock_kit.token_estimate import characters_within, estimate_tokens, surely_within


def split_chunks(text: str, max_tokens: int) -> Iterator[str]:
    """Yield `text` in pieces of at most `max_tokens` estimated tokens, cut after white space where there is some."""
    while not surely_within(text, max_tokens) and estimate_tokens(text) > max_tokens:
        cut = _cut(text, max_tokens)
        yield text[:cut]
        text = text[cut:]
    if text:
        yield text


def _cut(text: str, max_tokens: int) -> int:
    """Return how many characters of `text` make a chunk; at least one."""
    end = max(characters_within(text, max_tokens), 1)
    space = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
    return space + 1 if space >= end // 2 else end
