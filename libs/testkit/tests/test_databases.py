"""The databases of services that tests are given."""

import sqlite3
from pathlib import Path

import pytest

from gateway.main import MIGRATIONS
from penstock_kit.database import migrate, sqlite_url
from penstock_testkit.databases import lay_out


def schema(file: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(file) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


async def test_a_copied_database_is_a_migrated_one_and_every_test_has_its_own(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("migrated.db", "first.db", "second.db")]
    assert await migrate(sqlite_url(files[0]), MIGRATIONS)
    for file in files[1:]:
        await lay_out(sqlite_url(file), MIGRATIONS)
        assert schema(file) == schema(files[0]) != []
        assert not await migrate(sqlite_url(file), MIGRATIONS), "nothing is left to do"
        with sqlite3.connect(file) as connection:
            connection.execute("DELETE FROM gateway_schema")


async def test_a_database_that_is_there_keeps_what_it_holds(tmp_path: Path, postgres_url: str) -> None:
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.execute("CREATE TABLE mine (id INTEGER)")
    await lay_out(sqlite_url(tmp_path / "old.db"), MIGRATIONS)
    assert {"mine", "gateway_schema"} <= {name for name, _ in schema(tmp_path / "old.db")}
    await lay_out(postgres_url, MIGRATIONS)
    assert not await migrate(postgres_url, MIGRATIONS), "on PostgreSQL it is migrated"


@pytest.mark.parametrize("folder", ["new", "new/deeper"])
async def test_the_folder_of_a_database_is_made(tmp_path: Path, folder: str) -> None:
    await lay_out(sqlite_url(tmp_path / folder / "x.db"), MIGRATIONS)
    assert schema(tmp_path / folder / "x.db")
