"""``python -m feature_service.demo``: bring the demo up to date and exit.

The service runs this beside itself at start, so that NumPy and DuckDB come and go with this process.
"""

import asyncio
import time

from feature_service.adapters.metadata.sql_store import SqlMetadataStore
from feature_service.adapters.telemetry_url import open_telemetry
from feature_service.demo.load import load_demo
from feature_service.demo.plan import plan_demo
from feature_service.settings import SCHEMA, FeatureSettings
from penstock_kit.database import open_database
from penstock_kit.logging import configure_logging, get_logger
from penstock_kit.settings import load


async def main(settings: FeatureSettings) -> None:
    """Load the readings that the registered demo devices lack."""
    configure_logging("feature-demo", settings.log_level, settings.log_format)
    database = open_database(settings.records_url, schema=SCHEMA)
    telemetry = open_telemetry(settings.rows_url, memory_mb=settings.telemetry_memory_mb)
    metadata = SqlMetadataStore(database)
    begun = time.monotonic()
    try:
        plan = await plan_demo(metadata, int(time.time()))
        if plan is None:
            return
        rows = await load_demo(plan, metadata=metadata, telemetry=telemetry)
        get_logger(__name__).info("demo loaded", rows=rows, seconds=round(time.monotonic() - begun, 2))
    finally:
        await telemetry.close()
        await database.close()


asyncio.run(main(load(FeatureSettings)))
