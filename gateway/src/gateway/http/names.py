"""Names that people read in lists, logs and terminals: what looks like one name is not another."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator

from gateway.http.script import script_problem
from penstock_kit.text.control import steers


def plain_name(name: str) -> str:
    """Return `name`; raise ValueError when it holds what steers a terminal or the direction of reading."""
    for place, character in enumerate(name):
        if steers(character):
            raise ValueError(f"holds the control character U+{ord(character):04X} at position {place}; leave it out")
    return name


def user_name(name: str) -> str:
    """Return `name`; raise ValueError when it holds invisible characters, wide or other forms of plain ones, or letters
    of scripts that look alike."""
    for place, character in enumerate(plain_name(name)):
        if unicodedata.category(character).startswith("C"):
            raise ValueError(f"holds the invisible character U+{ord(character):04X} at position {place}; leave it out")
    normal = unicodedata.normalize("NFKC", name)
    if normal != name:
        raise ValueError(f"is another form of {normal!r}; write it like that")
    problem = script_problem(name)
    if problem:
        raise ValueError(problem)
    return name


PlainName = Annotated[str, AfterValidator(plain_name)]
UserName = Annotated[str, AfterValidator(user_name)]
