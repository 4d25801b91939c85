"""`status` and `doctor` where one service is alone in a container (PENSTOCK_SERVICE)."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_cli.container import contained_service
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import Home
from penstock_kit.grpc import GrpcServer
from penstock_testkit.servers.process import free_ports
from penstock_testkit.waiting import HANG_SECONDS

SECRET = "an-installations-secret-of-enough-characters"


def run(folder: Path, *arguments: str, **values: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "penstock_cli", *arguments],
        env={"PATH": os.environ["PATH"], **values},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def settings_of(service: str, **values: str) -> dict[str, str]:
    port, metrics = free_ports(2)
    prefix = service.upper().replace("-", "_")
    return {"PENSTOCK_SERVICE": service, f"{prefix}_PORT": str(port), f"{prefix}_METRICS_PORT": str(metrics), **values}


def test_a_service_that_does_not_answer_is_not_ready(tmp_path: Path) -> None:
    outcome = run(tmp_path, "status", "--json", **settings_of("llm-service"))
    assert outcome.returncode == 1
    assert json.loads(outcome.stdout)["services"][0]["status"] == "not ready"
    assert "does not run on" not in outcome.stdout


async def test_a_service_that_serves_is_ready_and_its_ports_are_no_problem(tmp_path: Path) -> None:
    values = settings_of("llm-service")
    server = GrpcServer(service="llm-service", grace_seconds=0, secret=SECRET)
    await server.start(int(values["LLM_SERVICE_PORT"]))
    status = await asyncio.to_thread(run, tmp_path, "status", **values)
    doctor = await asyncio.to_thread(run, tmp_path, "doctor", "--json", **values)
    await server.drain()
    assert status.returncode == 0, status.stdout
    assert "llm-service alone in this container" in status.stdout
    found = {finding["name"]: finding for finding in json.loads(doctor.stdout)["findings"]}
    assert found["ports"]["ok"]
    assert "llm-service, which serves" in found["ports"]["detail"]
    assert doctor.returncode == 0, doctor.stdout


def test_doctor_asks_no_home_of_a_service_that_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    home = {"PENSTOCK_HOME": str(tmp_path / "file" / "home")}
    kept = run(tmp_path, "doctor", **settings_of("cache-service", **home))
    assert kept.returncode == 0, kept.stdout
    assert "fit for cache-service" in kept.stdout
    assert run(tmp_path, "doctor", **settings_of("llm-service", **home)).returncode == 1


def test_doctor_checks_the_installations_secret(tmp_path: Path) -> None:
    file = tmp_path / "service.secret"
    values = settings_of("llm-service", PENSTOCK_SERVICE_BIND_HOST="0.0.0.0")
    assert "PENSTOCK_SERVICE_SECRET" in run(tmp_path, "doctor", "--json", **values).stdout
    values["PENSTOCK_SERVICE_SECRET_FILE"] = str(file)
    file.write_text("weak\n")
    weak = run(tmp_path, "doctor", "--json", **values)
    assert weak.returncode == 1
    assert "it needs at least 32" in weak.stdout
    file.write_text(f"{SECRET}\n")
    good = run(tmp_path, "doctor", "--json", **values)
    assert good.returncode == 0, good.stdout
    assert SECRET not in good.stdout


@pytest.mark.parametrize("name", ["", "no-such-service"])
def test_outside_of_a_container_there_is_no_contained_service(tmp_path: Path, name: str) -> None:
    assert contained_service(CliSettings(values={"PENSTOCK_SERVICE": name, "PENSTOCK_HOME": str(tmp_path)})) is None


def test_where_up_runs_in_a_container_its_suite_counts(tmp_path: Path) -> None:
    settings = CliSettings(values={"PENSTOCK_SERVICE": "gateway", "PENSTOCK_HOME": str(tmp_path)})
    assert contained_service(settings) is not None
    lock = Home(tmp_path).lock()
    assert contained_service(settings) is None
    os.close(lock)
