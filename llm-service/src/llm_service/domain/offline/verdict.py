"""Whether a question for yes or no was read so far that either may be said."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.query import StructuredQuery

# "Is it more or less than": one side is judged, which tells the other.
_OTHER_SIDES: Final = frozenset(
    f"or {word}"
    for word in ("less", "lower", "shorter", "colder", "cooler", "fewer", "smaller", "more", "higher", "not")
)


def beside_fields(query: StructuredQuery) -> list[str]:
    """Return the fields asked about that no condition is on."""
    conditioned = [condition.field for condition in query.conditions]
    return [phrase for phrase in query.fields if not match_field(phrase, conditioned)]


def may_say_yes(query: StructuredQuery) -> bool:
    """Return whether all that is said of a machine was read: of a part of it neither yes nor no is true.

    "Does gas keep flowing while the arc is off" is not answered by how often the arc is off.
    """
    return not query.unread and not beside_fields(query)


def with_sides(query: StructuredQuery) -> StructuredQuery:
    """Return `query` without the other side of a comparison among what was not read."""
    if not query.beyond:
        return query
    return replace(query, unread=tuple(each for each in query.unread if each.lower() not in _OTHER_SIDES))
