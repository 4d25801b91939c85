"""Questions for more of what was told: "both together?", "what was the current then?", "那时候电流多少"."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon, lexemes_of
from llm_service.domain.offline.one_of_told import ENDS
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.token import tokenize
from llm_service.domain.offline.vocabulary import lexicon

_TOGETHER: Final = frozenset(
    {
        *("both together", "together", "all together", "altogether", "in total", "combined", "both combined", "in sum"),
        *("taken together", "both of them together", "as a total", "summed up", "added up", "the total", "total"),
        *("合计", "一共", "总共", "加起来", "两台一起", "一起", "两台加起来", "合起来", "总计", "两台合计", "一共多少"),
        *("加起来多少", "总共多少", "合计多少", "两台一共", "两台一共多少", "两台加起来多少"),
    }
)
_EACH: Final = frozenset(
    {
        *(
            "每台多少",
            "各台多少",
            "各多少",
            "分别多少",
            "每台各多少",
            "每台用了多少",
            "每台各用了多少",
            "各用了多少",
            "每台呢",
        ),
        *("per machine", "for each machine", "each machine", "all machines", "for all machines", "every machine"),
        *(
            "of all",
            "for all",
            "all of them",
            "of all of them",
            "for all of them",
            "for every machine",
            "by machine",
            "per device",
            "of each machine",
            "of all machines",
            "of every machine",
        ),
        *("每台", "每台机器", "各台", "每台分别", "所有机器", "每台焊机", "各台机器", "每台分别是多少"),
    }
)
_VALUE: Final = frozenset(
    {
        *("how much was it", "how much is it", "how much was that", "how much is that", "how high was it", "how many"),
        *("how much", "what was it", "what was the value", "what value", "how many were there", "how many was it"),
        *("how low was it", "how hot was it"),
        *("有几道", "几道", "有几次", "几次", "有几处", "几处", "有多少次", "多少次", "有多少道"),
        *("是多少", "多少", "多高", "具体多少", "值是多少", "具体是多少"),
    }
)
_PLACES: Final = frozenset(
    {
        *("the second", "second", "the second one", "who is second", "which is second", "the runner-up", "runner-up"),
        *("the third", "third", "the last", "the last one", "the next", "the next one"),
        *("第二", "第二名", "第二台", "第二是谁", "第二名是谁", "第三", "第三名", "最后一名", "倒数第一"),
    }
)
_PERCENT: Final = frozenset(
    {
        *("in percent", "how much was it in percent", "how much is it in percent", "how much is that in percent"),
        *("how much in percent", "what is that in percent", "as a percentage", "in %", "what percentage is that"),
        *("what share is that", "百分比呢", "占比多少", "占百分之几", "百分之几", "占比呢", "百分比是多少"),
    }
)
_NORMAL: Final = frozenset(
    {
        *("is that normal", "is this normal", "is it normal", "was that normal", "normal", "is that a problem"),
        *("is that ok", "is that okay", "was that ok", "is this ok", "is it ok", "is that fine", "is that usual"),
        *("正常吗", "这正常吗", "这样正常吗", "正常不正常", "是否正常", "正常不", "是正常的吗"),
    }
)
_USUAL: Final = _NORMAL | {
    *("is that good", "is that bad", "is this good", "is it good", "is that alright", "is that all right"),
    *("is that low", "is that high", "is that too high", "is that too low", "is that a lot", "is that much"),
    *("is that too hot", "is that hot", "is that too much", "is it too hot", "is it too high", "is that too cold"),
    *("这样好吗", "这好吗", "算高吗", "算低吗", "这算高吗", "这高吗", "高不高", "偏高吗", "偏低吗", "是不是偏高"),
    *("是不是太高", "太高了吗", "算多吗", "这算多吗", "多不多", "合理吗", "这合理吗", "会不会太高", "太热了吗"),
}
_LEADS: Final = ("and ", "how much ", "so ", "what about ", "how much is that ", "how much is it ", "那", "那么")
_THEN: Final = (
    *("at that time", "at that moment", "at that point", "at the same moment", "at the time", "just then", "back then"),
    *("by then", "then", "那个时候", "那时候", "那一刻", "那个时刻", "那时", "当时"),
)
_OTHER_THAN: Final = (Kind.DAY, Kind.RELATIVE_PERIOD, Kind.WEEKDAY, Kind.DEVICE)
_POOLED: Final = frozenset(
    {
        *(Statistic.INTEGRAL, Statistic.MEAN, Statistic.MAX, Statistic.MIN, Statistic.SUM),
        *(Statistic.COUNT, Statistic.EVENTS, Statistic.DURATION, Statistic.SHARE),
    }
)


def together_again(text: str, before: StructuredQuery, spoken: Sequence[str]) -> StructuredQuery | None:
    """Return `before` asked of all devices that were spoken of, whose numbers are told together; None otherwise."""
    plain = " ".join(text.lower().split()).strip("?？。.! 呢")
    for lead in _LEADS:
        plain = plain.removeprefix(lead)
    devices = before.devices if len(before.devices) > 1 else tuple(spoken)
    told = before.statistics and set(before.statistics) <= _POOLED and len(devices) > 1 and not before.rank
    if plain not in _TOGETHER or not told or before.intent in {Intent.CHAT, Intent.LIST_DEVICES}:
        return None
    both = "both" in plain or "两" in plain
    return replace(before, devices=devices[-2:] if both else devices, references=(), all_devices=False, notes=())


def asked_again(text: str, before: StructuredQuery) -> StructuredQuery | None:
    """Return what was told, with its value ("how much was it?"), in percent, or whether it was as usual; else None."""
    plain = " ".join(text.lower().split()).strip("?？。.! ")
    for lead in ("and ", "so ", "那", "那么"):
        plain = plain.removeprefix(lead)
    if before.intent in {Intent.CHAT, Intent.LIST_DEVICES, Intent.ANOMALY} or before.refused or before.negation:
        return None
    placed = plain.removesuffix("呢") in _PLACES and before.rank and not before.longest
    if placed or (plain in _VALUE and before.statistics and _is_of(plain, before)):
        # All places of a ranking are told.
        return replace(before, when=before.when and placed, top=0 if placed else before.top, notes=())
    if plain.removesuffix("呢") in _EACH:
        several = len(before.devices) > 1 or any(each.label for each in before.references)
        kept = before if several else replace(before, devices=(), references=(), all_devices=True)
        return replace(kept, rank=False, by_group=False, notes=())
    if plain in _PERCENT and before.conditions and set(before.statistics) - ENDS <= {Statistic.COUNT}:
        kept = (Statistic.SHARE, *(each for each in before.statistics if each in ENDS))
        return replace(before, statistics=kept, notes=())
    named = before.devices or before.references or before.all_devices
    if plain in _USUAL and before.fields and named and not before.conditions and not before.rank:
        told = replace(before, intent=Intent.ANOMALY, statistics=(), percentiles=(), interval=None, notes=())
        added = Statistic.INTEGRAL in before.statistics and plain not in _NORMAL
        # Whether an amount is much, no reading tells.
        unread = (*before.unread, plain) if added else before.unread
        return replace(told, when=False, recent=before.time is None, unread=unread)
    return None


def _is_of(plain: str, before: StructuredQuery) -> bool:
    """Whether a value was told that is asked for so: "how hot" of a temperature."""
    return "how hot" not in plain or not before.fields or "temperature" in before.fields


def usual_tail(text: str) -> tuple[str, str] | None:
    """Return a question and the one behind its comma that asks whether it is as usual: "多少度，正常吗"; else None."""
    for mark in (",", "，", ";", " - ", "-"):
        head, found, tail = text.rpartition(mark)
        plain = tail.lower().strip("?？。.! ").removeprefix("and ")
        if found and plain in _USUAL and head.strip():
            return head, tail
    return None


def at_that_time(text: str, query: StructuredQuery, before: StructuredQuery) -> StructuredQuery | None:
    """Return `query` as one for its field where the extreme told before was reached; None for anything else."""
    plain = " ".join(text.lower().split())
    said = next((phrase for phrase in _THEN if phrase in plain), "")
    lexemes = lexemes_of(tokenize(text), lexicon(), Lexicon())
    elsewhere = any(kind in lexeme.senses for lexeme in lexemes for kind in _OTHER_THAN)
    highest = _extreme(before)
    own = query.devices or query.time or query.conditions or not query.fields
    if said and not own and not elsewhere and highest is None and before.when:
        # Of the first of many times, say: the answer only knows it.
        return replace(query, follows=True, unread=tuple(dict.fromkeys((*query.unread, said))))
    if not said or elsewhere or highest is None or own:
        return None
    return replace(
        query,
        intent=Intent.QUERY,
        devices=before.devices,
        references=before.references,
        fields=tuple(dict.fromkeys((before.fields[0], *query.fields))),
        statistics=(),
        time=before.time,
        conditions=before.conditions,
        any_condition=before.any_condition,
        when=False,
        rank=False,
        all_devices=False,
        follows=True,
        limit=1,
        newest=True,
        ordered="highest" if highest else "lowest",
        unread=tuple(
            each for each in query.unread if each.lower() not in said and each.lower() not in {"时候", "then"}
        ),
    )


def _extreme(before: StructuredQuery) -> bool | None:
    """Whether the highest reading of a field was told, or the lowest; None where no such reading was."""
    single = len(before.devices) + len(before.references) == 1 and len(before.periods) < 2
    if not single or not before.fields or before.rank or before.interval:
        return None
    if before.ordered and before.limit == 1:
        return before.ordered == "highest"
    alone = len(before.fields) == 1 and len(before.statistics) == 1 and set(before.statistics) <= ENDS
    return before.statistics[0] is Statistic.MAX if alone else None
