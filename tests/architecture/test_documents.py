"""The documents lead where they say, and name commands and settings that there are."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from penstock_cli.app import app
from penstock_cli.setting_names import SETTING_NAMES

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(document.relative_to(ROOT)) for document in DOCUMENTS]


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_leads_to_a_file(name: str) -> None:
    folder = (ROOT / name).parent
    links = re.findall(r"\]\(([^)#\s]+)", (ROOT / name).read_text())
    broken = [link for link in links if "://" not in link and not (folder / link).exists()]
    assert broken == []


@pytest.mark.parametrize("name", NAMES)
def test_every_command_that_is_named_exists(name: str) -> None:
    known = set(getattr(get_command(app), "commands", {})) | {"--version", "--help"}
    named = set(re.findall(r"`(?:\.venv/bin/)?penstock ([a-z-]+)", (ROOT / name).read_text()))
    assert named - known == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_that_is_named_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", (ROOT / name).read_text()))
    assert named - targets == set()


@pytest.mark.parametrize("name", [name for name in NAMES if "/adr/" not in name])
def test_every_setting_of_ours_that_is_named_exists(name: str) -> None:
    named = set(re.findall(r"\b(PENSTOCK_[A-Z_]*[A-Z])\b", (ROOT / name).read_text()))
    assert named - SETTING_NAMES == set()
