"""Machines by nothing but their numbers behind others: "same for 1", "ditto for 3", "3号也一样吗"."""

import re
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import DeviceReference, StructuredQuery

_SAME: Final = re.compile(
    r"(?:and |what about |how about )?(?:the )?(?:same|ditto|likewise|also|too)"
    r"(?: thing| question| again| please)? (?:for|of|on|with|about|in) (?:number |no\.? ?|nr\.? ?|#|machine |welder )?"
    r"([0-9]{1,2}(?:(?:, ?| and | & |, and )(?:number |no\.? ?|#)?[0-9]{1,2}){0,8})(?: please| too| as well)?"
    r"|(?:那|同样(?:的)?(?:问题)?，?)?((?:[0-9]{1,2}|[一二三四五六七八九])"
    r"(?:号?(?:机|机器|焊机)?[和、跟与](?:[0-9]{1,2}|[一二三四五六七八九])){0,8})号?(?:机|机器|焊机)?(?:都)?(?:也|同样)(?:一样|是|如此)?"
    r"|das ?(?:selbe|gleiche) (?:für|von) (?:nummer |nr\.? ?)?([0-9]{1,2})"
)
_NUMBER: Final = re.compile(r"[0-9]+|[一二三四五六七八九]")
_HAN: Final = "一二三四五六七八九"


def numbered_again(text: str, before: StructuredQuery) -> StructuredQuery | None:
    """Return `before` asked of the machines of those numbers; None for anything else."""
    plain = " ".join(text.lower().split()).strip("?？。.! ").removesuffix("吗").removesuffix("呢")
    found = _SAME.fullmatch(plain) if len(plain) < 60 else None
    said = next(filter(None, found.groups()), "") if found else ""
    told = before.devices or before.references or before.all_devices or before.except_devices
    if not said or not told:
        return None
    numbers = (int(each) if each.isdecimal() else _HAN.index(each) + 1 for each in _NUMBER.findall(said))
    named = tuple(DeviceReference(number=each) for each in dict.fromkeys(numbers))
    kept = replace(before, devices=(), references=named, except_devices=(), all_devices=False, winner=None, another="")
    return replace(kept, notes=(), unread=(), rank=False, follows=True)
