"""German words of a question put into the English ones that say the same: "Durchschnitt current von WLD001 heute"."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Lexicon
from llm_service.domain.offline.token import Token, TokenKind, is_han
from llm_service.domain.offline.words_german import GERMAN, SHARED

# Words of German that an English sentence has as well: they count once another one says that it is German.
_ENGLISH: Final = frozenset(
    {"minute", "pause", "stand", "liter", "es", "hallo", "mal", "den", "pro", "energie", "aus", "sie"}
)
# "Was" is "what" before one of these.
_AFTER_WHAT: Final = frozenset({"war", "ist", "hat", "sind", "waren", "macht", "machen", "verbraucht", "zeigt"})


def in_english(tokens: Sequence[Token], words: Lexicon, known: Lexicon) -> tuple[Token, ...]:
    """Return `tokens` with English words in place of German ones; names of devices and fields stay as they are.

    Each token is looked up once. A token keeps where it stands and how it was written.
    """
    foreign = any(_is_german(token, words) for token in tokens)
    if not foreign or any(is_han(token.text[:1] or " ") for token in tokens):
        return tuple(tokens)
    found: list[Token] = []
    for at, token in enumerate(tokens):
        if token.text == "uhr" and at > 1 and tokens[at - 2].text in {":", "."} and tokens[at - 1].glued:
            # "10:30 Uhr" is a time without it.
            continue
        after = tokens[at + 1].text if at + 1 < len(tokens) else ""
        found += _translated(token, after, known)
    return tuple(found)


def _is_german(token: Token, words: Lexicon) -> bool:
    """Whether the word is a German one and no English one."""
    if token.kind is not TokenKind.WORD or token.text not in GERMAN:
        return False
    return token.text not in _ENGLISH and token.text not in words.words


def _translated(token: Token, after: str, known: Lexicon) -> list[Token]:
    """The English words of a token, the token itself where it has none."""
    if token.kind is not TokenKind.WORD or token.text in known.words:
        return [token]
    if token.text == "was" and after in _AFTER_WHAT:
        return [replace(token, text="what")]
    english = GERMAN.get(token.text) or SHARED.get(token.text)
    if english is None:
        return [token]
    first, *others = english
    rest = (replace(token, text=each, raw=each, glued=False) for each in others)
    return [replace(token, text=first), *rest]
