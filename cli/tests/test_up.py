"""``penstock up`` as a process, where it must end by itself."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_cli.failure import CommandFailed
from penstock_cli.settings import DEFAULT_PORTS, CliSettings
from penstock_cli.supervisor.service import RUNTIME_ENVIRONMENT, child_environment, services
from penstock_cli.supervisor.state import Home
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS


def free_ports(count: int) -> list[int]:
    ports: dict[int, None] = {}
    while len(ports) < count:
        ports[free_port()] = None
    return list(ports)


def run_up(folder: Path, **values: str) -> "subprocess.CompletedProcess[str]":
    ports = dict(zip(DEFAULT_PORTS, map(str, free_ports(len(DEFAULT_PORTS))), strict=True))
    return subprocess.run(
        [sys.executable, "-m", "penstock_cli", "up"],
        env={"PATH": os.environ["PATH"], **ports, **values},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_a_taken_port_is_named_with_its_setting_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        outcome = run_up(tmp_path, FEATURE_SERVICE_PORT=str(port))
    assert outcome.returncode == 1
    assert f"port {port} (FEATURE_SERVICE_PORT, feature-service) is in use by another process" in outcome.stderr
    assert "set FEATURE_SERVICE_PORT to another port" in outcome.stderr
    assert outcome.stdout == ""


def test_one_port_for_two_services_is_refused(tmp_path: Path) -> None:
    port = str(free_port())
    outcome = run_up(tmp_path, LLM_SERVICE_PORT=port, CACHE_SERVICE_METRICS_PORT=port)
    assert outcome.returncode == 1
    assert f"port {port}" in outcome.stderr
    assert "LLM_SERVICE_PORT" in outcome.stderr
    assert "CACHE_SERVICE_METRICS_PORT" in outcome.stderr


def test_what_is_no_port_is_refused_with_its_value(tmp_path: Path) -> None:
    outcome = run_up(tmp_path, PENSTOCK_HTTP_PORT="eighty")
    assert outcome.returncode == 2
    assert "PENSTOCK_HTTP_PORT is 'eighty'; it must be a port from 1 to 65535" in outcome.stderr


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    outcome = run_up(tmp_path, PENSTOCK_HOME=str(tmp_path / "file" / "home"))
    assert outcome.returncode == 1
    assert "set PENSTOCK_HOME to a folder of yours" in outcome.stderr


def test_a_disk_without_room_is_told_before_anything_starts(tmp_path: Path) -> None:
    """A full disk takes empty files: the start went on, and ended in a traceback at the first byte."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); penstock_cli.main.run()"
    outcome = subprocess.run(
        [sys.executable, "-c", f"import sys, penstock_cli.main; sys.argv = ['penstock', 'up']; {limited}"],
        env={"PENSTOCK_HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert outcome.returncode == 1
    assert re.search(r"home can't be written \(.*\); free space there, or set PENSTOCK_HOME", outcome.stderr)
    assert "Traceback" not in outcome.stderr
    assert list((tmp_path / "home").iterdir()) == []


def test_a_second_up_on_the_same_home_is_refused_with_the_first_ones_number(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    lock = home.lock()
    try:
        outcome = run_up(tmp_path, PENSTOCK_HOME=str(home.path))
    finally:
        os.close(lock)
    assert outcome.returncode == 1
    assert f"(process {os.getpid()})" in outcome.stderr
    assert "penstock down" in outcome.stderr


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    home = Home(tmp_path)
    os.close(home.lock())
    assert not home.locked
    lock = home.lock()
    assert home.locked
    with pytest.raises(CommandFailed):
        home.lock()
    os.close(lock)


def test_a_dotenv_file_counts_below_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PENSTOCK_HTTP_PORT=nonsense\nPENSTOCK_HOME=ignored\n")
    outcome = run_up(tmp_path, PENSTOCK_HTTP_PORT="also-nonsense")
    assert "PENSTOCK_HTTP_PORT is 'also-nonsense'" in outcome.stderr


def test_services_find_each_other_where_the_port_settings_put_them(tmp_path: Path) -> None:
    settings = CliSettings(values={"LLM_SERVICE_PORT": "6001", "CACHE_SERVICE_ADDRESS": "cache.example:1"})
    environment = child_environment(settings)
    assert environment["LLM_SERVICE_ADDRESS"] == "127.0.0.1:6001"
    assert environment["FEATURE_SERVICE_ADDRESS"] == "127.0.0.1:50053"
    assert environment["CACHE_SERVICE_ADDRESS"] == "cache.example:1"
    assert Path(environment["PENSTOCK_HOME"]).is_absolute()


def test_an_operators_own_choice_of_grpc_experiments_counts() -> None:
    ours = RUNTIME_ENVIRONMENT["GRPC_EXPERIMENTS"]
    assert child_environment(CliSettings(values={}))["GRPC_EXPERIMENTS"] == ours
    chosen = {"GRPC_EXPERIMENTS": "event_engine_client"}
    assert child_environment(CliSettings(values=chosen))["GRPC_EXPERIMENTS"] == "event_engine_client"


def test_the_container_image_has_the_same_grpc_as_penstock_up() -> None:
    image = (Path(__file__).parents[2] / "deploy/docker/service.Dockerfile").read_text()
    assert f"GRPC_EXPERIMENTS={RUNTIME_ENVIRONMENT['GRPC_EXPERIMENTS']} " in image


def test_grpc_knows_the_experiments_that_are_switched_off() -> None:
    code = "import grpc.aio, asyncio; asyncio.run(grpc.aio.insecure_channel('127.0.0.1:1').close())"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "GRPC_EXPERIMENTS": RUNTIME_ENVIRONMENT["GRPC_EXPERIMENTS"]},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=True,
    )
    assert "Unknown experiment" not in ended.stderr


def test_five_services_start_and_the_gateway_waits_for_the_others() -> None:
    suite = services(CliSettings(values={}))
    assert [service.command[-1] for service in suite] == [
        "cache_service",
        "feature_service",
        "llm_service",
        "chat_stream_service",
        "gateway",
    ]
    assert [service.name for service in suite if service.after_others] == ["gateway"]


def test_the_supervisor_loads_nothing_heavy() -> None:
    code = (
        "import sys; import penstock_cli.main, penstock_cli.supervisor.up; "
        "print([m for m in ('asyncio', 'grpc', 'pydantic', 'typer', 'rich', 'httpx') if m in sys.modules])"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "[]"
