"""The `penstock` command against a running system."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

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


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system whose administrator's key may change."""
    system = start_system(tmp_path_factory.mktemp("own") / "home", demo=False)
    yield system
    system.stop()


def id_of_own_key(system: RunningSystem) -> str:
    keys = json.loads(penstock(system, "key", "list", "--json").stdout)
    return next(key["id"] for key in keys if system.key.startswith(key["prefix"]))


def test_the_homes_file_gets_the_new_text_of_its_key_when_that_is_rotated(own: RunningSystem) -> None:
    lost = own.key
    outcome = penstock(own, "key", "rotate", id_of_own_key(own), "--grace-hours", "0")
    assert outcome.returncode == 0, outcome.stderr
    assert own.key == outcome.stdout.strip() != lost
    assert "admin.key has it too" in outcome.stderr
    assert stat.S_IMODE((own.home / "admin.key").stat().st_mode) == 0o600
    assert penstock(own, "key", "list").returncode == 0


def test_the_homes_file_stays_when_another_key_is_rotated_or_revoked(own: RunningSystem) -> None:
    ours = own.key
    made = json.loads(penstock(own, "key", "create", "another", "--json").stdout)
    for words in (("rotate", made["id"]), ("revoke", made["id"])):
        outcome = penstock(own, "key", *words)
        assert outcome.returncode == 0, outcome.stderr
        assert "admin.key" not in outcome.stderr
    assert own.key == ours


def test_who_revokes_the_key_of_the_homes_file_is_told_how_to_come_by_another(own: RunningSystem) -> None:
    outcome = penstock(own, "key", "revoke", id_of_own_key(own))
    assert outcome.returncode == 0, outcome.stderr
    assert f"{own.home / 'admin.key'} holds it, and opens nothing any more" in outcome.stderr
    assert "penstock admin reset` makes another" in outcome.stderr


def test_a_reset_administrator_signs_in_with_the_new_password_and_key_while_all_runs(own: RunningSystem) -> None:
    lost = own.key
    outcome = penstock(own, "admin", "reset")
    assert outcome.returncode == 0, outcome.stderr
    assert own.key != lost
    assert penstock(own, "key", "list").returncode == 0
    body = {"username": "admin", "password": own.password}
    assert httpx.post(f"{own.url}/api/v2/auth/login", json=body, timeout=HANG_SECONDS).status_code == 200
    old = httpx.get(f"{own.url}/api/v1/keys", headers={"x-api-key": lost}, timeout=HANG_SECONDS)
    assert old.status_code == 401
