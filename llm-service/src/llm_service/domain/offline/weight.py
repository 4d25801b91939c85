"""Words that mostly say nothing, and change what is asked where nothing in the question accounts for them.

"Both" beside two machines only sums them up; beside one it asks for something that no rule read. Each word here has a
reason that excuses it; without the reason it is named like any word that was not understood.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Statistic
from llm_service.domain.offline.sentence import Sentence

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading

Excuse = Callable[[Sentence, int, "Reading"], bool]

_TIMED: Final = frozenset({Statistic.EVENTS, Statistic.DURATION, Statistic.SHARE})
_ASKING_FOR: Final = frozenset(
    {"know", "see", "check", "tell", "wonder", "wondering", "me", "and", "learn", "find out", "curious", "mind"}
)
# What "if" is part of where nobody makes a condition of it.
_POLITE: Final = frozenset({"possible", "you", "so", "any", "at all", "needed", "it", "that", "we"})


def _never(sentence: Sentence, at: int, reading: "Reading") -> bool:
    return False


def _several(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether two of something are asked about, which the word sums up."""
    topic, devices = reading.topic, reading.devices
    statistics = 0 if topic.which else len(topic.statistics)
    counts = (len(devices.codes) + len(devices.references), len(topic.fields), statistics)
    more = (len(reading.conditions), len(reading.times.ranges))
    all_of_them = devices.everyone and (sentence.text(at) != "both" or sentence.has(at + 1, Kind.DEVICE_WORD))
    compared = topic.follows or topic.named is Intent.COMPARE
    return all_of_them or devices.by_group or compared or max(*counts, *more) > 1


def _alternative(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether one of two was read: "either porous or undercut"."""
    return reading.any_condition or any(Kind.OR in lexeme.senses for lexeme in sentence.lexemes[at + 1 :])


def _in_time(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether stretches are asked for, which begin and last."""
    topic = reading.topic
    timed = reading.when or topic.since or topic.each or bool(_TIMED.intersection(topic.statistics))
    return timed or topic.lists or topic.listing


def _beside_used(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether the word before or behind was read, to which it belongs: "wire feed rate", "welding mode"."""
    behind = sentence.skip(at + 1, (Kind.FILLER,))
    return at - 1 in sentence.used or (behind in sentence.used and sentence.text(at - 1) != "what")


def _of_condition(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether what "if" leads to was read, or it says no more than "whether"."""
    asked = sentence.text(at - 1) in _ASKING_FOR or sentence.text(at + 1) in _POLITE
    return asked or bool(reading.conditions) or reading.topic.named is not None


def _of_range(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether a range is told: one of time, of values, or the statistic of that name."""
    topic = reading.topic
    told = reading.times.ranges or topic.spread or Statistic.RANGE in topic.statistics or topic.listing or topic.lists
    return bool(told or topic.follows) and at - 1 in sentence.used


def _of_interval(sentence: Sentence, at: int, reading: "Reading") -> bool:
    return reading.interval is not None or bool(reading.window_length) or _in_time(sentence, at, reading)


def _compared(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether two things are set against each other."""
    return reading.topic.named is Intent.COMPARE or reading.same_time or _several(sentence, at, reading)


def _same(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether it is asked like the question before, or two things are set side by side."""
    return reading.topic.follows or reading.same_time or reading.topic.named is Intent.COMPARE


def _beside_state(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether a state's or a label's name stands beside: "in welding mode"."""
    near = (sentence.lexeme_senses(place) for place in (at - 1, at + 1, at - 2))
    return any(Kind.STATE in each or Kind.LABEL in each for each in near)


_EXCUSES: Final[Mapping[str, Excuse]] = MappingProxyType(
    {
        word: excuse
        for excuse, words in (
            (_same, "same"),
            (_several, "both|together|by side"),
            (_compared, "side"),
            (_in_time, "begin|begins|began|lasted|lasts|spend|spends|spent|间隔"),
            (_beside_state, "mode"),
            (_beside_used, "rate"),
            (_alternative, "either"),
            (_of_condition, "if|如果"),
            (_of_range, "range"),
            (_of_interval, "interval|步长|粒度"),
            (
                _never,
                "until|till|mostly|mainly|especially|should|must|might|produce|produced|breakdown|the next day"
                "|次日|第二天|翌日|隔天|主要|主要是|尤其|再次|好几",
            ),
        )
        for word in words.split("|")
    }
)


def says_something(sentence: Sentence, at: int, reading: "Reading") -> bool:
    """Whether the word at `at`, which says nothing elsewhere, changes what is asked here and was not read."""
    excuse = _EXCUSES.get(sentence.text(at))
    return excuse is not None and not excuse(sentence, at, reading)
