"""Power and energy that are asked for by what a machine draws: "how many kW is it drawing now?"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_POWERS: Final = frozenset({"W", "kW"})
_DRAWING: Final = frozenset({"draw", "draws", "drawing", "drawn", "drew", "pull", "pulls", "pulling", "pulled"})
_ENERGIES: Final = frozenset({"Wh", "kWh"})
_FIELDS: Final = (("current",), ("power", "current"), ("current", "power"))
_ENERGY_FIELDS: Final = (*_FIELDS, ("energy", "current"), ("current", "energy"), ("power",), ("energy", "power"))


def with_power(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for power or energy, where that is asked for in its unit, or as what is drawn."""
    if not query.conditions and query.intent is not Intent.CHAT and _asks_energy(query, sentence):
        return replace(query, fields=("energy",))
    query = _drawn_other(query, sentence)
    drawn = any(lexeme.text in _DRAWING for lexeme in sentence.lexemes)
    named = query.unit in _POWERS or "power" in query.fields
    if not drawn or not named or query.fields not in _FIELDS or query.conditions:
        return query
    return replace(query, fields=("power",))


def _drawn_other(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """ "Who is drawing the most gas?": what is drawn is named, and no current."""
    named = [lexeme.text for lexeme in sentence.lexemes if lexeme.senses.get(Kind.FIELD) == "current"]
    if len(query.fields) != 2 or "current" not in query.fields or not named or not _DRAWING.issuperset(named):
        return query
    if {*query.fields} & {"power", "energy", "voltage"}:
        return query
    return replace(query, fields=tuple(field for field in query.fields if field != "current"))


def _asks_energy(query: StructuredQuery, sentence: Sentence) -> bool:
    """ "How many kWh did it draw", "what energy was drawn": what is drawn is no current then."""
    drawn = any(lexeme.text in _DRAWING for lexeme in sentence.lexemes)
    return query.fields in _ENERGY_FIELDS and (query.unit in _ENERGIES or (drawn and "energy" in query.fields))
