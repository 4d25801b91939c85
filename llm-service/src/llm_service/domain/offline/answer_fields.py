"""Which fields of a result a question is about, and how many lines an answer has."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.measure_text import converts
from llm_service.domain.offline.phrases import Wording
from llm_service.domain.offline.query import Note, Remark, StructuredQuery

MOST_LINES: Final = 16


def fields_of(query: StructuredQuery, existing: Sequence[str]) -> tuple[str, ...]:
    """Return the fields among `existing` the question is about; empty when it names none of them."""
    found = (field for phrase in query.fields for field in match_field(phrase, existing))
    return tuple(dict.fromkeys(found))


def limited(say: Wording, lines: Sequence[str], most: int = MOST_LINES) -> list[str]:
    """Return `lines`, the last of them replaced by how many there are when they are too many."""
    return list(lines) if len(lines) <= most else [*lines[:most], say.and_more(len(lines) - most)]


def unconverted(query: StructuredQuery, units: dict[str, str]) -> tuple[Note, ...]:
    """Return the remarks on units that can't be converted to the one asked for; `units` by field."""
    if not query.unit:
        return ()
    wrong = {unit for unit in units.values() if not converts(unit, query.unit)}
    return tuple(Note(remark=Remark.NOT_CONVERTED, words=(unit, query.unit)) for unit in sorted(wrong))
