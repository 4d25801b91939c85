"""Two groups that were told one after the other, set side by side: "which is more?" behind hall A and hall B."""

import re
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery

_LONGEST: Final = 80
_MORE: Final = (
    r"(?:more|less|higher|lower|longer|hotter|most|least|highest|lowest|longest|hottest|better|worse|fewer|fewest)"
)
_AGAINST: Final = re.compile(
    rf"(?:which|who|welche)(?: (?:one|hall|line|of (?:them|the two|both|these)|halle))?(?: (?:is|was|has|had|did|used"
    rf"|uses|needed|burned|welded|ran|stood|made|got|it))*(?: the)? {_MORE}(?: (?:gas|wire|energy|power|hours))?"
    r"(?: of (?:them|the two))?"
    r"|(?:哪|谁)一?(?:个|边|家|条线)?(?:车间|厂房)?(?:用得?|焊得?|耗得?|的){0,3}(?:更|比较|最)?"
    r"(?:多|少|高|低|长|短|热|久|好|差)(?:一?些|一?点)?"
    r"|(?:by )?how much(?: (?:more|less|higher|lower|longer))?|(?:what(?:'s| is) )?the difference|difference"
    r"|(?:相)?差(?:了)?(?:多少|距|别|值)|(?:多|少|高|低|长|短)(?:了|出)?多少|比一?比|对比一?下?"
)
_FEWER: Final = re.compile(r"\b(?:less|lower|least|lowest|fewer|fewest)\b|少|低|短")
_WHICH: Final = re.compile(r"which|who|welche|哪|谁")


def groups_against(text: str, before: StructuredQuery, earlier: StructuredQuery | None) -> StructuredQuery | None:
    """Return the two groups that were told one after the other side by side; None where `text` asks for else.

    "Which is more?" behind hall A and hall B is of the halls, and of no machine in one of them.
    """
    plain = " ".join(text.lower().split()).strip("?？。.! ").removeprefix("and ").removeprefix("so ").removesuffix("呢")
    plain = plain.removeprefix("那么").removeprefix("那")
    if earlier is None or len(plain) > _LONGEST or before.rank or _AGAINST.fullmatch(plain) is None:
        return None
    labels = (*earlier.references, *before.references)
    lone = not (before.devices or earlier.devices or before.all_devices or before.interval)
    if not lone or len(labels) != 2 or not all(each.label and not each.excluded for each in labels):
        return None
    if labels[0] == labels[1] or not _alike(before, earlier):
        return None
    both = replace(before, references=labels, by_group=True, notes=(), unread=(), told=(), follows=False)
    if not _WHICH.match(plain):
        return replace(both, intent=Intent.COMPARE)
    end = Statistic.MIN if _FEWER.search(plain) else Statistic.MAX
    return replace(both, intent=Intent.STATISTICS, rank=True, statistics=(*before.statistics, end))


def _alike(before: StructuredQuery, earlier: StructuredQuery) -> bool:
    """Whether both were asked for the same of the same time, a number that has ends."""
    same = (before.fields, before.statistics, before.conditions, before.time, before.unit, before.periods)
    told = (earlier.fields, earlier.statistics, earlier.conditions, earlier.time, earlier.unit, earlier.periods)
    return same == told and len(before.statistics) == 1 and not before.when
