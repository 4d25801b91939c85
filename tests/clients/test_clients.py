"""Unmodified clients against a running system: chat, streams, tools, schemas, embeddings, errors, leaving early.

Those that need an environment of their own are skipped where `make test-clients` has not made it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS
from tests.clients.vendor import VendorThread

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
OWN = Path(sys.executable)
OTHER = ROOT / ".venv-clients" / "bin" / "python"
NODE = ROOT / ".venv-clients-node"
ALL = ("chat", "stream", "tools", "schema", "embeddings", "error", "cancel")
CLIENTS: dict[str, tuple[Path, str, tuple[str, ...]]] = {
    "openai": (OWN, "openai_client.py", (*ALL, "responses", "models")),
    "anthropic": (OWN, "anthropic_client.py", ("chat", "stream", "tools", "schema", "error", "cancel", "count")),
    "openai-2": (OTHER, "openai_client.py", (*ALL, "responses", "models")),
    "langchain-openai": (OTHER, "langchain_client.py", ALL),
    "instructor": (OTHER, "instructor_client.py", ("schema", "partial", "tools", "error")),
    "pydantic-ai": (OTHER, "pydantic_ai_client.py", ("chat", "stream", "tools", "schema", "error", "responses")),
    "litellm": (OTHER, "litellm_client.py", (*ALL[:6], "anthropic")),
    "ai-sdk": (NODE, "ai_sdk.mjs", ALL),
}
EXPECTED: dict[str, dict[str, Any]] = {
    "chat": {"text": "pong", "tokens": 11},
    "stream": {"pieces": ["po", "ng"]},
    "tools": {"called": "device_query", "with": {"device": "pump"}, "text": "it is 42"},
    "schema": {"x": 3},
    "partial": {"x": 3},
    "embeddings": {"vectors": 2, "length": 4},
    "cancel": {"first": "po"},
    "responses": {"text": "pong", "pieces": ["po", "ng"]},
    "models": {"listed": True},
    "count": {"counted": True},
    "anthropic": {"text": "pong"},
}


class Outcomes:
    """What each client's program printed. A program runs once, when the first of its scenarios is asked for."""

    def __init__(self, system: RunningSystem, vendor: VendorThread) -> None:
        self._system = system
        self._vendor = vendor
        self._known: dict[str, dict[str, Any]] = {}

    def of(self, client: str) -> dict[str, Any]:
        """Return the results by scenario. An answer that was left early must have been stopped at the vendor too."""
        if client not in self._known:
            left = self._vendor.server.abandoned
            self._known[client] = run_program(client, self._system.url, self._system.key)
            if "cancel" in CLIENTS[client][2]:
                self._vendor.wait_abandoned(left + 1)
        return self._known[client]


@pytest.fixture(scope="session")
def outcomes(system: RunningSystem, vendor: VendorThread) -> Outcomes:
    """The results of every client."""
    return Outcomes(system, vendor)


def run_program(client: str, url: str, key: str) -> dict[str, Any]:
    """Run a client's program and return what it printed."""
    place, program, _ = CLIENTS[client]
    if place == NODE:
        (NODE / program).write_text((Path(__file__).parent / "node" / program).read_text())
        command = ["node", str(NODE / program), url, key]
    else:
        command = [str(place), str(PROGRAMS / program), url, key]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "AI_SDK_LOG_WARNINGS": "false"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(ran.stdout.splitlines()[-1])


def installed(place: Path) -> bool:
    """Whether the client's environment is there."""
    if place == NODE:
        return shutil.which("node") is not None and (NODE / "node_modules" / "ai").exists()
    return place.exists()


@pytest.mark.parametrize(
    ("client", "scenario"), [(client, scenario) for client, (_, _, known) in CLIENTS.items() for scenario in known]
)
def test_the_client_works_unchanged(outcomes: Outcomes, client: str, scenario: str) -> None:
    if not installed(CLIENTS[client][0]):
        pytest.skip("its environment is not there: make test-clients")
    result = outcomes.of(client)[scenario]
    assert result is not None
    assert "failed" not in result, result["failed"]
    if scenario == "error":
        assert result["status"] == 400
        assert "only fails" in result["message"]
        return
    if isinstance(result.get("with"), str):
        result["with"] = json.loads(result["with"])
    expected = EXPECTED[scenario]
    if client == "instructor":
        expected = {name: value for name, value in expected.items() if name != "text"}
    assert result == expected
