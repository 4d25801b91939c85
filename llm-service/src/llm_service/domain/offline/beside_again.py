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
_WORDS: Final = frozenset(
    {"too", "as well", "also", "add", "plus", "include", "加上", "再加", "也加", "算上", "还有", "加"}
)


def beside_again(text: str, query: StructuredQuery, before: StructuredQuery) -> StructuredQuery | None:
    """Return the comparison of `before` with the machines that `text`, read as `query`, adds; else None."""
    named = query.devices or query.references
    own = query.fields or query.statistics or query.conditions or query.time or query.interval or query.rank
    compared = before.intent is Intent.COMPARE and (before.devices or before.references) and len(before.periods) < 2
    if len(text) > _LONGEST or not named or own or not compared or _ADDING.search(text.lower().strip()) is None:
        return None
    devices = tuple(dict.fromkeys((*before.devices, *query.devices)))
    references = tuple(dict.fromkeys((*before.references, *query.references)))
    unread = tuple(each for each in query.unread if each.lower() not in _WORDS)
    return replace(before, devices=devices, references=references, beyond="", notes=(), unread=unread, told=())
