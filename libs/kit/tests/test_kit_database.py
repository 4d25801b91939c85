import asyncio
import io
import logging
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from penstock_kit.database import Database, RowsMissing, WriteStep, open_database, sqlite_url
from penstock_kit.errors import FailedPrecondition, InvalidArgument, Unavailable
from penstock_kit.logging import configure_logging
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS

metadata = sa.MetaData()
note = sa.Table(
    "note", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("body", sa.Text, unique=True)
)

flag = sa.Table("flag", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("set", sa.Boolean))


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    opened = open_database(store_url)
    async with opened.write() as connection:
        await connection.run_sync(metadata.create_all)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(sqlite_url(tmp_path / "demo.db"))
    async with opened.write() as connection:
        await connection.run_sync(metadata.create_all)
    yield opened
    await opened.close()


async def add(database: Database, body: str) -> None:
    async with database.write() as connection:
        await connection.execute(note.insert().values(body=body))


async def bodies(database: Database) -> list[str]:
    async with database.read() as connection:
        return list(await connection.scalars(sa.select(note.c.body).order_by(note.c.id)))


async def test_what_was_written_is_read(database: Database) -> None:
    await add(database, "一")
    await add(database, "two")
    assert await bodies(database) == ["一", "two"]


async def test_an_exception_in_the_block_rolls_everything_back(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.write() as connection:
            await connection.execute(note.insert().values(body="lost"))
            raise ZeroDivisionError
    assert await bodies(database) == []


async def test_a_cancelled_writer_rolls_back_and_frees_its_place(database: Database) -> None:
    inside = asyncio.Event()

    async def write_and_wait() -> None:
        async with database.write() as connection:
            await connection.execute(note.insert().values(body="lost"))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(write_and_wait())
    await asyncio.wait_for(inside.wait(), HANG_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(add(database, "kept"), HANG_SECONDS)
    assert await bodies(database) == ["kept"]


async def test_a_broken_constraint_is_the_callers_to_catch(database: Database) -> None:
    await add(database, "once")
    with pytest.raises(IntegrityError):
        await add(database, "once")


ADD_NOTE = sa.insert(note)
ADD_FLAG = sa.insert(flag)
RENAME = sa.update(note).where(note.c.body == sa.bindparam("old")).values(body=sa.bindparam("new"))


def added(*texts: str) -> WriteStep:
    return WriteStep(statement=ADD_NOTE, rows=[{"body": text} for text in texts])


async def test_several_statements_with_many_rows_are_one_transaction(database: Database) -> None:
    renamed = WriteStep(statement=RENAME, rows=[{"old": "a", "new": "A"}, {"old": "b", "new": "二"}], changes=2)
    await database.execute_all([added("a", "b", "c"), renamed, added()])
    assert sorted(await bodies(database)) == ["A", "c", "二"]
    with pytest.raises(IntegrityError):
        await database.execute_all([added("d"), added("c")])
    assert "d" not in await bodies(database)
    await add(database, "the next one has its place")


async def test_a_transaction_is_undone_when_a_step_does_not_change_the_rows_it_should(database: Database) -> None:
    renamed = WriteStep(statement=RENAME, rows=[{"old": "a", "new": "A"}, {"old": "gone", "new": "B"}], changes=2)
    with pytest.raises(RowsMissing):
        await database.execute_all([added("a"), renamed])
    assert await bodies(database) == []
    await database.execute_all([added("a")])
    assert await bodies(database) == ["a"]


async def test_values_are_kept_as_a_block_of_writing_keeps_them(database: Database) -> None:
    await database.execute_all([WriteStep(statement=ADD_FLAG, rows=[{"id": 1, "set": True}, {"id": 2, "set": None}])])
    async with database.write() as connection:
        await connection.execute(ADD_FLAG, [{"id": 3, "set": True}])
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(flag).order_by(flag.c.id))).all()
    assert [tuple(row) for row in rows] == [(1, True), (2, None), (3, True)]
    for wrong in ({"id": 2**70}, {"body": "half a \ud800"}):
        with pytest.raises(InvalidArgument, match="cannot be kept"):
            await database.execute_all([added("x"), WriteStep(statement=ADD_NOTE, rows=[wrong])])
    assert await bodies(database) == []


