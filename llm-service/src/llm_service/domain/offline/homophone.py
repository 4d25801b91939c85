"""Chinese words with a character that only sounds like the right one, taken for the known word; the answer says so."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import lru_cache
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon, lexemes_of
from llm_service.domain.offline.query import Note, Remark
from llm_service.domain.offline.token import Token, TokenKind
from llm_service.domain.offline.vocabulary import lexicon
from llm_service.domain.offline.words_sound import SOUNDS

_SHORTEST: Final = 2
_LONGEST: Final = 5
_MOST: Final = 8
_WORTH: Final = frozenset(
    {Kind.STATISTIC, Kind.FIELD, Kind.DEVICE_WORD, Kind.DAY, Kind.INTENT, Kind.CORRELATION, Kind.PERCENTILE}
)


def correct_homophones(
    tokens: Sequence[Token], words: Lexicon, known: Lexicon
) -> tuple[tuple[Token, ...], tuple[Note, ...]]:
    """Return `tokens` with the characters of the one known word in place of those that only sound so.

    Only windows around a character that belongs to no word are looked at, at most eight of them.
    """
    corrected, notes = list(tokens), list[Note]()
    unknown, edges = _unknown(tokens, words, known)
    for at in unknown[:_MOST]:
        found = _word_at(corrected, at, edges)
        if found is None:
            continue
        begin, word = found
        written = "".join(token.raw for token in corrected[begin : begin + len(word)])
        for place, character in enumerate(word, begin):
            corrected[place] = replace(corrected[place], text=character, raw=character)
        notes.append(Note(remark=Remark.READ_AS, words=(written, word)))
    return tuple(corrected), tuple(notes)


def _unknown(tokens: Sequence[Token], words: Lexicon, known: Lexicon) -> tuple[list[int], set[int]]:
    """The places of Chinese characters that belong to no word, and all places between words."""
    places, edges = list[int](), {0}
    at = 0
    for lexeme in lexemes_of(tokens, words, known):
        if not lexeme.senses and lexeme.tokens[0].kind is TokenKind.HAN:
            places.append(at)
        at += len(lexeme.tokens)
        edges.add(at)
    return places, edges


def _word_at(tokens: Sequence[Token], at: int, edges: AbstractSet[int]) -> tuple[int, str] | None:
    """The longest word that sounds like the characters around `at` and differs from them by one, no other word cut."""
    for length in range(_LONGEST, _SHORTEST - 1, -1):
        for begin in range(max(0, at - length + 1), at + 1):
            window = tokens[begin : begin + length]
            if not {begin, begin + length} <= edges or any(token.kind is not TokenKind.HAN for token in window):
                continue
            sounds = tuple(_sound_of(token.text) for token in window)
            near = [word for word in _words_by_sound().get(sounds, ()) if _differing(word, window) == 1]
            if len(near) == 1:
                return begin, near[0]
    return None


def _differing(word: str, window: Sequence[Token]) -> int:
    return sum(character != token.text for character, token in zip(word, window, strict=True))


def _sound_of(character: str) -> str:
    """The syllable of a character, the character itself when it has none here."""
    return _sounds().get(character, character)


@lru_cache(maxsize=1)
def _sounds() -> dict[str, str]:
    return {character: sound for sound, characters in SOUNDS.items() for character in characters}


@lru_cache(maxsize=1)
def _words_by_sound() -> dict[tuple[str, ...], tuple[str, ...]]:
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for path, senses in lexicon().phrases():
        word = "".join(path)
        spoken = _SHORTEST <= len(path) <= _LONGEST and all(len(each) == 1 and each in _sounds() for each in path)
        if spoken and _WORTH & senses.keys() and Kind.FILLER not in senses:
            sounds = tuple(map(_sound_of, path))
            found[sounds] = (*found.get(sounds, ()), word)
    return found
