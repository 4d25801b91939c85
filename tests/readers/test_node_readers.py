"""Readers under Node: those that pages use. Skipped where `make test-clients` has not installed them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS
from tests.readers.reading import LEAVES_AFTER, assert_whole

PROGRAMS = Path(__file__).parent / "node"
NODE = Path(__file__).parents[2] / ".venv-clients-node"


@pytest.mark.parametrize(
    ("package", "program"),
    [("eventsource", "eventsource.mjs"), ("@microsoft/fetch-event-source", "fetch_event_source.mjs")],
)
def test_it_reads_on_where_it_left(system: RunningSystem, tmp_path: Path, package: str, program: str) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no Node on this machine")
    if not (NODE / "node_modules" / package).exists():
        pytest.skip(f"{package} is not installed: make test-clients")
    for file in PROGRAMS.iterdir():
        shutil.copy(file, tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    command = ["node", str(tmp_path / program), system.url, system.key, str(LEAVES_AFTER)]
    environment = {"PATH": os.environ["PATH"]}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert_whole(**json.loads(ran.stdout.splitlines()[-1]))
