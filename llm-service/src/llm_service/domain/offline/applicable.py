"""Which of several devices a question can be asked of: those that measure what it is about."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.field import match_field, unmatched_fields
from llm_service.domain.offline.query import Note, Remark, StructuredQuery
from llm_service.domain.offline.resolve import resolve_conditions
from llm_service.domain.offline.result import DeviceCard

_MOST_NAMED: Final = 4


def narrowed(query: StructuredQuery, cards: Sequence[DeviceCard]) -> tuple[StructuredQuery, tuple[Note, ...]]:
    """Return the question to the devices that have its fields, and a note on those that were left out.

    It stays as it is when none has them, or when not all the devices are known.
    """
    known = {card.code: card for card in cards}
    if len(query.devices) < 2 or not set(query.devices) <= known.keys():
        return query, ()
    lacking = {code: lacks for code in query.devices if (lacks := _lacking(query, known[code]))}
    kept = tuple(code for code in query.devices if code not in lacking)
    if not lacking or not kept or (query.rank and len(kept) == 1 and not query.conditions):
        return query, ()
    codes = [*list(lacking)[:_MOST_NAMED], *(["…"] if len(lacking) > _MOST_NAMED else [])]
    fields = dict.fromkeys(field for lacks in lacking.values() for field in lacks)
    note = Note(remark=Remark.NOT_MEASURED, words=(", ".join(codes), ", ".join(fields)))
    return replace(query, devices=kept), (note,)


def _lacking(query: StructuredQuery, card: DeviceCard) -> tuple[str, ...]:
    """The fields of the conditions that a device lacks; those asked about when it has none of them."""
    named = (condition.field for condition in query.conditions if condition.field)
    missing = [field for field in named if not match_field(field, card.fields)]
    missing = missing or resolve_conditions(query, card).unknown_fields
    asked = not any(match_field(phrase, card.fields) for phrase in query.fields)
    return (*missing, *(unmatched_fields(query.fields, card.fields) if query.fields and asked else ()))
