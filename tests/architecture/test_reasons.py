"""Every reason of an error in the code is in the one table, and every row of the table is used."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from penstock_cli.setting_names import SETTING_NAMES
from penstock_kit import errors
from penstock_kit.errors import ErrorKind
from penstock_kit.errors.reasons import ENDINGS, REASONS, SECTIONS

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
KINDS = {kind.value for kind in ErrorKind}
# Words of vendors that end as ours do: Google's reasons, which its adapter reads.
THEIRS = {"API_KEY_INVALID", "API_KEY_EXPIRED", "ACCESS_TOKEN_EXPIRED", "ACCOUNT_STATE_INVALID"}


Given = tuple[str, ast.Call, ast.expr]
Written = tuple[str, str]


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Our own modules but the table itself, parsed, each with its path."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split() if "/src/" in name and "testkit" not in name]
    kept = [name for name in names if "/errors/reasons/" not in name and (ROOT / name).exists()]
    return ((name, ast.parse((ROOT / name).read_text())) for name in kept)


@cache
def found() -> tuple[list[Given], list[Written]]:
    """What all sources say of reasons; nothing else is kept of their trees, which are millions of objects."""
    given: list[Given] = []
    written: list[Written] = []
    for name, tree in sources():
        for node in ast.walk(tree):
            where = f"{name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                given += [(where, node, keyword.value) for keyword in node.keywords if keyword.arg == "reason"]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
                written.append((where, node.value))
    return given, written


def given_reasons() -> list[Given]:
    """Every `reason=…` of a call, with where it is."""
    return found()[0]


def written() -> list[Written]:
    """Every text that looks like a reason, with where it is."""
    return found()[1]


def kind_of(call: ast.Call) -> ErrorKind | None:
    """The kind that the called error class fixes; None for what is no class of one kind."""
    raised = getattr(errors, ast.unparse(call.func).rpartition(".")[2], None)
    return getattr(raised, "fixed_kind", None) if isinstance(raised, type) else None


def test_every_reason_that_is_given_stands_in_the_table() -> None:
    given = [(where, value.value) for where, _, value in given_reasons() if isinstance(value, ast.Constant)]
    unknown = [
        f"{where} {reason}"
        for where, reason in given
        if isinstance(reason, str) and reason.isupper() and reason not in REASONS and reason not in KINDS
    ]
    assert unknown == []
    assert len(given) > 200


def test_no_reason_is_put_together_where_nobody_can_search_for_it() -> None:
    computed = [where for where, _, value in given_reasons() if isinstance(value, ast.JoinedStr | ast.BinOp)]
    assert computed == []


def test_a_reason_comes_with_the_kinds_its_row_names() -> None:
    wrong = [
        f"{where} {value.value} is {kind}"
        for where, call, value in given_reasons()
        if isinstance(value, ast.Constant) and (kind := kind_of(call)) and value.value in REASONS
        if kind not in REASONS[value.value].kinds
    ]
    assert wrong == []


def test_every_row_of_the_table_is_used() -> None:
    used = {text for _, text in written()}
    assert sorted(set(REASONS) - used) == []


def test_every_word_with_the_ending_of_a_reason_is_one() -> None:
    known = set(REASONS) | KINDS | SETTING_NAMES | THEIRS
    odd = [f"{where} {text}" for where, text in written() if text.endswith(tuple(ENDINGS)) and text not in known]
    assert odd == []


def test_a_reason_ends_in_what_it_says_and_has_one_row() -> None:
    names = [row.reason for section in SECTIONS for row in section.rows]
    assert [name for name in names if not name.endswith(tuple(ENDINGS)) or not NAME.fullmatch(name)] == []
    assert [name for name in REASONS if names.count(name) > 1] == []
    assert [ending for ending in ENDINGS if not any(name.endswith(ending) for name in names)] == []


def test_documents_name_only_reasons_there_are() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")]
    grammar = {f"X{ending}" for ending in ENDINGS}
    known = set(REASONS) | KINDS | SETTING_NAMES | grammar
    named = {
        (page.name, word) for page in pages for word in re.findall(r"`([A-Z][A-Z0-9_]*_[A-Z0-9]+)`", page.read_text())
    }
    ended = [f"{page}: {word}" for page, word in sorted(named) if word.endswith(tuple(ENDINGS)) and word not in known]
    assert ended == []
