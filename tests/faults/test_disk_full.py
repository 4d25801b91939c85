"""A home on a small file system of its own that is really full."""

import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from penstock_testkit.fault_rows import Measured
from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS, until_true

pytestmark = pytest.mark.asyncio(loop_scope="module")
MEGABYTES = 64
COMPLETION = {"model": "fallback/rules", "messages": [{"role": "user", "content": "Hello!"}]}


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of 64 MB in memory."""
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(small_disk: Path) -> AsyncIterator[RunningSystem]:
    running = start_system(small_disk / "home", demo=False)
    yield running
    running.stop()


async def test_a_full_disk_refuses_writes_clearly_and_reads_and_chat_go_on(
    system: RunningSystem, small_disk: Path, measured: Measured
) -> None:
    headers = {"Authorization": f"Bearer {system.key}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS) as http:
        kept = (await http.post("/api/v1/conversations", json={"title": "kept"})).raise_for_status().json()["id"]
        fill(small_disk / "filler")
        writes = [await http.post("/api/v1/conversations", json={"title": "x" * 200}) for _ in range(30)]
        writes += [await http.post("/api/v1/keys", json={"name": "k"}) for _ in range(30)]
        refused = [answer for answer in writes if answer.status_code == 503]
        reads = [await http.get(f"/api/v1/conversations/{kept}"), await http.get("/api/v1/keys")]
        chats = [await http.post("/v1/chat/completions", json=COMPLETION) for _ in range(5)]
        assert {answer.status_code for answer in writes} <= {200, 201, 503}, "never a 500"
        assert refused, "60 writes into a full disk, and none was refused"
        assert {answer.json()["reason"] for answer in refused} == {"STORAGE_UNAVAILABLE"}
        assert {answer.status_code for answer in (*reads, *chats)} == {200}
        (small_disk / "filler").unlink()

        async def writes_again() -> bool:
            return (await http.post("/api/v1/conversations", json={"title": "after"})).is_success

        took = await until_true(writes_again)
    files = list(system.home.glob("*.db"))
    sound = [sqlite3.connect(file).execute("PRAGMA integrity_check").fetchone()[0] for file in files]
    measured(
        f"{len(refused)} of 60 writes refused by STORAGE_UNAVAILABLE, 7 of 7 reads and completions answered, "
        f"{sound.count('ok')} of {len(files)} files intact, writes {took:.1f} s after there was room"
    )
    assert set(sound) == {"ok"}


def fill(file: Path) -> None:
    """Take every block that is left."""
    with file.open("wb", buffering=0) as sink:
        for size in (1024 * 1024, 4096, 1):
            try:
                while True:
                    sink.write(bytes(size))
            except OSError:
                continue
