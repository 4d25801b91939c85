"""The steps to the device that a ranking had first, which a later question is asked of: "and its voltage?"."""

from dataclasses import replace

from llm_service.domain.offline import answer_ranking
from llm_service.domain.offline.answer_writer import Answered
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_labelled import among_labelled
from llm_service.domain.offline.plan_slopes import asks_slopes, find_slopes
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.plan_subject import settle_subject
from llm_service.domain.offline.query import Note, Remark
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool


def settle_winner(plan: PlanState) -> Step | None:
    """Return the next step until the first of the ranking before is known; None when it is, and put in its place."""
    if plan.query.winner is None:
        return None
    ranked = PlanState(plan.talk, plan.tools, plan.report, plan.query.winner)
    if (step := settle_subject(ranked)) is not None:
        return step
    first = _first(ranked)
    if not isinstance(first, str):
        return first
    left = tuple(each for each in plan.talk.outcomes if all(each is not used for used in ranked.used))
    plan.talk = replace(plan.talk, outcomes=left)
    plan.used += ranked.used
    if first:
        plan.notes.append(Note(remark=Remark.READ_AS, words=(plan.query.owner or "it", first)))
        plan.query = replace(plan.query, devices=(first,), winner=None)
    return None


def _first(ranked: PlanState) -> str | Step:
    """The device that the ranking has first, "" where there is none; or the step that leads to it."""
    if asks_slopes(ranked):
        found = find_slopes(ranked)
        return found if not isinstance(found, list) else found[0].device if found else ""
    planner = CallPlanner(ranked.talk, ranked.tools, ranked.query)
    gathered = ranked.gathered(DeviceTool.STATISTICS, planner.statistics("rank"))
    if not isinstance(gathered, list):
        return gathered
    answered = [
        Answered(result=result, time=each.time(time))
        for each, time in zip(gathered, planner.times, strict=True)
        for result in all_statistics_from_json(each.outcome.data)
    ]
    there = among_labelled(ranked, [each for each in answered if each.result.row_count], "rank")
    return answer_ranking.leader(ranked.report, ranked.query, there) if isinstance(there, list) else there
