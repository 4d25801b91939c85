"""``penstock admin reset``: a new password and key for the administrator, for whoever may write the home."""

import asyncio
import sys

from penstock_cli.command_name import command_name
from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_cli.unfinished import require_whole


def reset(settings: CliSettings, *, user: str) -> int:
    """Replace password and key in the database and in the home's files; works while Penstock runs, and without it."""
    from penstock_kit.errors import PenstockError

    require_whole(settings.home)
    try:
        ended = asyncio.run(_reset(user))
    except PenstockError as error:
        raise CommandFailed(error.message) from None
    home = settings.home
    files = f"password, in {home / 'admin.password'}, and a new API key, in {home / 'admin.key'}"
    keys = " The key of the first start counts no more." if ended else ""
    sys.stdout.write(f"{user} has a new {files}.{keys}\n")
    return 0


async def _reset(username: str) -> int:
    from gateway.auth.admin_reset import reset_admin
    from gateway.auth.password import Passwords
    from gateway.auth.sql_store import SqlIdentityStore
    from gateway.main import MIGRATIONS
    from gateway.settings import SCHEMA, GatewaySettings
    from penstock_kit.clock import SystemClock
    from penstock_kit.database import migrate, open_database
    from penstock_kit.home import ensure_home
    from penstock_kit.settings import load

    wanted = load(GatewaySettings)
    if not wanted.named_database_url and not (wanted.home / "gateway.db").exists():
        raise CommandFailed(f"there is no administrator in {wanted.home} yet: `{command_name()} up` makes one")
    home = ensure_home(wanted.home)
    await migrate(wanted.store_url(), MIGRATIONS, schema=SCHEMA)
    database = open_database(wanted.store_url(), readers=1, schema=SCHEMA)
    try:
        return await reset_admin(
            store=SqlIdentityStore(database), passwords=Passwords(), clock=SystemClock(), home=home, username=username
        )
    finally:
        await database.close()
