"""The `penstock` command against a running system."""

import json
import subprocess
import sys
from pathlib import Path

import httpx

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS


def penstock(system: RunningSystem, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command with the system's URL and key."""
    environment = {
        "PENSTOCK_URL": system.url,
        "PENSTOCK_HOME": str(system.home),
        "PATH": str(Path(sys.executable).parent),
        "LANG": "C.UTF-8",
    }
    command = [str(Path(sys.executable).with_name("penstock")), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)


def test_chat_streams_an_answer_computed_from_telemetry(system: RunningSystem) -> None:
    outcome = penstock(system, "chat", "What was the mean current of WLD001?")
    assert outcome.returncode == 0, outcome.stderr
    assert "The mean current of WLD001" in outcome.stdout


def test_route_explain_names_the_offline_provider_when_no_other_is_configured(system: RunningSystem) -> None:
    outcome = penstock(system, "route", "explain", "--json")
    assert outcome.returncode == 0, outcome.stderr
    candidates = json.loads(outcome.stdout)["candidates"]
    assert [candidate["provider"] for candidate in candidates if candidate["eligible"]] == ["fallback"]


def test_a_key_that_the_command_made_works_until_it_is_revoked(system: RunningSystem) -> None:
    made = json.loads(penstock(system, "key", "create", "e2e", "--json").stdout)
    assert made["key"].startswith("psk_")
    assert made["id"] in penstock(system, "key", "list").stdout
    assert penstock(system, "key", "revoke", made["id"]).returncode == 0
    assert made["id"] not in penstock(system, "key", "list").stdout


def test_a_reset_administrator_signs_in_with_the_new_password_and_key_while_all_runs(tmp_path: Path) -> None:
    system = start_system(tmp_path / "home", demo=False)
    try:
        lost = system.key
        outcome = penstock(system, "admin", "reset")
        assert outcome.returncode == 0, outcome.stderr
        assert system.key != lost
        assert penstock(system, "key", "list").returncode == 0
        body = {"username": "admin", "password": system.password}
        assert httpx.post(f"{system.url}/api/v2/auth/login", json=body, timeout=HANG_SECONDS).status_code == 200
        old = httpx.get(f"{system.url}/api/v1/keys", headers={"x-api-key": lost}, timeout=HANG_SECONDS)
        assert old.status_code == 401
    finally:
        system.stop()
