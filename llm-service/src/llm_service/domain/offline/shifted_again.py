"""What was told of a time, asked of one that lies so far behind or before it: "ten minutes later?", "十分钟后呢"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind, lexemes_of
from llm_service.domain.offline.number import length_at
from llm_service.domain.offline.period import moved
from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import tokenize
from llm_service.domain.offline.vocabulary import lexicon

_LATER: Final = frozenset({"later", "afterwards", "后", "之后", "以后", "过后"})
_EARLIER: Final = frozenset({"earlier", "before that"})
_MARKS: Final = frozenset({"?", "？", "!", "！", ".", "。", "呢", "please"})
_LEADS: Final = (Kind.FOLLOW, Kind.AND)


def shifted_again(text: str, before: StructuredQuery) -> StructuredQuery | None:
    """Return `before` with its time moved by a length that is all that `text` says; None for anything else."""
    if before.time is None or before.time.start is None or before.periods:
        return None
    sentence = Sentence(lexemes_of(tokenize(text), lexicon(), lexicon()))
    begin = sentence.skip(0, _LEADS)
    length = length_at(sentence, begin) or length_at(sentence, begin, bare=True)
    word = sentence.text(length.end) if length else ""
    rest = range(length.end + 1, len(sentence)) if length else range(0)
    if length is None or word not in _LATER | _EARLIER or any(sentence.text(at) not in _MARKS for at in rest):
        return None
    return replace(before, time=moved(before.time, length.value if word in _LATER else -length.value))
