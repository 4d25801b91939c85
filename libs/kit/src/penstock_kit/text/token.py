"""A piece of a text and what kind of thing it is."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a token is. INTENT is what a question asks for (``why``), LINK a word that gives its neighbours an order."""

    WORD = "word"
    NUMBER = "number"
    UNIT = "unit"
    CODE = "code"
    DATE = "date"
    ZONE = "zone"
    NEGATION = "negation"
    INTENT = "intent"
    LINK = "link"
    FILLER = "filler"


@dataclass(frozen=True, slots=True)
class Token:
    """`concept` is the same for words of the same meaning: ``restart`` for ``rebooted``."""

    kind: Kind
    concept: str
