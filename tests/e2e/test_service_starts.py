"""How each process starts that must not serve: with an address for its port, before its schema, with a newer one."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from penstock_cli.migrate.record_set import NAMES, load_record_set
from penstock_kit.database import sqlite_url
from penstock_kit.database.migrate import newest_revision, version_table
from penstock_kit.grpc import open_channel
from penstock_testkit.servers.process import free_ports
from penstock_testkit.waiting import HANG_SECONDS

# Each process, with the settings of its ports: the one it serves at, and that of /metrics.
PORTS: Final = {
    "gateway": ("PENSTOCK_HTTP_PORT", "GATEWAY_METRICS_PORT"),
    "llm_service": ("LLM_SERVICE_PORT", "LLM_SERVICE_METRICS_PORT"),
    "chat_stream_service": ("CHAT_STREAM_SERVICE_PORT", "CHAT_STREAM_SERVICE_METRICS_PORT"),
    "feature_service": ("FEATURE_SERVICE_PORT", "FEATURE_SERVICE_METRICS_PORT"),
    "cache_service": ("CACHE_SERVICE_PORT", "CACHE_SERVICE_METRICS_PORT"),
}
# What Kubernetes sets in every pod for a Service of that name, unless it is told not to.
SERVICE_LINK: Final = "tcp://10.0.0.1:80"
# After which a probe takes no answer for "not ready", and comes again: the gateway's port is open before it answers.
PROBE_SECONDS: Final = 2.0


def environment(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PENSTOCK_HOME": str(home), "DEMO_DATA": "false", **extra}


def refusal(command: str, home: Path, extra: Mapping[str, str]) -> tuple[int, str]:
    """Run a process that is to end by itself; return its exit code and all it said."""
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        env=environment(home, extra), cwd=home, capture_output=True, text=True, timeout=HANG_SECONDS, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@contextmanager
def started(module: str, home: Path, extra: Mapping[str, str]) -> "Generator[subprocess.Popen[bytes]]":
    """Run a process until the block ends; its log is in `home`."""
    with (home / "log").open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", module], env=environment(home, extra), cwd=home, stdout=sink, stderr=sink
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=HANG_SECONDS)


@pytest.mark.parametrize("module", PORTS)
def test_a_port_that_is_the_address_of_a_service_link_is_refused_by_name(tmp_path: Path, module: str) -> None:
    code, said = refusal(module, tmp_path, dict.fromkeys(PORTS[module], SERVICE_LINK))
    assert code == 2
    for setting in PORTS[module]:
        (line,) = [line for line in said.splitlines() if line.startswith(f"setting {setting}:")]
        assert SERVICE_LINK in line
    assert "Traceback" not in said


@pytest.mark.parametrize("setting", ["PENSTOCK_HTTP_PORT", "LLM_SERVICE_PORT"])
def test_the_supervisor_refuses_such_a_port_before_it_starts_anything(tmp_path: Path, setting: str) -> None:
    code, said = refusal("penstock_cli up", tmp_path, {setting: SERVICE_LINK})
    assert code == 2
    assert setting in said
    assert SERVICE_LINK in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
async def test_a_process_answers_no_probe_before_its_schema_is_there(tmp_path: Path, name: str) -> None:
    module, migrations = name.replace("-", "_"), load_record_set(name).migrations
    serving, metrics = free_ports(2)
    ports = dict(zip(PORTS[module], (str(serving), str(metrics)), strict=True))
    file = tmp_path / "records.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        # Whoever migrates has the file to itself: here it is somebody else, and takes its time.
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        with started(module, tmp_path, {**ports, "DATABASE_URL": sqlite_url(file)}):
            end = time.monotonic() + 3
            while time.monotonic() < end:
                assert not await is_ready(name, serving)
                await asyncio.sleep(0.1)
            other.execute("ROLLBACK")
            end = time.monotonic() + HANG_SECONDS
            while not await is_ready(name, serving):
                assert time.monotonic() < end, (tmp_path / "log").read_text()[-4000:]
                await asyncio.sleep(0.05)
        query = f"SELECT version_num FROM {version_table(migrations)}"
        assert other.execute(query).fetchone() == (newest_revision(migrations),)


@pytest.mark.parametrize("name", NAMES)
def test_a_process_that_cannot_use_the_schema_ends_with_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    module, migrations = name.replace("-", "_"), load_record_set(name).migrations
    file = tmp_path / "records.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"CREATE TABLE {version_table(migrations)} (version_num VARCHAR(32) PRIMARY KEY)")
        database.execute(f"INSERT INTO {version_table(migrations)} VALUES ('9999')")
    ports = dict(zip(PORTS[module], map(str, free_ports(2)), strict=True))
    code, said = refusal(module, tmp_path, {**ports, "DATABASE_URL": sqlite_url(file)})
    assert code == 1, said
    assert "SCHEMA_UNSUPPORTED" in said
    assert "schema revision 9999, which this version does not know; run a newer one" in said
    assert "Traceback" not in said


async def is_ready(name: str, port: int) -> bool:
    """Ask as the readiness probe of its pod does."""
    if name == "gateway":
        try:
            async with httpx.AsyncClient(verify=False) as client:
                answer = await client.get(f"http://127.0.0.1:{port}/ready/gateway", timeout=PROBE_SECONDS)
                return answer.status_code == 200
        except httpx.HTTPError:
            return False
    async with open_channel(f"127.0.0.1:{port}", service=name, timeout=PROBE_SECONDS) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        except Exception:  # noqa: BLE001 - whatever the reason is
            return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING
