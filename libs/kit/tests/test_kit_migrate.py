import asyncio
import shutil
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from penstock_kit.database import migrate, open_database, prepare_schema, sqlite_url
from penstock_kit.errors import FailedPrecondition, Unavailable
from penstock_testkit.servers.fault_proxy import FaultProxy
from penstock_testkit.waiting import HANG_SECONDS

ENVIRONMENT = (
    "from sqlalchemy import MetaData\nfrom penstock_kit.database import run_migrations\n\nrun_migrations(MetaData())\n"
)
REVISION = '''"""Revision {revision}."""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down}

def upgrade() -> None:
    {body}
'''


def write_revision(folder: Path, revision: str, down: str | None, body: str) -> None:
    versions = folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (folder / "env.py").write_text(ENVIRONMENT)
    text = REVISION.format(revision=revision, down=repr(down).replace("'", '"'), body=body)
    (versions / f"{revision}.py").write_text(text)


CREATE = 'op.create_table("device", sa.Column("id", sa.Integer, primary_key=True))'
EXTEND = 'op.add_column("device", sa.Column("code", sa.Text, server_default="x"))'


async def columns(url: str, table: str) -> set[str]:
    database = open_database(url)
    async with database.read() as connection:
        names = await connection.run_sync(lambda sync: {c["name"] for c in sa.inspect(sync).get_columns(table)})
    await database.close()
    return names


