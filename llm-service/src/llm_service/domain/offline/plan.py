"""What to do next about a question: call tools, or say something."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.about_penstock import About, about_penstock
from llm_service.domain.offline.about_text import about_text
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.calendar_rows import cut_alike, cut_by_calendar, cut_for_events
from llm_service.domain.offline.conversation import Conversation
from llm_service.domain.offline.counted_interval import with_limits
from llm_service.domain.offline.heeding import parts_left_out
from llm_service.domain.offline.lasting_stop import asks_times, says
from llm_service.domain.offline.own_name import may_name_device
from llm_service.domain.offline.plan_alarm import prepare_alarms
from llm_service.domain.offline.plan_anomalies import answer_anomalies_of, asks_anomalies
from llm_service.domain.offline.plan_crossing import answer_crossing_of, asks_crossing
from llm_service.domain.offline.plan_judged import answer_judged_of
from llm_service.domain.offline.plan_labels import answer_labels_of
from llm_service.domain.offline.plan_odd import answer_odd_of, asks_odd
from llm_service.domain.offline.plan_power import answer_power_of, asks_power
from llm_service.domain.offline.plan_presence import answer_presence_of
from llm_service.domain.offline.plan_series import answer_last, answer_moment, answer_series_of, answer_trend
from llm_service.domain.offline.plan_slopes import answer_slopes_of, asks_slopes
from llm_service.domain.offline.plan_standing import answer_standing_of, asks_standing
from llm_service.domain.offline.plan_state import CallTools, PlanState, Say, Step
from llm_service.domain.offline.plan_states import answer_holding
from llm_service.domain.offline.plan_statistics import answer_statistics
from llm_service.domain.offline.plan_subject import settle_subject
from llm_service.domain.offline.plan_then import settle_then
from llm_service.domain.offline.plan_versus import answer_versus_of, asks_versus
from llm_service.domain.offline.plan_winner import settle_winner
from llm_service.domain.offline.query import Intent, Note, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.resolve import resolve_devices
from llm_service.domain.offline.small_talk import SmallTalk, small_talk
from llm_service.domain.offline.toolbox import DeviceTool, Toolbox
from llm_service.domain.offline.words_state import IDLE

_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
_EVENTS: Final = frozenset({Statistic.EVENTS, Statistic.DURATION, Statistic.INTEGRAL, Statistic.SHARE})


def next_step(conversation: Conversation, tools: Toolbox, asked: Sequence[tuple[Report, StructuredQuery]]) -> Step:
    """Return the next step towards an answer to the questions asked; the same input gives the same step.

    Every call is made at most once a turn and question, so the steps come to an end.
    """
    texts: list[str] = []
    for report, query in asked:
        plan = PlanState(conversation, tools, report, query)
        step = _step(plan)
        if isinstance(step, CallTools):
            return step
        texts.append(step.text)
        # Calls that differ only by their times are told apart by their order: what one question used is its own.
        left = tuple(each for each in conversation.outcomes if all(each is not used for used in plan.used))
        conversation = replace(conversation, outcomes=left)
    return Say(text="\n\n".join(_once(texts)))


def _once(texts: Sequence[str]) -> list[str]:
    """The texts without what another one says already: "how often, and how long was the longest" are told together."""
    kept = list(dict.fromkeys(texts))
    return [text for text in kept if not any(other is not text and other.startswith(text) for other in kept)]


def _step(plan: PlanState) -> Step:
    if (alarms := prepare_alarms(plan)) is not None:
        return alarms
    if (said := _without_data(plan)) is not None:
        return said
    if plan.query.negation:
        return _list_names(plan) or Say(text=plan.report.say.negated(plan.query.negation))
    if not plan.tools and not plan.talk.outcomes:
        return Say(text=plan.report.no_tools(plan.query))
    if plan.query.intent is Intent.LIST_DEVICES:
        return _list(plan)
    return settle_winner(plan) or settle_subject(plan) or settle_then(plan) or _answer(plan)


def _without_data(plan: PlanState) -> Step | None:
    """The next step to what no reading answers, None for a question about devices."""
    if plan.query.told:
        return plan.say("\n".join((plan.report.say.of_told(), *plan.query.told)))
    if (about := about_penstock(plan.talk.question, plan.query)) is not None:
        text = about_text(about, plan.query.language, plan.query.first_device)
        return Say(text=plan.report.unconfigured() if about is About.MODEL else text)
    if reason := plan.report.unanswerable(plan.query):
        return Say(text=reason)
    if (talk := small_talk(plan.talk.question, plan.query)) is None:
        return None
    named = _list_names(plan) if talk is SmallTalk.OTHER else None
    return named or Say(text=plan.report.talk(talk))


def _answer(plan: PlanState) -> Step:
    _settle_stops(plan)
    if plan.query.counts_intervals:
        plan.query = with_limits(plan.query)
    if asks_odd(plan) or asks_anomalies(plan):
        return answer_odd_of(plan) if asks_odd(plan) else answer_anomalies_of(plan)
    _cut_events(plan)
    _cut_rows(plan)
    _tell_stops(plan)
    plan.settle_counting()
    query = plan.query
    if (special := _special(plan)) is not None:
        return special
    if (query.holds and plan.tools.accepts(DeviceTool.QUERY, "newest_first")) or _asks_moment(plan):
        return answer_holding(plan) if query.holds else answer_moment(plan)
    if query.intent is Intent.TREND and not query.interval:
        return answer_trend(plan)
    if (kind := _series_kind(plan)) is not None:
        return answer_series_of(plan, kind)
    return answer_last(plan) if _asks_last(plan) else answer_statistics(plan)


def _settle_stops(plan: PlanState) -> None:
    """Count all stops where the tool can't leave the short ones out, or their times are not asked for."""
    query = plan.query
    able = all(plan.tools.accepts(DeviceTool.STATISTICS, each) for each in ("durations", "shortest_spell"))
    told = query.intent in {Intent.STATISTICS, Intent.COMPARE} and asks_times(query)
    if query.lasting and not (able and told):
        query = replace(query, least=None, lasting=False)
    elif query.lasting or (able and told and says(query, IDLE) and not query.interval):
        # A share of the readings knows no length.
        timed = (Statistic.DURATION if each is Statistic.SHARE else each for each in query.statistics)
        query = replace(query, statistics=tuple(dict.fromkeys(timed)))
    plan.query = query


