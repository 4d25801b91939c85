"""Documents name only paths that exist."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMBERS = ("gateway", "llm-service", "chat-stream-service", "feature-service", "cache-service", "cli", "client")
SOURCE = re.compile(r"[\w.-]+(/[\w.-]+)*\.(py|pyi|proto|js|css|toml|lock|sh)|[\w.-]+(/[\w.-]+)+\.(md|json|ya?ml)")
FOLDER = re.compile(r"([\w.-]+/)+")


@cache
def tracked() -> tuple[str, ...]:
    """Every file of the repository, by its path from the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(name for name in listed.split("\0") if name)


@cache
def folders() -> frozenset[str]:
    """The names of all folders: what begins with another is no path of the sources."""
    return frozenset(part for name in tracked() for part in name.split("/")[:-1])


# What `penstock up` writes into its home.
RUNTIME = frozenset({"penstock.lock"})


def pages() -> list[str]:
    """The documents that speak of the tree as it is."""
    return [name for name in tracked() if name.endswith(".md") and name != "CHANGELOG.md"]


def named_paths(page: str) -> list[str]:
    """The paths in backticks, outside blocks of code, that look like sources of ours."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    new = {path for line in text.splitlines() if line.startswith("New file ") for path in re.findall(r"`(.+?)`", line)}
    named = [path for path in re.findall(r"`([^`\s]+)`", text) if SOURCE.fullmatch(path) or FOLDER.fullmatch(path)]
    ours = [path for path in named if "/" not in path or path.split("/")[0] in folders()]
    return [path for path in ours if path not in new | RUNTIME]


def exists(path: str, page: str) -> bool:
    """Whether `path` is one, seen from the root or from anywhere in the member whose page names it."""
    if (ROOT / path).exists():
        return True
    member = page.split("/", maxsplit=1)[0]
    near = [name for name in tracked() if member not in MEMBERS or name.startswith(f"{member}/")]
    if path.endswith("/"):
        return any(f"/{path}" in name for name in near)
    return any(name.endswith(f"/{path}") for name in near)


@pytest.mark.parametrize("page", pages())
def test_a_page_names_only_paths_that_exist(page: str) -> None:
    assert sorted({path for path in named_paths(page) if not exists(path, page)}) == []


def test_a_path_that_is_gone_is_found() -> None:
    assert not exists("domain/no_such_room.py", "llm-service/README.md")
    assert not exists("llm-service/src/llm_service/selection.py", "docs/architecture.md")
    assert exists("domain/model/route.py", "llm-service/README.md")
    assert sum(len(named_paths(page)) for page in pages()) > 100
