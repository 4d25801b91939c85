"""The omissions of `make mutate`: which are made of a line, and that the lines behind them stay where they are."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def mutation() -> ModuleType:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("mutation_faults", ROOT / "scripts" / "mutation_faults.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def written(mutation: ModuleType, source: str) -> set[str]:
    """Every text that a fault makes of `source`, where it is still Python."""
    texts = (fault.written(source) for fault in mutation.omissions(source))
    return {text for text in texts if mutation.is_python(text)}


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        ("x = a and b", {"x = a", "x = b"}),
        ("x = a if b else c", {"x = a if True else c", "x = a if False else c"}),
        ("x = [a for a in b if a.c]", {"x = [a for a in b if True]"}),
        ("x = {'a', 'b'}", {"x = {'a'}", "x = {'b'}"}),
        ("x = a(b, c=d)", {"x = a(b)"}),
        ("x = a.where(b, c)", {"x = a.where(b)", "x = a.where(c)"}),
        ("x = max(a, b)", {"x = min(a, b)"}),
        ("a.b = c", {"pass"}),
        ("a.b(c)", {"pass"}),
        ("x += c", {"pass"}),
        ("x = 'ü' if a else c", {"x = 'ü' if True else c", "x = 'ü' if False else c"}),
    ],
)
def test_a_line_gets_the_faults_that_a_tired_hand_would_make(mutation: ModuleType, line: str, faults: set[str]) -> None:
    assert written(mutation, line) == faults


@pytest.mark.parametrize(
    "line",
    ["x: int | None", "assert a < b", "logger.info('a', b=c)", "x = f'{a[:60]}'", "from a import b", "x = 'a' + b"],
)
def test_types_logs_and_texts_for_people_get_none(mutation: ModuleType, line: str) -> None:
    assert written(mutation, line) == set()


def test_a_fault_leaves_the_lines_behind_it_where_they_are(mutation: ModuleType) -> None:
    source = "def f(a):\n    g(\n        a,\n        b=1,\n    )\n    return a\n"
    assert "def f(a):\n    pass\n\n\n\n    return a\n" in written(mutation, source)
    assert all(text.split("\n")[5] == "    return a" for text in written(mutation, source))


def test_a_fault_tells_its_outermost_function_and_the_name_that_it_is_about(mutation: ModuleType) -> None:
    source = "x.a = 1\nclass A:\n    y.a = 1\n    def b(self, c=z(a=1)):\n        def d():\n            x()\n"
    assert [(fault.lines[1], fault.function) for fault in mutation.omissions(source)] == [
        (1, ""),
        (3, ""),
        (4, ""),
        (6, "A.b"),
    ]
