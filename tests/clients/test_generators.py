"""Generators of clients read our OpenAPI description without a warning, and what they make compiles.

Those that are not there (`make test-clients` installs them) are skipped.
"""

import os
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-clients" / "bin"
NODE = ROOT / ".venv-clients-node" / "node_modules" / ".bin"


@pytest.fixture(scope="session")
def description(system: RunningSystem, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The description as the gateway serves it."""
    file = tmp_path_factory.mktemp("description") / "openapi.json"
    with urlopen(f"{system.url}/openapi.json", timeout=HANG_SECONDS) as answer:
        file.write_bytes(answer.read())
    return file


def run(*command: str | Path, folder: Path) -> str:
    """Return everything the command said; it must succeed."""
    if not Path(command[0]).exists():
        pytest.skip(f"{Path(command[0]).name} is not installed; make test-clients installs it")
    environment = {**os.environ, "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"}
    outcome = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    said = outcome.stdout + outcome.stderr
    assert outcome.returncode == 0, said
    return said


def test_openapi_python_client_reads_it_without_a_warning(description: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    said = run(
        PYTHON / "openapi-python-client", "generate", "--path", description, "--output-path", made, folder=tmp_path
    )
    assert "warning" not in said.lower(), said
    modules = list(made.rglob("*.py"))
    assert len(modules) > 100
    run(Path(sys.executable), "-m", "compileall", "-q", made, folder=tmp_path)


def test_openapi_typescript_reads_it_without_a_warning(description: Path, tmp_path: Path) -> None:
    types = tmp_path / "penstock.ts"
    said = run(NODE / "openapi-typescript", description, "-o", types, folder=tmp_path)
    assert "warn" not in said.lower(), said
    assert "/v1/chat/completions" in types.read_text()
    run(NODE / "tsc", "--noEmit", "--strict", types, folder=tmp_path)