def _tell_stops(plan: PlanState) -> None:
    """Say that short stops are left out; rows per interval know no length."""
    if plan.query.lasting and plan.query.interval:
        plan.query = replace(plan.query, least=None, lasting=False)
    if plan.query.lasting and plan.query.least:
        length = plan.report.say.length(plan.query.least.total_seconds())
        plan.notes.append(Note(remark=Remark.LASTING, words=(length,)))


def _special(plan: PlanState) -> Step | None:
    """The next step to what one kind of answer alone tells, None for anything else."""
    if plan.query.presence:
        return answer_presence_of(plan)
    if plan.query.prevalent:
        return answer_labels_of(plan)
    if asks_power(plan):
        return answer_power_of(plan)
    if asks_slopes(plan):
        return answer_slopes_of(plan)
    if plan.query.judged:
        return answer_judged_of(plan, plan.query.judged)
    return _in_time(plan)


def _in_time(plan: PlanState) -> Step | None:
    """The next step to when one machine was above another, or since when it runs; None for anything else."""
    if asks_versus(plan):
        return answer_versus_of(plan)
    if asks_crossing(plan):
        return answer_crossing_of(plan)
    return answer_standing_of(plan) if asks_standing(plan) else None


def _list_names(plan: PlanState) -> CallTools | None:
    """The list of devices where a word of the question may be the name of one; None when it was read already."""
    read = plan.talk.cards or plan.talk.of(DeviceTool.LIST) or not plan.tools.has(DeviceTool.LIST)
    if read or not may_name_device(plan.talk.question):
        return None
    return CallTools(calls=(plan.tools.call(DeviceTool.LIST),))


def _list(plan: PlanState) -> Step:
    if not plan.talk.of(DeviceTool.LIST) and plan.tools.has(DeviceTool.LIST):
        model_code = plan.query.model_code or None
        return CallTools(calls=(plan.tools.call(DeviceTool.LIST, model_code=model_code),))
    failed = plan.failure_of(DeviceTool.LIST)
    if failed:
        return failed
    found = resolve_devices(plan.query, plan.talk.cards)
    plan.notes += found.notes
    if found.unknown:
        return plan.say(plan.report.unknown_devices(found.unknown, plan.talk.cards, found.near))
    plan.left_out += parts_left_out(plan.query, "list")
    if plan.query.asks_unit:
        return plan.say(plan.report.units(plan.query, found.codes, plan.talk.cards))
    return plan.say(plan.report.devices(found.codes, plan.talk.cards))


def _asks_moment(plan: PlanState) -> bool:
    """Whether values at moments are asked for, and no number over a range of them."""
    query = plan.query
    times = query.periods or ((query.time,) if query.time else ())
    ranked = {Statistic.LAST, *((Statistic.MAX, Statistic.MIN) if query.rank else ())}
    over_range = query.conditions or query.percentiles or query.interval or query.limit or query.when
    plain = set(query.statistics) <= ranked and not over_range
    kinds = {Intent.STATISTICS, Intent.QUERY, Intent.COMPARE}
    able = plan.tools.accepts(DeviceTool.QUERY, "newest_first")
    return plain and able and query.intent in kinds and bool(times) and all(time.instant for time in times)


def _cut_events(plan: PlanState) -> None:
    """Put a range for each interval in place of rows, which tell no times, durations and amounts."""
    query = plan.query
    if query.interval is None or not (_EVENTS & set(query.statistics) or asks_power(plan, cut=True)):
        return
    card = plan.talk.card(query.first_device)
    able = plan.tools.accepts(DeviceTool.STATISTICS, "durations")
    cut = cut_for_events(query, card.extent if card else None, plan.report.say.times.now) if able else None
    plan.query = cut or query


def _cut_rows(plan: PlanState) -> None:
    """Put ranges of the zone's days in place of the rows that the store would cut by UTC."""
    query = plan.query
    card = plan.talk.card(query.first_device)
    cut = cut_by_calendar(query, card.extent if card else None, plan.report.say.times.now)
    if cut is not None:
        plan.left_out += ["rank"] if query.rank else []
        plan.query = replace(cut, rank=False)
    elif not cut_alike(query):
        plan.left_out.append("zone")


def _series_kind(plan: PlanState) -> str | None:
    """Which kind of answer from rows it is, None for one from statistics."""
    query = plan.query
    if query.intent is Intent.FEATURES:
        return "features"
    if query.interval:
        return "intervals"
    return "rows" if query.intent is Intent.QUERY and Statistic.LAST not in query.statistics else None


def _asks_last(plan: PlanState) -> bool:
    query = plan.query
    if query.rank and len(query.devices) == 1 and set(query.statistics) - _ENDS == {Statistic.LAST}:
        # The highest of one machine's newest readings is that reading.
        query = plan.query = replace(query, statistics=(Statistic.LAST,), rank=False)
    alone = query.statistics == (Statistic.LAST,)
    return alone and not query.rank and query.intent in {Intent.QUERY, Intent.STATISTICS}
