"""YAML and JSON texts read strictly: the value, where each part of it stands, and keys that are wrong."""

import json
import re
from typing import Any, Final

import yaml

_Place = tuple[str | int, ...]
_Problem = tuple[_Place, str]
# Line and column from 1.
_Positions = dict[_Place, tuple[int, int]]
Parsed = tuple[Any, _Positions, list[_Problem]]

# Parts of one document, those that an alias repeats counted again.
_MAX_PARTS: Final = 100_000
_TAG: Final = "tag:yaml.org,2002:"
_CORE: Final = frozenset({f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge")})
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _CoreLoader(_Base):
    """A safe loader that knows the plain scalars of YAML 1.2's core schema alone."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute


for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("merge", r"<<", "<"),
):
    _CoreLoader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"^(?:{_pattern})$"), list(_first))


def parse_yaml(text: str) -> Parsed:
    """Return value, positions and wrong keys of a YAML text; ValueError says where it is no YAML."""
    loader: Any = _CoreLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise ValueError("line 1, column 1: it holds comments alone; unset the variable if nothing is meant")
        tree = _Tree()
        tree.walk(node, ())
        return (None if tree.problems else loader.construct_document(node)), tree.positions, tree.problems
    except yaml.YAMLError as error:
        raise ValueError(f"it is not YAML: {_told(error)}") from None
    finally:
        loader.dispose()


def parse_json(text: str) -> Parsed:
    """Return value, positions and wrong keys of a JSON text; ValueError says where it is no JSON."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    # JSON is YAML but for tabs, which stand between its tokens only: strings hold none.
    _, positions, problems = parse_yaml(text.replace("\t", " "))
    return value, positions, problems


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"it is not JSON: {name} is no number")


def _told(error: Any) -> str:
    """Return what PyYAML complains of, in one line with line and column."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = " ".join(str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).split())
    return said if mark is None else f"{said} in line {mark.line + 1}, column {mark.column + 1}"


class _Tree:
    """Walks the nodes of a document and notes where they stand and what is wrong with their keys."""

    def __init__(self) -> None:
        self.positions: _Positions = {}
        self.problems: list[_Problem] = []
        self._above: set[int] = set()
        self._left = _MAX_PARTS

    def walk(self, node: Any, place: _Place) -> None:
        """Note a node and those below it; a key's position is where the key stands."""
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"it has more than {_MAX_PARTS:,} parts, aliases counted where they stand")
        self.positions.setdefault(place, _position(node))
        if id(node) in self._above:
            self.problems.append((place, "is an alias of what contains it"))
            return
        if node.tag not in _CORE:
            self.problems.append((place, f"has the tag {node.tag.removeprefix(_TAG)!r}; tags are not read"))
        self._above.add(id(node))
        if node.id == "mapping":
            self._walk_mapping(node, place)
        elif node.id == "sequence":
            for index, item in enumerate(node.value):
                self.walk(item, (*place, index))
        self._above.discard(id(node))

    def _walk_mapping(self, node: Any, place: _Place) -> None:
        first: dict[str, int] = {}
        for key, value in node.value:
            line, column = _position(key)
            if key.id != "scalar" or key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
                shown = key.value if key.id == "scalar" else f"a {key.id}"
                self.problems.append(
                    (place, f"has the key {shown} (line {line}, column {column}), which is no text; put it in quotes")
                )
                continue
            inner = (*place, key.value)
            if key.value in first:
                self.positions[inner] = (line, column)
                self.problems.append((inner, f"is given a second time; the first is in line {first[key.value]}"))
                continue
            first[key.value] = line
            self.positions[inner] = (line, column)
            self.walk(value, inner)


def _position(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
