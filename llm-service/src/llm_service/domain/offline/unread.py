"""The words of a question that no rule understood, so that the answer can name them."""

from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import TokenKind

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading

_EMPTY: Final = frozenset(
    {
        *(Kind.FILLER, Kind.AND, Kind.AT, Kind.TO, Kind.FROM, Kind.IN, Kind.FOLLOW, Kind.WHICH, Kind.DEVICE_WORD),
        *(Kind.ROWS, Kind.ALL, Kind.FIELD_WORD, Kind.NOW, Kind.WITHIN, Kind.BETWEEN, Kind.SINCE_AFTER, Kind.HOW_MANY),
    }
)
# Before these nothing may be dropped: what follows them limits what is asked.
_LIMITS: Final = frozenset(
    {"where", "when", "while", "whenever", "if", "for which", "in which", "during which", "whose"}
)
_LIMITS_CHINESE: Final = frozenset({"当", "其中", "如果", "且满足", "满足", "只看", "只算", "条件是", "条件为"})
# Empty words that say something after "while" or "when": "while welding".
_TELLING: Final = frozenset({"welding", "weld", "welds", "running", "run", "torch", "arc", "going", "焊接"})
_CLOSERS: Final = frozenset({",", ".", "?", "!", ";", "？", "。", "，", "！"})
_MOST: Final = 5
_LONGEST: Final = 80


def unread_phrases(sentence: Sentence, reading: "Reading") -> tuple[str, ...]:
    """Return the phrases that were not understood, at most five."""
    phrases: list[list[int]] = []
    open_limit = False
    for at in range(len(sentence)):
        text = sentence.text(at)
        if at in sentence.used or text in _CLOSERS:
            open_limit = False
            continue
        if text in _LIMITS or text in _LIMITS_CHINESE:
            open_limit = not _leads_to_label(sentence, at)
            continue
        if not _empty(sentence, at, reading, after_limit=open_limit):
            if phrases and phrases[-1][-1] == at - 1:
                phrases[-1].append(at)
            else:
                phrases.append([at])
    spelled = (_spelled(sentence, phrase) for phrase in phrases)
    return tuple(dict.fromkeys(spelled))[:_MOST]


def _leads_to_label(sentence: Sentence, at: int) -> bool:
    """ "when the weld is porous": what follows was read as a condition."""
    for place in range(at + 1, min(at + 5, len(sentence))):
        if place in sentence.used:
            return Kind.LABEL in sentence.lexemes[place].senses
    return False


def _empty(sentence: Sentence, at: int, reading: "Reading", *, after_limit: bool) -> bool:
    senses = sentence.senses(at)
    if after_limit and sentence.text(at) in _TELLING:
        return False
    if Kind.OR in senses:
        return not reading.conditions
    if sentence.lexemes[at].tokens[0].kind is TokenKind.SIGN and not senses:
        return True
    if Kind.WHERE in senses and sentence.text(at) not in _LIMITS:
        return True
    return not _EMPTY.isdisjoint(senses.keys())


def _spelled(sentence: Sentence, places: list[int]) -> str:
    first = sentence.lexemes[places[0]]
    tokens = [token for at in range(places[0], places[-1] + 1) for token in sentence.lexemes[at].tokens]
    text = "".join(("" if token.glued or token is first.tokens[0] else " ") + token.raw for token in tokens)
    return text[:_LONGEST]
