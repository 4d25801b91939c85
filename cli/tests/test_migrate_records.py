"""Records go from SQLite to PostgreSQL and back, whole and unchanged, wherever the move was interrupted."""

import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from penstock_cli.failure import CommandFailed
from penstock_cli.migrate.check import find_misfits
from penstock_cli.migrate.command import move_records
from penstock_cli.migrate.compare import TableComparison, compare_table
from penstock_cli.migrate.record_set import NAMES, RecordSet, load_record_set
from penstock_cli.migrate.report import Report
from penstock_cli.migrate.side import Move, open_source, open_target
from penstock_cli.migrate.store import batches
from penstock_kit.database import migrate, open_database, sqlite_url
from penstock_testkit.sample_rows import dump, insert, row_of

FillHome = Callable[..., Awaitable[list[RecordSet]]]


class Killed(BaseException):
    """Ends a move where a kill would: nothing catches it."""


class Steps:
    """Counts the steps of a move and ends it at the step `last`."""

    def __init__(self, last: int | None = None) -> None:
        self.count = 0
        self._last = last

    def step(self, what: str, rows: int = 0, of: int = 0) -> None:
        self.count += 1
        if self.count == self._last:
            raise Killed(what)


@pytest.fixture
async def sets(tmp_path: Path, fill_home: FillHome) -> list[RecordSet]:
    """The record sets of a home with rows in each table."""
    return await fill_home(tmp_path / "home")


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Any]:
    """A connection to look with."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


def forward(tmp_path: Path, url: str) -> Move:
    return Move(home=tmp_path / "home", url=url, back=False)


async def compared(move: Move, records: RecordSet) -> list[TableComparison]:
    async with open_source(move, records, alone=False) as source, open_target(move, records, alone=False) as target:
        return [await compare_table(source, target, table, range_rows=10) for table in records.tables]


async def test_every_table_of_every_service_arrives_whole_and_comes_back_the_same(
    tmp_path: Path, sets: list[RecordSet], postgres_url: str
) -> None:
    before = {records.file: dump(tmp_path / "home" / records.file, records.tables) for records in sets}
    move = forward(tmp_path, postgres_url)
    result = Report()
    for records in sets:
        await move_records(move, records, Steps(), result)
        for found in await compared(move, records):
            assert (found.agrees, found.source_rows, found.target_rows) == (True, 25, 25)
            assert found.ranges == 3
    assert result.differences == 0
    other = tmp_path / "other"
    other.mkdir()
    for records in sets:
        await move_records(Move(home=other, url=postgres_url, back=True), records, Steps(), result)
        assert dump(other / records.file, records.tables) == before[records.file]
    assert result.differences == 0
    assert sorted(path.name for path in other.iterdir()) == sorted(records.file for records in sets)


@pytest.mark.parametrize("name", NAMES)
async def test_a_move_that_is_killed_at_any_step_ends_the_same_when_it_is_run_again(
    tmp_path: Path, fill_home: FillHome, postgres_url: str, database: Any, name: str
) -> None:
    await fill_home(tmp_path / "home", rows=3)
    records, move = load_record_set(name), forward(tmp_path, postgres_url)
    whole = Steps()
    await move_records(move, records, whole, Report())
    assert whole.count >= 2 * len(records.tables)
    for last in range(1, whole.count + 1):
        await database.execute(f'DROP SCHEMA "{records.schema}" CASCADE')
        steps, result = Steps(last), Report()
        with pytest.raises(Killed):
            await move_records(move, records, steps, result)
        assert steps.count == last
        await move_records(move, records, Steps(), result)
        assert result.differences == 0
        assert all(found.agrees and found.target_rows == 3 for found in await compared(move, records))


async def test_the_way_back_that_is_killed_at_any_step_ends_the_same_when_it_is_run_again(
    tmp_path: Path, fill_home: FillHome, postgres_url: str
) -> None:
    await fill_home(tmp_path / "home", rows=3)
    records = load_record_set("chat-stream-service")
    await move_records(forward(tmp_path, postgres_url), records, Steps(), Report())
    before = dump(tmp_path / "home" / records.file, records.tables)
    whole = Steps()
    (tmp_path / "back-0").mkdir()
    await move_records(Move(home=tmp_path / "back-0", url=postgres_url, back=True), records, whole, Report())
    for last in range(1, whole.count + 1):
        home = tmp_path / f"back-{last}"
        home.mkdir()
        move = Move(home=home, url=postgres_url, back=True)
        with pytest.raises(Killed):
            await move_records(move, records, Steps(last), Report())
        assert not (home / records.file).exists()
        await move_records(move, records, Steps(), Report())
        assert dump(home / records.file, records.tables) == before


async def test_ids_go_on_after_the_highest_that_was_ever_given_on_both_ways(
    tmp_path: Path, sets: list[RecordSet], postgres_url: str, database: Any
) -> None:
    gateway, chat = sets[0], sets[2]
    with closing(sqlite3.connect(tmp_path / "home" / gateway.file)) as file, file:
        file.execute("DELETE FROM gateway_audit WHERE id > 20")  # 21 to 25 were given and must not come again
    for records in (gateway, chat):
        await move_records(forward(tmp_path, postgres_url), records, Steps(), Report())
    audit = await database.fetchval("SELECT nextval(pg_get_serial_sequence('gateway.gateway_audit', 'id'))")
    memory = await database.fetchval("SELECT nextval(pg_get_serial_sequence('chat_stream_service.memories', 'number'))")
    assert (audit, memory) == (26, 26)
    back = Move(home=tmp_path / "back", url=postgres_url, back=True)
    back.home.mkdir()
    for records in (gateway, chat):
        await move_records(back, records, Steps(), Report())
    with closing(sqlite3.connect(back.home / gateway.file)) as file:
        table = next(table for table in gateway.tables if table.name == "gateway_audit")
        insert(file, table, [[None, *row_of(table, 1)[1:]]])
        assert file.execute("SELECT max(id) FROM gateway_audit").fetchone() == (27,)


async def test_a_flipped_bit_a_microsecond_and_a_swapped_pair_are_found_and_named(
    tmp_path: Path, sets: list[RecordSet], postgres_url: str, database: Any
) -> None:
    llm, chat = sets[1], sets[2]
    move = forward(tmp_path, postgres_url)
    for records in (llm, chat):
        await move_records(move, records, Steps(), Report())
    picture = "UPDATE chat_stream_service.pictures SET data = set_byte(data, 7, get_byte(data, 7) # 1) WHERE id = $1"
    await database.execute(picture, "id-0003-ß")
    await database.execute("UPDATE llm_service.llm_ledger SET create_time = create_time + 1 WHERE id = 'id-0001-ß'")
    swap = (
        "UPDATE chat_stream_service.messages AS m SET content = o.content FROM chat_stream_service.messages AS o"
        " WHERE (m.id, o.id) IN (('id-0001-ß', 'id-0002-ß'), ('id-0002-ß', 'id-0001-ß'))"
    )
    await database.execute(swap)
    await database.execute("DELETE FROM llm_service.llm_price WHERE provider = 'provider-0009-ß'")
    await database.execute("INSERT INTO llm_service.llm_budget VALUES ('new', 't', 's', 's', 'day', 1)")
    found = {each.table: each for records in (llm, chat) for each in await compared(move, records)}
    wrong = {name: each.named for name, each in found.items() if not each.agrees}
    assert set(wrong) == {"pictures", "llm_ledger", "messages", "llm_price", "llm_budget"}
    assert len(wrong["pictures"]) == 1
    assert wrong["pictures"][0].startswith("pictures (id 'id-0003-ß'): data is ")
    assert wrong["llm_ledger"] == ["llm_ledger (id 'id-0001-ß'): create_time is 1 in the source and 2 in the target"]
    assert [line.partition(":")[0] for line in wrong["messages"]] == [
        "messages (id 'id-0001-ß')",
        "messages (id 'id-0002-ß')",
    ]
    assert wrong["llm_price"] == ["llm_price (provider 'provider-0009-ß', model 'model-0009-ß'): only in the source"]
    assert wrong["llm_budget"] == ["llm_budget (id 'new'): only in the target"]


async def test_rows_that_no_move_wrote_are_never_mixed_with_those_that_are_moved(
    tmp_path: Path, sets: list[RecordSet], postgres_url: str
) -> None:
    llm = sets[1]
    await migrate(postgres_url, llm.migrations, schema=llm.schema)
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("INSERT INTO llm_service.llm_budget VALUES ('new', 't', 's', 's', 'day', 1)")
    await connection.close()
    with pytest.raises(CommandFailed, match="has 1 rows in llm_budget that no move wrote"):
        await move_records(forward(tmp_path, postgres_url), llm, Steps(), Report())


async def test_a_file_that_another_process_has_open_is_not_moved(
    tmp_path: Path, sets: list[RecordSet], postgres_url: str
) -> None:
    chat = sets[2]
    serving = open_database(sqlite_url(tmp_path / "home" / chat.file))
    await serving.ping()
    with pytest.raises(CommandFailed, match=r"another process has .*chat\.db open: stop Penstock"):
        await move_records(forward(tmp_path, postgres_url), chat, Steps(), Report())
    await serving.close()
    await move_records(forward(tmp_path, postgres_url), chat, Steps(), Report())


async def test_a_service_that_serves_from_the_database_already_is_named(
    tmp_path: Path, sets: list[RecordSet], postgres_url: str
) -> None:
    chat = sets[2]
    serving = open_database(postgres_url, schema=chat.schema)
    await serving.ping()
    with pytest.raises(CommandFailed, match="1 connections of the service are open to postgresql://"):
        await move_records(forward(tmp_path, postgres_url), chat, Steps(), Report())
    await serving.close()


async def test_a_move_that_was_verified_is_compared_and_never_written_again(
    tmp_path: Path, sets: list[RecordSet], postgres_url: str, database: Any
) -> None:
    llm, result = sets[1], Report()
    await move_records(forward(tmp_path, postgres_url), llm, Steps(), result)
    await database.execute("DELETE FROM llm_service.llm_price WHERE provider = 'provider-0009-ß'")
    await move_records(forward(tmp_path, postgres_url), llm, Steps(), result)
    assert result.differences == 1


async def test_batches_are_bounded_in_rows_and_in_bytes() -> None:
    async def rows() -> AsyncGenerator[tuple[Any, ...]]:
        for number in range(7):
            yield (number, b"x" * (5 * 1024 * 1024 if number in {3, 4} else 1))

    assert [len(batch) async for batch in batches(rows(), 3)] == [3, 2, 2]


async def test_a_schema_of_a_newer_version_is_not_moved_though_it_serves_this_one(
    tmp_path: Path, sets: list[RecordSet], postgres_url: str
) -> None:
    llm = sets[1]
    with closing(sqlite3.connect(tmp_path / "home" / llm.file)) as file, file:
        file.execute("UPDATE llm_service_schema SET version_num = '0099'")
    with pytest.raises(CommandFailed, match=r"llm\.db has the schema 0099 of llm-service, this version has 0003"):
        await move_records(forward(tmp_path, postgres_url), llm, Steps(), Report())


async def test_a_number_that_is_none_does_not_go_back_and_a_negative_zero_does(
    tmp_path: Path, sets: list[RecordSet], postgres_url: str, database: Any
) -> None:
    llm = sets[1]
    await move_records(forward(tmp_path, postgres_url), llm, Steps(), Report())
    await database.execute("UPDATE llm_service.llm_ledger SET duration = '-0.0' WHERE id = 'id-0001-ß'")
    await database.execute("UPDATE llm_service.llm_ledger SET duration = 'NaN' WHERE id = 'id-0002-ß'")
    back = Move(home=tmp_path / "back", url=postgres_url, back=True)
    back.home.mkdir()
    async with open_source(back, llm, alone=True) as source:
        found = [str(each) async for each in find_misfits(source, llm.tables, into_sqlite=True)]
    assert found == [
        "llm_ledger (id 'id-0002-ß'): duration is not a number (NaN), which SQLite keeps as missing",
    ]
    await database.execute("UPDATE llm_service.llm_ledger SET duration = 1.5 WHERE id = 'id-0002-ß'")
    result = Report()
    await move_records(back, llm, Steps(), result)
    assert result.differences == 0
