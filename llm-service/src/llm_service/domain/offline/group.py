"""The groups of devices that a question sets side by side, by the values of a label."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.result import DeviceCard

# Labels that say where a device stands.
_PLACES: Final = frozenset(
    {"hall", "line", "area", "building", "section", "site", "plant", "room", "cell", "车间", "产线"}
)


def group_labels(query: StructuredQuery, cards: Sequence[DeviceCard]) -> list[str]:
    """Return the groups the question names; where it asks which one, those that a label of the devices names."""
    named = [reference.label for reference in query.references if reference.label and not reference.excluded]
    if named or not query.by_group:
        return named
    values = {
        name: {card.labels[name] for card in cards if name in card.labels} for card in cards for name in card.labels
    }
    several = sorted(values.items(), key=lambda pair: (pair[0] not in _PLACES, pair[0]))
    return sorted(next((found for _, found in several if len(found) > 1), ()))
