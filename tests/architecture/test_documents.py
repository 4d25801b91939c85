"""The documents lead where they say, and name commands and settings that there are."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from penstock_cli.app import app
from penstock_cli.setting_names import SETTING_NAMES

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
READMES = sorted(path for pattern in ("[!.]*/README.md", "libs/*/README.md") for path in ROOT.glob(pattern))
NAMES = [str(document.relative_to(ROOT)) for document in DOCUMENTS]


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_leads_to_a_file(name: str) -> None:
    folder = (ROOT / name).parent
    links = re.findall(r"\]\(([^)#\s]+)", (ROOT / name).read_text())
    broken = [link for link in links if "://" not in link and not (folder / link).exists()]
    assert broken == []


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: str(readme.relative_to(ROOT)))
def test_every_module_that_a_readme_names_exists(readme: Path) -> None:
    """A name with folders is found from the root, the README or its package; one without, beside the name before it."""
    roots, beside = [ROOT, readme.parent, *readme.parent.glob("src/*")], readme.parent
    missing: list[str] = []
    for name in re.findall(r"`([\w./-]+\.py)`", readme.read_text()):
        found = next((root / name for root in [beside, *roots] if (root / name).is_file()), None)
        if found is None:
            missing.append(name)
        else:
            beside = found.parent
    assert missing == []


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
