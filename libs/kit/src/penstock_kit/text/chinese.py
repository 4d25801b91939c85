"""Chinese text as concepts: the longest known word at every place, else one character."""

from collections.abc import Iterator
from typing import Final

from penstock_kit.text import chinese_words as words
from penstock_kit.text.chinese_date import DATE_WORDS
from penstock_kit.text.token import Kind, Token
from penstock_kit.text.unit import CHINESE_UNITS

_DIGITS: Final = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_PLACES: Final = {"十": 10, "百": 100, "千": 1_000, "万": 10_000}
_NUMERALS: Final = frozenset(_DIGITS) | frozenset(_PLACES)


def chinese_tokens(run: str) -> Iterator[Token]:
    """Yield the tokens of a run of Chinese characters."""
    at = 0
    while at < len(run):
        word, token = _known(run, at)
        if token is None and run[at] in _NUMERALS:
            word = _numerals(run, at)
            token = Token(Kind.NUMBER, str(number_of(word)))
        yield token or Token(Kind.WORD, run[at])
        at += len(word)


def number_of(numerals: str) -> int:
    """Return the number that Chinese numerals write: 二百三十 is 230, 二〇二四 is 2024."""
    if not any(numeral in _PLACES for numeral in numerals):
        return int("".join(str(_DIGITS[numeral]) for numeral in numerals))
    total = section = digit = 0
    for numeral in numerals:
        if numeral in _DIGITS:
            digit = _DIGITS[numeral]
        elif numeral == "万":
            total, section, digit = (total + section + digit) * 10_000, 0, 0
        else:
            section, digit = section + (digit or 1) * _PLACES[numeral], 0
    return total + section + digit


def antonyms() -> frozenset[tuple[str, str]]:
    """Return pairs of concepts that are opposites, each in both orders."""
    pairs = (pair.split() for line in words.ANTONYMS.strip().splitlines() for pair in line.split("|"))
    found = {(_CONCEPTS.get(first, first), _CONCEPTS.get(second, second)) for first, second in pairs}
    return frozenset({(a, b) for a, b in found if a != b} | {(b, a) for a, b in found if a != b})


def _known(run: str, at: int) -> tuple[str, Token | None]:
    for size in range(min(_LONGEST, len(run) - at), 0, -1):
        word = run[at : at + size]
        if (token := _LEXICON.get(word)) is not None:
            return word, token
    return run[at], None


def _numerals(run: str, at: int) -> str:
    end = at
    while end < len(run) and run[end] in _NUMERALS:
        end += 1
    return run[at:end]


def _concepts() -> dict[str, str]:
    lines = (line.split() for line in words.SYNONYMS.strip().splitlines())
    return {word: concept for concept, *others in lines for word in (concept, *others)}


_CONCEPTS: Final = _concepts()


def _lexicon() -> dict[str, Token]:
    known = {word: Token(Kind.WORD, word) for word in words.WORDS.split()}
    opposites = (
        word for line in words.ANTONYMS.strip().splitlines() for pair in line.split("|") for word in pair.split()
    )
    known |= {word: Token(Kind.WORD, word) for word in opposites}
    known |= {word: Token(Kind.WORD, concept) for word, concept in _CONCEPTS.items()}
    known |= {word: Token(Kind.LINK, link) for word, link in words.LINKS.items()}
    known |= {word: Token(Kind.FILLER, word) for word in words.FILLERS}
    known |= {word: Token(Kind.INTENT, intent) for intent, line in words.INTENTS.items() for word in line.split()}
    known |= {word: Token(Kind.UNIT, unit) for word, unit in CHINESE_UNITS.items()}
    known |= {word: Token(Kind.DATE, date) for word, date in DATE_WORDS.items()}
    known |= {word: Token(Kind.NEGATION, "not") for word in words.NEGATIONS}
    return known | {"吗": Token(Kind.INTENT, "whether")}


_LEXICON: Final = _lexicon()
_LONGEST: Final = max(map(len, _LEXICON))
