"""A disk without room, in a process that may write no larger files: writes are refused clearly, reads go on."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from penstock_testkit.waiting import HANG_SECONDS

FILL = """
import asyncio, resource, sys
from pathlib import Path
from feature_service.adapters.duckdb.connection import DuckDbConnection
from feature_service.adapters.body.spool import Spool
from penstock_kit.errors import PenstockError

folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))
ROWS = "INSERT INTO t SELECT i, md5(i::VARCHAR) || md5((i + 7)::VARCHAR) FROM range(?, ?) r(i)"

async def fill(store):
    for start in range(0, 4_000_000, 20_000):
        await store.write(lambda on: on.execute(ROWS, [start, start + 20_000]).fetchall(), committed=lambda _: None)

async def main():
    store = DuckDbConnection(folder / "t.duckdb", prepare=lambda on: on.execute("CREATE TABLE t(i BIGINT, s VARCHAR)"))
    try:
        await fill(store)
    except PenstockError as error:
        print("store", error.kind.value, error.reason, "full" in error.message)
    rows = await store.read(lambda on: on.execute("SELECT count(*) FROM t").fetchall())
    print("rows", rows[0][0] > 0, rows[0][0] % 20_000)
    try:
        with Spool(folder, max_bytes=1 << 30) as spool:
            for _ in range(20):
                spool.write(bytes(1 << 20))
            spool.body()
    except PenstockError as error:
        print("spool", error.kind.value, error.reason)

asyncio.run(main())
"""


START = """
import asyncio, resource, sys
from pathlib import Path
from feature_service.adapters.duckdb.connection import DuckDbConnection
from penstock_kit.errors import PenstockError

path = Path(sys.argv[1]) / "t.duckdb"

async def answer():
    store = DuckDbConnection(path, prepare=lambda on: on.execute("CREATE TABLE IF NOT EXISTS t(i BIGINT)"))
    try:
        await store.read(lambda on: on.execute("SELECT 1").fetchall())
        return "open"
    except PenstockError as error:
        return f"{error.kind.value} {error.reason}"
    finally:
        await store.close()

resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
print(asyncio.run(answer()), path.exists())
path.touch()
print(asyncio.run(answer()))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(asyncio.run(answer()))
path.write_bytes(bytes(4096))
print(asyncio.run(answer()))
"""


async def test_a_file_that_found_no_room_is_begun_anew_when_there_is(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", START, str(tmp_path), stdout=PIPE)
    async with asyncio.timeout(HANG_SECONDS):
        said, _ = await process.communicate()
    assert [line for line in said.decode().splitlines() if not line.startswith("20")] == [
        "UNAVAILABLE STORAGE_UNAVAILABLE False",
        "UNAVAILABLE STORAGE_UNAVAILABLE",
        "open",
        "open",
    ]


async def test_a_full_disk_refuses_rows_and_bodies_clearly_and_keeps_what_was_stored(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", FILL, str(tmp_path), stdout=PIPE)
    async with asyncio.timeout(HANG_SECONDS):
        said, _ = await process.communicate()
    assert [line for line in said.decode().splitlines() if not line.startswith("20")] == [
        "store UNAVAILABLE STORAGE_UNAVAILABLE True",
        "rows True 0",
        "spool UNAVAILABLE STORAGE_UNAVAILABLE",
    ]
