"""Faults by leaving out, which scripts/mutation.py puts into a module: a statement, a guard, a condition, an argument.

Those of one sign for another are Cosmic Ray's (mutation_operators.py).

A fault keeps the number of lines, so that coverage by line stays true.
"""

import ast
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_LOGS = {"log", "logger", "_log", "_logger", "logging", "print"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(ABC):
    """One fault of a module, not yet in its text."""

    lines: tuple[int, int]  # the statement's first line and the fault's own, counted from one
    function: str  # the dotted name of the outermost function or method; empty when the fault acts at import
    name: str  # what the statement gives a value or defines, if anything

    @abstractmethod
    def written(self, source: str) -> str:
        """Return the module's text with the fault in it, and as many lines as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Omission(Fault):
    """One stretch of a module's text and what stands there instead; `start` and `end` count UTF-8 bytes."""

    start: int
    end: int
    text: str

    def written(self, source: str) -> str:
        """Return the text with the stretch replaced."""
        whole = source.encode()
        gone = whole[self.start : self.end].count(b"\n") - self.text.count("\n")
        return (whole[: self.start] + self.text.encode() + b"\n" * gone + whole[self.end :]).decode()


def omissions(source: str) -> list[Omission]:
    """Return the omissions of a module; what `is_python` denies of some is for the caller to ask."""
    return list(_Finder(source).found())


class _Finder:
    def __init__(self, source: str) -> None:
        self._source = source
        self._bytes = source.encode()
        self._offsets = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._offsets.append(self._offsets[-1] + len(line))

    def found(self) -> Iterator[Omission]:
        for statement, function in statements(ast.parse(self._source).body, ""):
            for start, end, text, line in self._of(statement):
                lines = (statement.lineno, line)
                name = named(statement)
                yield Omission(start=start, end=end, text=text, lines=lines, function=function, name=name)

    def _of(self, statement: ast.stmt) -> Iterator[tuple[int, int, str, int]]:
        if _can_go(statement):
            yield *self._span(statement), "pass", statement.lineno
        if isinstance(statement, (ast.If, ast.While)):
            yield from self._decided(statement.test)
        for node in expressions(statement):
            for start, end, text in self._within(node):
                yield start, end, text, node.lineno

    def _decided(self, test: ast.expr) -> Iterator[tuple[int, int, str, int]]:
        yield *self._span(test), "False", test.lineno
        yield *self._span(test), "True", test.lineno

    def _within(self, node: ast.expr) -> Iterator[tuple[int, int, str]]:
        match node:
            case ast.BoolOp():
                yield from self._without_one(node.values)
            case ast.IfExp():
                yield *self._span(node.test), "True"
                yield *self._span(node.test), "False"
            case ast.Call():
                yield from self._call(node)
            case ast.Set() | ast.List() | ast.Tuple() if all(isinstance(each, ast.Constant) for each in node.elts):
                yield from self._without_one(node.elts)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                for test in (test for generator in node.generators for test in generator.ifs):
                    yield *self._span(test), "True"
            case _:
                pass

    def _call(self, node: ast.Call) -> Iterator[tuple[int, int, str]]:
        if isinstance(node.func, ast.Name) and node.func.id in _OPPOSITES:
            yield *self._span(node.func), _OPPOSITES[node.func.id]
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"where", "and_", "or_"} and len(node.args) > 1:
            yield from self._without_one(node.args)
        inputs = sorted([*node.args, *node.keywords], key=lambda each: (each.lineno, each.col_offset))
        for before, keyword in zip([None, *inputs], inputs, strict=False):
            if isinstance(keyword, ast.keyword) and keyword.arg is not None:
                start = self._span(keyword)[0] if before is None else self._span(before)[1]
                yield start, self._span(keyword)[1], ""

    def _without_one(self, nodes: list[ast.expr]) -> Iterator[tuple[int, int, str]]:
        """Leave one of several out, with the comma or the word between it and its neighbour."""
        for before, node in pairwise(nodes):
            if before is nodes[0]:
                yield self._span(before)[0], self._span(node)[0], ""
            yield self._span(before)[1], self._span(node)[1], ""

    def _span(self, node: ast.stmt | ast.expr | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self._offsets[node.lineno - 1] + node.col_offset, self._offsets[
            node.end_lineno - 1
        ] + node.end_col_offset


def statements(body: list[ast.stmt], function: str, scope: str = "") -> Iterator[tuple[ast.stmt, str]]:
    """Walk all statements with the outermost function each is in."""
    for statement in body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            continue
        yield statement, function
        inside, within = function, scope
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            within = f"{scope}.{statement.name}" if scope else statement.name
            if not isinstance(statement, ast.ClassDef):
                inside = function or within
        for name in ("body", "orelse", "finalbody"):
            yield from statements(getattr(statement, name, []), inside, within)
        for part in [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]:
            yield from statements(part.body, inside, within)


def named(statement: ast.stmt) -> str:
    """Return the name that a statement gives a value or defines, empty for none."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case _:
            return ""


def expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """Walk the expressions of a statement that are not in the statements below it, nor types, nor texts for people."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            roots: list[ast.AST | None] = [*statement.args.defaults, *statement.args.kw_defaults]
        case ast.AnnAssign():
            roots = [statement.value]
        case ast.Assert() | ast.Import() | ast.ImportFrom() | ast.ClassDef():
            roots = []
        case ast.Expr(value=ast.Call() as call) if _is_log(call):
            roots = []
        case ast.Match():
            roots = [statement.subject, *(case.guard for case in statement.cases)]
        case ast.Try():
            roots = []
        case _:
            roots = [each for each in ast.iter_child_nodes(statement) if isinstance(each, (ast.expr, ast.withitem))]
    for root in filter(None, roots):
        yield from _below(root)


def _below(root: ast.AST) -> Iterator[ast.expr]:
    """Walk an expression; what is put into a text is left alone, for most of those are for people."""
    if isinstance(root, ast.expr):
        yield root
    if not isinstance(root, ast.JoinedStr):
        for each in ast.iter_child_nodes(root):
            yield from _below(each)


def _can_go(statement: ast.stmt) -> bool:
    """Whether the statement acts on something that outlives it, so that leaving it out may be a silent fault."""
    match statement:
        case ast.Expr(value=ast.Call() as call) | ast.Expr(value=ast.Await(value=ast.Call() as call)):
            return not _is_log(call)
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]) | ast.AugAssign() | ast.Delete():
            return True
        case _:
            return False


def _is_log(call: ast.Call) -> bool:
    return bool(_LOGS & {part.strip("()") for part in ast.unparse(call.func).split(".")})


def is_python(text: str) -> bool:
    """Whether a module's text with a fault in it can be compiled at all."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            compile(text, "fault", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True
