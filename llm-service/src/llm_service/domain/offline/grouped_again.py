"""What was told, by the groups that a label names: "split it by hall", "按车间分"."""

import re
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Intent, StructuredQuery

_GROUP: Final = r"(?:halls?|lines?|areas?|buildings?|sections?|plants?)"
_SPLIT: Final = re.compile(
    r"(?:and |now |ok |please |can you |could you )*"
    r"(?:(?:split|break|divide|separate|group|show|list|give|tell|sum|add)"
    r"(?: me| it| that| this| them| those| up| down| out)*"
    r"|broken down|grouped|separated|the same|same|that|it|each)?(?: again| once more)? ?"
    rf"(?:(?:by|per|for each|for every|of each|for both|in each) {_GROUP}|{_GROUP} by {_GROUP})(?: please| instead)?"
    r"|(?:那|请|再)*(?:按|照|分|各|每个?|两个?)+(?:车间|厂房|产线|区域)(?:来|的)?"
    r"(?:分开?|统计|算|看|拆分|拆开|列出|汇总|各多少|分别多少)*"
    r"(?:一下|呢|是多少)?"
    r"|(?:aufgeteilt )?(?:nach|pro|je) halle[n]?"
)
_LONGEST: Final = 80


def grouped_again(text: str, before: StructuredQuery) -> StructuredQuery | None:
    """Return `before` by groups; None for anything else."""
    plain = " ".join(text.lower().split()).strip("?？。.! ")
    told = before.fields or before.statistics or before.conditions
    if len(plain) > _LONGEST or before.intent in {Intent.CHAT, Intent.LIST_DEVICES} or not told:
        return None
    if _SPLIT.fullmatch(plain) is None:
        return None
    several = len(before.devices) > 1 or len(before.references) > 1 or before.all_devices
    kept = before if several else replace(before, devices=(), references=(), all_devices=True, except_devices=())
    return replace(kept, by_group=True, rank=False, winner=None, another="", notes=(), unread=())
