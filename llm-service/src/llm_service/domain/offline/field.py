"""Which fields a prompt speaks of, and which of a device's fields those are."""

import re
from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.vocabulary import (
    blank_statistics,
    find_usual_fields,
    usual_field_of,
)

_QUOTED: Final = re.compile(r"[\"“`「『]([^\"“”`「」『』]{1,64})[\"”`」』]")
_PHRASE: Final = re.compile(r"[A-Z][A-Za-z0-9_]*(?:[ /][A-Z][A-Za-z0-9_]*)*")
_IDENTIFIER: Final = re.compile(r"(?<![A-Za-z0-9_])[a-z]+(?:_[a-z0-9]+)+(?![A-Za-z0-9_])")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[\u3400-\u9fff]+")
_NO_FIELD: Final = re.compile(
    r"i|what|which|who|how|when|where|why|is|are|was|were|do|does|did|can|could|please|show|give|get|list|tell|the|an?"
    r"|and|or|of|for|on|in|at|from|to|between|compare|devices?|machines?|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|january|february|march|april|may|june|july|august|september|october|november|december|utc|am|pm|ha(?:s|ve)"
    r"|calculate|compute|find|plot|summari[sz]e|describe|extract|any|hi|hello|hey|ok|thanks|last|latest|over|during"
    r"|since|before|after|until|versus|vs|with"
)


def find_fields(text: str, known: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the fields `text` names in the order of their mention.

    With `known` fields of a device the answer is spelled as they are; without, it is what was
    written (quoted, capitalised or joined by "_") or the usual name of a usual field. Devices,
    dates and times have to be blanked in `text` before.
    """
    written = _written(text)
    if not known:
        return written
    mentioned = _mentioned(text, known)
    for phrase in written:
        mentioned += [field for field in match_field(phrase, known) if field not in mentioned]
    return tuple(mentioned)


def match_field(phrase: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the fields of `known` that `phrase` means: by name, by spelling, by synonym, by shared words."""
    for exactly in (
        [field for field in known if field == phrase],
        [field for field in known if _plain(field) == _plain(phrase)],
        [field for field in known if _singular(field) == _singular(phrase)],
        _by_synonym(phrase, known),
        _by_words(phrase, known),
    ):
        if exactly:
            return tuple(exactly)
    return ()


def unmatched_fields(phrases: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the `phrases` that mean none of the `known` fields."""
    return tuple(phrase for phrase in phrases if not match_field(phrase, known))


def _written(text: str) -> tuple[str, ...]:
    found: dict[str, int] = {}
    rest = text
    for match in _QUOTED.finditer(text):
        found.setdefault(match[1].strip(), match.start())
        rest = rest[: match.start()] + " " * len(match[0]) + rest[match.end() :]
    readable = _keep_case(rest, blank_statistics(rest.lower()))
    for pattern in (_PHRASE, _IDENTIFIER):
        for match in pattern.finditer(readable):
            phrase = _trimmed(match[0])
            if phrase and usual_field_of(phrase) is None and not _opens_sentence(phrase, readable[: match.start()]):
                found.setdefault(phrase, match.start())
                readable = readable[: match.start()] + " " * len(match[0]) + readable[match.end() :]
    lowered = readable.lower()
    for name in find_usual_fields(lowered):
        found.setdefault(name, _position(lowered, name))
    return tuple(sorted(found, key=lambda phrase: found[phrase]))


def _opens_sentence(phrase: str, before: str) -> bool:
    """ "Explain this": a capital at the start of a sentence says nothing, unless there are more inside."""
    return phrase[1:].isalpha() and phrase[1:].islower() and re.search(r"(?:^|[.!?\n:])\s*$", before) is not None


def _position(text: str, usual: str) -> int:
    """Where a usual field is mentioned: the shortest prefix of `text` that mentions it."""
    return next((end for end in range(len(text)) if usual in find_usual_fields(text[: end + 1])), len(text))


def _keep_case(text: str, blanked: str) -> str:
    if len(text) != len(blanked):
        return text
    return "".join(" " if new == " " else old for old, new in zip(text, blanked, strict=True))


def _trimmed(phrase: str) -> str:
    words = phrase.split(" ")
    while words and _NO_FIELD.fullmatch(words[0].lower()):
        words.pop(0)
    while words and _NO_FIELD.fullmatch(words[-1].lower()):
        words.pop()
    return " ".join(words)


def _mentioned(text: str, known: Sequence[str]) -> list[str]:
    """Fields whose very name is in the text, the longer name winning over one inside it."""
    found: list[tuple[int, str]] = []
    rest = text.lower()
    for field in sorted(known, key=len, reverse=True):
        pattern = re.sub(r"[ _-]+", "[ _-]?", re.escape(field.lower()).replace("\\", ""))
        match = re.search(rf"(?<![a-z0-9_]){pattern}s?(?![a-z0-9_])", rest)
        if match:
            found.append((match.start(), field))
            rest = rest[: match.start()] + " " * len(match[0]) + rest[match.end() :]
    return [field for _, field in sorted(found)]


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-/]+", "", name).lower()


def _singular(name: str) -> str:
    return _plain(name).removesuffix("s")


def _words(name: str) -> list[str]:
    return [word.lower().removesuffix("s") for word in _WORD.findall(name)]


def _by_synonym(phrase: str, known: Sequence[str]) -> list[str]:
    usual = usual_field_of(phrase) or phrase
    return [
        field for field in known if usual_field_of(field.replace("_", " ")) == usual or _plain(field) == _plain(usual)
    ]


def _by_words(phrase: str, known: Sequence[str]) -> list[str]:
    """All words of the phrase in the field: "flow rate" is in "Volume Flow RateRMS", "Accelerometer" in two."""
    wanted = _words(usual_field_of(phrase) or phrase)
    return [field for field in known if wanted and all(word in _words(field) for word in wanted)]
