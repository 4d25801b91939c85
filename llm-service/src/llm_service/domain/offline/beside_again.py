"""One more machine beside those that were compared: "and with WLD003 too", "加上WLD003"."""

import re
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Intent, StructuredQuery

_LONGEST: Final = 60
_ADDING: Final = re.compile(
    r"^(?:and |now |please |ok )*(?:add|plus|also|include|with|put in|together with|und auch|auch)\b"
    r"|\b(?:too|as well|also)[?.! ]*$|^(?:那|请|把){0,2}(?:加上|再加|也加|算上|连上|还有|加)"
    r"|也(?:比|加|算)(?:一下|上|进来|进去)?[。？! ]*$"
)
_MORE: Final = "higher|more|hotter|warmer|longer|better|greater"
_LESS: Final = "lower|less|colder|cooler|shorter|fewer|worse|smaller"
_THAN: Final = re.compile(
    rf"^(?:and |so |but )?(?:(?:is|was) )?(?:that |it |this )?(?:a lot |much )?(?:({_MORE})|({_LESS})) than"
    r"(?: (?:that|the one|those))?(?: (?:of|on|for|with|at))? \S+ ?[?.!]*$"
    r"|^(?:那|这|它)?(?:比|跟)\S+?(?:(高|多|热|长|大|久)|(低|少|冷|短|小))[吗么？? ]*$"
)
_ASKED: Final = frozenset("高低多少热冷长短大小久")
_WORDS: Final = frozenset(
    {"too", "as well", "also", "add", "plus", "include", "加上", "再加", "也加", "算上", "还有", "加"}
)


def beside_again(text: str, query: StructuredQuery, before: StructuredQuery) -> StructuredQuery | None:
    """Return the comparison of `before` with the machines that `text`, read as `query`, adds; else None."""
    if (than := _than_again(text, query, before)) is not None:
        return than
    named = query.devices or query.references
    own = query.fields or query.statistics or query.conditions or query.time or query.interval or query.rank
    compared = before.intent is Intent.COMPARE and (before.devices or before.references) and len(before.periods) < 2
    if len(text) > _LONGEST or not named or own or not compared or _ADDING.search(text.lower().strip()) is None:
        return None
    devices = tuple(dict.fromkeys((*before.devices, *query.devices)))
    references = tuple(dict.fromkeys((*before.references, *query.references)))
    unread = tuple(each for each in query.unread if each.lower() not in _WORDS)
    return replace(before, devices=devices, references=references, beyond="", notes=(), unread=unread, told=())


def _than_again(text: str, query: StructuredQuery, before: StructuredQuery) -> StructuredQuery | None:
    """Whether the number that was told is above, or below, that of another machine: "is that higher than WLD001?"."""
    found = _THAN.search(" ".join(text.lower().split())) if len(text) <= _LONGEST else None
    one = len(before.devices) == len(query.devices) == 1 and before.devices != query.devices
    told = len(before.statistics) == 1 and not (before.rank or before.when or before.interval or before.periods)
    own = query.conditions or query.interval or (query.time and query.time != before.time)
    if found is None or not (one and told) or own or not set(query.fields) <= set(before.fields):
        return None
    beyond = "above" if found[1] or found[3] else "below"
    unread = tuple(each for each in query.unread if not each.strip("吗么") or each.strip("吗么") not in _ASKED)
    asked = replace(before, intent=Intent.COMPARE, devices=(*before.devices, *query.devices), beyond=beyond, told=())
    return replace(asked, notes=(), unread=unread, language=query.language)
