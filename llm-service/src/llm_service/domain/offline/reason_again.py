"""Why it was as it was told: "why?", "为什么会这样"; the readings hold no reason, what stood out then is told."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.bare_text import bare
from llm_service.domain.offline.query import Intent, Language, StructuredQuery, TimeRange
from llm_service.domain.offline.reason_asked import EXPLAINING
from llm_service.domain.offline.told_answer import ToldAnswer

_BARE: Final = frozenset(
    {
        *(
            "why",
            "why so",
            "why that",
            "why is that",
            "why's that",
            "why is this",
            "why was that",
            *("how come", "why it", "why that one", "why this one", "why is it that one"),
            "but why",
        ),
        *(
            "what caused that",
            "what caused it",
            "what caused this",
            "what is the reason",
            "what's the reason",
            "reason",
        ),
        *("what was the reason", "what was the cause", "what is the cause", "why not", "why is it so", "why was it so"),
        *("why did that happen", "why did this happen", "what's the cause"),
        *("how did that happen", "explain", "explain that", "warum", "wieso", "weshalb", "the reason", "the cause"),
        *(
            "为什么",
            "为何",
            "为啥",
            "为什么会这样",
            "为什么这样",
            "怎么会这样",
            "怎么回事",
            "这是怎么回事",
            "是怎么回事",
        ),
        *(
            "原因",
            "原因是什么",
            "什么原因",
            "是什么原因",
            "什么原因造成的",
            "怎么搞的",
            "咋回事",
            "为啥会这样",
            *("为什么会", "为什么是它", "为什么是这台", "为什么是那台", "怎么会是它"),
        ),
        *("因为什么", "解释一下"),
    }
)
_WHY: Final = {Language.ENGLISH: "why", Language.CHINESE: "为什么"}
# Around a moment so much is looked at: what is unusual shows in its course.
_AROUND: Final = timedelta(minutes=15)
_SAID: Final = frozenset({"that", "it", "this"})
_SAID_HAN: Final = ("这样", "那样", "这个", "那个")
_MOST_WORDS: Final = 6
_LEADS: Final = ("and ", "but ", "so ", "那么", "那", "这", "可是", "但", "但是")


def asks_why(text: str) -> bool:
    """Return whether nothing but the reason is asked for."""
    plain = bare(text, "！").removesuffix("啊")
    for lead in _LEADS:
        plain = plain.removeprefix(lead) if plain not in _BARE else plain
    return plain in _BARE


def reason_again(
    text: str, query: StructuredQuery, before: StructuredQuery, told: ToldAnswer | None
) -> StructuredQuery | None:
    """Return `text`, read as `query`, as one for what stood out where and when `before` was asked of; else None."""
    if before.intent in {Intent.CHAT, Intent.LIST_DEVICES}:
        return None
    explains = query.refused.lower() in EXPLAINING
    measured = query.fields or query.statistics or query.interval or query.devices or query.references
    if asks_why(text) and not (query.conditions or measured):
        asked = StructuredQuery(intent=Intent.ANOMALY, language=query.language, refused=_WHY[query.language])
    elif explains and query.conditions and not measured and not query.all_devices:
        # "Why did it stop?" behind who stood longest.
        asked = query
    elif explains and query.intent is Intent.CHAT and not (query.conditions or measured or query.time) and _leans(text):
        asked = StructuredQuery(intent=Intent.ANOMALY, language=query.language, refused=query.refused)
    else:
        return None
    first = told.ranked()[:1] if told and before.rank and len(before.devices) != 1 else ()
    return replace(
        asked,
        devices=first or before.devices,
        references=() if first else before.references,
        except_devices=() if first else before.except_devices,
        all_devices=before.all_devices and not first,
        another="" if first else before.another,
        winner=None if first else before.winner,
        owner="" if first else before.owner,
        time=asked.time or _around(before.time),
        zone=before.zone,
        recent=not (asked.time or before.time) and (before.intent is not Intent.ANOMALY or before.recent),
        holds=asked.holds and not before.time,
        confidence=1.0,
    )


def _leans(text: str) -> bool:
    """Whether it is of what was told: "why did it do that", and no more is said."""
    words = text.lower().replace("?", " ").split()
    return len(words) <= _MOST_WORDS and (not _SAID.isdisjoint(words) or any(each in text for each in _SAID_HAN))


def _around(time: TimeRange | None) -> TimeRange | None:
    """The time with what is before and behind it, where it is too short to show anything."""
    if time is None or time.start is None or time.end is None or time.end - time.start >= _AROUND:
        return time
    return TimeRange(start=time.start - _AROUND, end=time.end + _AROUND)
