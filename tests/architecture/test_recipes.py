"""The recipes of CONTRIBUTING.md, carried out in a copy: a recipe that lies fails."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text().partition("## Recipes\n")[2].partition("\n## ")[0]
STEP = re.compile(
    r"^(?:New file `(?P<new>[^`]+)`|At the end of `(?P<end>[^`]+)`"
    r"|In `(?P<file>[^`]+)`, (?P<how>below|in place of) `(?P<line>[^`]+)`):\n\n```[a-z]*\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A heading and its steps."""

    name: str
    steps: tuple[re.Match[str], ...]

    @property
    def tests(self) -> list[str]:
        """The test files among the new files."""
        return [step["new"] for step in self.steps if step["new"] and Path(step["new"]).name.startswith("test_")]


RECIPES = [Recipe(name=part.partition("\n")[0], steps=tuple(STEP.finditer(part))) for part in TEXT.split("\n### ")[1:]]


def carry_out(step: re.Match[str], folder: Path) -> None:
    """Do what a step says; an AssertionError names what is not there."""
    path = folder / (step["new"] or step["end"] or step["file"])
    if step["new"]:
        assert not path.exists(), f"{path} is there already"
        path.write_text(step["code"])
        return
    text = path.read_text()
    if step["end"]:
        path.write_text(text + step["code"])
        return
    lines = text.splitlines(keepends=True)
    found = [at for at, line in enumerate(lines) if line.strip() == step["line"]]
    assert len(found) == 1, f"{path.name} has {len(found)} lines {step['line']!r}"
    kept = lines[found[0]] if step["how"] == "below" else ""
    lines[found[0]] = kept + step["code"]
    path.write_text("".join(lines))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree with every recipe carried out and the pages written anew."""
    folder = tmp_path_factory.mktemp("recipes")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for recipe in RECIPES:
        for step in recipe.steps:
            carry_out(step, folder)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    pages = re.findall(r"^PAGES := (.*)$", (folder / "Makefile").read_text(), re.MULTILINE)[0].split()
    for page in pages:
        run(folder, f"scripts/{page}.py")
    return folder


def run(folder: Path, *arguments: str) -> str:
    """Run Python in the copy, on the copy's packages."""
    sources = [*folder.glob("*/src"), *folder.glob("libs/*/src"), folder / "protos" / "gen"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": ":".join(map(str, sources))}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_does_what_it_says(recipe: Recipe, copy: Path) -> None:
    assert len(recipe.steps) >= 2
    assert recipe.tests
    assert "passed" in run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *recipe.tests)


def test_there_is_a_recipe_for_each_thing_that_is_often_added() -> None:
    things = [recipe.name.partition(":")[0] for recipe in RECIPES]
    assert things == ["A feature", "A provider", "A provider", "A tool", "A route", "A setting", "A reason"]


def test_every_block_of_a_recipe_is_carried_out() -> None:
    assert sum(len(recipe.steps) for recipe in RECIPES) == TEXT.count("```") // 2


def test_the_laws_of_reasons_hold_with_the_recipes_carried_out(copy: Path) -> None:
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/architecture/test_reasons.py")
