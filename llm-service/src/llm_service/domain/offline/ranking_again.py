"""A ranking that was told, asked for its rest, its other end, or how far its first is ahead: "and the others?"."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.bare_text import bare
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.told_answer import ToldAnswer

_LONGEST: Final = 60
_LONGEST_TOLD: Final = 20_000
_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
_LEADS: Final = re.compile(
    r"^(?:(?:and|so|what about|how about|what of|which is|which was|which one is|which one was|who is|who was"
    r"|was ist mit|und|那么?)[ ,，]*){1,3}(?=\S)"
)
_REST: Final = re.compile(
    r"(?:all )?(?:of )?(?:the )?(?:others?|other ones|other (?:machines|welders|devices)|rest"
    r"|remaining (?:ones|machines)|other (?:two|three|four))(?: of (?:them|the machines))?|die anderen"
    r"|(?:其他|其它|其余|剩下|余下|剩余|另外)的?(?:[几两二三四五六]台|机器|焊机|设备)?(?:机器|焊机|设备)?(?:的)?(?:怎么样|如何|多少|都是多少)?"
)
_LOW: Final = r"least|lowest|shortest|fewest|smallest|coldest|coolest|minimum|bottom one|最(?:少|低|短|小|冷|凉)"
_HIGH: Final = r"most|highest|longest|largest|biggest|hottest|warmest|maximum|top one|最(?:多|高|长|大|热|久)"
_END: Final = re.compile(
    rf"(?:the )?(?:({_LOW})|({_HIGH}))(?: (?:one|machine|welder|device))?(?: of (?:them|all))?"
    r"的?(?:那台|一台|机器|是哪台|哪台|是谁|是哪个|是哪一台|那个)?"
)
_AHEAD: Final = re.compile(
    r"(?:by )?how (?:much|many)(?: (?:more|less|longer|higher|lower|hotter|further|hours|litres|minutes))?"
    r"(?: (?:more|less|longer))?(?: (?:is|was) (?:it|that))?"
    r"(?: (?:than|ahead of|before|above|from) (?:the )?(?:second|next|runner[- ]up|second one|next one))"
    r"|(?:比|跟|和|与|领先|超过)(?:第二名?|第二台|第2名?)(?:的|那台)?(?:相?差|多|高|长|久|大|少|低|领先|超出)+(?:多少|几个?小时|几度|多久)?"
    r"|(?:领先|超过)(?:第二名?|第二台)多少"
)
_HOW_FAR: Final = re.compile(
    r"(?:by )?how (?:much|many (?:hours|minutes|litres|degrees))(?: (?:more|less|longer|higher|lower|hotter))?"
    r"(?: (?:is|was) (?:it|that))?"
    r"|(?:what(?:'s| is| was) )?the difference"
    r"|(?:相?差|领先|多|高|长|少|低|热|冷|短|久)(?:出|了)?(?:多少|几个?小时|几度|多久)"
)
_USED: Final = re.compile(r"(?:其中)?(?:哪一?台|谁|哪个|哪个机器|哪台机器)(?:用|耗|消耗|用得|用的|耗得)+最(多|少)")
_DEAR: Final = re.compile(
    r"(?:(?:which|who)(?: one| machine| of them)* )?(?:(?:is|was|costs?|cost) )?(?:the )?"
    r"(most expensive|dearest|cheapest|most|least|most used (?:gas|wire|energy))(?: one| of them)?"
    r"|(?:其中)?(?:哪一?台|谁|哪个)(?:机器)?(?:最(贵|费钱|便宜|省钱)|花钱最(多|少))"
)
_CHEAP: Final = frozenset({"cheapest", "least", "便宜", "省钱", "少"})
_DIFFERENCE: Final = " − "


def ranking_again(
    text: str, before: StructuredQuery, told: ToldAnswer | None, codes: Sequence[str]
) -> StructuredQuery | None:
    """Return `before` with what of its ranking `text` asks for; None for anything else."""
    plain = bare(text, "！").removesuffix(" then")
    if before.intent is Intent.CHAT or len(plain) > _LONGEST:
        return None
    plain = _LEADS.sub("", plain, count=1)
    if not before.rank:
        return _of_told(plain, before, told)
    if used := _USED.fullmatch(plain):
        return _at_end(before, Statistic.MIN if used[1] == "少" else Statistic.MAX)
    if found := _END.fullmatch(plain):
        return _at_end(before, Statistic.MIN if found[1] else Statistic.MAX)
    if _HOW_FAR.fullmatch(plain) and (lines := _differences(told)):
        return replace(before, told=lines, notes=(), unread=())
    return None if told is None or before.by_group else _of_ranked(plain, before, told, codes)


def _of_told(plain: str, before: StructuredQuery, told: ToldAnswer | None) -> StructuredQuery | None:
    """The difference that a comparison told, or the ranking of the amounts that were told; None for anything else."""
    if before.intent is Intent.COMPARE and _HOW_FAR.fullmatch(plain) and (lines := _differences(told)):
        return replace(before, told=lines, notes=(), unread=())
    several = len(before.devices) > 1 or before.all_devices or before.references
    found = _USED.fullmatch(plain) or (_DEAR.fullmatch(plain) if before.prices else None)
    if found and before.statistics == (Statistic.INTEGRAL,) and several:
        end = Statistic.MIN if _CHEAP & set(found.groups()) else Statistic.MAX
        return replace(before, intent=Intent.STATISTICS, rank=True, statistics=(*before.statistics, end), notes=())
    return None


def _of_ranked(plain: str, before: StructuredQuery, told: ToldAnswer, codes: Sequence[str]) -> StructuredQuery | None:
    """The lines behind the first, or the first two side by side; None for anything else."""
    ranked = told.ranked()
    if len(ranked) < 2:
        return None
    if _REST.fullmatch(plain):
        lines = tuple(line for line in told.text.split("\n") if _place_of(line, ranked) > 1)
        return replace(before, told=lines, notes=(), unread=())
    ahead = _AHEAD.fullmatch(plain) or _HOW_FAR.fullmatch(plain)
    if not ahead or not set(ranked) <= set(codes) or before.longest:
        return None
    numbers = tuple(each for each in before.statistics if each not in _ENDS) or before.statistics
    both = replace(before, devices=ranked[1::-1], references=(), all_devices=False, except_devices=(), told=())
    return replace(both, intent=Intent.COMPARE, rank=False, statistics=numbers, notes=(), unread=(), top=0)


def _at_end(before: StructuredQuery, end: Statistic) -> StructuredQuery | None:
    """The ranking from its other end; None where it is of extremes alone, or from that end already."""
    numbers = tuple(each for each in before.statistics if each not in _ENDS)
    if not numbers or len(set(before.statistics) & _ENDS) > 1:
        return None
    return replace(before, statistics=(*numbers, end), told=(), notes=(), top=0)


def _differences(told: ToldAnswer | None) -> tuple[str, ...]:
    """The one line that tells how far two of it differ."""
    text = told.text[:_LONGEST_TOLD] if told else ""
    lines = tuple(line for line in text.split("\n") if _DIFFERENCE in line)
    return lines if len(lines) == 1 else ()


def _place_of(line: str, ranked: Sequence[str]) -> int:
    """The place that a line of the ranking tells, 0 for any other line."""
    place, _, rest = line.partition(". ")
    known = place.isdecimal() and len(place) < 4 and 0 < int(place) <= len(ranked)
    return int(place) if known and rest.startswith(f"{ranked[int(place) - 1]}: ") else 0
