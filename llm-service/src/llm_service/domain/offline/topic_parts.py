"""The parts of what a question is about as its words name them."""

from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.query import Intent, Note, Statistic
from llm_service.domain.offline.question_form import ANSWERS, FormReader
from llm_service.domain.offline.sentence import Sentence

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading


CHANGES: Final = frozenset({"change", "changes", "changed", "变化", "变化多少", "变化了多少", "变了", "变了多少"})
"""What asks how far a value is from another."""


# What is lost where another kind of answer is given.
_LOST: Final = ANSWERS | {Intent.QUERY}


class TopicParts:
    """Fields, statistics and kinds of answers that the words of one question name."""

    def __init__(self, sentence: Sentence, reading: "Reading") -> None:
        self._words = sentence
        self._reading = reading
        self._form = FormReader(sentence, reading)
        self._fields: dict[int, str] = {}
        self._conditioned: dict[int, str] = {}
        self._statistics: dict[Statistic, None] = {}
        self._intents: dict[Intent, list[int]] = {}
        self._notes: list[Note] = []
        self._once = False
        self._versus = ""
        # Whether devices are counted.
        self._devices = False
        self._counted_as: dict[str, None] = {}

    def drop_intents(self, named: Intent | None) -> None:
        """One kind of answer is given: the words that ask for another one are left unread."""
        for intent, places in self._intents.items():
            changed = all(self._words.text(at) in CHANGES for at in places)
            if named is Intent.COMPARE and intent is Intent.TREND and changed:
                # "How much did it change, compared with the hour before" is how far they are apart.
                continue
            if intent is not named and intent in _LOST:
                self._words.used.difference_update(places)

    def _count(self, at: int, statistic: Statistic) -> None:
        self._statistics.setdefault(statistic)
        self._words.use(at, at + 1)

    def _count_as(self, at: int, statistic: Statistic) -> None:
        """Take a number of times, a duration or an amount, keeping how it was asked for."""
        self._counted_as.setdefault(self._words.raw(at))
        self._count(at, statistic)
