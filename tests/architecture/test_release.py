"""What a release rests on: one version, an index of the documents, a page about security."""

import re
import tomllib
from pathlib import Path

import pytest

from penstock_kit.version import VERSION

ROOT = Path(__file__).parents[2]
MEMBERS = ("protos", "libs/kit", "libs/testkit", "client", "cli", "gateway", "cache-service", "feature-service")
MANIFESTS = [ROOT / member / "pyproject.toml" for member in (*MEMBERS, "llm-service", "chat-stream-service")]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_the_version_of_a_member_is_read_from_its_one_place(manifest: Path) -> None:
    project = tomllib.loads(manifest.read_text())
    assert project["project"]["dynamic"] == ["version"]
    place = (manifest.parent / project["tool"]["hatch"]["version"]["path"]).resolve()
    assert place == ROOT / "libs" / "kit" / "src" / "penstock_kit" / "version.py"


def test_no_source_names_the_version_a_second_time() -> None:
    named = {path: re.findall(r'"(\d+\.\d+\.\d+)"', path.read_text()) for path in ROOT.glob("*/src/**/*.py")}
    sources = [path for path, versions in named.items() if VERSION in versions]
    assert sources == []


def test_the_index_leads_to_every_document() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages - set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == set()


def test_who_finds_a_weakness_reads_whom_to_tell() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    assert "private security advisory" in text
    assert "penstock version" in text


def test_the_index_of_examples_names_each() -> None:
    index = (ROOT / "examples" / "README.md").read_text()
    assert set(re.findall(r"\]\((\w+\.\w+)\)", index)) == {
        path.name for path in (ROOT / "examples").iterdir() if path.suffix in {".py", ".sh"}
    }
