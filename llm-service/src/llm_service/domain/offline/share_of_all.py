"""How much of what all machines used was one's: "the biggest share of the gas, in percent", "占总用气量的百分之几"."""

import re
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_FLOWS: Final = frozenset({"gas_flow", "wire_feed"})
_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
_PART: Final = (
    *("how many percent of", "how many percent", "how much percent", "percent of", "percentage", "percent", "per cent"),
    *("share", "shares", "proportion", "fraction", "portion", "part", "%"),
)
_PART_CHINESE: Final = ("百分之几", "百分之多少", "百分比", "占比", "份额", "比例", "占")
# What is left of phrases where these were.
_REST: Final = frozenset(
    {"what", "which", "the", "of", "in", "as", "a", "and", "whole", "overall", "how", "many", "是", "的", "各"}
)
_WHOLE: Final = re.compile(
    r"\bof (?:the |our )?(?:all|total|whole|overall|everything|everyone|shop|plant|factory)"
    r"|\btotal\b|\bof all\b|占(?:总|全|所有|四台|整个|了?全部)|总量|总用"
)


def with_share_of_all(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as a ranking by what was used, whose shares are told, where one's share of all is asked for."""
    flows = (
        len(query.fields) == 1 and query.fields[0] in _FLOWS and set(query.statistics) <= {Statistic.INTEGRAL, *_ENDS}
    )
    other = query.conditions or query.when or query.since or query.interval or query.percentiles or query.periods
    text = " ".join(lexeme.text for lexeme in sentence.lexemes)
    joined = "".join(lexeme.text for lexeme in sentence.lexemes)
    asked = any(_without(phrase) != phrase for phrase in map(str.lower, query.unread)) or _says_part(sentence)
    if not flows or other or not asked or query.intent is Intent.TREND:
        return query
    group = any(each.label for each in query.references)
    whole = _WHOLE.search(text) is not None or _WHOLE.search(joined) is not None or group
    several = query.rank or query.all_devices or len(query.devices) > 1
    if not whole and not several:
        return query
    unread = tuple(each for each in query.unread if set(_without(each.lower()).split()) - _REST)
    statistics = (Statistic.INTEGRAL, *(each for each in query.statistics if each in _ENDS))
    told = replace(query, intent=Intent.STATISTICS, statistics=statistics, unread=unread, whether=False)
    if group:
        return replace(told, references=(), devices=(), all_devices=True, by_group=True)
    one = len(query.devices) == 1 or not several
    return replace(told, devices=(), all_devices=True, rank=True) if one else replace(told, rank=True)


def _without(phrase: str) -> str:
    """What is left of a phrase without the words for a part of something."""
    for word in _PART_CHINESE:
        phrase = phrase.replace(word, " ")
    words = phrase.split()
    kept = " ".join(word for word in words if word not in _PART)
    return kept if len(words) > 1 or kept != phrase else phrase


def _says_part(sentence: Sentence) -> bool:
    """Whether a word for a part of something was read: "in percent"."""
    parts = (Kind.SHARE, Kind.TIME_SHARE)
    return any(kind in lexeme.senses for lexeme in sentence.lexemes for kind in parts)
