"""Which devices and fields are meant, once it is known which there are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.query import Condition, DeviceReference, Note, Remark, StructuredQuery
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
    codes: dict[str, None] = {}
    unknown: list[str] = []
    near: dict[str, None] = {}
    notes: list[Note] = []
    for written in query.devices:
        code = _same(written, cards)
        if not code:
            unknown.append(written)
            near.update(dict.fromkeys(_near(written, cards)))
            continue
        codes.setdefault(code)
        if code.lower() != written.lower():
            notes.append(Note(remark=Remark.READ_AS, words=(written, code)))
    for reference in query.references:
        if reference.excluded:
            continue
        if reference.label:
            labelled = [card.code for card in cards if reference.label.lower() in map(str.lower, card.labels.values())]
            codes.update(dict.fromkeys(labelled))
            unknown += [] if labelled else [reference.label]
            continue
        found = _referred(reference, cards)
        if found is None:
            unknown.append(f"#{reference.number}")
        else:
            codes.setdefault(found)
    outside = {reference.label.lower() for reference in query.references if reference.excluded}
    named = {label.lower() for card in cards for label in card.labels.values()}
    unknown += [
        reference.label for reference in query.references if reference.excluded and reference.label.lower() not in named
    ]
    if (query.all_devices or outside) and not codes and not unknown:
        left_out = {_same(written, cards) or written for written in query.except_devices}
        codes.update(dict.fromkeys(card.code for card in cards if card.code not in left_out))
    for card in cards:
        if outside & set(map(str.lower, card.labels.values())):
            codes.pop(card.code, None)
    return ResolvedDevices(codes=tuple(codes), unknown=tuple(unknown), near=tuple(near), notes=tuple(notes))


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
