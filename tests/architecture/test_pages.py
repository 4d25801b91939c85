"""What is generated from the code: the list of commands, the pictures of the architecture, the page of errors."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


def run(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300).stdout


def picture(service: str) -> set[str]:
    """The arrows of a service's picture in docs/architecture.md, without the service's name."""
    text = (ROOT / "docs" / "architecture.md").read_text().partition(f"### {service}\n")[2].partition("\n###")[0]
    prefix = "p_" + service.replace("-", "_") + "_"
    return {line.replace(prefix, "").strip() for line in text.splitlines() if "-->" in line}


def test_help_lists_every_command_in_a_group() -> None:
    listed = run("make", "-s", "help")
    groups = [line for line in listed.splitlines() if line and not line.startswith(" ")]
    assert len(groups) >= 5
    commands = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert set(re.findall(r"^  make ([a-z-]+)", listed, re.MULTILINE)) == commands


def test_a_check_says_at_its_end_what_it_took() -> None:
    recipe = MAKEFILE.partition("\ncheck:")[2].partition("\n\n")[0]
    assert "$(call timed,make check," in recipe
    assert "took $$(($$(date +%s) - started)) s" in MAKEFILE


def test_a_picture_has_the_imports_there_are_and_no_others() -> None:
    arrows = picture("llm-service")
    assert {"edge --> domain", "domain_routing --> domain_billing"} <= arrows
    assert not {"domain --> edge", "domain_billing --> domain_routing", "edge --> providers"} & arrows


@pytest.mark.parametrize("page", ["configuration_page", "limits_page"])
def test_no_default_and_no_limit_changes_without_its_page(page: str) -> None:
    assert "current" in run(sys.executable, f"scripts/{page}.py", "--check")


def test_a_page_without_its_markers_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no marker")
    code = f"from pathlib import Path; from marked_text import marked; marked(Path({str(page)!r}), 'rooms', '')"
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT / "scripts", capture_output=True, text=True, timeout=60
    )
    assert "page.md has no lines <!-- rooms" in done.stderr
