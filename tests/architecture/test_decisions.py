"""Every decision has its page; each fast path says how to be without it and which figure of the bench shows it."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "adr").glob("*.md"))
PARTS = ("Situation", "Decision", "Consequences", "The figure")
RESULTS = json.loads((ROOT / "bench" / "results" / "latest.json").read_text())
BENCHMARKS = set(re.findall(r'^    "(\w+)": \w+\.run,', (ROOT / "bench" / "__main__.py").read_text(), re.MULTILINE))
FAST_PATHS = {
    "event-log": 1,
    "multiplexed-calls": 2,
    "http-client": 3,
    "fork": 7,
    "reading-sqlite": 11,
    "breaker": 17,
    "rates": 18,
    "feature-kernel": 19,
    "protocol": 20,
}


def test_decisions_are_numbered_without_gaps() -> None:
    assert [page.name[:4] for page in PAGES] == [f"{number:04}" for number in range(1, len(PAGES) + 1)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_decision_has_its_situation_its_consequences_and_its_figure(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert [part for part in PARTS if f"**{part}.**" not in text] == []
    assert len(text.splitlines()) < 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_decision_names_is_there(page: Path) -> None:
    text = " ".join(page.read_text().split())
    assert set(re.findall(r"`python -m bench (\w+)`", text)) <= BENCHMARKS
    missing = [path for path in re.findall(r"`([\w-]+/[\w./-]+\.(?:py|toml))`", text) if not found(path)]
    assert missing == []
    for row, name in re.findall(r'row "([^"]+)" of `python -m bench (\w+)`', text):
        assert row in {figure["name"] for figure in RESULTS[name]["figures"]}, row


def found(path: str) -> bool:
    """Whether a file is there, named from the root or from a package's folder."""
    return (ROOT / path).exists() or any(ROOT.glob(f"*/src/{path}"))


@pytest.mark.parametrize("name", FAST_PATHS)
def test_a_fast_path_says_how_to_be_without_it_and_names_its_row(name: str) -> None:
    page = PAGES[FAST_PATHS[name] - 1]
    text = " ".join(page.read_text().split())
    assert name in page.name
    assert "**Without it.**" in text
    assert re.search(r'row "[^"]+" of `python -m bench \w+`', text)


def test_the_ceiling_of_uvicorn_is_the_one_the_decision_names() -> None:
    ceiling = re.findall(r"`(uvicorn>=[^`]+)`", PAGES[19].read_text())
    assert ceiling
    assert f'"{ceiling[0]}"' in (ROOT / "gateway" / "pyproject.toml").read_text()
