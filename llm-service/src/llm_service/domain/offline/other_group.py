"""The other one of two groups that a label names, behind one of them: "and the other hall?", "另一个车间呢"."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.bare_text import bare
from llm_service.domain.offline.query import Intent, StructuredQuery
from llm_service.domain.offline.result import DeviceCard

_LONGEST: Final = 60
_OTHER: Final = re.compile(
    r"(?:and |what about |how about |und )*(?:in |of |for |at |on )?(?:the )?other (?:hall|line|area|building"
    r"|section|plant|site)"
    r"|(?:那么?)?(?:另外?|其他|其它|剩下)的?(?:那|一)*个?(?:车间|厂房|产线|区域|工厂|大厅)(?:的)?"
)


def other_group(text: str, before: StructuredQuery, cards: Sequence[DeviceCard]) -> StructuredQuery | None:
    """Return `before` asked of the other group; None for anything else, and where there are not two of them."""
    plain = bare(text)
    asked = before.references[0] if len(before.references) == 1 and not before.devices else None
    if asked is None or not asked.label or asked.excluded or before.intent is Intent.CHAT:
        return None
    if len(plain) > _LONGEST or _OTHER.fullmatch(plain) is None:
        return None
    known = [values for values in _values(cards).values() if asked.label.lower() in {each.lower() for each in values}]
    others = [each for values in known for each in values if each.lower() != asked.label.lower()]
    if len(known) != 1 or len(others) != 1:
        return None
    return replace(before, references=(replace(asked, label=others[0]),), notes=(), unread=(), told=())


def _values(cards: Sequence[DeviceCard]) -> dict[str, set[str]]:
    """The values that each label has."""
    values: dict[str, set[str]] = {}
    for card in cards:
        for name, value in card.labels.items():
            values.setdefault(name, set()).add(value)
    return values
