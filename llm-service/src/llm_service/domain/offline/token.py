"""Text cut into tokens by a hand-written scanner: every character is looked at a bounded number of times."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from llm_service.domain.offline.comma_number import MOST_GROUPS, comma_number_end, with_point
from llm_service.domain.offline.words_traditional import SIMPLIFIED

_OPENING: Final = {'"': '"', "“": "”", "「": "」", "『": "』", "`": "`"}
_LONGEST_QUOTE: Final = 64
_THOUSAND: Final = 3
# Characters of a text whose tokens are kept: those of a question.
_SHORT: Final = 200


class TokenKind(StrEnum):
    """What a token is. A Chinese character is a token of its own; words of it are the lexicon's business."""

    WORD = "word"
    NUMBER = "number"
    HAN = "han"
    QUOTED = "quoted"
    SIGN = "sign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Characters `start` to `end` of a text, `raw` as written, `text` in lower case and simplified characters.

    `text` of a number has a decimal point, whatever was written. `glued` says that no blank is before it.
    """

    kind: TokenKind
    raw: str
    text: str
    start: int
    end: int
    glued: bool


def tokenize(text: str) -> tuple[Token, ...]:
    """Return the tokens of `text`.

    "WLD001", "valve1-0" and "gas_flow" are one word each, "10am" is a number and a word, "half-hour" two words
    and a sign. Linear: each branch moves on by what it has read, and looks ahead by a bounded number of characters
    (a quotation) or by those it then takes. Each rule for a follow-up cuts the question again: a short one is kept.
    """
    return _kept_tokens(text) if len(text) <= _SHORT else _tokens(text)


@lru_cache(maxsize=128)
def _kept_tokens(text: str) -> tuple[Token, ...]:
    return _tokens(text)


def _tokens(text: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    at, length = 0, len(text)
    while at < length:
        if text[at].isspace():
            at += 1
            continue
        kind, end = _scan(text, at, tokens[-1] if tokens else None)
        raw = text[at + 1 : end - 1] if kind is TokenKind.QUOTED else text[at:end]
        glued = bool(tokens) and tokens[-1].end == at
        plain = raw.lower().translate(SIMPLIFIED) if kind is TokenKind.HAN else raw.lower()
        plain = with_point(raw) if kind is TokenKind.NUMBER else plain
        tokens.append(Token(kind=kind, raw=raw, text=plain, start=at, end=end, glued=glued))
        at = end
    return tuple(tokens)


def is_han(character: str) -> bool:
    """Whether `character` is a Chinese one."""
    return "\u3400" <= character <= "\u9fff"


def is_code(text: str) -> bool:
    """Whether `text` has letters and digits, as the codes of devices mostly have."""
    return any(map(str.isdecimal, text)) and any(map(str.isalpha, text))


def _scan(text: str, at: int, before: Token | None) -> tuple[TokenKind, int]:
    """The kind and the end of the token at `at`, behind the token `before`."""
    character, glued = text[at], before is not None and before.end == at
    if is_han(character):
        return TokenKind.HAN, at + 1
    if character.isdecimal():
        return TokenKind.NUMBER, comma_number_end(text, at, before.text if before else "") or _number_end(text, at)
    if character.isalpha() or character == "_":
        after_number = before is not None and glued and before.kind is TokenKind.NUMBER and character != "_"
        return TokenKind.WORD, _unit_end(text, at) if after_number else _word_end(text, at)
    closing = text.find(_OPENING[character], at + 1, at + _LONGEST_QUOTE + 2) if character in _OPENING else -1
    if closing > at + 1:
        return TokenKind.QUOTED, closing + 1
    return TokenKind.SIGN, at + 1


def _digits_end(text: str, at: int) -> int:
    while at < len(text) and text[at].isdecimal():
        at += 1
    return at


def _number_end(text: str, at: int) -> int:
    """The end of digits, with groups of thousands and a fraction; "27.11.2026" is three numbers."""
    first = end = _digits_end(text, at)
    if text[at - 1 : at] == "." and text[at - 2 : at - 1].isdecimal():
        return end
    for _ in range(MOST_GROUPS if first - at <= _THOUSAND else 0):
        if text[end : end + 1] != "," or _digits_end(text, end + 1) != end + 1 + _THOUSAND:
            break
        end += 1 + _THOUSAND
    if text[end : end + 1] != "." or not text[end + 1 : end + 2].isdecimal():
        return end
    fraction = _digits_end(text, end + 1)
    dotted = text[fraction : fraction + 1] == "." and text[fraction + 1 : fraction + 2].isdecimal()
    return end if dotted else fraction


def _unit_end(text: str, at: int) -> int:
    """The end of the letters behind a number, "10am", "1h30"; capitals with digits begin a code, "27日WLD001"."""
    end = _letters_end(text, at)
    coded = end - at > 1 and text[at:end].isupper() and text[end : end + 1].isdecimal()
    return _word_end(text, at) if coded else end


def _letters_end(text: str, at: int) -> int:
    while at < len(text) and text[at].isalpha() and not is_han(text[at]):
        at += 1
    return at


def _run_end(text: str, at: int) -> int:
    while at < len(text) and (text[at].isalnum() or text[at] == "_") and not is_han(text[at]):
        at += 1
    return at


def _word_end(text: str, at: int) -> int:
    """The end of a word; a hyphen or dot joins what looks like a code: "WLD-001", "valve1-0", "line1.2"."""
    end = _run_end(text, at)
    while (joint := text[end : end + 1]) in {"-", "."} and joint:
        following = _run_end(text, end + 1)
        part, rest = text[at:end], text[end + 1 : following]
        coded = any(character.isdecimal() for character in part) or "_" in part
        if not rest or (joint == "." and not (coded and rest[0].isdecimal())):
            return end
        two_codes = coded and rest[0].isalpha() and any(character.isdecimal() for character in rest)
        if two_codes or not (coded or rest[0].isdecimal()):
            return end
        end = following
    return end
