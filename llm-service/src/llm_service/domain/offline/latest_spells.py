"""So many of the last stretches: "the last 3 stops", "最近三次停机"."""

from typing import Final

from llm_service.domain.offline.number import number_at
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.spell import SPELLS

_LAST: Final = frozenset(
    {
        *("last", "the last", "latest", "the latest", "most recent", "the most recent", "newest", "past", "the past"),
        *("最近", "最后", "最近的", "最后的", "近", "前"),
    }
)
_COUNTERS: Final = frozenset({"次", "段", "个", "回"})
_MOST: Final = 100


def find_latest(sentence: Sentence) -> int:
    """Return how many of the last stretches are asked for, and mark the words but the noun; 0 where none are."""
    for at in range(len(sentence)):
        counted = number_at(sentence, at + 1) if sentence.text(at) in _LAST else None
        if counted is None or not 1 < counted[0] <= _MOST or counted[0] % 1:
            continue
        end = counted[1] + (sentence.text(counted[1]) in _COUNTERS)
        noun = end + (sentence.text(end) == "的")
        if sentence.text(noun) in SPELLS:
            sentence.use(at, noun)
            return int(counted[0])
    return 0
