"""Faults by one sign for another, which Cosmic Ray's operators make: a comparison, a sum, a number, a decorator.

Its own runner starts pytest anew for each fault, which costs these packages a minute and more: scripts/mutation.py runs
them. Of the many signs that may stand in one place one is taken, by chance but always the same.
"""

import ast
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider
from mutation_faults import Fault, expressions, named, statements

_OPERATORS: Any = OperatorProvider()
_ALTERNATIVES_OF_TYPES = "ReplaceBinaryOperator_BitOr_"
_DECORATOR = "RemoveDecorator"

Position = tuple[int, int]  # a line from one and a column from nought, in characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip(Fault):
    """The place where Cosmic Ray's `operator` can do its work for this time, counted from nought."""

    operator: str
    occurrence: int

    def written(self, source: str) -> str:
        """Return the text that the operator makes, with the lines behind it where they were."""
        made = mutate_code(source, _OPERATORS[self.operator](), self.occurrence)
        return source if made is None else with_lines_kept(source, made)


def slips(source: str) -> list[Slip]:
    """Return the slips of a module, in the order of its lines."""
    places: dict[tuple[Position, str], list[tuple[str, int]]] = defaultdict(list)
    tree = list(ast_nodes(get_ast(source)))
    for name in _OPERATORS:
        if not _OPERATORS[name].arguments() and not name.startswith(_ALTERNATIVES_OF_TYPES):
            operator = _OPERATORS[name]()
            starts = [start for node in tree for start, _ in operator.mutation_positions(node)]
            for occurrence, start in enumerate(starts):
                places[start, name.partition("_")[0]].append((name, occurrence))
    known = _Places(source)
    chosen = {place: random.Random(str(place)).choice(found) for place, found in sorted(places.items())}
    return [
        Slip(operator=name, occurrence=occurrence, lines=(statement.lineno, place[0][0]), function=inside, name=about)
        for place, (name, occurrence) in chosen.items()
        for statement, inside, about in known.of(place[0], decorator=name == _DECORATOR)
    ]


class _Places:
    """Which statement and function each place of a module's text is in."""

    def __init__(self, source: str) -> None:
        lines = [line.encode() for line in source.split("\n")]
        self._stretches: list[tuple[Position, Position, ast.stmt, str, bool]] = []
        for statement, function in statements(ast.parse(source).body, ""):
            decorators = getattr(statement, "decorator_list", [])
            for node in (*expressions(statement), *decorators):
                assert node.end_lineno is not None and node.end_col_offset is not None
                start = (node.lineno, len(lines[node.lineno - 1][: node.col_offset].decode()))
                end = (node.end_lineno, len(lines[node.end_lineno - 1][: node.end_col_offset].decode()))
                self._stretches.append((start, end, statement, function, node in decorators))
            if isinstance(statement, (ast.Break, ast.Continue, ast.For)):
                start = (statement.lineno, len(lines[statement.lineno - 1][: statement.col_offset].decode()))
                self._stretches.append((start, (start[0], start[1] + 1), statement, function, False))

    def of(self, place: Position, *, decorator: bool) -> Iterator[tuple[ast.stmt, str, str]]:
        """Yield the statement, its function and name; nothing in types, logs and texts, where a fault says nothing."""
        for start, end, statement, function, of_decorator in self._stretches:
            if of_decorator is decorator and start <= (place[0], place[1] + decorator) < end:
                yield statement, function, named(statement)
                return


def with_lines_kept(before: str, after: str) -> str:
    """Return `after` with empty lines where it has fewer than `before`, at the first line that differs."""
    old, new = before.split("\n"), after.split("\n")
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    return "\n".join([*new[:same], *[""] * (len(old) - len(new)), *new[same:]])
