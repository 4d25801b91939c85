"""The steps until it is known which devices a question is about, in whose terms its conditions are put."""

import re
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.another_asked import one_of_others
from llm_service.domain.offline.applicable import narrowed
from llm_service.domain.offline.flag_asked import unflagged
from llm_service.domain.offline.own_name import named_like
from llm_service.domain.offline.plan_state import CallTools, PlanState, Say, Step
from llm_service.domain.offline.query import Intent, Note, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.reason_asked import EXPLAINING
from llm_service.domain.offline.resolve import ResolvedDevices, near_devices, resolve_conditions, resolve_devices
from llm_service.domain.offline.toolbox import DeviceTool
from llm_service.domain.offline.vocabulary import lexicon
from llm_service.domain.offline.word_device import names_word_device

_SURE: Final = 0.5
_MOST_DEVICES: Final = 50

# Words for a machine that is not named: what is asked of it is not asked of all.
_ONE: Final = re.compile(
    r"\b(?:it|its|they|their|them)\b|\b(?:this|that|the|these|those|your|my) (?:one|machine|device|welder|unit)s?\b"
    r"|[这那该](?:一?[台个部]|机|些)|它"
)


def settle_subject(plan: PlanState) -> Step | None:
    """Return the next step until the question of `plan` is in terms of its devices; None when it is."""
    return _Subject(plan).step()


class _Subject:
    def __init__(self, plan: PlanState) -> None:
        self._plan = plan

    def step(self) -> Step | None:
        return self._identify() or self._refuse() or self._restrict()

    def _identify(self) -> Step | None:
        """The steps until the devices are known; None when they are."""
        query, cards = self._plan.query, self._plan.talk.cards
        known = {card.code for card in cards}
        doubtful = not query.devices or any(
            code not in known and (query.confidence < _SURE or self._refused(code)) for code in query.devices
        )
        needs_cards = doubtful or query.conditions or query.references or query.except_devices or query.refused
        needs_cards = needs_cards or query.ordered or (query.intent is Intent.ANOMALY and query.fields)
        needs_cards = needs_cards or names_word_device(self._plan.talk.question, lexicon())
        unlisted = not query.devices or not set(query.devices) <= known
        if needs_cards and unlisted and not self._plan.talk.listed_all and self._plan.tools.has(DeviceTool.LIST):
            return CallTools(calls=(self._plan.tools.call(DeviceTool.LIST),))
        if failed := self._plan.failure_of(DeviceTool.LIST):
            return failed
        if cards or self._plan.talk.listed_all:
            return self._settle()
        # Where no tool lists the devices, those of a question that names none can't be known.
        return None if query.devices else Say(text=self._plan.report.no_tools(query))

    def _settle(self) -> Say | None:
        """Put the devices there are in place of those named; what to say when that can't be done."""
        query, cards = self._plan.query, self._plan.talk.cards
        found = resolve_devices(query, cards)
        query, found = self._by_name(query, found)
        doubted = [code for code in found.unknown if self._plan.talk.listed_all or self._refused(code)]
        if doubted and query.confidence < _SURE:
            return Say(text=self._plan.report.unconfigured())
        self._plan.notes += found.notes
        if doubted:
            return self._plan.say(self._plan.report.unknown_devices(doubted, cards, found.near))
        groups = sum(bool(reference.label) and not reference.excluded for reference in query.references)
        self._plan.left_out += (
            ["groups"] if (groups > 1 or query.by_group) and (query.rank or query.intent is Intent.COMPARE) else []
        )
        others = one_of_others(query, found.codes, cards)
        found = replace(found, codes=others if len(others) == 1 or not query.another else ())
        codes = (*found.codes, *(code for code in found.unknown if not code.startswith("#")))
        if codes:
            self._plan.left_out += ["devices"] if len(codes) > _MOST_DEVICES else []
            self._plan.query, notes = narrowed(replace(query, devices=codes[:_MOST_DEVICES]), cards)
            self._plan.notes += notes
            return None
        if len(cards) == 1:
            self._plan.query = replace(query, devices=(cards[0].code,))
            return None
        if _of_all(query, self._plan.talk.question) and cards and len(cards) <= _MOST_DEVICES:
            self._plan.query = replace(query, devices=tuple(card.code for card in cards))
            return None
        near = dict.fromkeys(
            code for word in query.unread for code in (*named_like(word, cards), *near_devices(word, cards))
        )
        asked = [card for card in cards if card.code in others] if query.another else []
        return self._plan.say(self._plan.report.which_device(asked or cards, tuple(near)))

    def _by_name(self, query: StructuredQuery, found: ResolvedDevices) -> tuple[StructuredQuery, ResolvedDevices]:
        """The devices with those words heeded that are of names: of a hall the press, of all the only compressor."""
        cards = [card for card in self._plan.talk.cards if not found.codes or card.code in found.codes]
        if query.devices or found.unknown:
            return query, found
        for phrase in query.unread:
            alike = named_like(phrase, cards)
            if alike and (found.codes or len(alike) == 1) and len(alike) < len(self._plan.talk.cards):
                query = replace(query, unread=tuple(each for each in query.unread if each != phrase))
                self._plan.query = query
                return query, replace(found, codes=tuple(alike))
        return query, found

    def _refused(self, code: str) -> bool:
        return any(outcome.not_found and outcome.device == code for outcome in self._plan.talk.outcomes)

    def _refuse(self) -> Step | None:
        """Say what can't be done; a question for the reason is answered with what is known."""
        query = self._plan.query
        if not query.refused:
            return None
        measurable = (
            query.fields or query.statistics or query.when or query.since or query.intent is not Intent.STATISTICS
        )
        if query.refused.lower() in EXPLAINING and measurable:
            say = self._plan.report.say
            stood_out = query.intent is Intent.ANOMALY and not query.conditions and not query.fields
            self._plan.lead = say.no_reason(lately=query.recent) if stood_out else say.cannot_part(query.refused)
            return None
        return Say(text=self._plan.report.say.cannot(query.refused))

    def _restrict(self) -> Step | None:
        """Put the conditions in the devices' own terms; what to say when they have no such field."""
        query = self._plan.query
        if not query.conditions:
            return None
        card = self._plan.talk.card(query.first_device)
        if card is None:
            return None
        found = resolve_conditions(query, card)
        if found.unknown_fields:
            return self._plan.say(self._plan.report.unknown_fields(card.code, found.unknown_fields, card.fields))
        self._plan.notes += [
            Note(remark=Remark.NOT_CONVERTED, words=(condition.unit, unit)) for condition, unit in found.not_converted
        ]
        if found.not_converted:
            self._plan.left_out.append("conditions")
        self._plan.query = unflagged(replace(query, conditions=found.conditions), card.text_fields)
        return None


def _of_all(query: StructuredQuery, question: str) -> bool:
    """Whether what names no device is of the whole shop: "how many stops yesterday?", "how much gas this week?"."""
    amount = Statistic.INTEGRAL in query.statistics and not query.owner and not _ONE.search(question.lower())
    return bool((query.conditions or amount) and query.time and not query.another and not query.unread)
