"""Names: what one question writes like a name must be in the other, in capitals or not."""

from penstock_kit.text import Reading
from penstock_kit.text.english import concept_of


def names_differ(first: Reading, second: Reading) -> bool:
    """Return whether one names somebody or something that the other does not mention."""
    return bool(_unmentioned(first, second) or _unmentioned(second, first))


def _unmentioned(named: Reading, other: Reading) -> frozenset[str]:
    said = frozenset(token.concept for token in other.tokens)
    return frozenset(name for name in named.names if name in _own(named) and not {name, concept_of(name)} & said)


def _own(reading: Reading) -> frozenset[str]:
    """The names that are content: a capital in "Can You" names nothing."""
    return frozenset(name for name in reading.names if {name, concept_of(name)} & reading.content)
