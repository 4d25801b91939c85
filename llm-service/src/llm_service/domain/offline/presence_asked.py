"""Which devices have readings in a time, or have none: "which machines have no data today", "did all send data"."""

from dataclasses import replace
from itertools import pairwise
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_NONE: Final = frozenset(
    {
        *("no data", "without data", "no readings", "no reading", "没有数据", "没数据", "无数据", "没有任何数据"),
        *("没有上传数据", "没上传数据", "没有读数", "没有上报数据", "没上报数据"),
    }
)
_SENT: Final = frozenset(
    {
        *("send", "sends", "sent", "transmit", "transmits", "transmitted", "report", "reported", "reports", "deliver"),
        *(
            "delivered",
            "delivers",
            "上传",
            "上报",
            "传",
            "发",
            "发送",
            "上传了",
            "上报了",
            "发送了",
            "reporting",
            "sending",
        ),
    }
)
_THERE: Final = frozenset(
    {"is there", "are there", "有", "都有", "有数据吗", "都有数据吗", "has", "have", "got", "do", "does", "is", "are"}
)
_DATA: Final = frozenset({"data", "readings", "reading", "any data", "数据", "读数", "any readings", "telemetry"})
_QUIET: Final = frozenset({*_SENT, *_THERE, *_DATA, "any", "任何", "还", "machine", "every"})
_COUNTED: Final = frozenset({Statistic.COUNT, Statistic.MISSING_RATIO, Statistic.LAST})
_MEASURING: Final = (Kind.HOW_LONG, Kind.HOW_MANY, Kind.SHARE, Kind.HOW_OFTEN, Kind.TIMES, Kind.ASK_WHEN, Kind.BEST)
_EXTREME: Final = frozenset({"most", "least", "longest", "最多", "最少", "最长", "how much", "多少"})
_EACH: Final = frozenset({"which of", "which of the", "哪些", "哪台", "哪几台", "谁", "哪个", "which", "who", "what"})
_WHETHER: Final = ("did", "do", "does", "has", "have", "is", "are", "was", "were")


def with_presence(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for which of its devices have readings in its time, where that is what it asks."""
    texts = [lexeme.text for lexeme in sentence.lexemes]
    missing = not _NONE.isdisjoint(texts) or any(one == "no" and two in _DATA for one, two in pairwise(texts))
    sent = (
        "有数据吗" in texts
        or not _SENT.isdisjoint(texts)
        or (not _DATA.isdisjoint(texts) and not _THERE.isdisjoint(texts))
    )
    ranged = query.time is not None and not query.time.instant and not query.periods
    asked = query.fields or query.conditions or query.interval or query.percentiles or query.limit or query.gist
    other = query.since or query.negation or query.follows or query.refused or set(query.statistics) - _COUNTED
    gaps = any(
        each.senses.get(Kind.STATISTIC) is Statistic.MISSING_RATIO and each.text not in _NONE
        for each in sentence.lexemes
    )
    measured = gaps or any(kind in each.senses for each in sentence.lexemes for kind in _MEASURING)
    if not (missing or sent) or not ranged or asked or other or measured or not _EXTREME.isdisjoint(texts):
        return query
    whether, which = _asks_whether(texts), not _EACH.isdisjoint(texts)
    several = any({Kind.DEVICE_WORD, Kind.ALL, Kind.EVERY} & each.senses.keys() for each in sentence.lexemes)
    if not (several or query.devices or query.references) or not (whether or which) or (missing and not several):
        return query
    named = query.devices or query.references or query.except_devices
    return replace(
        query,
        intent=Intent.STATISTICS,
        statistics=(Statistic.COUNT,),
        rank=False,
        top=0,
        when=False,
        whether=whether and not which,
        all_devices=not named,
        presence="missing" if missing else "there",
        unread=tuple(each for each in query.unread if each.lower() not in _QUIET),
        notes=tuple(note for note in query.notes if note.remark is not Remark.OVERVIEW),
        confidence=1.0,
    )


def _asks_whether(texts: list[str]) -> bool:
    opened = next((text for text in texts if text.isalnum() or " " in text), "").split(" ")[0]
    return opened in _WHETHER or any(
        text.endswith("吗") or text in {"是否", "有没有", "是不是", "没有"} for text in texts
    )
