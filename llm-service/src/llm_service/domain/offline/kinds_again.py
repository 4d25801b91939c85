"""Behind bad seams that were told: of what kind they were: "what kind?", "什么缺陷"."""

import re
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.bare_text import bare
from llm_service.domain.offline.query import Intent, StructuredQuery
from llm_service.domain.offline.words_data import LABEL_FIELD

_LONGEST: Final = 60
_KINDS: Final = re.compile(
    r"(?:and |so |of )*(?:what|which) (?:(?:kinds?|types?|sorts?)(?: of (?:defects?|faults?|flaws?|problems?|it|them))?"
    r"|defects?|faults?|flaws?|labels?)(?: (?:is|are|was|were|did) (?:it|they|that|there|those))?"
    r"(?: exactly| have)?"
    r"|(?:and )?what(?: was|'s| is) wrong(?: with (?:it|them|those))?"
    r"|(?:and )?what (?:was|were) (?:the )?(?:defects?|faults?)"
    r"|那?(?:都|各|分别)?(?:是|有)?(?:什么|哪些|哪种|啥|哪几种|哪类|什么样)的?(?:缺陷|问题|毛病|类型|种类|不良|不合格)(?:类型|种类)?"
)


def kinds_again(text: str, before: StructuredQuery) -> StructuredQuery | None:
    """Return `before` as a question for the labels that were counted; None for anything else."""
    plain = bare(text)
    of_labels = any(each.field == LABEL_FIELD for each in before.conditions)
    if len(plain) > _LONGEST or not of_labels or before.rank or before.interval or _KINDS.fullmatch(plain) is None:
        return None
    left = tuple(each for each in before.conditions if each.field != LABEL_FIELD)
    asked = replace(before, intent=Intent.STATISTICS, fields=(LABEL_FIELD,), statistics=(), conditions=left, told=())
    asked = replace(asked, whether=False, always=False, when=False, once=False, each=False, longest=0, latest=0)
    return replace(asked, least=None, over=False, since=False, holds=False, counted_as=(), notes=(), unread=())
