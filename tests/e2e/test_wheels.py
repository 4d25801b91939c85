"""What is released: wheels that hold all of their sources, and run by themselves."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from penstock_kit.version import VERSION
from penstock_testkit.system import choose_ports, is_ready, system_environment
from penstock_testkit.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[2]
# The folder of each member's package in the tree.
SOURCES = {
    "penstock_protos": "protos/gen",
    "penstock_kit": "libs/kit/src",
    "penstock_gateway": "gateway/src",
    "penstock_llm_service": "llm-service/src",
    "penstock_chat_stream_service": "chat-stream-service/src",
    "penstock_feature_service": "feature-service/src",
    "penstock_cache_service": "cache-service/src",
    "penstock_cli": "cli/src",
    "penstock_client": "client/src",
}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make dist` fills."""
    folder = tmp_path_factory.mktemp("dist")
    environment = {**os.environ, "OUT": str(folder)}
    subprocess.run(["scripts/dist", "--wheels"], cwd=ROOT, env=environment, check=True, timeout=HANG_SECONDS)
    return folder


@pytest.mark.parametrize("name", SOURCES)
def test_a_wheel_holds_every_file_of_its_sources_and_nothing_else(wheels: Path, name: str) -> None:
    with zipfile.ZipFile(wheels / f"{name}-{VERSION}-py3-none-any.whl") as wheel:
        held = {entry for entry in wheel.namelist() if ".dist-info/" not in entry}
    kept = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", SOURCES[name]],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert held == {path.removeprefix(f"{SOURCES[name]}/") for path in kept if (ROOT / path).is_file()}


def test_migrations_pages_stubs_and_marks_of_types_are_among_them(wheels: Path) -> None:
    entries: set[str] = set()
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            entries |= set(archive.namelist())
    for service in ("gateway", "llm_service", "chat_stream_service", "feature_service"):
        assert any(entry.startswith(f"{service}/migrations/versions/0001") for entry in entries), service
    for package in ("penstock_kit", "penstock_client", "gateway"):
        assert f"{package}/py.typed" in entries
    assert "penstock/llm/v1/llm_pb2.pyi" in entries
    assert [entry for entry in entries if entry.endswith(".html")]


def test_every_wheel_has_the_one_version(wheels: Path) -> None:
    assert {wheel.name.split("-")[1] for wheel in wheels.glob("*.whl")} == {VERSION}
    assert len(list(wheels.glob("*.whl"))) == len(SOURCES)


def test_the_list_of_packages_names_each_that_is_locked_with_its_version_and_hashes(wheels: Path) -> None:
    lock = (wheels / "requirements.txt").read_text()
    locked = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)(?: ; ([^\\\n]+?))? \\\n", lock, re.MULTILINE)
    assert len(locked) == len(re.findall(r"^\S", lock, re.MULTILINE))
    bill = json.loads((wheels / "sbom.cdx.json").read_text())
    named = {(each["name"], each["version"]): each for each in bill["components"]}
    assert set(named) == {(name, version) for name, version, _ in locked}
    for name, version, condition in locked:
        component = named[name, version]
        assert component["purl"].lower() == f"pkg:pypi/{name}@{version}".lower()
        assert condition in component["description"]
        assert [reference["hashes"] for reference in component["externalReferences"]]


def test_the_list_of_packages_is_valid_and_says_of_what_it_is(wheels: Path) -> None:
    text = (wheels / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    root = json.loads(text)["metadata"]["component"]
    assert (root["name"], root["version"]) == ("penstock", VERSION)
    assert sorted(path.name for path in wheels.iterdir() if path.suffix != ".whl") == [
        "requirements.txt",
        "sbom.cdx.json",
    ]


@pytest.fixture(scope="module")
def bare(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with nothing of ours but the wheels; what others made comes from this one."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    python = folder / "env" / "bin" / "python"
    (packages,) = (folder / "env").glob("lib/python*/site-packages")
    others = folder / "others"
    others.mkdir()
    for entry in Path(pytest.__file__).parents[1].iterdir():
        if not entry.name.startswith(("penstock", "_penstock", "_editable_impl", "__pycache__")):
            (others / entry.name).symlink_to(entry)
    (packages / "others.pth").write_text(f"{others}\n")
    uv = str(Path(sys.executable).with_name("uv"))
    install = [uv, "pip", "install", "-q", "--offline", "--no-deps", "--python", str(python)]
    subprocess.run([*install, *map(str, wheels.glob("*.whl"))], check=True, timeout=HANG_SECONDS)
    for path in packages.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return python


@pytest.fixture
def running(bare: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a system that the wheels run, in a folder without a tree."""
    environment = system_environment(tmp_path / "home", choose_ports(), demo=True)
    environment["VIRTUAL_ENV"] = str(bare.parents[1])
    with (tmp_path / "log").open("wb") as sink:
        process = subprocess.Popen(
            [str(bare.with_name("penstock")), "up"], env=environment, cwd=tmp_path, stdout=sink, stderr=sink
        )
    try:
        end = time.monotonic() + HANG_SECONDS
        while not is_ready(f"http://127.0.0.1:{environment['PENSTOCK_HTTP_PORT']}"):
            assert process.poll() is None, (tmp_path / "log").read_text()[-4000:]
            assert time.monotonic() < end
            time.sleep(0.05)
        yield environment
    finally:
        process.terminate()
        process.wait(timeout=HANG_SECONDS)


def test_wheels_alone_run_the_system_the_page_and_a_chat(bare: Path, running: dict[str, str], tmp_path: Path) -> None:
    def said(*words: str) -> str:
        command = [str(bare.with_name(words[0])), *words[1:]]
        done = subprocess.run(
            command, env=running, cwd=tmp_path, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = said("python", "-c", "import gateway, penstock.llm.v1, penstock_client; print(gateway.__file__)")
    assert where.startswith(str(bare.parents[1]))
    assert VERSION in said("penstock", "version")
    with urllib.request.urlopen(f"http://127.0.0.1:{running['PENSTOCK_HTTP_PORT']}/", timeout=HANG_SECONDS) as answer:
        assert b"Penstock" in answer.read()
    assert said("penstock", "chat", "Hello!").strip()
    assert "ready" in said("penstock", "status")
