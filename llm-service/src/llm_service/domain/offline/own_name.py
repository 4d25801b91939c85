"""The names that people gave their devices, as questions say them: the whole name, or a word of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon, lexemes_of
from llm_service.domain.offline.result import DeviceCard
from llm_service.domain.offline.token import TokenKind, is_han, tokenize
from llm_service.domain.offline.vocabulary import lexicon

# What is said of telemetry: of these words one has to be there.
_DATA: Final = (
    *(Kind.STATISTIC, Kind.FIELD, Kind.FIELD_WORD, Kind.INTENT, Kind.UNIT, Kind.OPERATOR, Kind.PERCENTILE),
    *(Kind.HOW_OFTEN, Kind.HOW_LONG, Kind.HOW_MANY, Kind.ASK_WHEN, Kind.SHARE, Kind.STATE, Kind.RHYTHM),
    *(Kind.DAY, Kind.RELATIVE_PERIOD, Kind.TIME_UNIT, Kind.MONTH, Kind.WEEKDAY),
)
# What is asked of a machine without a word for data.
_HEALTH: Final = (Kind.LABEL, Kind.VERDICT)
_GENERAL: Final = frozenset({"how is", "how was", "how ' s", "怎么样", "如何", "状态", "运行情况"})
_NAMES: Final = (TokenKind.WORD, TokenKind.QUOTED, TokenKind.HAN)
# Letters that a word needs to stand for a name it is part of, Chinese characters that do.
_SHORTEST: Final = 3
_SHORTEST_CHINESE: Final = 2
_LONGEST: Final = 128
_NUMBERING: Final = "0123456789一二三四五六七八九十零第号# -_"


def may_name_device(question: str) -> bool:
    """Return whether `question` speaks of data and has a word that nobody knows, such as the name of a machine."""
    lexemes = lexemes_of(tokenize(question), lexicon(), Lexicon())
    speaks = any(kind in lexeme.senses for lexeme in lexemes for kind in (*_DATA, *_HEALTH))
    speaks = speaks or any(lexeme.text in _GENERAL for lexeme in lexemes)
    return speaks and any(not lexeme.senses and lexeme.tokens[0].kind in _NAMES for lexeme in lexemes)


def spoken_names(cards: Sequence[DeviceCard]) -> Mapping[str, str]:
    """Return the codes of devices by their names, and by the words of these that one of them alone has.

    Everyday words are none: of "Hydraulic press" it is "hydraulic" and "press", of "Welding machine 1" nothing.
    """
    whole = {card.name: card.code for card in cards if card.name}
    words = Counter(word for card in cards for word in set(_words_of(card.name)))
    alone = {word: card.code for card in cards for word in _words_of(card.name) if words[word] == 1}
    return {**alone, **whole}


def named_like(phrase: str, cards: Sequence[DeviceCard]) -> list[str]:
    """Return the codes of the devices in whose name all words of `phrase` are, a Chinese one as a part of it."""
    if any(map(is_han, phrase)):
        longest = len(phrase) >= _SHORTEST_CHINESE
        return [card.code for card in cards if longest and phrase.lower() in card.name.lower()]
    wanted = [_singular(word) for word in phrase.lower().split()]
    named = [(card.code, {_singular(word) for word in card.name.lower()[:_LONGEST].split()}) for card in cards]
    return [code for code, words in named if wanted and all(len(w) >= _SHORTEST and w in words for w in wanted)]


def _words_of(name: str) -> list[str]:
    if any(map(is_han, name)):
        # "一号冲压机" is "冲压机" as well.
        bare = name[:_LONGEST].strip(_NUMBERING)
        return [bare] if len(bare) >= _SHORTEST_CHINESE and bare != name and not _is_everyday(bare) else []
    words = name.lower()[:_LONGEST].split()
    return [word for word in words if len(word) >= _SHORTEST and word.isalpha() and not _is_everyday(word)]


def _is_everyday(word: str) -> bool:
    """Whether the lexicon has the word."""
    tokens = tokenize(word)
    return lexicon().longest(tokens, 0)[0] == len(tokens)


def _singular(word: str) -> str:
    return word.removesuffix("s")
