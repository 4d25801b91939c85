"""Short talk of the shop floor, put in words that the rules read: "on or not" by one word, "weld 3" for a machine."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.sentence import Sentence

_OR_NOT: Final = frozenset({"没", "没有"})
_ENDS: Final = frozenset({"?", "？", "。", ".", "!", "！", "呢", "啊", "呀", "了"})
_WELD: Final = "weld"
# Before a machine, and before no count of welds.
_BEFORE: Final = frozenset({"of", "of the", "for", "on", "from", "about", "is", "was", "did", "has", "and", "with"})
_COUNTED: Final = (Kind.UNIT, Kind.TIME_UNIT, Kind.TIMES, Kind.ROWS, Kind.AGO, Kind.HALF, Kind.OCLOCK, Kind.DEVICE_WORD)
_LARGEST: Final = 1000


def read_or_not(sentence: Sentence) -> None:
    """ "开着没", "停了没有": whether it is so is asked, nothing is turned round; mark the word for "or not"."""
    end = len(sentence)
    while end > 0 and sentence.text(end - 1) in _ENDS:
        end -= 1
    at = end - 2 - (sentence.text(end - 2) == "了")
    if at < 0 or sentence.text(end - 1) not in _OR_NOT or not sentence.has(at, Kind.STATE):
        return
    lexeme = sentence.lexemes[at]
    sentence.lexemes[at] = replace(lexeme, senses={**lexeme.senses, Kind.WHETHER: None})
    sentence.use(at + 1, end)


def read_weld_number(sentence: Sentence) -> None:
    """ "The peak of weld 3": a machine by its number, where no machine is named otherwise."""
    if any(Kind.DEVICE in lexeme.senses or Kind.DEVICE_WORD in lexeme.senses for lexeme in sentence.lexemes):
        return
    for at in range(1, len(sentence) - 1):
        number = sentence.number(at + 1)
        plain = number is not None and not number % 1 and 0 < number < _LARGEST
        counted = any(sentence.has(at + 2, kind) for kind in _COUNTED) or sentence.text(at + 2) in {"times", ":", "."}
        if sentence.text(at) == _WELD and sentence.text(at - 1) in _BEFORE and plain and not counted:
            sentence.lexemes[at] = replace(sentence.lexemes[at], senses={Kind.DEVICE_WORD: False})
            return
