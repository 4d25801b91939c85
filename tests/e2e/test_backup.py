"""A backup of a system that runs, and a system started from it."""

import subprocess
import sys
import threading
from pathlib import Path

import httpx

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS

ROWS_A_BODY = 500


def penstock(home: Path, *words: str) -> str:
    """Run the command with nothing but the home."""
    command = [str(Path(sys.executable).with_name("penstock")), *words]
    environment = {"PENSTOCK_HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def client(system: RunningSystem) -> httpx.Client:
    return httpx.Client(base_url=system.url, headers={"x-api-key": system.key}, timeout=HANG_SECONDS)


def ingest(http: httpx.Client, body: int) -> None:
    """Send one body: it is stored whole or not at all."""
    first = body * ROWS_A_BODY
    lines = [f"{1_700_000_000_000 + (first + n) * 1000},{first + n}" for n in range(ROWS_A_BODY)]
    parameters = {"device_code": "pump-7", "model_code": "pump", "create": "true"}
    content = "timestamp,pressure\n" + "\n".join(lines)
    headers = {"Content-Type": "text/csv"}
    http.post("/api/v2/data/ingest", params=parameters, content=content, headers=headers).raise_for_status()


def count(http: httpx.Client) -> int:
    range_ = {"start_time": "2023-11-14T00:00:00Z", "end_time": "2024-11-14T00:00:00Z"}
    answer = http.get("/api/v2/data/statistics", params={"device_code": "pump-7", **range_}).raise_for_status().json()
    return int(answer["data"]["row_count"])


def test_a_backup_while_rows_come_in_holds_whole_bodies_and_starts_a_system(tmp_path: Path) -> None:
    system = start_system(tmp_path / "home", demo=False)
    try:
        with client(system) as http:
            conversation = http.post("/api/v1/conversations", json={"title": "kept"}).raise_for_status().json()["id"]
            ingest(http, 0)
            done = threading.Event()
            writer = threading.Thread(target=_keep_ingesting, args=(system, done))
            writer.start()
            penstock(system.home, "backup", str(tmp_path / "backup"))
            done.set()
            writer.join()
            written = count(http)
    finally:
        system.stop()
    penstock(tmp_path / "other", "restore", str(tmp_path / "backup"))
    again = start_system(tmp_path / "other", demo=False)
    try:
        with client(again) as http:
            assert http.get(f"/api/v1/conversations/{conversation}").raise_for_status().json()["id"] == conversation
            restored = count(http)
    finally:
        again.stop()
    assert ROWS_A_BODY <= restored <= written
    assert restored % ROWS_A_BODY == 0


def _keep_ingesting(system: RunningSystem, done: threading.Event) -> None:
    with client(system) as http:
        body = 1
        while not done.is_set():
            ingest(http, body)
            body += 1
