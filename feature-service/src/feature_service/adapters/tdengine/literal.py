"""Values as they are written into statements: the REST API takes no parameters."""

from typing import Final

from penstock_kit.errors import InvalidArgument
from penstock_kit.half_character import has_half

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "'": "''"})
# A backslash escapes the character after it, a doubled quote is one: with both doubled neither ends a text early, and
# none does where a backslash is an ordinary character.


def text_literal(text: str) -> str:
    """Return the text in quotes. Raises InvalidArgument VALUE_INVALID for what TDengine cannot hold."""
    if "\0" in text or has_half(text):
        raise InvalidArgument("a text with a NUL or half a character can't be stored", reason="VALUE_INVALID")
    return f"'{text.translate(_ESCAPES)}'"


def number_literal(value: float) -> str:
    """Return the shortest decimal that is this number and no other."""
    return repr(float(value))
