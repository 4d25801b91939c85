"""Numbers with a decimal comma, as most of Europe writes them: "5,5", "0,125", "1.234,56"."""

from typing import Final

MOST_GROUPS: Final = 5
"""Thousands of a number at most; more are no number, and are not looked through from each of them on."""

_THOUSAND: Final = 3
# Behind one of these "1,2" are two numbers.
_LISTED: Final = frozenset(
    {
        *("machine", "machines", "device", "devices", "welder", "welders", "unit", "units", "robot", "robots"),
        *("hall", "halls", "line", "lines", "pump", "pumps", "station", "stations", "number", "numbers", "no", "nr"),
        *("maschine", "maschinen", "gerät", "geräte", "halle", "hallen", "percentile", "percentiles", "quantiles"),
        *("机", "号", "第", "数"),
    }
)
# Before one of these as well: "1,2号机".
_COUNTED: Final = frozenset("号日月台")


def comma_number_end(text: str, at: int, before: str) -> int:
    """Return the end of the number with a decimal comma at `at`, 0 where there is none.

    A comma before three digits parts thousands, as in "1,234", unless points did before or the number begins with 0;
    more than one comma is a list. `before` is the text of the token before.
    """
    first = end = _digits_end(text, at)
    for _ in range(MOST_GROUPS if first - at <= _THOUSAND else 0):
        if text[end : end + 1] != "." or _digits_end(text, end + 1) != end + 1 + _THOUSAND:
            break
        end += 1 + _THOUSAND
    last = _digits_end(text, end + 1) if text[end : end + 1] == "," else end
    if last <= end + 1 or before in _LISTED or text[last : last + 1] in _COUNTED or _is_in_list(text, at, last):
        return 0
    return last if _is_decimal(text[at:end], text[end + 1 : last]) else 0


def with_point(number: str) -> str:
    """Return the number with a decimal point; commas between thousands stay."""
    whole, comma, fraction = number.rpartition(",")
    if not comma or "." in fraction or "," in whole or not _is_decimal(whole, fraction):
        return number
    return f"{whole.replace('.', '')}.{fraction}"


def _is_decimal(whole: str, fraction: str) -> bool:
    return len(fraction) != _THOUSAND or len(whole) > _THOUSAND or whole == "0"


def _is_in_list(text: str, at: int, last: int) -> bool:
    follows = text[last : last + 1] == "," and text[last + 1 : last + 2].isdecimal()
    return follows or (at > 1 and text[at - 1] == "," and text[at - 2].isdecimal())


def _digits_end(text: str, at: int) -> int:
    while at < len(text) and text[at].isdecimal():
        at += 1
    return at
