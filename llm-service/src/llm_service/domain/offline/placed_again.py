"""One of a ranking, or of all that were told: "the current of the second one?", "最差的那台都是什么缺陷"."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Condition, Intent, Operator, Statistic, StructuredQuery
from llm_service.domain.offline.told_answer import ToldAnswer
from llm_service.domain.offline.words_data import LABEL_FIELD

_LONGEST: Final = 60
_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
_PLACES: Final = {
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "runner-up": 2,
    "runner up": 2,
    "last": -1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
}
_MACHINE: Final = r"(?:one|machine|welder|device|place|in the ranking)"
_PLACE: Final = re.compile(
    rf"\b(?:the )?(second|third|fourth|fifth|last)(?: {_MACHINE}\b|[- ]placed\b|[- ]best\b|[- ]worst\b|[- ]highest\b)"
    r"|\b(?:the )?(runner[- ]up)\b"
    r"|第([二三四五2345])(?:名|位|台)|排(?:在)?第([二三四五2345])的?(?:那台|机器)?|(最后一名|末位|垫底的?那?台?)"
)
_END: Final = re.compile(
    rf"\b(?:the )?(worst|best|highest|lowest|hottest|coldest|most|least)(?: of them)?(?: {_MACHINE}\b)?(?: of them)?"
    r"|最(差|糟|好|高|低|多|少|热|冷|长|短)的?(?:那台|那一台|一台|那个|机器)"
)
_LOW: Final = frozenset({"lowest", "coldest", "least", "低", "少", "冷", "短"})
_TWO: Final = re.compile(
    r"\b(?:of|between|among) (?:the |these |those )?(?:two|both)\b|\bvon (?:den )?beiden\b"
    r"|两[台个者]?(?:中|里|之中|之间|当中)?[，,]?(?:哪|谁)"
)
_WHICH: Final = re.compile(r"\bwhich\b|\bwho\b|哪|谁|\bwelche|\bwer\b")
_LESS: Final = re.compile(r"\bless\b|\bleast\b|\bfewer\b|\blower\b|\bshorter\b|少|低|短|\bweniger\b")
_ASKING: Final = re.compile(
    r"\b(?:and|what|about|who|which|is|was|are|the|machine|one|device|came|comes|in|place|on|it|place)\b"
    r"|谁|哪台|哪个|是|呢|那|的|多少|[?？,，.。!！ ]"
)
_BARE_PLACE: Final = re.compile(
    r"\b(second|third|fourth|fifth|last|runner[- ]up)\b|第([二三四五2345])(?:名|位|台)?|(最后一名|末位|垫底)"
)
_DEFECTS: Final = re.compile(
    r"(?:什么|哪些|哪种|啥)(?:缺陷|问题|毛病)|(?:what|which) (?:kinds? of )?(?:defect|fault|flaw)s?"
)


def placed_again(
    text: str, query: StructuredQuery, before: StructuredQuery, told: ToldAnswer | None, codes: Sequence[str]
) -> StructuredQuery | None:
    """Return `query` asked of the machine at a place of the ranking that was told; None for anything else."""
    plain = " ".join(text.lower().split())
    own = query.fields or query.conditions or query.intent in {Intent.ANOMALY, Intent.TREND} or query.since
    ranked = told.ranked() if told else ()
    found = _PLACE.search(plain)
    if found is None or not before.rank or not own or query.devices or len(plain) > 120:
        return None
    said = next(filter(None, found.groups()))
    place = -1 if said.startswith(("last", "最后", "末", "垫")) else _place(said)
    if place > len(ranked) or not set(ranked) <= set(codes) or not ranked:
        return None
    code = ranked[place - (place > 0)]
    statistics = tuple(each for each in query.statistics if each not in _ENDS)
    if len(statistics) == len(query.statistics):
        statistics = query.statistics
    unread = tuple(each for each in query.unread if each.lower() not in found[0])
    asked = replace(query, devices=(code,), references=(), all_devices=False, another="", owner="", rank=False)
    intent = Intent.STATISTICS if query.intent is Intent.CHAT else query.intent
    asked = replace(asked, intent=intent, statistics=statistics, unread=unread, of_them=False, follows=True)
    alike = query.fields and set(query.fields) <= set(before.fields) and not query.statistics and not query.time
    if alike:
        # "The current of the second one" behind who had the highest mean current.
        asked = replace(asked, statistics=tuple(each for each in before.statistics if each not in _ENDS))
        asked = replace(asked, statistics=asked.statistics or before.statistics)
    return replace(asked, time=query.time or before.time, zone=query.zone or before.zone, confidence=1.0)


def line_of_ranking(text: str, before: StructuredQuery, told: ToldAnswer | None) -> StructuredQuery | None:
    """Return `before` with the one line of its ranking that is asked for: "the runner-up?"; None for anything else."""
    plain = " ".join(text.lower().split())
    found = _BARE_PLACE.search(plain)
    if not before.rank or told is None or found is None or len(plain) > _LONGEST:
        return None
    if _ASKING.sub("", plain.replace(found[0], "", 1)):
        return None
    said = next(filter(None, found.groups()))
    ranked = told.ranked()
    place = len(ranked) if said.startswith(("last", "最后", "末", "垫")) else _place(said)
    if not 0 < place <= len(ranked):
        return None
    line = next(each for each in told.text.split("\n") if each.startswith(f"{place}. {ranked[place - 1]}: "))
    return replace(before, told=(line,), notes=(), unread=())


def _place(said: str) -> int:
    return _PLACES[said] if said in _PLACES else int(said)


def one_of_two(
    text: str, query: StructuredQuery, before: StructuredQuery, spoken: Sequence[str]
) -> StructuredQuery | None:
    """Return `query` as one of the two machines spoken of: "which of the two had more breaks"; else None."""
    codes = tuple(dict.fromkeys((*spoken, *before.devices)))[-2:]
    plain = text.lower()
    if _TWO.search(plain) is None or _WHICH.search(plain) is None or len(codes) < 2:
        return None
    if query.devices or query.references or query.interval:
        return None
    if not (query.fields or query.conditions):
        told = tuple(each for each in before.statistics if each not in _ENDS)
        if not told or before.intent not in {Intent.STATISTICS, Intent.COMPARE} or before.interval:
            return None
        end = Statistic.MIN if _LESS.search(plain) else Statistic.MAX
        both = replace(
            before, devices=codes, references=(), all_devices=False, except_devices=(), winner=None, another=""
        )
        return replace(
            both, intent=Intent.STATISTICS, statistics=(*told, end), rank=True, notes=(), unread=query.unread
        )
    if not query.rank:
        return None
    time = query if query.time else before
    asked = replace(query, devices=codes, all_devices=False, of_them=False, time=time.time, periods=time.periods)
    return replace(asked, zone=query.zone or before.zone, confidence=1.0)


def worst_of_told(text: str, query: StructuredQuery, before: StructuredQuery) -> StructuredQuery | None:
    """Return `query` asked of the machine that has the worst of what was told of several; None for anything else."""
    plain = " ".join(text.lower().split())
    found = _END.search(plain)
    several = before.all_devices or len(before.devices) > 1 or len(before.references) > 1
    if found is None or not several or before.rank or before.interval or len(before.periods) > 1 or query.devices:
        return None
    told = tuple(each for each in before.statistics if each not in _ENDS)
    defects = _DEFECTS.search(plain)
    fields = (LABEL_FIELD,) if defects else query.fields
    if len(told) != 1 or len(plain) > 120 or not fields or query.rank:
        return None
    said = next(filter(None, found.groups()))
    good = any(_is_good(each) for each in before.conditions)
    lowest = said in _LOW or (good and said in {"worst", "差", "糟"}) or (not good and said in {"best", "好"})
    end = Statistic.MIN if lowest else Statistic.MAX
    winner = replace(before, rank=True, statistics=(*told, end), notes=(), unread=())
    asked = replace(query, fields=fields, winner=winner, owner=found[0].strip(), time=query.time or before.time)
    if defects:
        asked = replace(asked, intent=Intent.STATISTICS, conditions=(), statistics=(), rank=False, all_devices=False)
    return replace(asked, devices=(), references=(), all_devices=False, zone=before.zone, confidence=1.0, follows=False)


def _is_good(condition: Condition) -> bool:
    return condition.field == LABEL_FIELD and condition.value == "good" and condition.operator is Operator.EQ
