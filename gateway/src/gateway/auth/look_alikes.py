"""Names that people take for one another: of two that look the same the second is not given to anybody.

After the skeletons of Unicode Technical Standard 39 (https://www.unicode.org/reports/tr39/#Confusable_Detection).
"""

import re
import unicodedata
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

_TABLE: Final = Path(__file__).with_name("look_alikes.txt")
# Joins and stretches the letters around it, and is none itself.
_TATWEEL: Final = "\u0640"
# Punctuation of these categories looks like the character behind it.
_PUNCTUATION: Final = {"Pd": "-", "Pc": "_", "Pi": "'", "Pf": "'"}
_DOTS: Final = dict.fromkeys("\u2022\u2027\u30fb\u05bc\u0387", "\u00b7")


def looks_of(name: str) -> frozenset[str]:
    """Return what `name` looks like, as it is written and without regard to capitals: names that have one of these in
    common are taken for one another."""
    return frozenset({_skeleton(name), _skeleton(_folded(name))})


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _skeleton(name: str) -> str:
    """Return `name` in the plainest characters that look like its own, the marks of each letter in one order."""
    if name.isascii():
        return _replace(name)
    plain = "".join(_plain(each) for each in unicodedata.normalize("NFC", name))
    return _ordered(unicodedata.normalize("NFD", _replace(unicodedata.normalize("NFD", plain))))


def _plain(character: str) -> str:
    if character == _TATWEEL:
        return ""
    return _DOTS.get(character) or _PUNCTUATION.get(unicodedata.category(character), character)


def _ordered(text: str) -> str:
    """Return `text` with each mark of a letter once: in which order and how often they were typed does not show."""
    runs = groupby(text, key=lambda character: unicodedata.category(character)[0] == "M")
    return "".join("".join(sorted(set(run)) if are_marks else run) for are_marks, run in runs)


def _replace(text: str) -> str:
    pattern, table = _look_alikes()
    return pattern.sub(lambda found: table[found[0]], text)


@cache
def _look_alikes() -> tuple[re.Pattern[str], dict[str, str]]:
    """Return what finds the letters of the table, and what each of them looks like."""
    rows = (row.partition("#")[0] for row in _TABLE.read_text(encoding="utf-8").splitlines())
    pairs = (row.split(";") for row in rows if row.strip())
    table = {_characters(letter): _characters(like) for letter, like in pairs}
    longest_first = sorted(table, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))), table


def _characters(numbers: str) -> str:
    return unicodedata.normalize("NFD", "".join(chr(int(each, 16)) for each in numbers.split()))
