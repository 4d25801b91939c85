"""One schema a service on PostgreSQL; what an earlier version made stays where it is until it is moved."""

from pathlib import Path

import sqlalchemy as sa

from penstock_kit.database import Database, migrate, open_database

ENVIRONMENT = (
    "from sqlalchemy import MetaData\nfrom penstock_kit.database import run_migrations\n\nrun_migrations(MetaData())\n"
)
REVISION = '''"""Revision {revision}."""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down}

def upgrade() -> None:
    op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True))
'''


def write_revision(folder: Path, revision: str, down: str | None, table: str) -> Path:
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    (folder / "env.py").write_text(ENVIRONMENT)
    text = REVISION.format(revision=revision, down=repr(down).replace("'", '"'), table=table)
    (folder / "versions" / f"{revision}.py").write_text(text)
    return folder


async def ask(database: Database, sql: str) -> list[str]:
    async with database.read() as connection:
        return [str(row[0]) for row in await connection.execute(sa.text(sql))]


TABLES = (
    "SELECT table_schema || '.' || table_name FROM information_schema.tables"
    " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
)


async def test_tables_of_two_services_with_one_name_lie_in_a_schema_each(postgres_url: str, tmp_path: Path) -> None:
    for service in ("one", "two"):
        folder = write_revision(tmp_path / service / "migrations", "0001", None, "messages")
        assert await migrate(postgres_url, folder, schema=service)
        assert not await migrate(postgres_url, folder, schema=service)
    one = open_database(postgres_url, schema="one")
    async with one.write() as connection:
        await connection.execute(sa.text("INSERT INTO messages VALUES (1)"))
    assert await ask(one, TABLES) == [
        *("one.messages", "one.one_compatible", "one.one_schema"),
        *("two.messages", "two.two_compatible", "two.two_schema"),
    ]
    assert await ask(one, "SELECT count(*) FROM messages") == ["1"]
    assert await ask(one, "SELECT count(*) FROM two.messages") == ["0"]
    await one.close()


async def test_tables_of_an_earlier_version_are_found_and_extended_where_they_are(
    postgres_url: str, tmp_path: Path
) -> None:
    folder = write_revision(tmp_path / "one" / "migrations", "0001", None, "messages")
    await migrate(postgres_url, folder)
    write_revision(folder, "0002", "0001", "pictures")
    assert await migrate(postgres_url, folder, schema="one")
    database = open_database(postgres_url, schema="one")
    assert await ask(database, TABLES) == [
        *("public.messages", "public.one_compatible", "public.one_schema", "public.pictures")
    ]
    assert await ask(database, "SELECT count(*) FROM pictures") == ["0"]
    await database.close()


async def test_a_user_who_may_make_no_schema_has_the_tables_in_the_default_one(
    postgres_url: str, tmp_path: Path
) -> None:
    owner = open_database(postgres_url)
    async with owner.write() as connection:
        for statement in (
            "DROP ROLE IF EXISTS confined",
            "CREATE ROLE confined LOGIN PASSWORD 'confined'",
            "GRANT CREATE ON SCHEMA public TO confined",
        ):
            await connection.execute(sa.text(statement))
    url = f"postgresql://confined:confined@{postgres_url.rpartition('@')[2]}"
    folder = write_revision(tmp_path / "one" / "migrations", "0001", None, "messages")
    assert await migrate(url, folder, schema="one")
    assert await ask(owner, TABLES) == ["public.messages", "public.one_compatible", "public.one_schema"]
    async with owner.write() as connection:
        await connection.execute(sa.text("DROP OWNED BY confined"))
        await connection.execute(sa.text("DROP ROLE confined"))
    await owner.close()
