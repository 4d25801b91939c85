"""Answers about when several machines were so at the same time."""

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from llm_service.domain.offline.answer_states import shown_spell
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.at_once import overlaps
from llm_service.domain.offline.query import StructuredQuery

_MOST: Final = 20
# Of so many devices each pair is looked at, too.
_MOST_DEVICES: Final = 6


def at_once(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """State when, and for how long, the conditions held on all machines, and of more than two, on each pair of them."""
    together = _together(report, query, answered)
    if len(answered) > 2 and together:
        pairs = (_together(report, query, pair, empty=False) for pair in combinations(answered[:_MOST_DEVICES], 2))
        together = "\n\n".join(filter(None, (together, *pairs)))
    return together


def _together(report: Report, query: StructuredQuery, answered: Sequence[Answered], *, empty: bool = True) -> str:
    """What is told of these devices; "" where it is not known, or nothing was found and nothing shall be said of it."""
    times = [each.result.fitting for each in answered if each.result.fitting]
    if len(times) < len(answered) or len(answered) < 2:
        return ""
    found = overlaps([time.listed for time in times])
    if not found and not empty:
        return ""
    whole = all(time.spells <= len(time.listed) for time in times)
    total = sum(spell.seconds for spell in found)
    told = report.say.at_once(
        [each.result.device for each in answered],
        report.say.where(query.conditions, any_of=query.any_condition),
        report.say.period(answered[0].time),
        report.say.length(total),
        [shown_spell(report, spell) for spell in found[:_MOST]],
        count=len(found),
        whole=whole,
    )
    asked = query.whether and empty and (whole or found)
    return report.say.answered(told, holds=bool(found)) if asked else told
