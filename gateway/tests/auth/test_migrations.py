"""What becomes of an installation from before there were operators."""

import shutil
from dataclasses import replace

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from gateway.auth.bootstrap import FIRST_KEY
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.table import metadata
from gateway.main import MIGRATIONS
from penstock_kit.database import migrate, open_database, sqlite_url
from penstock_kit.database.migrate import version_table

BEFORE = "admin,chat,costs,models,telemetry:read,telemetry:write"


@pytest.fixture
async def database(tmp_path):
    """A store of the first revision, opened."""
    old = tmp_path / "gateway" / "migrations"
    (old / "versions").mkdir(parents=True)
    shutil.copy(MIGRATIONS / "env.py", old)
    shutil.copy(MIGRATIONS / "versions" / "0001_identity.py", old / "versions")
    await migrate(sqlite_url(tmp_path / "gateway.db"), old)
    database = open_database(sqlite_url(tmp_path / "gateway.db"), readers=1)
    yield database
    await database.close()


async def add_user(database, name, create_time, *, tenant="default", scopes=BEFORE):
    row = {
        "id": f"user_{name}" if tenant != "other" else "user_other",
        "tenant_id": tenant,
        "username": name,
        "password_hash": "",
        "scopes": scopes,
    }
    columns = ", ".join([*row, "active", "create_time"])
    values = ", ".join([*(f":{name}" for name in row), "1", str(create_time)])
    async with database.write() as connection:
        await connection.execute(text(f"INSERT INTO gateway_users ({columns}) VALUES ({values})"), row)


async def add_key(database, key_id, user_id, name):
    keys = metadata.tables["gateway_api_keys"]
    row = {
        "id": key_id, "tenant_id": "default", "user_id": user_id, "name": name, "prefix": key_id, "digest": "d",
        "previous_digest": "", "scopes": BEFORE, "create_time": 1,
    }  # fmt: skip
    async with database.write() as connection:
        await connection.execute(insert(keys).values(row))


async def operators(database, tmp_path):
    """Migrate; return the users and keys that are an operator's by then."""
    assert await migrate(sqlite_url(tmp_path / "gateway.db"), MIGRATIONS)
    store = SqlIdentityStore(database)
    users = [user for tenant in ("default", "acme") for user in await store.users(tenant)]
    assert {user.session_epoch for user in users} == {0}
    keys = await store.keys("default")
    return [each.id for each in (*users, *keys) if "operator" in each.scopes]


async def test_whom_the_first_start_made_becomes_the_operator_and_nobody_else(database, tmp_path):
    await add_user(database, "cleo", 5, tenant="acme")
    await add_user(database, "amy", 20)
    await add_user(database, "admin", 10)
    await add_user(database, "bob", 11, scopes="chat")
    await add_key(database, "key_first", "user_admin", FIRST_KEY)
    await add_key(database, "key_app", "user_admin", "for an application")
    await add_key(database, "key_amy", "user_amy", FIRST_KEY)
    assert await operators(database, tmp_path) == ["user_admin", "key_first"]


async def test_where_the_first_administrator_is_gone_the_oldest_one_left_follows(database, tmp_path):
    await add_user(database, "bob", 10, scopes="chat")
    await add_user(database, "zoe", 11)
    await add_user(database, "amy", 12)
    assert await operators(database, tmp_path) == ["user_zoe"]


async def test_users_keys_and_tokens_of_an_older_installation_stay_and_names_become_their_tenants(database, tmp_path):
    await add_user(database, "ann", 5, tenant="acme")
    await add_key(database, "key_1", "user_ann", FIRST_KEY)
    token = {"digest": "d", "family_id": "f", "user_id": "user_ann", "create_time": 1, "expire_time": 2, "used": False}
    async with database.write() as connection:
        columns, values = ", ".join(token), ", ".join(f":{name}" for name in token)
        await connection.execute(text(f"INSERT INTO gateway_refresh_tokens ({columns}) VALUES ({values})"), token)
    assert await migrate(sqlite_url(tmp_path / "gateway.db"), MIGRATIONS)
    store = SqlIdentityStore(database)
    ann = await store.user("user_ann")
    assert ann is not None
    assert (ann.username, ann.tenant_id) == ("ann", "acme")
    assert [key.id for key in await store.keys("default")] == ["key_1"]
    assert (await store.token("d")) is not None
    assert await store.add_user(replace(ann, id="user_2", tenant_id="other"))
    assert not await store.add_user(replace(ann, id="user_3"))
    assert await store.delete_user("acme", "user_ann")
    assert (await store.keys("default"), await store.token("d")) == ([], None)


async def test_the_way_back_to_names_over_all_tenants_keeps_everything(database, tmp_path):
    await add_user(database, "ann", 5, tenant="acme")
    await add_key(database, "key_1", "user_ann", FIRST_KEY)
    assert await migrate(sqlite_url(tmp_path / "gateway.db"), MIGRATIONS)
    async with database.write() as connection:
        await connection.run_sync(downgrade_to_names_over_all)
    with pytest.raises(IntegrityError):
        await add_user(database, "ann", 6, tenant="other")
    assert [key.id for key in await SqlIdentityStore(database).keys("default")] == ["key_1"]


def downgrade_to_names_over_all(connection):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes |= {"connection": connection, "version_table": version_table(MIGRATIONS)}
    command.downgrade(config, "0004")
