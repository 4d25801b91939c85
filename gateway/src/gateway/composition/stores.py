"""The identity store of the gateway: in its home, or in the database that all gateways share."""

from dataclasses import dataclass

from gateway.auth.sql_store import SqlIdentityStore
from gateway.settings import GatewaySettings
from penstock_kit.database import Database, open_database


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The database, and the users, API keys and refresh tokens in it."""

    database: Database
    identities: SqlIdentityStore


def open_stores(settings: GatewaySettings) -> Stores:
    """Return the stores that the settings name; the database connects on first use and is the caller's to close."""
    database = open_database(settings.store_url(), readers=2)
    return Stores(database=database, identities=SqlIdentityStore(database))
