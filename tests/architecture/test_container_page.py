"""docs/operations.md on containers: the commands, files, profiles and settings that it writes for Compose are there."""

import re
from pathlib import Path
from typing import Any, Final

import typer.main
import yaml
from typer.core import TyperGroup

from penstock_cli.app import app

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "operations.md").read_text("utf-8")
BLOCKS: Final = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
COMMANDS: Final = typer.main.get_group(app).commands


def is_command(words: list[str]) -> bool:
    found = COMMANDS.get(words[0])
    return found is not None and (not isinstance(found, TyperGroup) or words[1] in found.commands)


def test_what_is_run_in_containers_names_services_and_commands_that_there_are() -> None:
    told = re.findall(r"docker compose (?:exec|run --rm --no-deps) ([\w-]+) (\w+) (\S+)(?: (\S+))?", PAGE)
    assert len(told) >= 5
    assert {service for service, *_ in told} <= set(COMPOSE["services"])
    assert [words for _, *words in told if words[0] == "penstock" and not is_command(words[1:])] == []


def test_stores_and_replicas_are_chosen_by_files_profiles_and_settings_of_compose() -> None:
    blocks = [dict(line.split("=", 1) for line in block.split()) for block in BLOCKS if "COMPOSE_FILE=" in block]
    assert len(blocks) == 2
    profiles = {each for service in COMPOSE["services"].values() for each in service.get("profiles", ())}
    for block in blocks:
        files = block.pop("COMPOSE_FILE").split(":")
        assert [name for name in files if not (ROOT / name).is_file()] == []
        assert set(block.pop("COMPOSE_PROFILES").split(",")) <= profiles
        text = "".join((ROOT / name).read_text("utf-8") for name in files)
        assert [name for name in block if f"${{{name}" not in text] == []
