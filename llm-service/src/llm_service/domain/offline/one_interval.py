"""The one interval at an end, named by what it has: "the hour with the least gas", "用气最少的小时"."""

from datetime import timedelta
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import UNIT_LENGTH
from llm_service.domain.offline.query import Statistic
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_data import Comparative

_UNITS: Final = frozenset({"min", "h", "d", "w"})
_LEADING: Final = frozenset({"with", "with the", "when", "in which", "that had", "which had", "where", "that used"})
# Words between what leads to an end and the end: "in which it used the least".
_REACH: Final = 6


def find_one_interval(sentence: Sentence) -> timedelta | None:
    """Return the width of the one interval that is asked for, and mark its word; None where there is none."""
    for at in range(len(sentence)):
        unit = sentence.senses(at).get(Kind.TIME_UNIT)
        if unit not in _UNITS or not (_led(sentence, at) or _followed(sentence, at)):
            continue
        sentence.use(at - (sentence.text(at - 1) in {"the", "的"}), at + 1)
        return UNIT_LENGTH[str(unit)]
    return None


def _led(sentence: Sentence, at: int) -> bool:
    """ "The hour with the least gas", "the day when it was hottest"."""
    article = sentence.text(at - 1).endswith("the")
    behind = range(at + 2, min(at + 2 + _REACH, len(sentence)))
    return article and sentence.text(at + 1) in _LEADING and any(is_end(sentence, place) for place in behind)


def _followed(sentence: Sentence, at: int) -> bool:
    """ "用气最少的小时"."""
    return sentence.text(at - 1) == "的" and is_end(sentence, at - 2) and not sentence.raw(at).isascii()


def is_end(sentence: Sentence, at: int) -> bool:
    """Return whether the word names an end: "highest", "hottest"."""
    senses = sentence.senses(at)
    more = senses.get(Kind.MORE)
    named = more.statistic if isinstance(more, Comparative) else senses.get(Kind.STATISTIC)
    return named in {Statistic.MAX, Statistic.MIN}
