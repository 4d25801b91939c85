"""Which devices and fields are meant, once it is known which there are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.query import Condition, DeviceReference, Intent, Note, Remark, StructuredQuery
from llm_service.domain.offline.result import DeviceCard
from llm_service.domain.offline.spelling import distance
from llm_service.domain.offline.unit import converted
from llm_service.domain.offline.words_data import LABEL_FIELD

_LIKE_DIGITS: Final = str.maketrans({"l": "1", "i": "1", "o": "0"})
_SUGGESTIONS: Final = 3
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedDevices:
    """The codes meant, words that mean none of those there are, codes near those words, and what was assumed."""

    codes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


def resolve_devices(query: StructuredQuery, cards: Sequence[DeviceCard]) -> ResolvedDevices:
    """Return the devices that `query` means among `cards`."""
    return _Resolver(query, cards).resolve()


class _Resolver:
    def __init__(self, query: StructuredQuery, cards: Sequence[DeviceCard]) -> None:
        self._query = query
        self._cards = cards
        self._codes: dict[str, None] = {}
        self._unknown: list[str] = []
        self._near: dict[str, None] = {}
        self._notes: list[Note] = []

    def resolve(self) -> ResolvedDevices:
        self._written()
        self._referred()
        left_out = self._left_out()
        everyone = self._query.all_devices or any(each.excluded for each in self._query.references)
        if everyone and not self._codes and not self._unknown:
            self._codes.update(dict.fromkeys(card.code for card in self._cards))
        codes = tuple(code for code in self._codes if code not in left_out)
        return ResolvedDevices(
            codes=codes, unknown=tuple(self._unknown), near=tuple(self._near), notes=tuple(self._notes)
        )

    def _written(self) -> None:
        """The devices by their codes."""
        for written in self._query.devices:
            code = _same(written, self._cards)
            if not code:
                self._unknown.append(written)
                self._near.update(dict.fromkeys(_near(written, self._cards)))
                continue
            self._codes.setdefault(code)
            if code.lower() != written.lower():
                self._notes.append(Note(remark=Remark.READ_AS, words=(written, code)))

    def _referred(self) -> None:
        """The devices by their numbers, and those of groups."""
        query = self._query
        named = () if query.intent is Intent.COMPARE or query.by_group or self._unknown else tuple(self._codes)
        for reference in query.references:
            if reference.excluded or (named and named_in(reference.label, named, self._cards)):
                # "The press in hall 2": the hall says where it stands.
                continue
            found = self._of(reference)
            self._codes.update(dict.fromkeys(found))
            self._unknown += [] if found else [reference.label or f"#{reference.number}"]

    def _left_out(self) -> frozenset[str]:
        """The codes of those that shall be left out; what none of the devices is called is unknown."""
        left_out = {_same(written, self._cards) or written for written in self._query.except_devices}
        for reference in self._query.references:
            found = self._of(reference) if reference.excluded else []
            left_out.update(found)
            self._unknown += [reference.label or f"#{reference.number}"] if reference.excluded and not found else []
        return frozenset(left_out)

    def _of(self, reference: DeviceReference) -> list[str]:
        """The codes of a group, or of the one device with a number."""
        if reference.label:
            return _labelled(reference.label, self._cards)
        found = _referred(reference, self._cards)
        return [found] if found is not None else []


def named_in(label: str, codes: Sequence[str], cards: Sequence[DeviceCard]) -> bool:
    """Return whether all these devices have that value of a label."""
    return bool(label) and set(_labelled(label, cards)).issuperset(codes)


def _labelled(label: str, cards: Sequence[DeviceCard]) -> list[str]:
    return [card.code for card in cards if label.lower() in map(str.lower, card.labels.values())]


def _same(written: str, cards: Sequence[DeviceCard]) -> str:
    """The code as written, in another case, or with other separators and zeros: WLD1 and WLD-001 are WLD001."""
    for same in (str, str.lower, _bare, _legible):
        found = [card.code for card in cards if same(card.code) == same(written)]
        if len(found) == 1:
            return found[0]
    # "WLD003s temperature".
    owned = written[-1:] in {"s", "S"} and written[-2:-1].isdecimal()
    return _same(written[:-1], cards) if owned else ""


def _legible(code: str) -> str:
    """The bare code with letters that look like digits taken for them: WLD00l is WLD001."""
    return _bare(code.lower().translate(_LIKE_DIGITS))


def _bare(code: str) -> str:
    """The letters and numbers of a code, without separators and leading zeros, "/" between numbers."""
    parts: list[str] = []
    number = ""
    for character in f"{code.lower()} ":
        if character.isdecimal():
            number += character
            continue
        if number:
            parts += ["/", number.lstrip("0") or "0"]
            number = ""
        if character.isalnum():
            parts.append(character)
    return "".join(parts)


def _near(written: str, cards: Sequence[DeviceCard]) -> list[str]:
    """Codes with the same number whose letters differ a little; another number is another device."""
    number = _ending_number(written)
    alike = (card.code for card in cards if _ending_number(card.code) == number)
    close = [code for code in alike if distance(_bare(code)[:64], _bare(written)[:64], 2) <= 2]
    return close[:_SUGGESTIONS]


def near_devices(written: str, cards: Sequence[DeviceCard]) -> list[str]:
    """Return the codes of devices whose code or name differs from `written` by a letter or two."""
    wanted = written.lower()[:_LONGEST]
    reach = 1 if len(wanted) < 6 else 2
    names = ((card.code, name.lower()[:_LONGEST]) for card in cards for name in (card.code, card.name) if name)
    close = [code for code, name in names if len(wanted) > 2 and distance(name, wanted, reach) <= reach]
    return list(dict.fromkeys(close))[:_SUGGESTIONS]


def _referred(reference: DeviceReference, cards: Sequence[DeviceCard]) -> str | None:
    """The device at that place, or the only one whose name or code ends in that number."""
    if reference.by_place:
        at = reference.number - 1 if reference.number > 0 else reference.number
        return cards[at].code if -len(cards) <= at < len(cards) else None
    exact = next((card.code for card in cards if card.code == str(reference.number)), None)
    if exact is not None:
        return exact
    by_name = [card.code for card in cards if _ending_number(card.name) == reference.number]
    by_code = [card.code for card in cards if _ending_number(card.code) == reference.number]
    return next((found[0] for found in (by_name, by_code) if len(found) == 1), None)


def _ending_number(text: str) -> int | None:
    digits = text[len(text.rstrip("0123456789")) :]
    return int(digits) if digits and len(digits) < 10 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedConditions:
    """Conditions with the device's own field names, in its units, and those that can't be put so."""

    conditions: tuple[Condition, ...] = ()
    unknown_fields: tuple[str, ...] = ()
    not_converted: tuple[tuple[Condition, str], ...] = ()


def resolve_conditions(query: StructuredQuery, card: DeviceCard) -> ResolvedConditions:
    """Return the conditions of `query` in the terms of a device."""
    done: list[Condition] = []
    unknown: list[str] = []
    failed: list[tuple[Condition, str]] = []
    for condition in query.conditions:
        field = _field(condition, query, card)
        if field is None:
            unknown.append(condition.field or "?")
            continue
        unit = card.units.get(field, "")
        value = condition.value
        if condition.unit and unit and not isinstance(value, str):
            changed = converted(value, unit=condition.unit if condition.unit != "°" else unit, into=unit)
            if changed is None:
                # "Below 10 litres" of a flow are those of a minute, which the answer tells.
                changed = converted(value, unit=f"{condition.unit}/min", into=unit)
            if changed is None:
                failed.append((condition, unit))
                continue
            value = round(changed, 9)
        done.append(replace(condition, field=field, value=value, unit=unit or condition.unit))
    return ResolvedConditions(conditions=tuple(done), unknown_fields=tuple(unknown), not_converted=tuple(failed))


def _field(condition: Condition, query: StructuredQuery, card: DeviceCard) -> str | None:
    """The field of the condition, else the one field the question is about, else the only text field."""
    found = match_field(condition.field, card.fields) if condition.field else ()
    if not found and condition.field == LABEL_FIELD and len(card.text_fields) == 1:
        return card.text_fields[0]
    if not found and not condition.field and len(query.fields) == 1:
        found = match_field(query.fields[0], card.fields)
    return found[0] if found else None
