"""A schema that the next version extends while this one asks: the plans it has prepared stay good."""

import sqlalchemy as sa

from penstock_kit.database import open_database

metadata = sa.MetaData()
note = sa.Table(
    "note",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("body", sa.Text),
)
EVERY = sa.select(note).order_by(note.c.id)
EXTENDED = (
    "ALTER TABLE note ADD COLUMN tenant_id text NOT NULL DEFAULT 'default'",
    "CREATE INDEX note_tenant ON note (tenant_id)",
    "ALTER TABLE note ADD CONSTRAINT short CHECK (length(body) < 100)",
)


async def test_statements_that_were_prepared_before_a_table_was_extended_go_on(postgres_url: str) -> None:
    older, newer = open_database(postgres_url), open_database(postgres_url)
    async with newer.write() as connection:
        await connection.run_sync(metadata.create_all)

    async def add_and_read(body: str) -> list[str]:
        async with older.write() as connection:
            await connection.execute(note.insert().values(body=body))
            # Within a transaction nothing could be asked once more.
            inside = [row.body for row in await connection.execute(EVERY)]
        assert [body for _, body in await older.rows(EVERY, {})] == inside
        return inside

    # Enough that the server has a plan for each and makes it anew no more.
    wanted = [f"before {number}" for number in range(10)]
    for body in wanted:
        await add_and_read(body)
    for change in EXTENDED:
        async with newer.write() as connection:
            await connection.execute(sa.text(change))
        wanted.append(change)
        assert await add_and_read(change) == wanted
    for database in (older, newer):
        await database.close()
