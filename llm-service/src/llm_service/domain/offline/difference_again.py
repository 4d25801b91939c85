"""By how much two numbers that were told differ: "how much higher is it?", "高多少"."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon, lexemes_of
from llm_service.domain.offline.one_of_told import ENDS
from llm_service.domain.offline.query import Intent, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import tokenize
from llm_service.domain.offline.vocabulary import lexicon

_ENGLISH: Final = tuple(
    f"{lead} {more}"
    for lead in ("how much", "how many degrees", "by how much")
    for more in ("more", "less", "higher", "lower", "hotter", "warmer", "colder", "cooler", "longer", "shorter")
)
_PHRASES: Final = (
    *(*_ENGLISH, "by how much", "what is the difference", "what's the difference", "and the difference"),
    *("高多少", "低多少", "多多少", "少多少", "差多少", "高几度", "低几度", "差几度", "长多少", "短多少", "相差多少"),
    *("高出多少", "多出多少", "差别多大", "差距多大"),
)
_ALONE: Final = frozenset({"difference", "the difference", "and difference", "差", "差距", "差值", "差异", "差别"})
_ASKING: Final = (Kind.FIELD, Kind.TIME_UNIT, Kind.DAY, Kind.RELATIVE_PERIOD, Kind.WEEKDAY, Kind.OPERATOR, Kind.LABEL)
_LONGEST: Final = 10


def difference_again(text: str, before: StructuredQuery, spoken: Sequence[str]) -> StructuredQuery | None:
    """Return `before` as a comparison of the two that were told; None where `text` asks for something else.

    Where it is not known which two are meant, they are told once more, and the words are named.
    """
    plain = " ".join(text.lower().split())
    said = next((phrase for phrase in _PHRASES if phrase in plain.replace("最高", "").replace("最低", "")), "")
    bare = plain.strip("?？。.! ").removeprefix("and ").removesuffix("呢")
    said = said or (bare if bare in _ALONE else "")
    sentence = Sentence(lexemes_of(tokenize(text), lexicon(), Lexicon()))
    asks = any(sentence.has(at, kind) for at in range(len(sentence)) for kind in _ASKING)
    coded = any(map(str.isdecimal, plain))
    if not said or asks or coded or len(sentence) > _LONGEST or before.intent in {Intent.CHAT, Intent.LIST_DEVICES}:
        return None
    if before.by_group or sum(bool(each.label) for each in before.references) == 2:
        # The difference of two groups is told with their numbers.
        return replace(before, notes=())
    told = tuple(each for each in before.statistics if each not in ENDS) or before.statistics
    devices = before.devices if len(before.devices) != 1 else tuple(spoken)
    if len(before.periods) == 2 or len(devices) != 2:
        compares = len(before.periods) == 2
        return replace(before, intent=Intent.COMPARE) if compares else replace(before, unread=(said,), notes=())
    return replace(
        before,
        intent=Intent.COMPARE,
        devices=devices,
        all_devices=False,
        rank=False,
        statistics=told,
        unread=(),
        notes=(),
    )
