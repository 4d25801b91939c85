"""The identity store of the gateway: in its home, or in the database that all gateways share."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gateway.auth.bootstrap import FirstAdmin, ensure_admin
from gateway.auth.password import Passwords
from gateway.auth.sql_store import SqlIdentityStore
from gateway.settings import SCHEMA, GatewaySettings
from penstock_kit.clock import Clock
from penstock_kit.database import Database, open_database, prepare_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The database, and the users, API keys and refresh tokens in it."""

    database: Database
    identities: SqlIdentityStore


@asynccontextmanager
async def open_stores(settings: GatewaySettings) -> AsyncGenerator[Stores]:
    """Give the stores that the settings name; they connect on first use and are closed at the end of the block."""
    database = open_database(settings.store_url(), readers=2, schema=SCHEMA)
    try:
        yield Stores(database=database, identities=SqlIdentityStore(database))
    finally:
        await database.close()


@asynccontextmanager
async def prepare_stores(
    settings: GatewaySettings, stores: Stores, migrations: Path, *, passwords: Passwords, clock: Clock, home: Path
) -> AsyncGenerator[None]:
    """Bring the schema up to date and make the first administrator before the block, or once the database answers."""
    admit = partial(
        ensure_admin,
        store=stores.identities,
        passwords=passwords,
        clock=clock,
        home=home,
        chosen=FirstAdmin(
            password=settings.admin_password.get_secret_value(), key=settings.admin_key.get_secret_value()
        ),
        shared=bool(settings.named_database_url),
    )
    async with prepare_schema(stores.database, settings.store_url(), migrations, then=admit):
        yield
