"""Scripts of names: a name of letters from several, or of borrowed look-alikes, can pass for another name.

After Unicode Technical Standard 39 (https://www.unicode.org/reports/tr39/), its level "highly restrictive" and its
whole-script confusables, with the scripts as the names of the characters begin.
"""

import unicodedata
from typing import Final

# Scripts that are written together, Latin beside each of them.
_TOGETHER: Final = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
# Letters that look like Latin ones: a name of nothing else looks like a Latin name.
_LIKE_LATIN: Final = {
    "CYRILLIC": frozenset("асеорхуіјѕһԁԛԝҽвАВСЕНІЈКМОРЅТХУԜԚ"),
    "GREEK": frozenset("οναικρτυωχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"),
    "ARMENIAN": frozenset("ոօհցքսյգղՕՍՏԼՈ"),
}
# Scripts in everyday use (Unicode Standard Annex 31, "recommended"); the others have no names but for show.
_IN_USE: Final = frozenset(
    {
        "ARABIC",
        "ARMENIAN",
        "BENGALI",
        "BOPOMOFO",
        "CJK",
        "CYRILLIC",
        "DEVANAGARI",
        "ETHIOPIC",
        "GEORGIAN",
        "GREEK",
        "GUJARATI",
        "GURMUKHI",
        "HANGUL",
        "HEBREW",
        "HIRAGANA",
        "KANNADA",
        "KATAKANA",
        "KATAKANA-HIRAGANA",
        "KHMER",
        "LAO",
        "LATIN",
        "MALAYALAM",
        "MYANMAR",
        "ORIYA",
        "SINHALA",
        "TAMIL",
        "TELUGU",
        "THAI",
        "TIBETAN",
    }
)
# Latin letters that are no ASCII letter with an accent; phonetic and old ones look like others.
_LATIN: Final = frozenset("ßæœøđłþðŋħÆŒØĐŁÞÐŊĦ")
# Marks of Hiragana and Katakana that are named after neither.
_VOICED: Final = frozenset("\u3099\u309a")
_KANA: Final = frozenset({"HIRAGANA", "KATAKANA"})
# Parts of Hangul syllables that did not become one: written again they look like others.
_LOOSE: Final = ("HANGUL CHOSEONG", "HANGUL JUNGSEONG", "HANGUL JONGSEONG")
# Invisible though they are letters or marks (Default_Ignorable_Code_Point), and the blank braille pattern.
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | frozenset(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)


def script_problem(name: str) -> str:
    """Return what is wrong with the scripts of `name` and what would be right; empty when nothing is."""
    for place, character in enumerate(name):
        if not character.isascii() and unicodedata.category(character)[0] == "N":
            return f"holds {character!r} at position {place}, a digit of another script; write 0 to 9"
        if problem := _problem(character, name[place - 1] if place else ""):
            return f"holds U+{ord(character):04X} at position {place}, {problem}"
    letters = [character for character in name if character.isalpha()]
    scripts = {_script(letter) for letter in letters}
    if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
        listed = " and ".join(sorted(script.lower() for script in scripts))
        return f"mixes letters of {listed}, which look alike; write it in one script"
    only = _LIKE_LATIN.get(next(iter(scripts), ""), frozenset[str]())
    if letters and all(letter in only for letter in letters):
        return f"has {next(iter(scripts)).lower()} letters only that look like latin ones; write it in latin letters"
    return ""


def _problem(character: str, before: str) -> str:
    """Return what is wrong with one character that stands after `before`."""
    if character in _INVISIBLE:
        return "which is invisible; leave it out"
    kind = "" if character.isascii() else unicodedata.category(character)[0]
    if kind == "L":
        return _letter_problem(character)
    if kind == "M":
        return _mark_problem(character, before)
    return "a symbol; write letters" if kind == "S" else ""


def _mark_problem(mark: str, before: str) -> str:
    if not _carries_marks(before):
        return "a mark that belongs to no letter before it; leave it out"
    own = _script(before) in _KANA if mark in _VOICED else _script(mark) == _script(before)
    if not own:
        return "a mark of another script than the letter before it; write one of its own"
    return ""


def _letter_problem(letter: str) -> str:
    if unicodedata.name(letter, "").startswith(_LOOSE):
        return "a loose part of a syllable; write the whole syllable"
    script = _script(letter)
    if script not in _IN_USE:
        return f"a letter of {script.lower()}, a script that few can tell from others; write another"
    looks_like_another = script == "LATIN" and letter not in _LATIN and not _base(letter).isascii()
    return "a letter that looks like another one; write that" if looks_like_another else ""


def _carries_marks(before: str) -> bool:
    """Whether a mark may follow: those of Latin, Cyrillic and Greek letters have characters with them."""
    known = bool(before) and unicodedata.category(before)[0] in "LM"
    return known and _script(before) not in {"LATIN", "CYRILLIC", "GREEK", "COMBINING"}


def _base(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]


def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").partition(" ")[0]
