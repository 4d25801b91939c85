"""The conversation as the rules need it: the question, what tools answered since, what was asked before."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, cast

from llm_service.domain.model.message import Message, Role
from llm_service.domain.offline.another_asked import one_of_others
from llm_service.domain.offline.beside_again import beside_again
from llm_service.domain.offline.compared_again import compared_again
from llm_service.domain.offline.correction import corrected
from llm_service.domain.offline.count_again import count_again
from llm_service.domain.offline.difference_again import difference_again
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.follow_up import completed
from llm_service.domain.offline.gist_asked import by_gist
from llm_service.domain.offline.grouped_again import grouped_again
from llm_service.domain.offline.groups_against import groups_against
from llm_service.domain.offline.judged_value import judged_again
from llm_service.domain.offline.kinds_again import kinds_again
from llm_service.domain.offline.lasting_stop import with_short_ones
from llm_service.domain.offline.limit_again import limited_again, with_limit
from llm_service.domain.offline.numbered_again import numbered_again
from llm_service.domain.offline.odd_asked import by_odd
from llm_service.domain.offline.of_told import at_told_moment, picked, when_told
from llm_service.domain.offline.one_of_told import ENDS
from llm_service.domain.offline.other_group import other_group
from llm_service.domain.offline.own_name import spoken_names
from llm_service.domain.offline.placed_again import line_of_ranking, one_of_two, placed_again, worst_of_told
from llm_service.domain.offline.price_said import take_prices, with_prices
from llm_service.domain.offline.prompt import readable_prompt
from llm_service.domain.offline.query import Intent, Language, StructuredQuery
from llm_service.domain.offline.question_memo import QuestionMemo
from llm_service.domain.offline.question_parts import by_label, by_state, parts_of, question_parts
from llm_service.domain.offline.ranking_again import ranking_again
from llm_service.domain.offline.reason_again import reason_again
from llm_service.domain.offline.resolve import resolve_devices
from llm_service.domain.offline.result import DeviceCard, FieldStatistics
from llm_service.domain.offline.result_json import all_statistics_from_json, devices_from_json
from llm_service.domain.offline.said_again import said_again
from llm_service.domain.offline.shifted_again import shifted_again
from llm_service.domain.offline.shown_zone import shown_zone
from llm_service.domain.offline.small_talk import courtesy
from llm_service.domain.offline.told_again import asked_again, at_that_time, together_again, usual_tail
from llm_service.domain.offline.told_answer import ToldAnswer
from llm_service.domain.offline.toolbox import DeviceTool, device_tool
from llm_service.domain.offline.vocabulary import language_of, lexicon
from llm_service.domain.offline.worker import Checkpoint, unchecked

# How far back a follow-up reaches, in questions; how much of a long conversation is looked at, in messages.
_BEFORE_AT_MOST: Final = 6
_MESSAGES: Final = 400
# Characters of a tool's result that are read, and of an error that is passed on.
_LONGEST_RESULT: Final = 400_000
_LONGEST_ERROR: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutcome:
    """What a call came to: its decoded JSON as `data` (None when it was not JSON), or an error's message."""

    tool: DeviceTool
    arguments: dict[str, object]
    data: object
    error: str = ""

    @property
    def device(self) -> str:
        """The device the call was for."""
        return str(self.arguments.get("device_code", ""))

    @property
    def empty(self) -> bool:
        """Whether the error says that the range holds nothing."""
        return any(sign in self.error.lower() for sign in ("no rows", "no data", "no readings"))

    @property
    def not_found(self) -> bool:
        """Whether the error says that there is no such thing."""
        text = self.error.lower()
        return any(sign in text for sign in ("not found", "not_found", "unknown device", "no device", "no such"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """`question` is the last user message, `earlier` the user messages before it, the latest first.

    `omitted` characters of the question were too many to be read. `memo` has the questions that were read before.
    `answers` are what each of the earlier messages was answered with, "" where that is not known.
    """

    question: str
    earlier: tuple[str, ...]
    outcomes: tuple[ToolOutcome, ...]
    cards: tuple[DeviceCard, ...]
    omitted: int = 0
    answers: tuple[str, ...] = ()
    memo: QuestionMemo = field(default_factory=QuestionMemo, compare=False, repr=False)

    def of(self, tool: DeviceTool) -> list[ToolOutcome]:
        """Return the outcomes of `tool` since the question."""
        return [outcome for outcome in self.outcomes if outcome.tool is tool]

    def card(self, code: str) -> DeviceCard | None:
        """Return what is known of device `code`."""
        return next((card for card in self.cards if card.code == code), None)

    @property
    def listed_all(self) -> bool:
        """Whether list_devices was called without a filter since the question."""
        return any(not outcome.arguments for outcome in self.of(DeviceTool.LIST))

    @property
    def known_fields(self) -> tuple[str, ...]:
        """The fields of the devices listed, and those that tools answered about since the question."""
        names = [name for card in self.cards for name in card.fields]
        names += [one.field for outcome in self.of(DeviceTool.STATISTICS) for one in _fields_of(outcome)]
        return tuple(dict.fromkeys(names))

    def answered_before(self, text: str, now: datetime) -> bool:
        """Whether `text` says nothing that the answer before did not, to another question."""
        told, asked = (self.answers or ("",))[0], (self.earlier or ("",))[0]
        lines, former = text.strip().split("\n"), told.split("\n")
        same = bool(told) and lines[0] == former[0] and set(lines) <= set(former)
        if not same or courtesy(self.question) is not None or self.question.lower().split() == asked.lower().split():
            return False
        return not self._asks_for_told(asked, now)

    def _asks_for_told(self, asked: str, now: datetime) -> bool:
        """Whether the question names a part of what was told, or is the one before in other words."""
        own, former = self._parse(self.question, now), self._parse(asked, now)
        if own.unread:
            return False
        if not own.devices and (own.fields or own.statistics or own.conditions or own.all_devices):
            # "Only the current", "how often?": a part of what was told is all that it asks for.
            return True
        whole = own.devices and (own.fields or own.conditions) and not own.follows
        alike = replace(own, language=former.language, notes=former.notes, confidence=former.confidence)
        return bool(whole) and replace(alike, counted_as=former.counted_as) == former

    def queries(self, now: datetime, checkpoint: Checkpoint = unchecked) -> tuple[StructuredQuery, ...]:
        """Return what the question asks for, one query or several.

        "And yesterday?" takes what it leaves out from the questions before.
        """
        before = Before(codes=tuple(card.code for card in self.cards))
        spoken: dict[str, None] = {}
        for at, text in reversed(list(enumerate(self.earlier))):
            checkpoint()
            if courtesy(text) is not None:
                continue
            read = self._one_meant(self._read(text, now, before, (*spoken,))[-1])
            # What was not understood is followed by what was spoken of before it.
            if before.query is None or read.intent is not Intent.CHAT:
                answer = self.answers[at] if at < len(self.answers) else ""
                told = ToldAnswer(text=answer, zone=shown_zone(read, now).zone) if answer else None
                before = replace(before, query=read, earlier=before.query, told=told)
                before = before if read.told else replace(before, whole=told)
            spoken.update(dict.fromkeys(before.query.devices if before.query else ()))
        checkpoint()
        if courtesy(self.question) is not None:
            return (StructuredQuery(intent=Intent.CHAT, language=language_of(self.question)),)
        return self._read(self.question, now, before, (*spoken,))

    def _one_meant(self, query: StructuredQuery) -> StructuredQuery:
        """The query with the device in the place of "the other one in hall B" or "3", where it is known which."""
        numbered = len(query.references) == 1 and not query.devices and not query.references[0].label
        if not self.cards or not (query.another or (numbered and not query.references[0].excluded)):
            return query
        found = resolve_devices(query, self.cards)
        codes = () if found.unknown else one_of_others(query, found.codes, self.cards)
        if len(codes) != 1:
            return query
        return replace(query, devices=codes, references=(), except_devices=(), all_devices=False, another="")

    def _read(self, text: str, now: datetime, last: "Before", spoken: Sequence[str]) -> tuple[StructuredQuery, ...]:
        before = last.query
        known = before.prices if before is not None else ()
        priced = take_prices(text, known, chinese=language_of(text) is Language.CHINESE)
        if priced is None:
            return tuple(with_prices(each, before) for each in self._read_unpriced(text, now, last, spoken))
        read = self._read_unpriced(priced.text, now, last, spoken)
        return tuple(replace(each, prices=priced.prices) for each in read)

    def _read_unpriced(
        self, text: str, now: datetime, last: "Before", spoken: Sequence[str]
    ) -> tuple[StructuredQuery, ...]:
        before = last.query
        text = corrected(text, before, now) if before is not None else text
        if before is not None and (again := self._again(text, now, last, spoken)) is not None:
            return (again,)
        if (halves := usual_tail(text)) is not None:
            *others, told = self._read(halves[0], now, last, spoken)
            usual = asked_again(halves[1], told)
            return (*others, told, usual) if usual else (*others, told)
        whole = self._parse(text, now)
        before = last.leaned_on(whole)
        if (then := last.then(text, whole, spoken)) is not None:
            return (then,)
        if len(apart := by_odd(whole) if whole.odd else by_gist(whole) if whole.gist else by_state(whole)) > 1:
            return tuple(completed(each, before, spoken) for each in apart)
        apart = by_label(whole)
        if len(apart) < 2:
            parts = question_parts(text, [card.code for card in self.cards])
            apart = parts_of(parts, whole, lambda part: self._parse(part, now))
        first, *others = apart
        return (completed(first, before, spoken), *others)

    def _again(self, text: str, now: datetime, last: "Before", spoken: Sequence[str]) -> StructuredQuery | None:
        """What was told, asked for in another way, a part of it or more of it; None for anything else."""
        before = last.query
        if before is None:
            return None
        again = line_of_ranking(text, before, last.whole) or ranking_again(text, before, last.whole, last.codes)
        again = again or other_group(text, before, self.cards) or groups_against(text, before, last.earlier)
        again = again or _told_again(text, before, spoken)
        own = self._parse(text, now)
        if again is not None or (again := last.of_told(text, own, spoken)) is not None:
            # "How much hotter is that in fahrenheit?"
            return replace(again, unit=own.unit or again.unit)
        limited = with_limit(text, before)
        if limited == text:
            return None
        return completed(limited_again(self._parse(limited, now), before), before, spoken)

    def _parse(self, text: str, now: datetime) -> StructuredQuery:
        query = self._parse_with(self.known_fields, text, now)
        others = self._fields_of_others(query)
        if not others:
            return query
        return self._parse_with([name for name in self.known_fields if name not in others], text, now)

    def _parse_with(self, fields: Sequence[str], text: str, now: datetime) -> StructuredQuery:
        devices = [card.code for card in self.cards]
        return self.memo.parse(text, now, devices=devices, names=spoken_names(self.cards), fields=fields)

    def _fields_of_others(self, query: StructuredQuery) -> frozenset[str]:
        """The words taken for fields, everyday ones as "mean" and "on", that no device asked about has."""
        cards = [card for code in query.devices if (card := self.card(code)) is not None]
        if not cards or len(cards) < len(query.devices):
            return frozenset()
        own = [name for card in cards for name in card.fields]
        everyday = (name for name in query.fields if name.lower() in lexicon().words)
        return frozenset(name for name in everyday if name in self.known_fields and not match_field(name, own))


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The question before and the one `earlier` than that, what was told, and the devices that are known.

    `whole` is the answer of which a part was told since.
    """

    query: StructuredQuery | None = None
    earlier: StructuredQuery | None = None
    told: ToldAnswer | None = None
    whole: ToldAnswer | None = None
    codes: tuple[str, ...] = ()

    def of_told(self, text: str, query: StructuredQuery, spoken: Sequence[str]) -> StructuredQuery | None:
        """Return `text`, read as `query`, as a question for a part of what was told, or for more of it; else None."""
        before = self.query
        if before is None:
            return None
        if (when := when_told(text, before, self.told)) is not None:
            return when
        compared = compared_again(text, query, before, self.earlier) or numbered_again(text, before)
        reason = compared or grouped_again(text, before) or reason_again(text, query, before, self.told)
        reason = reason or kinds_again(text, before) or beside_again(text, query, before)
        chosen = reason or picked(text, query, before, self.whole, self.codes)
        placed = chosen or placed_again(text, query, before, self.whole, self.codes)
        return placed or one_of_two(text, query, before, spoken) or worst_of_told(text, query, before)

    def leaned_on(self, query: StructuredQuery) -> StructuredQuery | None:
        """The question that `query` leans on: behind "was it welding then?" the one whose moment that was."""
        moment = self.query is not None and self.query.holds and self.query.time is not None and self.query.time.instant
        ends = query.fields and query.statistics and set(query.statistics) <= ENDS and not query.time
        return self.earlier if moment and ends and self.earlier is not None else self.query

    def then(self, text: str, query: StructuredQuery, spoken: Sequence[str]) -> StructuredQuery | None:
        """Return `text`, read as `query`, as a question for the moment that was told; None for anything else."""
        before = self.query
        if before is None:
            return None
        then = at_that_time(text, query, before)
        if then is not None and then.limit:
            return then
        told = at_told_moment(text, query, before, self.told, self.codes)
        if told is not None and not told.follows:
            return told
        leaning = told or then
        return completed(leaning, before, spoken) if leaning else None


def _told_again(text: str, before: StructuredQuery, spoken: Sequence[str]) -> StructuredQuery | None:
    """What was told, asked for in another way; None for anything else."""
    if (said := said_again(text, before) or count_again(text, before)) is not None:
        return said
    judged = judged_again(text, before) if before.judged else with_short_ones(text, before)
    told = judged or difference_again(text, before, spoken) or together_again(text, before, spoken)
    return told or shifted_again(text, before) or asked_again(text, before)


def _fields_of(outcome: ToolOutcome) -> tuple[FieldStatistics, ...]:
    return tuple(one for result in all_statistics_from_json(outcome.data) for one in result.fields)


def conversation_from_messages(
    messages: Sequence[Message], checkpoint: Checkpoint = unchecked, memo: QuestionMemo | None = None
) -> Conversation:
    """Return the conversation that the last of `messages` hold, each read up to its bound.

    `memo` has what was read in conversations before.
    """
    messages = messages[-_MESSAGES:]
    last = max((at for at, message in enumerate(messages) if message.role is Role.USER), default=-1)
    users = [message for message in messages[: max(last, 0)] if message.role is Role.USER][-_BEFORE_AT_MOST:]
    answers = _answers(messages[: max(last, 0)])[-_BEFORE_AT_MOST:]
    outcomes = _outcomes(messages, last, checkpoint)
    cards = {card.code: card for outcome in outcomes.values() if not outcome.error for card in _cards(outcome)}
    question = readable_prompt(messages[last].text if last >= 0 else "")
    return Conversation(
        question=question.text,
        earlier=tuple(readable_prompt(message.text).text for message in reversed(users)),
        outcomes=tuple(outcome for at, outcome in outcomes.items() if at > last),
        cards=tuple(cards[code] for code in sorted(cards)),
        omitted=question.omitted,
        answers=tuple(reversed(answers)),
        memo=memo or QuestionMemo(),
    )


def _answers(messages: Sequence[Message]) -> list[str]:
    """What each of the users' messages was answered with."""
    answers: list[str] = []
    for message in messages:
        if message.role is Role.USER:
            answers.append("")
        elif message.role is Role.ASSISTANT and answers and message.text:
            answers[-1] = message.text
    return answers


def _cards(outcome: ToolOutcome) -> tuple[DeviceCard, ...]:
    return devices_from_json(outcome.data) if outcome.tool is DeviceTool.LIST else ()


def _outcomes(messages: Sequence[Message], last: int, checkpoint: Checkpoint) -> dict[int, ToolOutcome]:
    """Outcomes by the position of their message: those since the `last` question, and the devices listed before it."""
    calls = {call.id: call for message in messages for call in message.tool_calls}
    found: dict[int, ToolOutcome] = {}
    for at, message in enumerate(messages):
        call = calls.get(message.tool_call_id) if message.role is Role.TOOL else None
        tool = device_tool(call.name) if call else None
        if call is None or tool is None or (at < last and tool is not DeviceTool.LIST):
            continue
        checkpoint()
        found[at] = _outcome(tool, call.arguments, message)
    return found


def _outcome(tool: DeviceTool, arguments: str, message: Message) -> ToolOutcome:
    text = message.text
    data = _decoded(text)
    error = _error_text(data, text) if message.is_error or _is_error(data) else ""
    if data is None and not error:
        error = text[:_LONGEST_ERROR].strip() or "empty result"
    return ToolOutcome(tool=tool, arguments=_arguments(arguments), data=data, error=error[:_LONGEST_ERROR])


def _decoded(text: str) -> object:
    if len(text) > _LONGEST_RESULT:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _arguments(text: str) -> dict[str, object]:
    decoded = _decoded(text or "{}")
    return cast(dict[str, object], decoded) if isinstance(decoded, dict) else {}


def _is_error(data: object) -> bool:
    return isinstance(data, dict) and "error" in data


def _error_text(data: object, text: str) -> str:
    """The message inside the usual shapes of errors, otherwise the text itself."""
    while isinstance(data, dict):
        fields = cast(dict[str, object], data)
        data = next((fields[key] for key in ("error", "message", "detail") if fields.get(key)), text)
    return str(data if data is not None else text).strip() or "unknown error"
