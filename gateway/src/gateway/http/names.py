"""Names that people read in lists, logs and terminals: what looks like one name is not another."""

import re
import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from gateway.http.script import script_problem
from penstock_kit.text.control import steers

# Letters of their own in scripts that people write, which NFKC takes apart: Thai SARA AM, Lao AM, HO NO and HO MO, and
# Armenian ECH YIWN.
_WHOLE: Final = frozenset("\u0e33\u0eb3\u0edc\u0edd\u0587")
# SARA AM in two pieces looks like the letter, whatever tone mark is between or before them.
_IN_PIECES: Final = (
    (re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32"), "\u0e33"),
    (re.compile("\u0ecd([\u0ec8-\u0ecb]?)\u0eb2"), "\u0eb3"),
)


def plain_name(name: str) -> str:
    """Return `name`; raise ValueError when it holds what steers a terminal or the direction of reading."""
    for place, character in enumerate(name):
        if steers(character):
            raise ValueError(f"holds the control character U+{ord(character):04X} at position {place}; leave it out")
    return name


def user_name(name: str) -> str:
    """Return `name` composed; raise ValueError when it holds invisible characters, wide or other forms of plain ones,
    or letters of scripts that look alike."""
    for place, character in enumerate(plain_name(name)):
        if unicodedata.category(character).startswith("C"):
            raise ValueError(f"holds the invisible character U+{ord(character):04X} at position {place}; leave it out")
    name = unicodedata.normalize("NFC", name)
    normal = _plain_form(name)
    if normal != name:
        raise ValueError(f"is another form of {normal!r}; write it like that")
    problem = script_problem(name)
    if problem:
        raise ValueError(problem)
    return name


def _plain_form(name: str) -> str:
    """Return the composed `name` in plain letters."""
    plain = "".join(each if each in _WHOLE else unicodedata.normalize("NFKC", each) for each in name)
    plain = unicodedata.normalize("NFC", plain)
    for pieces, letter in _IN_PIECES:
        plain = pieces.sub(rf"\1{letter}", plain)
    return plain


LABEL_NAME: Final = 128
"""Characters of a label's name."""
LABEL_VALUE: Final = 1_000
"""Characters of a label's value."""
MOST_LABELS: Final = 1_000
"""Labels of one thing."""
END_USER: Final = 256
"""Characters of who a model is asked for, as the ledger keeps it."""

Labels = Annotated[
    dict[
        Annotated[str, StringConstraints(max_length=LABEL_NAME)],
        Annotated[str, StringConstraints(max_length=LABEL_VALUE)],
    ],
    Field(description=f"Names of at most {LABEL_NAME} characters."),
]
PlainName = Annotated[str, AfterValidator(plain_name)]
UserName = Annotated[str, AfterValidator(user_name)]
