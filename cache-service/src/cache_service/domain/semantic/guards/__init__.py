"""Guards: each names one thing in which two questions may differ that no similarity of vectors tells."""

from collections.abc import Callable, Mapping
from typing import Final

from cache_service.domain.semantic.guards.codes import codes_differ
from cache_service.domain.semantic.guards.dates import dates_differ
from cache_service.domain.semantic.guards.direction import direction_differs
from cache_service.domain.semantic.guards.intent import intent_differs
from cache_service.domain.semantic.guards.language import language_differs
from cache_service.domain.semantic.guards.names import names_differ
from cache_service.domain.semantic.guards.negation import negation_differs
from cache_service.domain.semantic.guards.numbers import numbers_differ
from cache_service.domain.semantic.guards.order import order_differs
from cache_service.domain.semantic.guards.quotes import quotes_differ
from cache_service.domain.semantic.guards.units import units_differ
from cache_service.domain.semantic.guards.words import words_differ
from cache_service.domain.semantic.guards.zones import zones_differ
from penstock_kit.text import Reading

GUARDS: Final[Mapping[str, Callable[[Reading, Reading], bool]]] = {
    "language": language_differs,
    "number": numbers_differ,
    "unit": units_differ,
    "code": codes_differ,
    "date": dates_differ,
    "zone": zones_differ,
    "negation": negation_differs,
    "direction": direction_differs,
    "order": order_differs,
    "quote": quotes_differ,
    "name": names_differ,
    "intent": intent_differs,
    "word": words_differ,
}


def refusing_guard(first: Reading, second: Reading) -> str:
    """Return the name of the first guard that tells two questions apart; empty when none does."""
    return next((name for name, differs in GUARDS.items() if differs(first, second)), "")
