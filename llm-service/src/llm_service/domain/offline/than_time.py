"""A time that now is set against: "hotter than yesterday", "more gas than yesterday"."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.two_times import now_against

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading

_DEVICES: Final = frozenset({Kind.DEVICE, Kind.DEVICE_WORD, Kind.GROUP, Kind.ORDINAL})


def read_than_time(sentence: Sentence, reading: "Reading") -> None:
    """Read "than" before the only time that is named as a comparison with today, or as what is not understood.

    Without it "hotter than yesterday" would ask for the highest temperature of yesterday.
    """
    places = [at for at in range(len(sentence)) if _is_than(sentence, at) and _is_time(sentence, at + 1, reading)]
    if not places or len(reading.times.ranges) != 1:
        return
    (at, *_) = places
    said = sentence.lexemes[at]
    kept = {kind: value for kind, value in said.senses.items() if kind in {Kind.MORE, Kind.LONGER}}
    senses = {**kept, Kind.INTENT: Intent.COMPARE} if _can_compare(sentence, reading) else {}
    sentence.lexemes[at] = replace(said, senses=senses)


def _is_than(sentence: Sentence, at: int) -> bool:
    return sentence.text(at).split(" ")[-1] == "than" and at not in sentence.used


def _is_time(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether what follows was understood and is no device."""
    after = sentence.skip(at, (Kind.FILLER, Kind.AT))
    named = sentence.raw(after) in reading.devices.codes or Kind.GROUP in sentence.lexeme_senses(after + 1)
    return after in sentence.used and not named and not _DEVICES & sentence.lexeme_senses(after).keys()


def _can_compare(sentence: Sentence, reading: "Reading") -> bool:
    """Whether one device is spoken of, and the time is one that now, today or the last hour can be set against."""
    devices, now = reading.devices, reading.times.now
    (time,) = reading.times.ranges
    which = any(Kind.WHICH in lexeme.senses for lexeme in sentence.lexemes)
    if now is None or which or len(devices.codes) != 1 or devices.everyone:
        return False
    return now_against(time, now) is not None
