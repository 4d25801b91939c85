"""Questions for whatever is wrong, which name no machine and no time: "any problems?", "有什么异常吗"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, StructuredQuery
from llm_service.domain.offline.recently_asked import RECENT
from llm_service.domain.offline.sentence import Sentence

_QUIET: Final = frozenset(
    {
        *(Kind.FILLER, Kind.ALL, Kind.WHETHER, Kind.WHICH, Kind.NOW, Kind.FOLLOW, Kind.AND, Kind.AT, Kind.IN, Kind.TO),
        *(Kind.DEVICE_WORD, Kind.VERDICT),
    }
)
# What is wrong with these is no matter of machines.
_OTHERS: Final = frozenset({"you", "your", "have", "my", "me", "你", "您", "我"})
_SURE: Final = 0.6


def with_trouble(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for what is unusual of all machines lately, where that is all it asks for."""
    if query.intent is not Intent.CHAT or query.refused or query.negation or query.fields:
        return query
    wrong = {at for at, lexeme in enumerate(sentence.lexemes) if lexeme.senses.get(Kind.INTENT) is Intent.ANOMALY}
    others = [lexeme for at, lexeme in enumerate(sentence.lexemes) if at not in wrong]
    others = [lexeme for lexeme in others if lexeme.text not in RECENT]
    quiet = all(not _QUIET.isdisjoint(lexeme.senses) or not lexeme.text.isalnum() for lexeme in others)
    if not wrong or not quiet or any(lexeme.text in _OTHERS for lexeme in others):
        return query
    return replace(
        query, intent=Intent.ANOMALY, all_devices=True, everywhere=True, recent=True, confidence=_SURE, unread=()
    )
