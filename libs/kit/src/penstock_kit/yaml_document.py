"""A configuration file that is read whole or not at all: every mistake is told with its line and column.

YAML by the core schema of YAML 1.2 (``yes``, ``12:30`` and ``2024-01-01`` are texts), or JSON by the suffix ``.json``.
Refused are an empty file, a key given twice, another encoding than UTF-8, and values that contain themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from penstock_kit.errors import FailedPrecondition, FieldViolation
from penstock_kit.plain_file import read_plain_file

if TYPE_CHECKING:
    from pydantic import ValidationError

# Where a value stands in its document: keys and indices, such as ("http", 1, "url").
Place = tuple[str | int, ...]
Problem = tuple[Place, str]

# Bytes of a file; more takes seconds to read, and nobody writes so much by hand.
_MAX_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Line and column of a value, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlDocument:
    """A file as read. `setting` is the variable that names it; `positions` hold the places of its values."""

    setting: str
    path: str
    value: Any
    positions: Mapping[Place, Position]

    def error(self, problems: Sequence[Problem]) -> FailedPrecondition:
        """Return the error (CONFIGURATION_INVALID) that names each place with its line and column."""
        violations = [FieldViolation(field=self._named(place), description=text) for place, text in problems]
        listed = "; ".join(f"{item.field}: {item.description}" for item in violations)
        return configuration_invalid(self.setting, self.path, listed, violations)

    def _named(self, place: Place) -> str:
        sizes = range(len(place), -1, -1)
        known = next((place[:size] for size in sizes if place[:size] in self.positions), None)
        position = "" if known is None else f"{self.positions[known]}, "
        return f"{position}{dotted(place) or 'the file'}"


def read_yaml_document(path: str, *, setting: str) -> YamlDocument:
    """Return the file at `path`, which the environment variable `setting` names.

    Raises FailedPrecondition (CONFIGURATION_INVALID) that says where it can't be read.
    """
    try:
        content = read_plain_file(Path(path), most=_MAX_BYTES)
    except OSError as error:
        raise configuration_invalid(setting, path, error.strerror or str(error)) from None
    return parse_yaml_document(content, path=path, setting=setting)


def parse_yaml_document(content: bytes, *, path: str, setting: str) -> YamlDocument:
    """Return the document in `content`; see :func:`read_yaml_document`."""
    from penstock_kit.yaml_tree import parse_json, parse_yaml

    try:
        text = _decode(content)
        value, positions, problems = parse_json(text) if path.endswith(".json") else parse_yaml(text)
    except ValueError as error:
        raise configuration_invalid(setting, path, str(error)) from None
    except RecursionError:
        raise configuration_invalid(setting, path, "it is nested too deeply; write it flat") from None
    document = YamlDocument(
        setting=setting,
        path=path,
        value=value,
        positions={place: Position(line=line, column=column) for place, (line, column) in positions.items()},
    )
    if problems:
        raise document.error(problems)
    return document


def validation_problems(error: "ValidationError") -> list[Problem]:
    """Return what pydantic found wrong in a document's value, by place; the values themselves are not told."""
    found = error.errors(include_url=False, include_input=False)
    return [(problem["loc"], problem["msg"].removeprefix("Value error, ")) for problem in found]


def dotted(place: Place) -> str:
    """Return a place as people write it: ``http[1].url``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def configuration_invalid(
    setting: str, path: str, why: str, violations: Sequence[FieldViolation] = ()
) -> FailedPrecondition:
    """Return the error (CONFIGURATION_INVALID) of a file that `setting` names and that can't be used."""
    message = f"{setting} {path} can't be used: {why}"
    return FailedPrecondition(message, reason="CONFIGURATION_INVALID", violations=violations)


def _decode(content: bytes) -> str:
    """Return the text; ValueError that names the encoding or the wrong byte."""
    if len(content) > _MAX_BYTES:
        raise ValueError(f"it has {len(content):,} bytes; at most {_MAX_BYTES:,} are read")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content[:64]:
        raise ValueError("line 1, column 1: it is UTF-16 or UTF-32; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", errors="replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        byte = content[error.start]
        raise ValueError(f"line {line}, column {column}: the byte 0x{byte:02x} is no UTF-8; save it as UTF-8") from None
    if not text.strip():
        raise ValueError("line 1, column 1: it is empty; unset the variable if nothing is meant to be in it")
    return text
