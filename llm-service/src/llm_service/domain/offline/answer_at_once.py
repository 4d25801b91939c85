"""Answers about when several machines were so at the same time."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.answer_states import shown_spell
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.at_once import overlaps
from llm_service.domain.offline.query import StructuredQuery

_MOST: Final = 20


def at_once(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """State when, and for how long, the conditions held on all machines; by the stretches that are known of each."""
    times = [each.result.fitting for each in answered if each.result.fitting]
    if len(times) < len(answered) or len(answered) < 2:
        return ""
    found = overlaps([time.listed for time in times])
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
    return report.say.answered(told, holds=bool(found)) if query.whether and (whole or found) else told
