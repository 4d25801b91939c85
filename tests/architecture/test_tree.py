"""Rules about the tree that no import contract or linter states."""

import configparser
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("gateway", "llm-service", "chat-stream-service", "feature-service", "cache-service")
LONGEST_FILE = 400
VAGUE = {"utils", "helpers", "common", "base", "manager", "handler", "misc"}
REGISTRY_HOSTS = re.compile(
    "|".join((r"pypi\.or" + "g", r"files\.pythonhoste" + "d", r"registry\.npmj" + "s", r"deb\.debia" + "n"))
)


def committed(pattern: str) -> list[Path]:
    """Files git tracks that match."""
    listed = subprocess.run(["git", "ls-files", "-z", pattern], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def sources() -> list[Path]:
    """Our own Python below src/."""
    return [path for path in committed("*.py") if "src" in path.parts]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service: str) -> None:
    package = ROOT / service / "src" / service.replace("-", "_")
    wanted = ["main.py", "settings.py", "__main__.py"]
    wanted += (
        ["composition/services.py", "composition/clients.py"]
        if service == "gateway"
        else ["domain", "edge/servicer.py"]
    )
    missing = [name for name in wanted if not (package / name).exists()]
    assert not missing
    assert (ROOT / service / "README.md").read_text().count("\n") > 5


def test_every_package_has_an_import_contract() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    packages = {path.parts[path.parts.index("src") + 1] for path in sources()}
    assert packages <= set(contracts["importlinter"]["root_packages"].split())
    layered = re.split(r"[\s|]+", contracts["importlinter:contract:layers"]["layers"].strip())
    assert packages - {"penstock_testkit"} <= set(layered)
    with_domain = {path.parts[path.parts.index("src") + 1] for path in sources() if "domain" in path.parts}
    assert with_domain == set(contracts["importlinter:contract:apart"]["containers"].split())


def test_no_source_file_is_longer_than_a_room_should_be() -> None:
    long = {str(path.relative_to(ROOT)): lines for path in sources() if (lines := length(path)) > LONGEST_FILE}
    assert not long


def test_modules_are_named_after_what_is_inside() -> None:
    assert not [str(path.relative_to(ROOT)) for path in sources() if path.stem in VAGUE]


def test_only_settings_read_the_environment() -> None:
    readers = [path for path in sources() if re.search(r"os\.(environ|getenv)", path.read_text())]
    allowed = {"settings.py"}
    outside = [path for path in readers if path.name not in allowed and "testkit" not in path.parts]
    assert [str(path.relative_to(ROOT)) for path in outside] == []


def test_no_committed_text_names_a_package_registry() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in committed("*")
        if path.stat().st_size < 2_000_000 and REGISTRY_HOSTS.search(path.read_text(errors="ignore"))
    ]
    assert not found


def test_relative_links_in_documents_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in committed("*.md")
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken


def length(path: Path) -> int:
    """Lines of a file."""
    return path.read_text().count("\n")
