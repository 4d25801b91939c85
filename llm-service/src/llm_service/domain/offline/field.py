"""Which fields a question speaks of, and which of a device's fields those are."""

import re
from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import TokenKind
from llm_service.domain.offline.vocabulary import usual_field_of
from llm_service.domain.offline.words_german import GERMAN

# Runs of letters of one case or of digits in a field's name, of at most 256 characters: no part can match twice.
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[\u3400-\u9fff]+")
_LONGEST: Final = 256
_BRACKETS: Final = "[("


def written_fields(sentence: Sentence) -> dict[int, str]:
    """Return fields by their place that nobody knows but that are written as names, and mark them.

    Those are quoted, joined by "_", or of words with capitals of which at least one is no everyday word.
    """
    found: dict[int, str] = {}
    at = 0
    while at < len(sentence):
        end = _quoted(sentence, at) or _joined(sentence, at) or _capitals(sentence, at)
        if end:
            found[at] = " ".join(sentence.raw(each) for each in range(at, end))
            sentence.use(at, end)
        at = max(end, at + 1)
    return found


def _quoted(sentence: Sentence, at: int) -> int:
    free = at not in sentence.used and sentence.lexemes[at].tokens[0].kind is TokenKind.QUOTED
    return at + 1 if free else 0


def _joined(sentence: Sentence, at: int) -> int:
    free = at not in sentence.used and not sentence.senses(at) and sentence.lexemes[at].tokens[0].kind is TokenKind.WORD
    return at + 1 if free and "_" in sentence.raw(at).strip("_") else 0


def _capitals(sentence: Sentence, at: int) -> int:
    """The end of "Volume Flow RateRMS"; a capital at the beginning of a sentence says nothing by itself."""
    end, strange = at, False
    while end < len(sentence) and _capital(sentence, end):
        opens = end == 0 or sentence.text(end - 1) in {".", "?", "!", ":"}
        plain = sentence.raw(end)[1:].islower() or not sentence.raw(end)[1:]
        strange = strange or (not sentence.senses(end) and not (opens and plain))
        end += 1
    return end if strange else 0


def _capital(sentence: Sentence, at: int) -> bool:
    if at in sentence.used or sentence.lexemes[at].tokens[0].kind is not TokenKind.WORD:
        return False
    senses = sentence.senses(at)
    return sentence.raw(at)[0].isupper() and (not senses or Kind.FIELD in senses)


def match_field(phrase: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the fields of `known` that `phrase` means: by name, by spelling, by synonym, by shared words."""
    for exactly in (
        [field for field in known if field == phrase],
        [field for field in known if _plain(field) == _plain(phrase)],
        [field for field in known if _singular(field) == _singular(phrase)],
        [field for field in known if _plain(without_unit(field)) == _plain(phrase)],
        _by_synonym(phrase, known),
        _by_words(phrase, known),
    ):
        if exactly:
            return tuple(exactly)
    return ()


def without_unit(field: str) -> str:
    """Return the name of a field without what stands in brackets at its end: "Druck" of "Druck [bar]"."""
    ends = [place for bracket in _BRACKETS if (place := field.find(bracket)) > 0] if field.endswith(("]", ")")) else []
    return field[: min(ends)].strip() if ends else field


def unmatched_fields(phrases: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the `phrases` that mean none of the `known` fields."""
    return tuple(phrase for phrase in phrases if not match_field(phrase, known))


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character not in " \t_-/")


def _singular(name: str) -> str:
    return _plain(name).removesuffix("s")


def _words(name: str) -> list[str]:
    return [word.lower().removesuffix("s") for word in _WORD.findall(name[:_LONGEST])]


def _by_synonym(phrase: str, known: Sequence[str]) -> list[str]:
    usual = usual_field_of(phrase) or phrase
    return [field for field in known if _usual(field) == usual or _plain(field) == _plain(usual)]


def _usual(field: str) -> str | None:
    """The usual field that a field's name means, in English, German or Chinese, with its unit behind or without."""
    name = without_unit(field).replace("_", " ")
    return usual_field_of(name) or usual_field_of(" ".join(GERMAN.get(name.lower(), ())))


def _by_words(phrase: str, known: Sequence[str]) -> list[str]:
    """All words of the phrase in the field: "flow rate" is in "Volume Flow RateRMS", "Accelerometer" in two."""
    wanted = _words(usual_field_of(phrase) or phrase)
    return [field for field in known if wanted and _has_all(wanted, field)]


def _has_all(wanted: Sequence[str], field: str) -> bool:
    words = _words(field)
    english = {each for word in _WORD.findall(field[:_LONGEST]) for each in GERMAN.get(word.lower(), ())}
    return all(word in words or word in english for word in wanted)
