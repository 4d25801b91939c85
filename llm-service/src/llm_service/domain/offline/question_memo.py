"""Questions that were read before: a conversation's earlier ones are read again with each further one, and its call.

What is kept is what reading comes to and depends on nothing but its arguments, so that no answer differs. A question
whose words need no time is kept whatever the time; any other for the second it was read in.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Final, TypeAlias, cast

from llm_service.domain.offline.lexicon import Lexicon
from llm_service.domain.offline.no_time import NO_TIME, TimeNeeded
from llm_service.domain.offline.parse import read_prompt
from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.vocabulary import known_names

# Names of devices and fields that are kept, all askers' together: some 2 KB each. Who has more is read for each time.
_MOST_NAMES: Final = 5_000
# Askers with other names, and questions of each, which are at most as long as a prompt that is read.
_MOST_ASKERS: Final = 16
_MOST_QUESTIONS: Final = 128
# Characters of a question that is tried without a time: reading a long text twice would cost more than it saves.
_LONGEST_TRIED: Final = 200
_Names: TypeAlias = tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...]]


@dataclass(slots=True, eq=False)
class _Asker:
    """The names that an asker has, and his questions; None for one that needs a time, without it."""

    known: Lexicon
    count: int
    questions: OrderedDict[tuple[str, datetime | None], StructuredQuery | None] = field(
        default_factory=OrderedDict[tuple[str, datetime | None], StructuredQuery | None]
    )


class QuestionMemo:
    """Reads questions as :func:`parse_prompt` does, each once; threads may share it.

    The askers and questions that were read last are kept.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._askers: OrderedDict[_Names, _Asker] = OrderedDict()

    def parse(
        self, text: str, now: datetime, *, devices: Sequence[str], names: Mapping[str, str], fields: Sequence[str]
    ) -> StructuredQuery:
        """Return what `text` asks for at `now`, in the words of who knows these devices, their names and fields."""
        asker = self._asker((tuple(devices), tuple(names.items()), tuple(fields)))
        timeless = self._kept(asker, (text, None))
        if timeless is not None:
            return timeless
        found = self._kept(asker, (text, now))
        if found is not None:
            return found
        if len(text) <= _LONGEST_TRIED and (text, None) not in asker.questions:
            timeless = _read_without_time(text, asker.known)
            self._keep(asker, (text, None), timeless)
            if timeless is not None:
                return timeless
        found = read_prompt(text, now, asker.known)
        self._keep(asker, (text, now), found)
        return found

    def _asker(self, names: _Names) -> _Asker:
        with self._lock:
            asker = self._askers.get(names)
            if asker is not None:
                self._askers.move_to_end(names)
                return asker
        devices, spoken, fields = names
        asker = _Asker(known=known_names(devices, dict(spoken), fields), count=sum(map(len, names)))
        if asker.count > _MOST_NAMES:
            return asker
        with self._lock:
            self._askers[names] = asker
            while len(self._askers) > _MOST_ASKERS or sum(each.count for each in self._askers.values()) > _MOST_NAMES:
                self._askers.popitem(last=False)
        return asker

    def _kept(self, asker: _Asker, key: tuple[str, datetime | None]) -> StructuredQuery | None:
        with self._lock:
            if key in asker.questions:
                asker.questions.move_to_end(key)
            return asker.questions.get(key)

    def _keep(self, asker: _Asker, key: tuple[str, datetime | None], query: StructuredQuery | None) -> None:
        with self._lock:
            asker.questions[key] = query
            while len(asker.questions) > _MOST_QUESTIONS:
                asker.questions.popitem(last=False)


def _read_without_time(text: str, known: Lexicon) -> StructuredQuery | None:
    """Return what `text` asks for at any time, None where a rule needs one."""
    try:
        query = read_prompt(text, cast(datetime, NO_TIME), known)
    except TimeNeeded:
        return None
    return None if query.time or query.periods else query
