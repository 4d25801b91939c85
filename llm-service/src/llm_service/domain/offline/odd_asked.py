"""Single readings that can't be right: "which readings are physically implausible", "有没有不可信的读数"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.query import Intent, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_ODD: Final = (
    "implausible|not plausible|physically implausible|physically impossible|impossible|unphysical|untrustworthy"
    "|not trustworthy|unreliable|not reliable|bogus|spurious|outliers|outlier|spikes|spike readings|glitches|glitch"
    "|sensor errors|sensor glitches|erroneous|erroneous readings|not credible"
    "|不可信|不可信的|不可靠|不可靠的|不合理|不合理的|不可能|不可能的|物理上不可能|离谱|离谱的|尖峰|毛刺|野值|离群|离群值|离群点"
    "|异常值|坏点|跳变"
)
_WORDS: Final = frozenset(_ODD.split("|"))
_READINGS: Final = frozenset(
    {"reading", "readings", "value", "values", "data", "数据", "读数", "数值", "值", "measurements", "points"}
)
# What these ask for is told anyway: each such reading with its time.
_TOLD: Final = frozenset(
    {
        *("physically", "physical", "timestamp", "timestamps", "with timestamps", "times", "give", "list", "show"),
        *(
            "that",
            "can't be right",
            "clearly",
            "obviously",
            "sensor",
            "sensors",
            "时间",
            "时间点",
            "物理上",
            "明显",
            "条",
        ),
    }
)


def add_odd_words(lexicon: Lexicon) -> None:
    """Add these words to `lexicon`."""
    lexicon.add(Kind.INTENT, Intent.ANOMALY, _ODD.split("|"))


def with_odd(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the single readings far from the rest, where those that can't be right are asked for.

    "Missing or implausible" asks for both.
    """
    texts = [lexeme.text for lexeme in sentence.lexemes]
    named = any(text in _WORDS for text in texts)
    about = not _READINGS.isdisjoint(texts) or query.presence
    if not named or not about or query.conditions or query.refused or query.interval or query.rank or query.robust:
        return query
    missing = tuple(each for each in query.statistics if each is Statistic.MISSING_RATIO)
    turned = query.negation if query.negation.lower() not in _WORDS else ""
    unread = tuple(each for each in query.unread if not set(each.lower().split()) <= _TOLD | _WORDS)
    return replace(
        query,
        intent=Intent.STATISTICS if missing else Intent.ANOMALY,
        statistics=missing,
        odd=True,
        presence="",
        whether=False,
        when=False,
        negation=turned,
        judged=None,
        unread=tuple(each for each in unread if each.lower() not in {"or", "或", "或者"}),
        all_devices=query.all_devices or not (query.devices or query.references or query.follows),
        notes=tuple(note for note in query.notes if note.remark is not Remark.OVERVIEW),
        confidence=1.0,
    )


def by_odd(query: StructuredQuery) -> tuple[StructuredQuery, ...]:
    """Return a query for what is missing and one for what can't be right, where both are asked for."""
    if not query.odd or not query.statistics:
        return (query,)
    return (replace(query, odd=False), replace(query, statistics=(), intent=Intent.ANOMALY))
