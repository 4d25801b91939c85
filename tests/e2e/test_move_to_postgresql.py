"""A system moves from its files to PostgreSQL and back; the command is killed on the way and run again."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import httpx
import pytest

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS

LATEST = {"model_code": "welding_ai_model", "filters": {"device_code": "WLD002"}, "page_size": 1}
PAGE = (Path(__file__).parents[2] / "docs" / "migration.md").read_text("utf-8")
COMMAND = str(Path(sys.executable).with_name("penstock"))


def environment(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PENSTOCK_HOME": str(home), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}


def migrate(home: Path, *words: str) -> str:
    """Run `penstock migrate …` to its end."""
    done = subprocess.run(
        [COMMAND, "migrate", *words],
        env=environment(home),
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kill_at(home: Path, line: str, *words: str) -> None:
    """Run `penstock migrate …` and kill it when it says `line`."""
    heard: list[str] = []
    with subprocess.Popen(
        [COMMAND, "migrate", *words],
        env=environment(home),
        cwd=home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for said in process.stdout:
            heard.append(said)
            if said.startswith(line):
                process.kill()
                return
    pytest.fail(f"it never said {line!r}:\n{''.join(heard)}")


def insert_into_every_table_with_a_generated_id(system: RunningSystem, round_name: str) -> None:
    """Make a key, which the audit log numbers, and ask a question, which memory numbers."""
    with httpx.Client(base_url=system.url, headers={"x-api-key": system.key}, timeout=HANG_SECONDS) as http:
        http.post("/api/v1/keys", json={"name": round_name}).raise_for_status()
        made = http.post("/api/v1/conversations", json={"title": round_name}).raise_for_status().json()
        question = {"role": "user", "content": f"Remember the word {round_name}"}
        answer = http.post(f"/api/v1/conversations/{made['id']}/stream", json=question).raise_for_status().text
        assert "event: complete_state" in answer


def titles(system: RunningSystem) -> set[str]:
    with httpx.Client(base_url=system.url, headers={"x-api-key": system.key}, timeout=HANG_SECONDS) as http:
        found = http.get("/api/v1/conversations").raise_for_status().json()["conversations"]
        # Answered when the demo is loaded: a stop before that leaves it to the next start.
        http.post("/api/v2/data/query/realtime", json=LATEST).raise_for_status()
        return {each["title"] for each in found}


def use(home: Path, round_name: str, before: set[str], extra: Mapping[str, str] | None = None) -> set[str]:
    """Start the system, see that what was there is there, and use it."""
    system = start_system(home, extra_env=extra)
    try:
        assert before <= titles(system)
        insert_into_every_table_with_a_generated_id(system, round_name)
        return titles(system)
    finally:
        system.stop()


def test_a_system_moves_there_and_back_and_every_table_takes_rows_after_each_move(
    tmp_path: Path, postgres_url: str
) -> None:
    home, url = tmp_path / "home", tmp_path / "postgresql.url"
    url.write_text(postgres_url)
    on_postgresql = {"DATABASE_URL": postgres_url, "TELEMETRY_URL": postgres_url}
    seen = use(home, "files", set())
    there = ("copy", "--to", f"@{url}")
    kill_at(home, "gateway: verified", *there)
    kill_at(home, "chat-stream-service: messages ", *there)
    kill_at(home, "telemetry: device 'WLD002'", *there)
    assert "All is verified" in migrate(home, *there)
    assert "no differences" in migrate(home, "compare", "--to", f"@{url}")
    seen = use(home, "server", seen, on_postgresql)
    back = ("copy", "--from", f"@{url}")
    kill_at(home, "llm-service: llm_ledger ", *back)
    kill_at(home, "telemetry: device 'WLD001'", *back)
    assert "All is verified" in migrate(home, *back)
    seen = use(home, "again", seen)
    assert {"files", "server", "again"} <= seen
    assert asyncio.run(count(postgres_url, "gateway.gateway_audit")) >= 2
    (drop,) = re.findall(r"^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    asyncio.run(execute(postgres_url, drop))
    assert "telemetry: device 'WLD001' of tenant 'default' " in (again := migrate(home, *there)), "all of it is written"
    assert "All is verified" in again


async def execute(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
        left = await connection.fetch("SELECT tablename FROM pg_tables WHERE tablename LIKE 'telemetry%'")
        assert [row[0] for row in left] == []
    finally:
        await connection.close()


async def count(url: str, table: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
    finally:
        await connection.close()


@pytest.mark.parametrize("words", [("copy", "--to"), ("copy", "--from")])
def test_nothing_is_moved_while_the_system_runs(tmp_path: Path, postgres_url: str, words: tuple[str, ...]) -> None:
    system = start_system(tmp_path / "home", demo=False)
    try:
        done = subprocess.run(
            [COMMAND, "migrate", *words, postgres_url],
            env=environment(system.home),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
        )
    finally:
        system.stop()
    assert done.returncode == 1
    assert "Penstock already runs on" in done.stderr
