"""Which devices a prompt speaks of."""

import re
from collections.abc import Sequence
from typing import Final

_CODE: Final = re.compile(r"(?<![A-Za-z0-9_.-])[A-Za-z][A-Za-z0-9]*(?:[-_./][A-Za-z0-9]+)*(?![A-Za-z0-9_])")
_QUOTED: Final = re.compile(r"[\"“‘'`「『]([^\"“”‘’'`「」『』]{1,64})[\"”’'`」』]")
_MARKED: Final = re.compile(
    r"(?:\b(?:devices?|machines?)(?:\s+(?:code|id|named|called))?\s+|设备\s*(?:编号|代码)?\s*[:：]?\s*)([A-Za-z0-9][\w./-]*)",
    re.IGNORECASE | re.ASCII,
)
_BEFORE_DEVICE: Final = re.compile(
    r"(?:\b(?:of|for|on|from|in|at|compare|between|and|with|versus|vs|than|is|was|did|does|to|about|features|data)\.?"
    r"|设备|机器|和|与|跟|、|比较|对比|查询|查看|,)\s*(?:the\s+)?$",
    re.IGNORECASE,
)
_NOT_A_DEVICE: Final = re.compile(
    r"(?:p|q)\d{2}|[a-z]+\d*(?:am|pm)|utc|iso8601|utf-?8|co2|h2o|mp3|24h|v\d", re.IGNORECASE
)


def find_devices(text: str, known: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the device codes in `text` in the order of their mention, spelled as the `known` ones are.

    A code that is not known counts when it looks like one ("WLD001", "valve1-0") or follows the word
    "device". Dates and times have to be blanked in `text` before.
    """
    found: dict[str, int] = {}
    rest = text
    for code in sorted(known, key=len, reverse=True):
        match = re.search(rf"(?<![A-Za-z0-9_-]){re.escape(code)}(?![A-Za-z0-9_-])", rest, re.IGNORECASE)
        if match:
            found[code] = match.start()
            rest = rest[: match.start()] + " " * len(match[0]) + rest[match.end() :]
    for code, position in _unknown(rest, {name.lower() for name in found}):
        found.setdefault(code, position)
    return tuple(sorted(found, key=lambda code: found[code]))


def _unknown(text: str, taken: set[str]) -> list[tuple[str, int]]:
    marked = {match[1].rstrip(".") for match in _MARKED.finditer(text) if _has_digit_or_joint(match[1])}
    quoted = {match[1] for match in _QUOTED.finditer(text)}
    candidates = [
        (match[0], match.start())
        for match in _CODE.finditer(text)
        if match[0] in marked or (_looks_like_code(match[0]) and match[0] not in quoted)
    ]
    candidates = [(code, at) for code, at in candidates if code.lower() not in taken]
    placed = [(code, at) for code, at in candidates if code in marked or _BEFORE_DEVICE.search(text[:at])]
    if placed and len(placed) < len(candidates):
        # "mean Accelerometer1RMS of valve1-0": what follows "of" is the device, the other is its field.
        ending_in_digit = [(code, at) for code, at in candidates if code[-1].isdigit()]
        return [pair for pair in candidates if pair in placed or pair in ending_in_digit]
    return candidates


def _looks_like_code(word: str) -> bool:
    return any(character.isdigit() for character in word) and not _NOT_A_DEVICE.fullmatch(word)


def _has_digit_or_joint(word: str) -> bool:
    return any(character.isdigit() or character in "-_" for character in word)
