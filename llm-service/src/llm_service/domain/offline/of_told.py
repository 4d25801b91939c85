"""Questions for a part of what was told: "when was the worst of them?", "was it welding then?", "给我列出前三次"."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.told_answer import ToldAnswer, ToldLine

_NUMBERS: Final = {
    word: at
    for words in ("one two three four five six seven eight nine ten", "一 二 三 四 五 六 七 八 九 十")
    for at, word in enumerate(words.split(), 1)
} | {"两": 2, "几": 3}
_NUMBER: Final = rf"([0-9]{{1,2}}|{'|'.join(_NUMBERS)})"
_WORST: Final = re.compile(r"worst|most severe|most serious|strongest|严重|最厉害|最糟|schlimmste")
_BARE_WORST: Final = re.compile(
    r"(?:and )?(?:which|what)(?: one)?(?: of (?:them|these|those))? (?:was|is|were)(?: the)?"
    r" (?:worst|most severe|strongest)(?: one)?(?: of (?:them|these|those|all))?"
    r"|(?:and )?the (?:worst|most severe|strongest)(?: one)?(?: of (?:them|all))?"
)
_LONGEST: Final = re.compile(r"longest|lasted most|最长|最久|längste")
_FIRST: Final = re.compile(rf"(?:first|earliest|erste[nr]?|前|最早的?)\s?{_NUMBER}")
_LAST: Final = re.compile(rf"(?:last|latest|newest|letzte[nr]?|最后|最近|最新|后)的?\s?{_NUMBER}")
_NTH_LONGEST: Final = re.compile(
    r"\b(second|third|fourth|fifth)[- ]longest|\b(2nd|3rd|4th|5th) longest|第([二三四五])长|(?:zweit|dritt)l[aä]ngste"
)
_NTH: Final = {
    **dict.fromkeys(("second", "2nd", "二"), 2),
    **dict.fromkeys(("third", "3rd", "三"), 3),
    **dict.fromkeys(("fourth", "4th", "四"), 4),
    **dict.fromkeys(("fifth", "5th", "五"), 5),
}
_THE_FIRST: Final = re.compile(r"\bfirst\b|\bearliest\b|第一[次个处段]|最早|\berste")
_THE_LAST: Final = re.compile(r"\blast\b|\blatest\b|最后一?[次个处段]|最近一?[次个处段]|最晚|\bletzte")
_PICKS: Final = (_WORST, _LONGEST, _FIRST, _LAST, _THE_FIRST, _THE_LAST)
_LONGEST_TEXT: Final = 80
_THEN: Final = re.compile(
    r"at (?:that|this|the same|the) (?:time|moment|point|instant|second)\b|\b(?:just|back|by) then\b|\bthen\s*$"
    r"|\bin that moment\b|那个?时候|那一刻|那个?时刻|那时|当时|那会儿?|那一瞬|此时|\bdamals\b|zu dem zeitpunkt"
)
THEN: Final = frozenset({"then", "当时", "那时", "那时候", "那个时候", "那一刻", "那会", "那会儿", "时候", "moment"})
_WHEN: Final = re.compile(
    r"(?:and |so |exactly )*(?:when|at what time|what time|from when to when|from when until when)(?: exactly)?"
    r"(?: did| was| is)?(?: it| that| this)?(?: happen| start| started| begin| began| end)?(?: and end)?"
    r"|那?(?:具体|大概|确切|到底|究竟)?(?:是)?(?:在)?(?:从)?(?:几点|什么时候|何时)(?:几分)?(?:开始|结束|发生|到几点|到什么时候)?的?"
)
_KINDS: Final = frozenset({Intent.STATISTICS, Intent.QUERY, Intent.COMPARE, Intent.CHAT})


def says_then(text: str) -> str:
    """Return the words of `text` for a moment that was told, "" without any."""
    found = _THEN.search(" ".join(text.lower().split()).strip("?？。.! 呢"))
    return found[0].strip() if found else ""


def when_told(text: str, before: StructuredQuery, told: ToldAnswer | None) -> StructuredQuery | None:
    """Return `before` with the one stretch that it told, where `text` asks when that was; None for anything else."""
    plain = " ".join(text.lower().split()).strip("?？。.! 呢")
    lines = told.lines(()) if told else ()
    if len(lines) != 1 or len(plain) > _LONGEST_TEXT or _WHEN.fullmatch(plain) is None or not _tells_stretches(before):
        return None
    return replace(before, told=(lines[0].text,), notes=(), unread=())


def _tells_stretches(query: StructuredQuery) -> bool:
    one = len(query.devices) == 1 and not query.rank and not query.interval
    return one and (bool(query.conditions) or query.intent is Intent.ANOMALY)


def picked(
    text: str, query: StructuredQuery, before: StructuredQuery, told: ToldAnswer | None, codes: Sequence[str]
) -> StructuredQuery | None:
    """Return `before` with those of its lines that `text`, read as `query`, asks for; None for anything else."""
    plain = " ".join(text.lower().split())
    named = query.devices or any(not each.by_place for each in query.references)
    unusual = before.intent is Intent.ANOMALY
    bare = unusual and _BARE_WORST.fullmatch(plain.strip("?？。.! ")) is not None
    own = not bare and (named or query.fields or query.time or query.conditions or query.interval)
    if told is None or own or len(plain) > _LONGEST_TEXT or (before.rank and not unusual):
        return None
    lines = told.lines(codes)
    listed = unusual or bool(before.told) or (before.conditions and len(before.devices) == 1)
    chosen = _chosen(plain, lines, cut=told.cut) if lines and listed else ()
    if not chosen:
        word = next((found[0] for each in _PICKS if (found := each.search(plain))), "")
        return replace(before, unread=(word,), notes=(), told=()) if unusual and word else None
    several = len({line.device for line in lines}) > 1
    texts = tuple(f"- {line.device}: {line.text[2:]}" if several and line.device else line.text for line in chosen)
    devices = {line.device for line in chosen if line.device}
    one = replace(before, devices=tuple(devices), all_devices=False, references=()) if len(devices) == 1 else before
    return replace(one, told=texts, notes=(), unread=(), language=query.language)


def _chosen(plain: str, lines: Sequence[ToldLine], *, cut: bool) -> Sequence[ToldLine]:
    """The lines that are asked for; none where it is not known which these are."""
    if _WORST.search(plain):
        scored = [line for line in lines if line.score is not None]
        return [max(scored, key=lambda line: line.score or 0.0)] if len(scored) == len(lines) else _longest(lines)
    if _LONGEST.search(plain) or _NTH_LONGEST.search(plain):
        return () if cut else _longest(lines, _place_of_longest(plain))
    ordered = sorted(lines, key=lambda line: (line.time.start is None, line.time.start))
    starts = [line.time.start for line in lines]
    by_device = [[line.time.start for line in lines if line.device == code] for code in {line.device for line in lines}]
    known = not cut or all(each == sorted(each, key=str) for each in by_device)
    if (first := _FIRST.search(plain)) and starts:
        return ordered[: _count(first[1])] if known else ()
    if last := _LAST.search(plain):
        return () if cut else ordered[-_count(last[1]) :]
    if _THE_FIRST.search(plain):
        return ordered[:1] if known else ()
    return ordered[-1:] if _THE_LAST.search(plain) and not cut else ()


def _count(word: str) -> int:
    return int(word) if word.isdecimal() else _NUMBERS[word]


def _place_of_longest(plain: str) -> int:
    """1 of "the longest", 2 of "the second longest"."""
    found = _NTH_LONGEST.search(plain)
    said = next(filter(None, found.groups()), "third" if "dritt" in found[0] else "second") if found else ""
    return _NTH.get(said, 1)


def _longest(lines: Sequence[ToldLine], place: int = 1) -> Sequence[ToldLine]:
    """The longest line, or the one at this place of the longest; none where there are fewer."""

    def seconds(line: ToldLine) -> float:
        start, end = line.time.start, line.time.end
        return (end - start).total_seconds() if start and end else 0.0

    return sorted(lines, key=seconds, reverse=True)[place - 1 : place]


def at_told_moment(
    text: str, query: StructuredQuery, before: StructuredQuery, told: ToldAnswer | None, codes: Sequence[str]
) -> StructuredQuery | None:
    """Return `query` as one of the moment, or the stretch, that was told; None for anything else.

    "Was it welding then?" behind when it was hottest asks of that moment and of that machine. Where none was told, the
    word is named, and nothing is affirmed.
    """
    said = says_then(text)
    if not said or query.time or query.refused or query.intent not in _KINDS:
        return None
    unread = tuple(each for each in query.unread if each.lower() not in said and each.lower() not in THEN)
    time = told.moment(first=before.when or before.once or bool(before.ordered)) if told else None
    devices = query.devices or _device(before, told, time, codes)
    if not (query.conditions or query.fields):
        return None
    if time is None or not (devices or query.references):
        return replace(query, unread=(*unread, said), whether=False, always=False, follows=True)
    asked = replace(
        query, devices=devices, time=time, unread=unread, owner="", follows=False, when=False, all_devices=False
    )
    confidence = max(query.confidence, before.confidence)
    return _of_moment(replace(asked, confidence=confidence, zone=before.zone, rank=False, since=False), time)


def _of_moment(query: StructuredQuery, time: TimeRange) -> StructuredQuery:
    """The query of what is told of a moment, or of a stretch."""
    asked = query
    if query.conditions and not query.fields:
        if time.instant:
            return replace(asked, intent=Intent.STATISTICS, statistics=(), holds=True, whether=True, least=None)
        return replace(asked, intent=Intent.STATISTICS, statistics=(Statistic.EVENTS,), whether=True, holds=False)
    if time.instant:
        return replace(asked, intent=Intent.QUERY, statistics=(Statistic.LAST,))
    kept = tuple(each for each in query.statistics if each is not Statistic.LAST)
    return replace(asked, intent=Intent.STATISTICS, statistics=kept)


def _device(
    before: StructuredQuery, told: ToldAnswer | None, time: TimeRange | None, codes: Sequence[str]
) -> tuple[str, ...]:
    """The machine whose moment was told."""
    if len(before.devices) == 1:
        return before.devices
    if told is None or time is None:
        return ()
    ranked = told.ranked()
    if ranked and ranked[0] in codes:
        return ranked[:1]
    named = told.named(codes)
    return named if len(named) == 1 else ()
