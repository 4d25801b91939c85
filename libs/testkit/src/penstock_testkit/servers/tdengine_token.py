"""The words of TDengine's SQL: what ends a text, what a backslash does, what a name in backquotes is."""

from dataclasses import dataclass
from typing import Final

_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}
_PUNCTUATION: Final = "(),.*=<>;"
_MOST_STATEMENT: Final = 1024 * 1024


class SqlError(Exception):
    """A statement is refused with TDengine's `code`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Token:
    """A word: its kind (name, text, number or mark) and its value, names in small letters unless in backquotes."""

    kind: str
    value: str


def syntax_error(near: str) -> SqlError:
    """Return the refusal of a statement that is none."""
    return SqlError(0x2600, f'syntax error near "{near[:40]}"')


def tokens_of(statement: str) -> list[Token]:
    """Return the words of a statement of at most 1 MiB."""
    if len(statement.encode()) > _MOST_STATEMENT:
        raise SqlError(0x0216, "SQL statement too long")
    found: list[Token] = []
    place = 0
    while place < len(statement):
        character = statement[place]
        if character.isspace():
            place += 1
        elif character in "'\"":
            value, place = _text(statement, place)
            found.append(Token("text", value))
        elif character == "`":
            end = statement.find("`", place + 1)
            if end < 0:
                raise syntax_error(statement[place:])
            found.append(Token("name", statement[place + 1 : end]))
            place = end + 1
        elif character in "+-0123456789":
            end = place + 1
            while end < len(statement) and (
                statement[end] in "0123456789.eE" or (statement[end] in "+-" and statement[end - 1] in "eE")
            ):
                end += 1
            found.append(Token("number", statement[place:end]))
            place = end
        elif character in _PUNCTUATION:
            end = place + 2 if statement[place : place + 2] in {"<=", ">=", "<>"} else place + 1
            found.append(Token("mark", statement[place:end]))
            place = end
        elif character.isascii() and (character.isalpha() or character == "_"):
            end = place
            while (
                end < len(statement)
                and statement[end].isascii()
                and (statement[end].isalnum() or statement[end] == "_")
            ):
                end += 1
            found.append(Token("name", statement[place:end].lower()))
            place = end
        else:
            raise syntax_error(statement[place:])
    return found


def _text(statement: str, place: int) -> tuple[str, int]:
    """Return the text that begins with the quote at `place`, and where the statement goes on."""
    quote, value = statement[place], ""
    place += 1
    pieces: list[str] = []
    while place < len(statement):
        character = statement[place]
        if character == "\\" and place + 1 < len(statement):
            after = statement[place + 1]
            # LIKE reads these two itself.
            pieces.append(f"\\{after}" if after in "%_" else _ESCAPES.get(after, after))
            place += 2
        elif character == quote:
            if statement[place + 1 : place + 2] == quote:
                pieces.append(quote)
                place += 2
                continue
            value = "".join(pieces)
            return value, place + 1
        else:
            pieces.append(character)
            place += 1
    raise syntax_error(statement[-40:])