async def test_migrations_are_applied_once_and_then_only_what_is_new(store_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    assert await migrate(store_url, folder)
    assert not await migrate(store_url, folder)
    write_revision(folder, "0002", "0001", EXTEND)
    assert await migrate(store_url, folder)
    assert await columns(store_url, "device") == {"id", "code"}
    assert await columns(store_url, "demo_service_schema") == {"version_num"}


async def test_two_services_migrate_one_database(store_url: str, tmp_path: Path) -> None:
    for service in ("llm_service", "chat_service"):
        folder = tmp_path / service / "migrations"
        write_revision(folder, "0001", None, CREATE.replace("device", service))
        assert await migrate(store_url, folder)
    assert await columns(store_url, "llm_service") == {"id"}
    assert await columns(store_url, "chat_service") == {"id"}


async def test_replicas_that_start_together_migrate_once(store_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    code = "import asyncio, sys; from pathlib import Path; from penstock_kit.database import migrate\n"
    code += "asyncio.run(migrate(sys.argv[1], Path(sys.argv[2])))"
    arguments = (sys.executable, "-c", code, store_url, str(folder))
    processes = [await asyncio.create_subprocess_exec(*arguments) for _ in range(2)]
    codes = await asyncio.wait_for(asyncio.gather(*(process.wait() for process in processes)), HANG_SECONDS)
    assert codes == [0, 0]
    assert await columns(store_url, "device") == {"id"}


MIGRATE_EACH = """
import asyncio, sys
from pathlib import Path
from penstock_kit.database import migrate, sqlite_url
answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    done = asyncio.run(migrate(sqlite_url(Path(line.strip())), Path(sys.argv[1])))
    print("migrated" if done else "found", file=answers, flush=True)
"""


async def test_many_processes_that_meet_at_fresh_files_never_fail_and_migrate_each_once(tmp_path: Path) -> None:
    folder = tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    command, pipe = (sys.executable, "-c", MIGRATE_EACH, str(folder)), asyncio.subprocess.PIPE
    processes = [await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe) for _ in range(6)]
    try:
        for number in range(30):
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(f"{tmp_path / f'{number}.db'}\n".encode())
            lines = [process.stdout.readline() for process in processes if process.stdout is not None]
            answers = await asyncio.wait_for(asyncio.gather(*lines), HANG_SECONDS)
            assert sorted(answers) == [b"found\n"] * 5 + [b"migrated\n"]
    finally:
        for process in processes:
            process.terminate()
        await asyncio.gather(*(process.wait() for process in processes))


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(store_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    await migrate(store_url, folder)
    write_revision(folder, "0002", "0001", f"{EXTEND}\n    op.execute('SELECT * FROM nowhere')")
    with pytest.raises(DBAPIError):
        await migrate(store_url, folder)
    assert await columns(store_url, "device") == {"id"}


async def test_a_schema_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    url, folder = sqlite_url(tmp_path / "m.db"), tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    await migrate(url, folder)
    shutil.rmtree(folder)
    write_revision(folder, "0000", None, CREATE)
    with pytest.raises(FailedPrecondition, match="0001") as caught:
        await migrate(url, folder)
    assert caught.value.reason == "SCHEMA_UNSUPPORTED"


async def test_a_schema_of_a_newer_version_that_only_added_serves_this_one(store_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    old = tmp_path / "old" / "demo_service" / "migrations"
    shutil.copytree(folder, old)
    write_revision(folder, "0002", "0001", EXTEND)
    await migrate(store_url, folder)
    assert not await migrate(store_url, old)
    assert await columns(store_url, "device") == {"id", "code"}


async def test_a_schema_of_a_newer_version_that_took_something_away_is_refused(store_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    old = tmp_path / "old" / "demo_service" / "migrations"
    shutil.copytree(folder, old)
    write_revision(folder, "0002", "0001", EXTEND)
    between = tmp_path / "between" / "demo_service" / "migrations"
    shutil.copytree(folder, between)
    write_revision(folder, "0003", "0002", 'op.drop_column("device", "code")')
    third = folder / "versions" / "0003.py"
    third.write_text(third.read_text().replace("revision = ", "contracts = True\nrevision = ", 1))
    write_revision(folder, "0004", "0003", EXTEND)
    await migrate(store_url, folder)
    for earlier in (old, between):
        with pytest.raises(FailedPrecondition, match="0004, which this version does not know") as caught:
            await migrate(store_url, earlier)
        assert caught.value.reason == "SCHEMA_UNSUPPORTED"


async def test_two_newest_revisions_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    write_revision(folder, "0002", None, CREATE)
    with pytest.raises(FailedPrecondition, match="exactly one newest revision"):
        await migrate(sqlite_url(tmp_path / "m.db"), folder)


async def test_an_up_to_date_start_does_not_import_alembic(tmp_path: Path) -> None:
    url, folder = sqlite_url(tmp_path / "m.db"), tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    await migrate(url, folder)
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom penstock_kit.database import migrate\n"
        "assert not asyncio.run(migrate(sys.argv[1], Path(sys.argv[2])))\n"
        "assert 'alembic' not in sys.modules\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, url, str(folder))
    assert await asyncio.wait_for(process.wait(), HANG_SECONDS) == 0


async def test_a_postgresql_that_is_not_there_holds_up_no_start_and_is_prepared_when_it_comes(
    postgres_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    proxy = FaultProxy(postgres_url)
    url = proxy.url
    database = open_database(url)
    pinged_before_the_end: list[bool] = []
    prepared = asyncio.Event()

    async def prepare() -> None:
        async with database.write() as connection:
            await connection.execute(sa.text("INSERT INTO device (id) VALUES (7)"))
        try:
            await database.ping()
            pinged_before_the_end.append(True)
        except Unavailable:
            prepared.set()

    async with asyncio.timeout(HANG_SECONDS), prepare_schema(database, url, folder, then=prepare) as is_there:
        assert not is_there
        with pytest.raises(Unavailable):
            await database.ping()
        with pytest.raises(Unavailable):
            async with database.read():
                pass
        await proxy.open()
        await prepared.wait()
        while True:
            try:
                await database.ping()
                break
            except Unavailable:
                await asyncio.sleep(0.01)
        assert await columns(url, "device") == {"id"}
    assert not pinged_before_the_end
    await database.close()
    await proxy.cut()


async def test_a_postgresql_that_takes_connections_and_says_nothing_holds_up_no_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    over = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    url = f"postgresql://penstock@127.0.0.1:{server.sockets[0].getsockname()[1]}/penstock"
    database = open_database(url)
    async with asyncio.timeout(HANG_SECONDS):
        async with prepare_schema(database, url, folder, then=database.ping, answer_seconds=0.05) as is_there:
            assert not is_there
            assert "does not answer within 0.05 s" in capsys.readouterr().out
    over.set()
    server.close()
    await server.wait_closed()
    await database.close()


async def test_a_store_that_is_there_is_prepared_before_the_start(store_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "demo_service" / "migrations"
    write_revision(folder, "0001", None, CREATE)
    database = open_database(store_url)
    async with prepare_schema(database, store_url, folder, then=database.ping) as is_there:
        assert is_there
        assert await columns(store_url, "device") == {"id"}
    await database.close()
