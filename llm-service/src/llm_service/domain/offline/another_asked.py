"""One device that was not spoken of before: "and the other one?", "另一台呢"; and one by its place in what was told."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.result import DeviceCard
from llm_service.domain.offline.sentence import Sentence

_MACHINES: Final = ("machine", "welder", "device", "robot", "unit", "one")
_NEIGHBOURS: Final = ("neighbour", "neighbor", "neighbouring machine", "neighboring machine", "neighbour machine")
_ANOTHER: Final = frozenset(
    {
        *(f"{other} {machine}" for other in ("the other", "other", "another") for machine in _MACHINES),
        *(f"{other}{one}" for other in ("另", "另外", "其他") for one in ("一台", "那台")),
        *(
            f"{other}{one}{machine}"
            for other in ("另", "另外")
            for one in ("一台", "那台")
            for machine in ("机器", "焊机", "设备")
        ),
        *(f"{the}{other}" for the in ("its ", "the ", "") for other in _NEIGHBOURS),
        *("隔壁那台", "隔壁的那台", "旁边那台", "旁边的那台", "邻机", "隔壁机器", "隔壁的机器", "旁边的机器"),
        *("另一个", "另外一个", "另外那个", "别的那台", "剩下那台", "剩下的那台"),
    }
)
_BARE: Final = frozenset({"the other", "other"})
_MARKS: Final = frozenset({"?", "？", ".", "。", "!", "呢"})
_SAME: Final = frozenset(
    {"that", "the same", "same", "this", "the", "its", "同一", "同", "那个", "这个", "该", "同一个"}
)
_GROUP_WORDS: Final = 2


def add_another_words(lexicon: Lexicon) -> None:
    """Add these words to `lexicon`."""
    lexicon.add(Kind.OTHERS, None, sorted(_ANOTHER))


def asks_another(sentence: Sentence) -> str:
    """Return "any" where one other device is asked for, "group" where it is one of the same hall; and mark the "
    "words."""
    for at in range(len(sentence)):
        ended = all(sentence.text(place) in _MARKS for place in range(at + 1, len(sentence)))
        if sentence.text(at) not in _ANOTHER and not (sentence.text(at) in _BARE and ended):
            continue
        sentence.use(at, at + 1)
        for group in sentence.find(Kind.GROUP):
            said = [back for back in range(1, 1 + _GROUP_WORDS) if sentence.text(group - back) in _SAME]
            if said:
                sentence.use(group - said[-1], group + 1)
                return "group"
        return "group" if any(word in sentence.text(at) for word in ("neighb", "隔壁", "旁边", "邻")) else "any"
    return ""


def of_another(query: StructuredQuery, before: StructuredQuery, spoken: Sequence[str]) -> StructuredQuery:
    """Return `query` with the one other device that was spoken of, else with all but those before, one of which is "
    "it."""
    told = before.devices
    rest = [code for code in spoken if code not in told]
    if query.another == "any" and len(told) == len(rest) == 1:
        return replace(query, devices=tuple(rest), another="")
    return replace(query, all_devices=True, except_devices=told or before.except_devices or tuple(spoken))


def one_of_others(query: StructuredQuery, codes: Sequence[str], cards: Sequence[DeviceCard]) -> tuple[str, ...]:
    """Return those of `codes` that may be meant by another one: of a group, those that stand where the one before "
    "does."""
    before = next((card for card in cards if card.code in query.except_devices), None)
    if query.another != "group" or before is None:
        return tuple(codes)
    labels = {card.code: card.labels for card in cards}
    for name, value in before.labels.items():
        beside = tuple(code for code in codes if labels.get(code, {}).get(name) == value)
        if len(beside) < len(codes):
            # What all share is no place.
            return beside
    return tuple(codes)


def of_place(query: StructuredQuery, before: StructuredQuery) -> StructuredQuery:
    """Return `query` with "the first one" as that of the devices told before, which stand in an order of their own."""
    placed = query.references[0] if len(query.references) == 1 and query.references[0].by_place else None
    if placed is None or query.devices or query.rank:
        return query
    if before.rank and len(before.devices) != 1:
        if placed.number == 1:
            return replace(query, references=(), owner="the first one")
        # The ranking is told anew each time: who is second in it is not known here.
        return replace(query, references=(), all_devices=True, another="any")
    told = before.devices
    if len(told) > 1 and -1 <= placed.number <= len(told) and placed.number:
        return replace(query, references=(), devices=(told[placed.number - (placed.number > 0)],))
    return query
