"""Another number in the place of the one that was told with: "and the 99th?", "the last 10", "最近10条"."""

import re
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.bare_text import bare
from llm_service.domain.offline.query import StructuredQuery

_LONGEST: Final = 40
_PERCENTILE: Final = re.compile(
    r"(?:and |what about |how about )*(?:the |p)?([0-9]{1,2}(?:\.[0-9])?)(?:th|st|nd|rd)?(?: percentile| one)?"
    r"|那?第?([0-9]{1,2}(?:\.[0-9])?)(?:百?分位数?)?"
)
_ROWS: Final = re.compile(
    r"(?:and |now |show |show me |only |just )*(?:the )?(last|latest|newest|first|earliest) ([0-9]{1,3})"
    r"(?: ones| rows)?"
    r"|(?:那|只看|只要|看)?(最近|最新|最后|前|最早)的?([0-9]{1,3})[条个行]"
)
_FIRST: Final = frozenset({"first", "earliest", "前", "最早"})


def count_again(text: str, before: StructuredQuery) -> StructuredQuery | None:
    """Return `before` with another percentile, or with as many readings as `text` asks for; None for anything else."""
    plain = bare(text).removesuffix(" please")
    if len(plain) > _LONGEST:
        return None
    if len(before.percentiles) == 1 and (found := _PERCENTILE.fullmatch(plain)) is not None:
        return replace(before, percentiles=(float(found[1] or found[2]),), notes=(), unread=())
    if before.limit and (found := _ROWS.fullmatch(plain)) is not None:
        word, number = (found[1], found[2]) if found[1] else (found[3], found[4])
        rows = int(number) or before.limit
        return replace(before, limit=rows, newest=word not in _FIRST, ordered="", notes=(), unread=())
    return None
