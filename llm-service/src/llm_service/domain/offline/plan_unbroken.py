"""The longest time without a stop, told beside the stops of each device."""

from collections.abc import Sequence

from llm_service.domain.offline.answer_states import shown_spell
from llm_service.domain.offline.answer_writer import Answered
from llm_service.domain.offline.plan_state import PlanState
from llm_service.domain.offline.unbroken_asked import longest_between


def tell_unbroken(plan: PlanState, answered: Sequence[Answered]) -> str:
    """State it of each device all of whose stops are listed; "" where it is not asked for or not known."""
    if not plan.query.unbroken:
        return ""
    lines = [line for each in answered if (line := _told(plan, each))]
    plan.left_out += ["unbroken"] if len(lines) < len(answered) else []
    return "\n".join(lines)


def _told(plan: PlanState, each: Answered) -> str:
    fitting, card = each.result.fitting, plan.talk.card(each.result.device)
    extent = card.extent if card else None
    if fitting is None or fitting.spells > len(fitting.listed) or extent is None or not extent.start or not extent.end:
        return ""
    start, end = (each.time.start, each.time.end) if each.time else (None, None)
    begin, until = max(start or extent.start, extent.start), min(end or extent.end, extent.end)
    found = longest_between(fitting.listed, begin, until) if begin < until else None
    return plan.report.say.unbroken(each.result.device, shown_spell(plan.report, found)) if found else ""
