"""Answers to wishes to be told: a link to the form of an alarm, filled in."""

from dataclasses import replace
from typing import Final, cast

from llm_service.domain.offline.alarm_request import AlarmRequest, read_alarms
from llm_service.domain.offline.alarm_text import AlarmText, alarm_text
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.plan_state import CallTools, PlanState, Say, Step
from llm_service.domain.offline.plan_subject import settle_subject
from llm_service.domain.offline.toolbox import DeviceTool, PlannedCall

_MOST_DEVICES: Final = 50
# What would end a link's text.
_IN_LINK: Final = str.maketrans("[]\n", "() ")
_WITH_FIELD: Final = frozenset({"above", "below", "outside"})


def prepare_alarms(plan: PlanState) -> Step | None:
    """Return the next step to the links of the alarms that are wished for; None when none is."""
    requests = read_alarms(plan.talk.question, plan.query)
    if not requests:
        return None
    say = alarm_text(plan.query.language)
    if not plan.tools.has(DeviceTool.ALARM):
        return Say(text=say.no_tool())
    if not plan.talk.listed_all and plan.tools.has(DeviceTool.LIST):
        return CallTools(calls=(plan.tools.call(DeviceTool.LIST),))
    # Limits are settled as conditions are, to be in the fields' own units; what else was read is the alarm's.
    limits = plan.query.conditions if all(each.field and each.limit is not None for each in requests) else ()
    plan.query = replace(plan.query, conditions=limits, refused="", unread=(), negation="", time=None, periods=())
    if (settled := settle_subject(plan)) is not None:
        return settled
    requests = read_alarms(plan.talk.question, plan.query) if limits else requests
    return _ask(plan, say, requests) or _prepare(plan, say, requests)


def _prepare(plan: PlanState, say: AlarmText, requests: tuple[AlarmRequest, ...]) -> Step:
    outcomes = plan.talk.of(DeviceTool.ALARM)
    if not outcomes:
        return CallTools(calls=tuple(_call(plan, request) for request in requests))
    failed = next((each for each in outcomes if each.error), None)
    if failed is not None:
        return Say(text=plan.report.tool_failed(failed.tool, failed.error))
    named = ((str(_of(each.data, "link")), str(_of(_of(each.data, "alarm"), "name"))) for each in outcomes)
    lines = [say.link(link, name.translate(_IN_LINK)) for link, name in named]
    both = len(requests) > 1 and not plan.query.any_condition
    return plan.say("\n\n".join([*lines, *([say.each_alone()] if both else []), say.store()]))


def _of(data: object, name: str) -> object:
    return cast(dict[str, object], data).get(name, "") if isinstance(data, dict) else ""


def _call(plan: PlanState, request: AlarmRequest) -> PlannedCall:
    lower, upper = request.band or (None, None)
    return plan.tools.call(
        DeviceTool.ALARM,
        watch=request.watch,
        device_codes=list(plan.query.devices[:_MOST_DEVICES]),
        field=_field(plan, request) or None,
        limit=request.limit,
        lower=lower,
        upper=upper,
        seconds=request.seconds or None,
    )


def _field(plan: PlanState, request: AlarmRequest) -> str:
    """The field as its device spells it, "" for one that it lacks."""
    card = plan.talk.card(plan.query.first_device)
    known = match_field(request.field, list(card.fields)) if card and request.field else ()
    return known[0] if known else request.field if card is None else ""


def _ask(plan: PlanState, say: AlarmText, requests: tuple[AlarmRequest, ...]) -> Say | None:
    """Ask for what is missing; None when nothing is."""
    card = plan.talk.card(plan.query.first_device)
    for request in requests:
        if not request.watch:
            return Say(text=say.which_limit())
        if request.watch in _WITH_FIELD and not _field(plan, request):
            return Say(text=say.which_field(card.fields if card else ()))
        if request.watch == "no_data" and not request.seconds:
            return Say(text=say.how_long())
    return None
