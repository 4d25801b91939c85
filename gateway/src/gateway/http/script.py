"""Scripts of names: a name of letters from several, or of borrowed look-alikes, can pass for another name.

After Unicode Technical Standard 39 (https://www.unicode.org/reports/tr39/), its level "highly restrictive" and its
whole-script confusables, with the scripts as the names of the characters begin.
"""

import unicodedata
from typing import Final

# Scripts that are written together, Latin beside each of them.
_TOGETHER: Final = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
# Letters that look like Latin ones: a name of nothing else looks like a Latin name.
_LIKE_LATIN: Final = {
    "CYRILLIC": frozenset("асеорхуіјѕһԁԛԝҽвАВСЕНІЈКМОРЅТХУԜԚ"),
    "GREEK": frozenset("οναικρτυωχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"),
}


def script_problem(name: str) -> str:
    """Return what is wrong with the scripts of `name` and what would be right; empty when nothing is."""
    for place, character in enumerate(name):
        if not character.isascii() and unicodedata.category(character)[0] == "N":
            return f"holds {character!r} at position {place}, a digit of another script; write 0 to 9"
    letters = [character for character in name if character.isalpha()]
    scripts = {_script(letter) for letter in letters}
    if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
        listed = " and ".join(sorted(script.lower() for script in scripts))
        return f"mixes letters of {listed}, which look alike; write it in one script"
    only = _LIKE_LATIN.get(next(iter(scripts), ""), frozenset[str]())
    if letters and all(letter in only for letter in letters):
        return f"has {next(iter(scripts)).lower()} letters only that look like latin ones; write it in latin letters"
    return ""


def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").partition(" ")[0]