async def test_transactions_of_both_kinds_at_once_lose_nothing(database: Database) -> None:
    names = [f"n{number}" for number in range(40)]
    both = (
        add(database, name) if place % 2 else database.execute_all([added(name)]) for place, name in enumerate(names)
    )
    await asyncio.gather(*both)
    assert sorted(await bodies(database)) == sorted(names)


async def test_a_caller_who_leaves_a_transaction_leaves_it_whole_and_its_place_free(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(ADD_NOTE, [{"body": "first"}])
        waiting = asyncio.ensure_future(database.execute_all([added("a", "b")]))
        await asyncio.sleep(0)
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    for number in range(20):
        leaving = asyncio.ensure_future(database.execute_all([added(f"{number}a", f"{number}b")]))
        for _ in range(number):
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
    await asyncio.wait_for(add(database, "last"), HANG_SECONDS)
    kept = set(await bodies(database))
    assert {"first", "last"} <= kept
    assert all((f"{number}a" in kept) == (f"{number}b" in kept) for number in range(20))


async def test_a_full_disk_undoes_a_whole_transaction(sqlite: Database) -> None:
    async with sqlite.write() as connection:
        pages = await connection.scalar(sa.text("PRAGMA page_count"))
        await connection.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(Unavailable, match=r"demo\.db cannot be used: the disk is full"):
        await sqlite.execute_all([added("small"), added("x" * 100_000)])
    assert await bodies(sqlite) == []


async def test_a_wrong_statement_stays_a_defect(database: Database) -> None:
    with pytest.raises(DBAPIError):
        async with database.read() as connection:
            await connection.execute(sa.text("SELECT * FROM no_such_table"))


async def test_writers_at_the_same_time_lose_nothing(database: Database) -> None:
    async def bump(n: int) -> None:
        async with database.write() as connection:
            found = await connection.scalar(sa.select(sa.func.count()).select_from(note))
            await connection.execute(note.insert().values(body=f"{n}:{found}"))

    await asyncio.gather(*(bump(n) for n in range(100)))
    assert len(await bodies(database)) == 100


async def test_maintenance_runs_beside_open_connections(database: Database) -> None:
    await add(database, "a")
    await database.ping()
    await database.maintain()
    await add(database, "b")
    assert await bodies(database) == ["a", "b"]


NEWEST = (
    sa.select(note.c.id, note.c.body, flag.c.id, flag.c.set)
    .select_from(sa.outerjoin(note, flag, note.c.id == flag.c.id))
    .where(note.c.body != sa.bindparam("without", type_=sa.String))
    .order_by(note.c.id.desc())
    .limit(sa.bindparam("most", type_=sa.Integer))
)


async def test_rows_are_those_of_a_reading_block(database: Database) -> None:
    for body in ("a", "二", "c"):
        await add(database, body)
    async with database.write() as connection:
        await connection.execute(flag.insert().values([{"id": 1, "set": True}, {"id": 2, "set": False}]))
    wanted = {"without": "c", "most": 5}
    async with database.read() as connection:
        read = [tuple(row) for row in await connection.execute(NEWEST, wanted)]
    for _ in range(2):
        rows = await database.rows(NEWEST, wanted)
        assert rows == read == [(2, "二", 2, False), (1, "a", 1, True)]
        assert [type(row[3]) for row in rows] == [bool, bool]
    assert await database.rows(NEWEST, {"without": "", "most": 1}) == [(3, "c", None, None)]
    assert await database.rows(sa.text("SELECT body FROM note WHERE id = :id"), {"id": 1}) == [("a",)]


async def test_rows_see_what_was_committed_before_them(database: Database) -> None:
    for number in range(1, 20):
        await add(database, str(number))
        assert len(await database.rows(NEWEST, {"without": "", "most": 100})) == number


async def test_many_rows_at_once_wait_for_a_connection(database: Database) -> None:
    await add(database, "a")
    asked = [database.rows(NEWEST, {"without": "", "most": 1}) for _ in range(50)]
    assert await asyncio.gather(*asked) == [[(1, "a", None, None)]] * 50


async def test_a_cancelled_read_leaves_its_connection_usable(database: Database) -> None:
    await add(database, "a")
    for turns in range(12):
        reading = [asyncio.ensure_future(database.rows(NEWEST, {"without": "", "most": 1})) for _ in range(8)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    assert await database.rows(NEWEST, {"without": "", "most": 1}) == [(1, "a", None, None)]


async def test_rows_never_write(sqlite: Database) -> None:
    with pytest.raises(Unavailable, match="read-only"):
        await sqlite.rows(sa.text("DELETE FROM note WHERE id = :id"), {"id": 1})
    assert await sqlite.rows(NEWEST, {"without": "", "most": 1}) == []


async def test_rows_of_a_damaged_file_say_so(tmp_path: Path) -> None:
    path = tmp_path / "demo.db"
    path.write_bytes(b"no database at all, but long enough to be read as one" * 100)
    opened = open_database(sqlite_url(path))
    with pytest.raises(Unavailable, match="not a SQLite database"):
        await opened.rows(NEWEST, {"without": "", "most": 1})
    await opened.close()


async def test_readers_go_on_while_a_writer_is_in_its_transaction(sqlite: Database) -> None:
    await add(sqlite, "before")
    async with sqlite.write() as connection:
        await connection.execute(note.insert().values(body="uncommitted"))
        seen = await asyncio.wait_for(asyncio.gather(*(bodies(sqlite) for _ in range(20))), HANG_SECONDS)
    assert seen == [["before"]] * 20
    assert await bodies(sqlite) == ["before", "uncommitted"]


async def test_sqlite_is_tuned_as_documented(sqlite: Database) -> None:
    expected = {
        "journal_mode": "wal",
        "synchronous": 1,
        "busy_timeout": 5000,
        "temp_store": 2,
        "foreign_keys": 1,
        "cache_size": -8192,
        "mmap_size": 128 * 1024 * 1024,
    }
    for opened in (sqlite.read, sqlite.write):
        async with opened() as connection:
            for pragma, value in expected.items():
                assert await connection.scalar(sa.text(f"PRAGMA {pragma}")) == value, pragma


async def test_another_process_writing_at_the_same_time_loses_nothing(sqlite: Database, tmp_path: Path) -> None:
    code = (
        "import sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], timeout=240, isolation_level=None)\n"
        "for n in range(200):\n"
        "    db.execute('INSERT INTO note (body) VALUES (?)', (f'other {n}',))\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(tmp_path / "demo.db"))
    await asyncio.gather(*(add(sqlite, f"own {n}") for n in range(200)))
    assert await asyncio.wait_for(process.wait(), HANG_SECONDS) == 0
    assert len(await bodies(sqlite)) == 400


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
async def test_opening_a_new_file_waits_for_another_that_prepares_it(tmp_path: Path, lock: str) -> None:
    other = sqlite3.connect(tmp_path / "demo.db", isolation_level=None)
    other.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
    other.execute(lock)  # what switching to WAL takes; SQLite itself waits for the second alone
    database = open_database(sqlite_url(tmp_path / "demo.db"))
    opening = [asyncio.ensure_future(bodies(database)), asyncio.ensure_future(database.rows(sa.select(note), {}))]
    done, _ = await asyncio.wait(opening, timeout=0.3)
    assert not done
    other.execute("COMMIT")
    other.close()
    assert await asyncio.wait_for(asyncio.gather(*opening), HANG_SECONDS) == [[], []]
    await database.close()


async def test_opening_a_file_that_stays_locked_fails_in_time(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "demo.db", isolation_level=None)
    other.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
    other.execute("BEGIN IMMEDIATE")
    database = open_database(sqlite_url(tmp_path / "demo.db"), lock_seconds=0.1)
    with pytest.raises(Unavailable, match="another process holds its write lock"):
        await asyncio.wait_for(database.ping(), HANG_SECONDS)
    await database.close()
    other.close()


async def test_reading_connections_cannot_write(sqlite: Database) -> None:
    with pytest.raises(Unavailable):
        async with sqlite.read() as connection:
            await connection.execute(note.insert().values(body="x"))


async def test_maintenance_gives_space_back(sqlite: Database) -> None:
    async with sqlite.write() as connection:
        await connection.execute(note.insert(), [{"body": f"{n}" + "x" * 4000} for n in range(500)])
    async with sqlite.write() as connection:
        await connection.execute(note.delete())
    done = await sqlite.maintain()
    assert done.bytes_before > 2_000_000
    assert done.bytes_after < 100_000


@pytest.mark.parametrize("values", [{"id": 2**70}, {"body": "half a \ud800"}])
async def test_a_value_that_no_column_holds_is_the_callers_error(database: Database, values: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument, match="cannot be kept") as caught:
        async with database.write() as connection:
            await connection.execute(note.insert().values(**values))
    assert caught.value.reason == "VALUE_INVALID"
    with pytest.raises(InvalidArgument, match="cannot be kept"):
        async with database.read() as connection:
            await connection.execute(
                sa.select(note.c.id).where(*(note.c[name] == value for name, value in values.items()))
            )
    assert await bodies(database) == []


async def test_a_nul_is_kept_or_the_callers_error(database: Database) -> None:
    try:
        await add(database, "with a \x00")
    except InvalidArgument as error:
        assert (database.is_sqlite, error.reason) == (False, "VALUE_INVALID")
        return
    assert await bodies(database) == ["with a \x00"]


async def test_a_full_disk_refuses_writes_clearly_and_reads_go_on(sqlite: Database) -> None:
    await add(sqlite, "kept")
    async with sqlite.write() as connection:
        pages = await connection.scalar(sa.text("PRAGMA page_count"))
        await connection.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(Unavailable, match=r"demo\.db cannot be used: the disk is full") as caught:
        await add(sqlite, "x" * 100_000)
    assert caught.value.reason == "STORAGE_UNAVAILABLE"
    assert await bodies(sqlite) == ["kept"]


async def test_a_damaged_file_is_unavailable_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"this is not a database" * 1000)
    database = open_database(sqlite_url(tmp_path / "bad.db"))
    with pytest.raises(Unavailable, match="not a SQLite database"):
        await database.ping()
    await database.close()


async def test_an_absent_postgresql_is_unavailable_without_its_password() -> None:
    database = open_database(f"postgresql://u:s3cret-pw@127.0.0.1:{free_port()}/penstock", reconnect_seconds=0)
    with pytest.raises(Unavailable, match="penstock on PostgreSQL") as caught:
        await database.ping()
    assert "s3cret-pw" not in str(caught.value)
    await database.close()


@pytest.mark.parametrize("url", ["mysql://u:p@h/d", "sqlite://", "sqlite:///:memory:", "nonsense", ""])
def test_a_url_of_another_kind_says_what_would_be_right(url: str) -> None:
    with pytest.raises(InvalidArgument, match="sqlite:///path/to/file") as caught:
        open_database(url)
    assert caught.value.reason == "DATABASE_URL_INVALID"
    assert ":p@" not in caught.value.message


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FailedPrecondition, match="PENSTOCK_HOME") as caught:
        open_database(sqlite_url(tmp_path / "file" / "llm.db"))
    assert caught.value.reason == "HOME_INVALID"


async def test_at_debug_neither_logs_nor_errors_hold_the_values_of_statements(
    tmp_path: Path, log_stream: io.StringIO
) -> None:
    configure_logging("gateway", "debug", stream=log_stream)
    logging.getLogger("some.library").debug("debug is on")
    database = open_database(sqlite_url(tmp_path / "some.db"), readers=1)
    insert = sa.text("INSERT INTO t (id, word) VALUES (:id, :word)")
    async with database.write() as connection:
        await connection.execute(sa.text("CREATE TABLE t (id TEXT PRIMARY KEY, word TEXT)"))
        await connection.execute(insert, {"id": "a", "word": "planted-value"})
    async with database.read() as connection:
        found = await connection.execute(sa.text("SELECT word FROM t WHERE word = :word"), {"word": "planted-value"})
        assert found.scalar_one() == "planted-value"
    with pytest.raises(IntegrityError) as caught:
        async with database.write() as connection:
            await connection.execute(insert, {"id": "a", "word": "planted-value"})
    await database.close()
    assert "debug is on" in log_stream.getvalue()
    assert "planted-value" not in log_stream.getvalue()
    assert "planted-value" not in str(caught.value)
