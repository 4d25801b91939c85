"""Power that is asked for by what a machine draws: "how many kW is it drawing now?"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_POWERS: Final = frozenset({"W", "kW"})
_DRAWING: Final = frozenset({"draw", "draws", "drawing", "drawn", "drew", "pull", "pulls", "pulling", "pulled"})
_FIELDS: Final = (("current",), ("power", "current"), ("current", "power"))


def with_power(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the power, where what is drawn is asked for in a unit of it or by its name."""
    drawn = any(lexeme.text in _DRAWING for lexeme in sentence.lexemes)
    named = query.unit in _POWERS or "power" in query.fields
    if not drawn or not named or query.fields not in _FIELDS or query.conditions:
        return query
    return replace(query, fields=("power",))
