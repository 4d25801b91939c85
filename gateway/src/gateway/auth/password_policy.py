"""Which passwords are too easy to guess.

A password is read as it was made up: common words, runs of the alphabet, the digits or the keyboard, repetitions,
years, each of which a guesser tries as one step and not letter by letter (the model of zxcvbn: Wheeler, USENIX
Security 2016; with a short list of words). What is left is counted in independent characters.
"""

import re
from typing import Final

from penstock_kit.errors import FieldViolation, InvalidArgument

MIN_LENGTH: Final = 10
# Independent characters that a password needs at least; a word, run or repetition counts for two.
_MIN_STRENGTH: Final = 8
_PIECE: Final = 2
_MIN_RUN: Final = 3
# Shorter names, and shorter parts of names, are in too many words.
_MIN_NAME: Final = 3
_MIN_PART: Final = 4
# Characters from the start that are looked at.
_LOOKED_AT: Final = 128
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "!@#$%^&*()", "qwertyuiop", "qwertzuiop", "asdfghjkl;", "zxcvbnm",
    "qazwsxedcrfvtgbyhnujm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "1q2w3e4r5t6y7u8i9o0p", "147258369", "159357",
)  # fmt: skip
_LINES: Final = (*_ROWS, *(row[::-1] for row in _ROWS))
_LEET: Final = str.maketrans("013457@$!|", "oieastasil")
_MOST_PIECES: Final = 3
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_REPEAT: Final = re.compile(r"(.{1,16}?)\1+", re.DOTALL)
_WORDS: Final = tuple(
    sorted(
        (
            "password passwort passwd pass admin administrator root operator penstock welcome willkommen letmein login "
            "secret changeme change default guest user test demo iloveyou love monkey dragon master shadow sunshine "
            "princess football baseball basketball superman batman starwars pokemon michael jordan charlie daniel "
            "jessica ashley thomas robert andrew joshua hunter trustno hello freedom whatever computer internet "
            "samsung google apple microsoft facebook linkedin android cookie chocolate cheese flower summer winter "
            "spring autumn monday friday january october november december london berlin killer ginger pepper "
            "buster soccer hockey tigger mustang ferrari porsche mercedes access system server database oracle "
            "money qwerty qwertz azerty asdf zxcv woaini woaiwojia mima nihao wangyi 1314 520"
        )
        .translate(_LEET)
        .split(),
        key=len,
        reverse=True,
    )
)


def check_password(password: str, *, username: str) -> None:
    """Raise InvalidArgument (PASSWORD_INVALID) unless `password` is long enough and hard to guess for `username`."""
    why = weakness(password, username=username)
    if why:
        violation = FieldViolation(field="password", description=why)
        raise InvalidArgument(f"password {why}", reason="PASSWORD_INVALID", violations=[violation])


def weakness(password: str, *, username: str) -> str:
    """Return what is wrong with `password` and what would be right; empty when nothing is."""
    if len(password) < MIN_LENGTH:
        return f"must have at least {MIN_LENGTH} characters, not {len(password)}"
    text = password[:_LOOKED_AT].casefold()
    if _holds_name(text, username.casefold()):
        return "must not contain the username; take several words that have nothing to do with it"
    if strength(text) < _MIN_STRENGTH:
        return (
            "is too easy to guess: common words, sequences such as 1234 or qwerty, years and repetitions count for "
            "little; take four words that do not belong together, or 12 random characters"
        )
    return ""


def strength(text: str) -> int:
    """Return how many independent characters the lower-case `text` has, a common piece counting for two."""
    plain = text.translate(_LEET)
    for word in _WORDS:
        at = plain.find(word)
        while at >= 0:
            text, plain = (line[:at] + "\0" + line[at + len(word) :] for line in (text, plain))
            at = plain.find(word)
    text = _YEAR.sub("\0", text)
    text = _without_runs(text)
    text = _REPEAT.sub(lambda found: found[1][:1] + "\0" if len(found[0]) >= _MIN_RUN else found[0], text)
    pieces = text.count("\0")
    independent = min(len(text) - pieces, 2 * len(set(text) - {"\0"}))
    return independent + _PIECE * min(pieces, _MOST_PIECES)


def _holds_name(text: str, username: str) -> bool:
    names = {part for part in re.split(r"[\W_]+", username) if len(part) >= _MIN_PART}
    if len(username) >= _MIN_NAME:
        names.add(username)
    return any(name in text or name[::-1] in text for name in names)


def _without_runs(text: str) -> str:
    """Return `text` with every run along a row of the alphabet or keyboard replaced by one mark."""
    kept: list[str] = []
    at = 0
    while at < len(text):
        length = max(_run(text, at, row) for row in _LINES)
        kept.append("\0" if length >= _MIN_RUN else text[at])
        at += length if length >= _MIN_RUN else 1
    return "".join(kept)


def _run(text: str, at: int, row: str) -> int:
    start = row.find(text[at])
    length = 0
    while start >= 0 and row[start + length : start + length + 1] == text[at + length : at + length + 1] != "":
        length += 1
    return length
