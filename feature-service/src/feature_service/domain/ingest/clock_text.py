"""The time of day as people and spreadsheets write it: 24 or twelve hours, or 时分秒."""

import re
from typing import Final

_CLOCK: Final = re.compile(
    r"([0-9]{1,2})(?::([0-9][0-9]))?(?::([0-9][0-9](?:[.,][0-9]+)?))?(?:\s*([ap])\.?m\.?)?"
    r"\s*(Z|GMT|UTC|[+-][0-9][0-9]:?[0-9][0-9])?",
    re.I,
)
_EAST_ASIAN: Final = re.compile(
    r"(上午|下午)?\s*([0-9]{1,2})\s*[时時点點](?:\s*([0-9]{1,2})\s*分)?(?:\s*([0-9]{1,2}(?:[.,][0-9]+)?)\s*秒)?"
)


def iso_clock(text: str) -> str:
    """Return the time of day in 24 hours, empty for none."""
    text = text.strip()
    if told := _EAST_ASIAN.fullmatch(text):
        half, hour, minute, second = told.groups()
        return _joined(hour, minute, second, {"上午": "a", "下午": "p"}.get(half or ""), "")
    found = _CLOCK.fullmatch(text)
    if found is None or (found[2] is None and found[4] is None):
        return ""
    zone = found[5] or ""
    return _joined(found[1], found[2], found[3], found[4], "Z" if zone.upper() in {"GMT", "UTC"} else zone)


def _joined(hour: str, minute: str | None, second: str | None, half: str | None, zone: str) -> str:
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            return ""
        hours = hours % 12 + (12 if half in "pP" else 0)
    whole, dot, fraction = (second or "00").replace(",", ".").partition(".")
    return f"{hours:02}:{minute or '00':0>2}:{whole:0>2}{dot}{fraction}{zone}"
