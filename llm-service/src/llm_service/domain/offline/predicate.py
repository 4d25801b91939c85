"""Words for a quality that are said of a measured value or of a machine: "was the current ok?", "电流合格吗"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_data import GOOD, LABEL_FIELD

_BEING: Final = frozenset(
    {"is", "are", "was", "were", "be", "been", "being", "looks", "look", "looked", "seem", "seems"}
)
_ASKING: Final = frozenset({"吗", "么", "?", "？"})
# Behind these a word for a quality says which readings are meant: "when good", "of good ones".
_CHOOSING: Final = frozenset({"of", "for", "with", "when", "where", "while", "if", "during", "in", "only", "at", "在"})
# With these it is a condition for what is counted or measured.
_COUNTING: Final = (
    *(Kind.STATISTIC, Kind.HOW_MANY, Kind.HOW_OFTEN, Kind.HOW_LONG, Kind.TIMES, Kind.SHARE, Kind.TIME_SHARE),
    *(Kind.QUALITY_RATE, Kind.WHICH, Kind.ASK_WHEN, Kind.EVERY, Kind.PERCENTILE, Kind.CORRELATION, Kind.INTEGRAL),
)
# Said of a machine these ask how it does; "good" and "bad" ones are its readings.
_FINE: Final = frozenset({"ok", "okay", "not ok"})
_SOUND: Final = frozenset({GOOD, ""})


def read_predicate(sentence: Sentence) -> None:
    """Read "ok", "good" or "bad" as asking for anomalies where a field or a machine is said to be so.

    No label is meant by them: "was the current ok" asks whether it was as usual, and not which readings were good.
    """
    labels = [at for at in range(len(sentence)) if Kind.LABEL in sentence.lexeme_senses(at)]
    if len(labels) != 1 or labels[0] in sentence.used or sentence.senses(labels[0])[Kind.LABEL] not in _SOUND:
        return
    (at,) = labels
    counted = any(kind in lexeme.senses for lexeme in sentence.lexemes for kind in _COUNTING)
    said = _ends(sentence, at) and _is_said(sentence, at)
    if counted or sentence.text(at - 1) in _CHOOSING or not (said or _is_graded(sentence, at)):
        return
    if sentence.has(at - 1, Kind.NOT):
        # "Was it not good?" asks the same.
        sentence.use(at - 1, at)
    sentence.lexemes[at] = replace(sentence.lexemes[at], senses={Kind.INTENT: Intent.ANOMALY})


def _ends(sentence: Sentence, at: int) -> bool:
    """Whether no noun follows: "good" of "good welds" chooses some."""
    after = sentence.skip(at + 1, (Kind.FILLER,))
    noun = any(sentence.has(after, kind) for kind in (Kind.ROWS, Kind.FIELD, Kind.DEVICE_WORD, Kind.STATE))
    return not noun and sentence.text(at + 1) not in {"的", "时", "one", "ones"}


def _is_said(sentence: Sentence, at: int) -> bool:
    """Whether a measured field stands before the word, and a word that says or asks what is so."""
    before = [sentence.lexemes[place] for place in range(at)]
    if _is_device(sentence, at - 1) and sentence.text(at) in _FINE and any(each.text in _BEING for each in before):
        return True
    fields = [lexeme.senses[Kind.FIELD] for lexeme in before if Kind.FIELD in lexeme.senses]
    if not fields or LABEL_FIELD in fields or any(Kind.ROWS in lexeme.senses for lexeme in before):
        return False
    chosen = any(Kind.WHERE in lexeme.senses for lexeme in before)
    said = any(lexeme.text in _BEING for lexeme in before) or sentence.text(at + 1) in _ASKING
    return said and not chosen


def _is_device(sentence: Sentence, at: int) -> bool:
    """Whether the word names a device by its code or name."""
    known = Kind.DEVICE in sentence.lexeme_senses(at)
    return at in sentence.used and (known or any(map(str.isdecimal, sentence.text(at)[1:])))


def _is_graded(sentence: Sentence, at: int) -> bool:
    """Whether "how bad was the current" is asked."""
    behind = [sentence.lexeme_senses(place).get(Kind.FIELD) for place in range(at + 1, len(sentence))]
    measured = any(behind) and LABEL_FIELD not in behind
    return sentence.text(at - 1) == "how" and sentence.text(at + 1) in _BEING and measured
