"""Chinese questions that ask by doubling a word round "not": "大不大", "稳不稳定" ask no more than "大吗", "稳定吗"."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.lexicon import Lexicon
from llm_service.domain.offline.token import Token, TokenKind

_NOT: Final = frozenset({"不", "没"})
_DOUBLED: Final = 3


def undoubled(tokens: Sequence[Token], words: Lexicon) -> tuple[Token, ...]:
    """Return `tokens` with one word in place of "word not word"; phrases of the lexicon, "是不是", stay as they are."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        known = words.longest(tokens, at)[0] - at
        doubled = at + 2 < len(tokens) and tokens[at + 1].text in _NOT and tokens[at].text == tokens[at + 2].text
        # "现在没在运行" turns round what it says.
        doubled = doubled and tokens[at].text != "在"
        if doubled and tokens[at].kind is TokenKind.HAN and known < _DOUBLED and not _inside(tokens, at, words):
            at += 2
            continue
        found.append(tokens[at])
        at += 1
    return tuple(found)


def _inside(tokens: Sequence[Token], at: int, words: Lexicon) -> bool:
    """Whether a phrase of the lexicon reaches over the place: "有没有", "波动大不大" where it is one."""
    starts = range(max(at - _DOUBLED, 0), at)
    return any(words.longest(tokens, start)[0] >= at + _DOUBLED for start in starts)
