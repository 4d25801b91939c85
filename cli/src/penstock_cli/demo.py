"""``penstock demo``: loads the welding shop into the feature-service's stores."""

import asyncio
import sys
import time

from penstock_cli.command_name import command_name
from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import Home
from penstock_cli.unfinished import require_whole


def demo(settings: CliSettings) -> int:
    """Load what the demo lacks; a home with devices of its own is left alone."""
    home = Home(settings.home)
    home.prepare()
    if home.locked:
        message = f"Penstock runs on {settings.home} and holds its stores; it loads the demo at its start (DEMO_DATA)"
        raise CommandFailed(f"{message}. Stop it first: `{command_name()} down`")
    require_whole(home.path)
    rows = asyncio.run(_load())
    if rows is None:
        sys.stdout.write("nothing to load: the demo is up to date, or this home has devices of its own\n")
    else:
        sys.stdout.write(f"loaded {rows} readings of four welding machines (WLD001 … WLD004)\n")
    return 0


async def _load() -> int | None:
    from importlib.resources import files
    from pathlib import Path

    from feature_service.adapters.metadata.sql_store import SqlMetadataStore
    from feature_service.adapters.telemetry_url import open_telemetry
    from feature_service.demo.load import load_demo, register_demo
    from feature_service.demo.plan import plan_demo
    from feature_service.domain.registry.device_registry import DeviceRegistry
    from feature_service.settings import SCHEMA, FeatureSettings
    from penstock_kit.clock import SystemClock
    from penstock_kit.database import migrate, open_database
    from penstock_kit.errors import PenstockError
    from penstock_kit.settings import load

    wanted = load(FeatureSettings)
    await migrate(wanted.records_url, Path(str(files("feature_service") / "migrations")), schema=SCHEMA)
    database = open_database(wanted.records_url, schema=SCHEMA)
    telemetry = open_telemetry(wanted.rows_url, memory_mb=wanted.telemetry_memory_mb)
    metadata = SqlMetadataStore(database)
    try:
        plan = await plan_demo(metadata, int(time.time()))
        if plan is None:
            return None
        await register_demo(DeviceRegistry(metadata=metadata, telemetry=telemetry, clock=SystemClock()))
        return await load_demo(plan, metadata=metadata, telemetry=telemetry)
    except PenstockError as error:
        raise CommandFailed(error.message) from None
    finally:
        await telemetry.close()
        await database.close()
