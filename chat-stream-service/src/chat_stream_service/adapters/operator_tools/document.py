"""Where in a configuration file something stands: values with the line each of them began on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock_kit.errors import FailedPrecondition, FieldViolation

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A configuration file as read: its value, and the line (from 1) of every place that has one."""

    path: str
    value: Any
    lines: Mapping[Place, int]

    def error(self, problems: Sequence[tuple[Place, str]]) -> FailedPrecondition:
        """Return the error that names each place with its line; (CONFIGURATION_INVALID)."""
        violations = [FieldViolation(field=self._named(place), description=text) for place, text in problems]
        listed = "; ".join(f"{item.field}: {item.description}" for item in violations)
        return _invalid(self.path, listed, violations)

    def _named(self, place: Place) -> str:
        known = next((place[:size] for size in range(len(place), -1, -1) if place[:size] in self.lines), None)
        line = "" if known is None else f"line {self.lines[known]}, "
        return f"{line}{dotted(place) or 'the file'}"


def dotted(place: Place) -> str:
    """Return a place as people write it: ``http[1].url``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def read_document(path: str) -> Document:
    """Return the YAML or JSON (by suffix ``.json``) file; FailedPrecondition says where it is neither."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(path, str(error)) from None
    if path.endswith(".json"):
        return _json(path, text)
    return _yaml(path, text)


def _json(path: str, text: str) -> Document:
    try:
        return Document(path=path, value=json.loads(text), lines={})
    except ValueError as error:
        raise _invalid(path, f"it is not JSON: {error}") from None


def _yaml(path: str, text: str) -> Document:
    import yaml

    try:
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)  # pyright: ignore
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _invalid(path, f"it is not YAML: {' '.join(str(error).split())}") from None
    lines: dict[Place, int] = {}
    _note_lines(node, (), lines)
    return Document(path=path, value={} if value is None else value, lines=lines)


def _note_lines(node: Any, place: Place, lines: dict[Place, int]) -> None:
    """Walk a tree of YAML nodes; a key's line is where the key stands."""
    if node is None:
        return
    lines.setdefault(place, node.start_mark.line + 1)
    if node.id == "mapping":
        for key, value in node.value:
            lines[(*place, key.value)] = key.start_mark.line + 1
            _note_lines(value, (*place, key.value), lines)
    elif node.id == "sequence":
        for index, value in enumerate(node.value):
            _note_lines(value, (*place, index), lines)


def _invalid(path: str, why: str, violations: Sequence[FieldViolation] = ()) -> FailedPrecondition:
    message = f"CHAT_TOOLS_FILE {path} can't be used: {why}"
    return FailedPrecondition(message, reason="CONFIGURATION_INVALID", violations=violations)
