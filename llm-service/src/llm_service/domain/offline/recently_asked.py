""" "Recently", "最近" without a length: a time is taken for it, and said."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.query import Intent, Language, Note, Remark, Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.sentence import Sentence

_RECENT: Final = timedelta(hours=24)
_UNKNOWN: Final = ("recently", "lately", "of late", "in recent times", "近来", "近期", "近日", "这阵子", "最近这段时间")
_KNOWN: Final = frozenset({"recent", "最近", "最近的"})
RECENT: Final = _KNOWN | frozenset(_UNKNOWN)
"""What says lately, and no length."""
# "最近的读数" are the newest ones.
_ROWS: Final = frozenset({"读数", "数据", "记录", "数值", "readings", "reading", "values", "data"})
_SAID: Final = {Language.ENGLISH: "the last 24 hours", Language.CHINESE: "过去 24 小时"}


def add_recent_words(lexicon: Lexicon) -> None:
    """Add these words to `lexicon`."""
    lexicon.add(Kind.UNHEEDED, None, _UNKNOWN)


def with_recently(query: StructuredQuery, sentence: Sentence, now: datetime) -> StructuredQuery:
    """Return `query` as one of the last day where it is asked of lately; of what is unusual, of the last while."""
    said = next((each for each in query.unread if each.lower() in RECENT), "")
    idle = query.intent in {Intent.CHAT, Intent.LIST_DEVICES} or query.refused
    other = query.limit or query.latest or query.holds or query.since or query.statistics == (Statistic.LAST,)
    told = query.fields or query.statistics or query.conditions or query.when
    rows = not told and any(lexeme.text in _ROWS for lexeme in sentence.lexemes)
    if not said or idle or rows or other or query.time or query.periods or len(sentence) < 2:
        return query
    unread = tuple(each for each in query.unread if each != said)
    if query.intent is Intent.ANOMALY:
        return replace(query, unread=unread, recent=True)
    note = Note(remark=Remark.READ_AS, words=(said, _SAID[query.language]))
    time = TimeRange(start=now - _RECENT, end=now)
    return replace(query, unread=unread, time=time, notes=(*query.notes, note))
