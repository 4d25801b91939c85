"""The words of the glossary are those of the code, and the words they replaced are gone."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A letter in brackets keeps this file from being found itself.
REPLACED = (
    r"(Open|Budget)?[P]urse|[N]ursery(Launcher)?|[P]atien(ce|tProvider)|[D]eparture|[A]sking|[M]ending",
    r"[D]atasetWorkshop|[I]nquiry|[A]udience|[R]uleBook|[K]eyRings?",
)
FILES = {
    "purse",
    "nursery",
    "patience",
    "departure",
    "asking",
    "keyring",
    "throttle",
    "mending",
    "workshop",
    "inquiry",
    "audience",
    "rule_book",
    "key_ring",
    "key_rings",
}


def found(*patterns: str) -> list[str]:
    """The lines of Python in which one of the words stands."""
    command = ["git", "grep", "-nwE", "|".join(patterns), "--", "*.py"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()


def test_words_that_were_replaced_are_found_nowhere() -> None:
    assert found(*REPLACED) == []


def test_no_file_is_called_by_a_word_that_was_replaced() -> None:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [name for name in listed.split() if Path(name).stem in FILES] == []


def test_every_term_has_one_meaning_and_a_place_in_the_code() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| `([\w.]+)` \|$", page, re.MULTILINE)
    terms = [term for term, _, _ in rows]
    assert len(terms) > 60
    assert len(set(terms)) == len(terms)
    for term, _, module in rows:
        path = module.replace(".", "/")
        files = [
            *ROOT.glob(f"*/src/{path}.py"),
            *ROOT.glob(f"*/src/{path}/__init__.py"),
            *ROOT.glob(f"libs/*/src/{path}.py"),
        ]
        files += ROOT.glob(f"libs/*/src/{path}/__init__.py")
        assert len(files) == 1, module
        defines = re.search(rf"^\s*((async )?def|class) {term}\b|^\s*{term}\b.* = ", files[0].read_text(), re.MULTILINE)
        assert module.endswith(f".{term}") or defines, f"{module} does not define {term}"


def test_a_term_that_is_called_so_nowhere_is_named() -> None:
    code = "import glossary_page as page; page.where('NoSuchTerm', {'a.b': 'a.b'})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "scripts", capture_output=True, text=True, check=False, timeout=60
    )
    assert "nothing in the code is called NoSuchTerm" in done.stderr
