"""Cuts a text into tokens: what is a number, a unit, a code, a date, a zone, and which concept a word stands for."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from penstock_kit.text.chinese import chinese_tokens
from penstock_kit.text.english import concept_of, rewrite_phrases
from penstock_kit.text.english_date import CAPITAL_MONTHS, DATE_WORDS, ZONES
from penstock_kit.text.english_words import FILLERS, LINKS, NEGATIONS, POLITE, REQUESTS
from penstock_kit.text.number import NUMBER_WORDS, ORDINAL_WORDS, plain_number, spoken_number
from penstock_kit.text.token import Kind, Token
from penstock_kit.text.unit import UNITS_AFTER_NUMBERS, UNITS_ALONE

# A code begins within so many characters, or it is a word: to look through all of a long word takes its square.
_PIECE: Final = re.compile(
    r"(?P<zone>\b(?:utc|gmt)[+-]\d{1,2}(?::?\d{2})?\b|\b(?:africa|america|asia|australia|europe|pacific)/[a-z_]+\b)"
    r"|(?P<date>\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}:\d{2}(?::\d{2})?\b|\d{1,4}[年月](?:\d{1,2}月)?(?:\d{1,2}[日号])?|\d{1,2}[日点]\d{0,2})"
    r"|(?P<dotted>\bv?\d+(?:\.\d+){2,}\b)"
    r"|(?P<measured>(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?(?:st|nd|rd|th)?(?=[^\w.]|\.\D|\.?$|[\u4e00-\u9fff])|(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?(?=[a-zµ°]{1,5}\b))"
    r"|(?P<code>[a-z0-9]{0,64}(?:[a-z][\w./:-]{0,64}\d|\d[\w./:-]{0,64}[a-z]|[a-z]{1,64}_)[a-z0-9_]*(?:[-./:_][a-z0-9_]+)*)"
    r"|(?P<number>\d[\d,]*(?:\.\d+)?)"
    r"|(?P<symbol>°\s?[cf]\b|[%$€])"
    r"|(?P<word>[^\W\d_\u3400-\u9fff]+(?:'[a-z]+)?)"
    r"|(?P<han>[\u3400-\u9fff]+)"
)
_NEGATED: Final = re.compile(
    r"\b(?:can|do|does|did|is|are|was|were|has|have|had|wo|would|should|could|must|need)n't\b|\bcannot\b"
)
_CAPITAL: Final = re.compile(r"(?<=[a-z,0-9] )(?:" + "|".join(CAPITAL_MONTHS) + r")\b")
_DATE_OF: Final = {each.casefold(): DATE_WORDS.get(each.casefold(), each.casefold()) for each in CAPITAL_MONTHS}


def fold_text(text: str) -> str:
    """Return `text` in one way of writing: NFKC, straight quotes; case stays."""
    return unicodedata.normalize("NFKC", text).translate(_QUOTES)


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a text, in order."""
    folded = _CAPITAL.sub(lambda found: f"month{found[0].casefold()}", fold_text(text))
    lowered = _NEGATED.sub(lambda found: f"{found[0].removesuffix('not').removesuffix(_NOT)} not ", folded.lower())
    return _joined(list(_pieces(rewrite_phrases(lowered))))


def _pieces(text: str) -> Iterator[Token]:
    is_first = True
    for found in _PIECE.finditer(text):
        kind, piece = found.lastgroup, found[0]
        if kind == "word":
            token = _word(piece, is_first=is_first)
            is_first = is_first and piece in POLITE | REQUESTS
            yield token
            continue
        if kind == "han":
            yield from chinese_tokens(piece)
        elif kind is not None:
            yield _marked(kind, piece)
        is_first = False


def _marked(kind: str, piece: str) -> Token:
    match kind:
        case "zone":
            return Token(Kind.ZONE, piece)
        case "date":
            return Token(Kind.DATE, piece)
        case "measured" | "number":
            return Token(Kind.NUMBER, plain_number(re.sub(r"[a-z]+$", "", piece)))
        case "symbol":
            return Token(Kind.UNIT, UNITS_AFTER_NUMBERS.get(piece.replace(" ", ""), piece))
        case _:
            return Token(Kind.CODE, piece)


def _word(word: str, *, is_first: bool) -> Token:
    if word.startswith("intent"):
        return Token(Kind.INTENT, word.removeprefix("intent"))
    if (known := _LEXICON.get(word)) is not None:
        return known
    if word.removesuffix("'s") in FILLERS or (is_first and word in REQUESTS):
        return Token(Kind.FILLER, word)
    return Token(Kind.WORD, word)


def _lexicon() -> dict[str, Token]:
    """The words that are of a kind wherever they stand; the last line of several counts."""
    known = {word: Token(Kind.FILLER, word) for word in FILLERS}
    known |= {word: Token(Kind.LINK, word) for word in LINKS}
    known |= {word: Token(Kind.NUMBER, str(value)) for word, value in ORDINAL_WORDS.items()}
    known |= {word: Token(Kind.DATE, date) for word, date in DATE_WORDS.items()}
    known |= {word: Token(Kind.ZONE, word) for word in ZONES}
    known |= {word: Token(Kind.NEGATION, "not") for word in NEGATIONS}
    return known | {f"month{word}": Token(Kind.DATE, date) for word, date in _DATE_OF.items()}


_LEXICON: Final = _lexicon()


def _joined(pieces: list[Token]) -> list[Token]:
    """Put number words together, find the units of numbers, and give words their concepts."""
    joined: list[Token] = []
    spoken: list[str] = []
    for token in [*pieces, Token(Kind.FILLER, "")]:
        if token.kind is Kind.WORD and token.concept in NUMBER_WORDS:
            spoken.append(token.concept)
            continue
        if spoken and token.concept == "and":
            continue
        if spoken:
            joined.append(Token(Kind.NUMBER, spoken_number(spoken)))
            spoken = []
        after_number = bool(joined) and joined[-1].kind is Kind.NUMBER
        joined.append(_named(token, after_number=after_number))
    return joined[:-1]


def _named(token: Token, *, after_number: bool) -> Token:
    if token.kind is Kind.FILLER and after_number and token.concept == "a":
        return token
    if token.kind not in {Kind.WORD, Kind.FILLER}:
        return token
    if after_number and token.concept in UNITS_AFTER_NUMBERS:
        return Token(Kind.UNIT, UNITS_AFTER_NUMBERS[token.concept])
    if token.kind is Kind.FILLER:
        return token
    if token.concept in UNITS_ALONE:
        return Token(Kind.UNIT, UNITS_ALONE[token.concept])
    return Token(Kind.WORD, concept_of(token.concept) if token.concept.isascii() else token.concept)


_NOT: Final = "n't"
_QUOTES: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u2013": "-", "\u2014": " - ", "\u2011": "-"})
